from pathlib import Path
from random import Random

from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.trunks import find_trunks


def test_cases_of_one_dialogue_have_its_longest_prefix_as_trunk(fixtures: Path) -> None:
    cases = read_efr(fixtures / "efr" / "MELD_train_efr.json").cases
    assert [trunk.id for trunk in find_trunks(cases)] == [f"MELD_train_efr#{i}" for i in (2, 2, 2, 3)]


def test_a_trunk_begins_with_its_case_and_does_not_depend_on_order(data_root: Path) -> None:
    cases = read_efr(data_root / "meld-fr" / "MELD_val_efr.json").cases
    trunks = find_trunks(cases)
    for case, trunk in zip(cases, trunks, strict=True):
        assert trunk.utterances[: len(case.dialogue)] == case.dialogue.utterances
    shuffled = list(cases)
    Random(0).shuffle(shuffled)
    again = {case.id: trunk.utterances for case, trunk in zip(shuffled, find_trunks(shuffled), strict=True)}
    assert all(again[case.id] == trunk.utterances for case, trunk in zip(cases, trunks, strict=True))
