from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from toy_cases import CAFE, case, flip_cases

from fliptrace.core.flips import Flip, FlipCase, consequences, find_flip, find_flips

Line = tuple[str, str | None]


@pytest.mark.parametrize(
    ("lines", "pairs"),
    [
        ([("Ana", "joy")], []),
        ([("Ana", "joy"), ("Ana", "joy")], []),
        ([("Ana", "joy"), ("Ana", "fear")], [(0, 1)]),
        ([("Ana", "joy"), ("Ben", "fear")], []),
        ([("Ana", "joy"), ("Ben", "fear"), ("Ana", "fear"), ("Ben", "joy")], [(0, 2), (1, 3)]),
        ([("Ana", "joy"), ("Ana", "fear"), ("Ana", "joy")], [(0, 1), (1, 2)]),
        ([("Ana", "joy"), ("Ana", None), ("Ana", "fear")], []),  # the position of the flip is unknown
        ([("Ana", None), ("Ana", "fear")], []),
        ([("Ana", "joy"), ("ana", "fear")], []),  # spellings are unified by the readers, not here
    ],
)
def test_a_flip_is_a_change_between_consecutive_utterances_of_one_speaker(
    lines: list[Line], pairs: list[tuple[int, int]]
) -> None:
    last_flip = case(*lines, ("Zoe", "joy"), ("Zoe", "fear"))  # a case must end with a flip
    found = find_flips(last_flip.dialogue)[:-1]
    assert [(flip.source, flip.target) for flip in found] == pairs


@given(flip_cases())
def test_the_flip_of_a_target_is_the_one_among_all_flips_that_lands_there(drawn: FlipCase) -> None:
    by_target = {flip.target: flip for flip in find_flips(drawn.dialogue)}
    positions = range(len(drawn.dialogue))
    assert [find_flip(drawn.dialogue, i) for i in positions] == [by_target.get(i) for i in positions]


@given(flip_cases())
def test_flips_stand_in_the_order_they_land(drawn: FlipCase) -> None:
    targets = [flip.target for flip in find_flips(drawn.dialogue)]
    assert targets == sorted(set(targets))


@pytest.mark.parametrize(
    ("source", "target", "after", "message"),
    [
        (2, 2, "fear", "the source must come first"),
        (-1, 2, "fear", "the source must come first"),
        (0, 2, "joy", "is not a change"),
    ],
)
def test_a_flip_goes_forward_to_another_emotion(source: int, target: int, after: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Flip("Ana", source, target, "joy", after)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flip": Flip("Ana", 1, 9, "neutral", "fear")}, "the target 9 is not in its dialogue"),
        ({"flip": Flip("Ana", 0, 5, "neutral", "fear")}, "does not contain the flip"),
        ({"flip": Flip("Ana", 1, 5, "neutral", "joy")}, "does not contain the flip"),
        ({"triggers": frozenset({2, 6})}, r"triggers \[6\] lie outside 0\.\.5, the target"),
        ({"triggers": frozenset({-1})}, r"triggers \[-1\] lie outside"),
        ({"known_from": 2}, r"labels known from 2, expected 0\.\.1"),
        ({"known_from": -1}, r"labels known from -1, expected 0\.\.1"),
    ],
)
def test_a_case_that_contradicts_its_dialogue_is_refused_by_its_id(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"case 'cafe': .*{message}"):
        replace(CAFE, **change)  # type: ignore[arg-type]


def test_triggers_before_known_from_are_not_known() -> None:
    assert replace(CAFE, triggers=frozenset({0, 2}), known_from=1).known_triggers == {2}


def test_empty_triggers_are_a_label_and_none_is_not() -> None:
    assert replace(CAFE, triggers=frozenset()).known_triggers == frozenset()
    with pytest.raises(ValueError, match="case 'cafe' has no labels"):
        replace(CAFE, triggers=None).known_triggers  # noqa: B018


def test_a_consequence_is_a_later_flip_that_this_ones_target_triggered() -> None:
    first, second, third = (
        Flip("Ana", 0, 2, "joy", "fear"),
        Flip("Ben", 1, 3, "joy", "anger"),
        Flip("Ana", 2, 5, "fear", "joy"),
    )
    # Utterance 2 triggers both later flips. It also triggers the first flip, which is no consequence of itself.
    triggers = {third: frozenset({2, 3}), first: frozenset({1, 2}), second: frozenset({2})}
    assert consequences(triggers) == {first: (second, third), second: (third,), third: ()}
