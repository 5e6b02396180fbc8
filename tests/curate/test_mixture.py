from __future__ import annotations

from collections import Counter

import pytest

from fliptrace.core.messages import Instruction, Message
from fliptrace.curate.mixture import mix


def instructions(kind: str, number: int) -> list[Instruction]:
    return [Instruction(f"{kind}-{i}", kind, (Message("user", "?"),), "!", f"{i}", "labels") for i in range(number)]


PARTS = {"answer": instructions("answer", 10), "chain": instructions("chain", 6)}


def copies(mixed: list[Instruction], kind: str) -> list[int]:
    """How often each row of a kind occurs in a mixture, in ascending order."""
    counts = Counter(instruction.id for instruction in mixed if instruction.kind == kind)
    return sorted(counts[row.id] for row in PARTS[kind])


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (0.0, [0] * 10),
        (0.5, [0] * 5 + [1] * 5),
        (1.0, [1] * 10),
        (1.2, [1] * 8 + [2] * 2),
        (2.5, [2] * 5 + [3] * 5),
    ],
)
def test_a_weight_is_whole_copies_and_a_random_rest(weight: float, expected: list[int]) -> None:
    assert copies(mix(PARTS, {"answer": weight}, 0), "answer") == expected


def test_kinds_are_mixed_by_their_own_weights_and_shuffled() -> None:
    mixed = mix(PARTS, {"answer": 1, "chain": 0.5}, 0)
    assert (copies(mixed, "answer"), copies(mixed, "chain")) == ([1] * 10, [0] * 3 + [1] * 3)
    assert [row.kind for row in mixed] != sorted(row.kind for row in mixed)


def test_a_kind_without_a_weight_is_left_out() -> None:
    assert {row.kind for row in mix(PARTS, {"chain": 1}, 0)} == {"chain"}


def test_the_same_seed_gives_the_same_rows_in_the_same_order() -> None:
    weights = {"answer": 0.5, "chain": 2.5}
    assert mix(PARTS, weights, 3) == mix(PARTS, dict(reversed(weights.items())), 3)
    assert mix(PARTS, weights, 3) != mix(PARTS, weights, 4)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"flips": 1.0}, "weight for 'flips', which has no part; expected one of answer, chain"),
        ({"chain": -0.5}, "weight -0.5 for 'chain'; expected 0 or more"),
    ],
)
def test_a_weight_that_means_nothing_is_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mix(PARTS, weights, 0)


def about(dialogue: int, number: int) -> Instruction:
    prompt = (Message("user", f"Dialogue\n1 Ann: {dialogue}\n2 Ben: Oh!\n{number}"),)
    return Instruction(f"{dialogue}-{number}", "answer", prompt, "!", f"{dialogue}-{number}", "labels")


@pytest.mark.parametrize(("weight", "num_rows"), [(0.5, 4), (1.3, 10)])
def test_the_rest_of_a_weight_may_be_of_whole_dialogues(weight: float, num_rows: int) -> None:
    rows = [about(i // 2, i) for i in range(8)]
    drawn = mix({"answer": rows}, {"answer": weight}, 0, by_dialogue=True)
    extra = Counter(row.beginning for row in drawn) - Counter(row.beginning for row in rows * int(weight))
    assert len(drawn) == num_rows and set(extra.values()) == {2}


def test_all_parts_take_the_same_dialogues_first() -> None:
    rows = [about(i // 2, i) for i in range(40)]
    few, many = (mix({"answer": rows}, {"answer": weight}, 3, by_dialogue=True) for weight in (0.2, 0.6))
    assert {row.beginning for row in few} < {row.beginning for row in many}
