from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.corpora.groups import long_runs
from fliptrace.corpora.leaks import drop_leaks, find_leaks
from fliptrace.corpora.splits import fold_by_group, split_by_group

LINES = ["Where is my coat?", "On the chair.", "Nobody did it.", "Who has seen my keys?", "Not me, I was out.", "No!"]


def talk(name: str, *lines: str) -> Dialogue:
    return Dialogue(name, "", tuple(Utterance("Ada", line) for line in lines), MELD7)


def calls(num: int) -> list[Dialogue]:
    return [talk(f"d{i}", f"caller number {i} is waiting", f"for {i} minutes now") for i in range(num)]


@st.composite
def corpora(draw: st.DrawFn) -> list[Dialogue]:
    """Overlapping dialogues, plus three that overlap with no other."""
    texts = draw(st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=5), max_size=25))
    return [*(talk(f"o{i}", *lines) for i, lines in enumerate(texts)), *calls(3)]


@given(corpora(), st.integers(0, 5))
def test_a_split_is_a_partition_that_no_run_crosses(dialogues: list[Dialogue], seed: int) -> None:
    parts = split_by_group(dialogues, {"train": 3, "val": 1, "test": 1}, seed)
    assert sorted(d.id for part in parts.values() for d in part) == sorted(d.id for d in dialogues)
    assert all(parts.values())
    for left, right in combinations(parts.values(), 2):
        assert not {r for d in left for r in long_runs(d)} & {r for d in right for r in long_runs(d)}
        assert find_leaks(left, right).is_clean


@given(corpora(), st.integers(0, 5))
def test_folds_are_a_partition_that_no_run_crosses(dialogues: list[Dialogue], seed: int) -> None:
    folds = fold_by_group(dialogues, 3, seed)
    assert sorted(d.id for fold in folds for d in fold) == sorted(d.id for d in dialogues)
    assert all(find_leaks(left, right).is_clean for left, right in combinations(folds, 2))


def test_shares_are_about_kept_and_order_is_kept() -> None:
    parts = split_by_group(calls(100), {"train": 0.7, "val": 0.3}, seed=3)
    assert {name: len(part) for name, part in parts.items()} == {"train": 70, "val": 30}
    numbers = [int(d.id[1:]) for d in parts["val"]]
    assert numbers == sorted(numbers)


def test_the_seed_and_nothing_else_decides() -> None:
    one, again = (split_by_group(calls(40), {"a": 1, "b": 1}, seed=1) for _ in range(2))
    assert one == again
    assert one != split_by_group(calls(40), {"a": 1, "b": 1}, seed=2)


@pytest.mark.parametrize("shares", [{}, {"train": 1.0, "val": 0.0}, {"train": -1.0}])
def test_shares_must_be_above_zero(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected at least one, all above 0"):
        split_by_group(calls(3), shares, seed=0)


def test_fewer_groups_than_splits_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 groups for 3 splits"):
        fold_by_group(calls(2), 3, seed=0)
    with pytest.raises(ValueError, match="expected at least 2"):
        fold_by_group(calls(2), 1, seed=0)


def test_a_leak_is_counted_on_both_sides() -> None:
    train = [*calls(3), talk("leak", *(u.text for u in calls(1)[0].utterances), "And now?")]
    evaluation = [calls(1)[0], talk("clean", "Nothing of this stands anywhere else.", "Indeed.")]
    leaks = find_leaks(train, evaluation)
    assert (leaks.num_shared_groups, leaks.num_leaking_train, leaks.num_touched) == (1, 2, 1)
    assert not leaks.is_clean
    assert str(leaks) == "1 of 2 evaluation cases share 1 group of dialogues with 2 of 4 training cases"
    assert [d.id for d in drop_leaks(train, evaluation)] == ["d1", "d2"]
