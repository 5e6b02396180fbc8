from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.flips import FlipCase, find_flip, find_flips
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.longest_prefixes import collect_longest_prefixes, find_longest_prefixes


def test_cases_of_one_dialogue_have_the_same_longest_prefix(fixtures: Path) -> None:
    cases = read_efr(fixtures / "efr" / "MELD_train_efr.json").cases
    assert [prefix.id for prefix in find_longest_prefixes(cases)] == [f"MELD_train_efr#{i}" for i in (2, 2, 2, 3)]


def test_a_longest_prefix_begins_with_its_case_and_does_not_depend_on_order(data_root: Path) -> None:
    cases = read_efr(data_root / "meld-fr" / "MELD_val_efr.json").cases
    prefixes = find_longest_prefixes(cases)
    for case, prefix in zip(cases, prefixes, strict=True):
        assert prefix.utterances[: len(case.dialogue)] == case.dialogue.utterances
    shuffled = list(cases)
    Random(0).shuffle(shuffled)
    again = {case.id: prefix.utterances for case, prefix in zip(shuffled, find_longest_prefixes(shuffled), strict=True)}
    assert all(again[case.id] == prefix.utterances for case, prefix in zip(cases, prefixes, strict=True))


def cases_of(*emotions: str, texts: str, targets: tuple[int, ...], id: str) -> list[FlipCase]:
    utterances = tuple(Utterance("AB"[i % 2], t, e) for i, (t, e) in enumerate(zip(texts, emotions, strict=True)))
    dialogues = [(target, Dialogue(f"{id}{target}", "g", utterances[: target + 1], MELD7)) for target in targets]
    flips = [(d, find_flip(d, target)) for target, d in dialogues]
    return [FlipCase(d.id, d, flip, frozenset({flip.target})) for d, flip in flips if flip]


def test_a_longest_prefix_is_collected_once_with_all_its_cases() -> None:
    cases = cases_of("joy", "joy", "fear", "anger", texts="abcd", targets=(2, 3), id="x")
    [prefix] = collect_longest_prefixes(cases)
    assert (prefix.dialogue.id, prefix.cases, prefix.counted_from) == ("x3", tuple(cases), 0)


def test_what_two_longest_prefixes_share_counts_in_the_first() -> None:
    emotions = ("joy", "joy", "fear", "anger")
    one = cases_of(*emotions, texts="abcd", targets=(2, 3), id="x")
    other = cases_of(*emotions, texts="abcz", targets=(2, 3), id="y")
    first, second = collect_longest_prefixes([*one, *other])
    assert (first.counted_from, second.counted_from) == (0, 3)
    assert [case.id for case in first.cases] == ["x2", "x3"]
    assert [case.id for case in second.cases] == ["y3"]


def test_of_two_cases_of_one_flip_the_one_known_further_back_goes_with_it() -> None:
    [case] = cases_of("joy", "joy", "joy", "joy", "fear", texts="abcde", targets=(4,), id="x")
    later = replace(case, id="later", known_from=2)
    [prefix] = collect_longest_prefixes([later, case])
    assert [case.id for case in prefix.cases] == ["x4"]


def test_every_case_stands_in_one_longest_prefix_that_begins_with_it(data_root: Path) -> None:
    cases = read_efr(data_root / "masac-fr" / "MaSaC_val_efr.json").cases
    prefixes = collect_longest_prefixes(cases)
    assert sorted(case.id for prefix in prefixes for case in prefix.cases) == sorted(case.id for case in cases)
    for prefix in prefixes:
        flips = set(find_flips(prefix.dialogue))
        assert all(case.flip in flips and case.flip.target >= prefix.counted_from for case in prefix.cases)
