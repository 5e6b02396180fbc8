from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.flips import FlipCase, find_flip, find_flips
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.longest_prefixes import collect_trunks, find_trunks


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


def cases_of(*emotions: str, texts: str, targets: tuple[int, ...], id: str) -> list[FlipCase]:
    utterances = tuple(Utterance("AB"[i % 2], t, e) for i, (t, e) in enumerate(zip(texts, emotions, strict=True)))
    dialogues = [(target, Dialogue(f"{id}{target}", "g", utterances[: target + 1], MELD7)) for target in targets]
    flips = [(d, find_flip(d, target)) for target, d in dialogues]
    return [FlipCase(d.id, d, flip, frozenset({flip.target})) for d, flip in flips if flip]


def test_a_trunk_is_collected_once_with_all_its_cases() -> None:
    cases = cases_of("joy", "joy", "fear", "anger", texts="abcd", targets=(2, 3), id="x")
    [trunk] = collect_trunks(cases)
    assert (trunk.dialogue.id, trunk.cases, trunk.counted_from) == ("x3", tuple(cases), 0)


def test_what_two_trunks_share_counts_in_the_first() -> None:
    emotions = ("joy", "joy", "fear", "anger")
    one = cases_of(*emotions, texts="abcd", targets=(2, 3), id="x")
    other = cases_of(*emotions, texts="abcz", targets=(2, 3), id="y")
    first, second = collect_trunks([*one, *other])
    assert (first.counted_from, second.counted_from) == (0, 3)
    assert [case.id for case in first.cases] == ["x2", "x3"]
    assert [case.id for case in second.cases] == ["y3"]


def test_of_two_cases_of_one_flip_the_one_known_further_back_goes_with_it() -> None:
    [case] = cases_of("joy", "joy", "joy", "joy", "fear", texts="abcde", targets=(4,), id="x")
    later = replace(case, id="later", known_from=2)
    [trunk] = collect_trunks([later, case])
    assert [case.id for case in trunk.cases] == ["x4"]


def test_every_case_stands_in_one_trunk_that_begins_with_it(data_root: Path) -> None:
    cases = read_efr(data_root / "masac-fr" / "MaSaC_val_efr.json").cases
    trunks = collect_trunks(cases)
    assert sorted(case.id for trunk in trunks for case in trunk.cases) == sorted(case.id for case in cases)
    for trunk in trunks:
        flips = set(find_flips(trunk.dialogue))
        assert all(case.flip in flips and case.flip.target >= trunk.counted_from for case in trunk.cases)
