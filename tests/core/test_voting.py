from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations, combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.core.voting import Vote, is_settled, plan_waves, vote

Sample = frozenset[int] | None

samples = st.lists(st.none() | st.frozensets(st.integers(0, 5)), max_size=8)
# Shares that occur in votes, so that ties are common, and arbitrary shares.
thresholds = st.builds(lambda a, b: min(a, b) / max(a, b), st.integers(1, 12), st.integers(1, 12)) | st.floats(0.01, 1)


def sets(*answers: set[int] | None) -> list[Sample]:
    return [None if answer is None else frozenset(answer) for answer in answers]


@pytest.mark.parametrize(
    ("answers", "threshold", "triggers"),
    [
        (sets({1}), 0.5, {1}),
        (sets({1}, {2}), 0.5, {1, 2}),
        (sets({1}, {2}), 0.51, set()),
        (sets({1}, {1}, set()), 0.5, {1}),
        (sets(set(), set(), {1}), 0.5, set()),
        (sets({1, 2}, {2}, {2, 3}), 1.0, {2}),
        (sets({1}, None, None), 1.0, {1}),  # an unparsed answer is not a vote against
        (sets(None, None), 0.5, set()),
        (sets(), 0.5, set()),
        (sets({0}, {0}, {0}, set(), set(), set(), set(), set(), set(), set()), 0.3, {0}),
    ],
)
def test_an_utterance_is_named_from_the_threshold_on(
    answers: list[Sample], threshold: float, triggers: set[int]
) -> None:
    assert vote(answers, 4, threshold).triggers == triggers


@given(samples)
def test_support_is_the_share_of_valid_answers(answers: list[Sample]) -> None:
    ballot = vote(answers, 6)
    valid = [answer for answer in answers if answer is not None]
    assert ballot.support == tuple(sum(i in answer for answer in valid) / max(1, len(valid)) for i in range(6))
    assert (ballot.num_valid, ballot.num_samples) == (len(valid), len(answers))


@given(samples, st.integers(0, 3))
def test_unparsed_answers_change_nothing_but_their_count(answers: list[Sample], num_unparsed: int) -> None:
    ballot, more = vote(answers, 6), vote([*answers, *[None] * num_unparsed], 6)
    assert (more.triggers, more.support, more.num_valid) == (ballot.triggers, ballot.support, ballot.num_valid)
    assert more.num_samples == ballot.num_samples + num_unparsed


@given(samples, st.randoms())
def test_the_order_of_the_answers_changes_nothing(answers: list[Sample], random: object) -> None:
    shuffled = answers.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert vote(shuffled, 6) == vote(answers, 6)


def test_one_valid_answer_is_its_own_result() -> None:
    assert vote([frozenset({1, 3})], 4).triggers == {1, 3}


@pytest.mark.parametrize(("answers", "is_unparsed"), [(sets(None), True), (sets(), True), (sets(None, set()), False)])
def test_a_vote_is_unparsed_where_no_answer_was_valid(answers: list[Sample], is_unparsed: bool) -> None:
    assert vote(answers, 2).is_unparsed is is_unparsed


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1, float("nan")])
def test_a_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0 and at most 1"):
        vote(sets({1}), 2, threshold)


@pytest.mark.parametrize(
    ("triggers", "support", "num_valid", "message"),
    [
        (set(), (1.5,), 1, "expected shares from 0 to 1"),
        (set(), (float("nan"),), 1, "expected shares from 0 to 1"),
        ({1}, (1.0,), 1, r"triggers \[1\], but support for 1 utterances"),
        (set(), (0.0,), 3, "3 valid answers of 2"),
        (set(), (0.0,), -1, "-1 valid answers of 2"),
    ],
)
def test_a_vote_that_cannot_be_is_refused(
    triggers: set[int], support: tuple[float, ...], num_valid: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Vote(frozenset(triggers), support, num_valid, 2)


EVERY_ANSWER: tuple[Sample, ...] = (
    None,
    *map(frozenset, chain.from_iterable(combinations(range(3), size) for size in range(4))),
)


def outcomes(answers: Sequence[Sample], num_to_come: int, threshold: float) -> set[frozenset[int]]:
    """The trigger sets that all possible remaining answers lead to."""
    endings = combinations_with_replacement(EVERY_ANSWER, num_to_come)
    return {vote([*answers, *ending], 3, threshold).triggers for ending in endings}


@given(st.lists(st.none() | st.frozensets(st.integers(0, 1)), max_size=9), st.integers(0, 3), thresholds)
def test_a_vote_is_settled_where_every_ending_names_the_same(
    answers: list[Sample], num_to_come: int, threshold: float
) -> None:
    """Utterance 2 stands for the utterances that no answer has named yet; every dialogue has some."""
    found = outcomes(answers, num_to_come, threshold)
    assert is_settled(answers, len(answers) + num_to_come, threshold) is (len(found) == 1)


@pytest.mark.parametrize(
    ("answers", "num_samples", "threshold", "settled"),
    [
        ([{1}] * 5, 10, 0.5, False),  # five more may name utterance 2, and a tie is enough to name it
        ([{1}] * 5, 9, 0.5, True),
        ([{1}] * 6, 10, 0.5, True),
        ([*[{1}] * 5, None], 10, 0.5, True),  # an unparsed answer leaves fewer votes against
        ([set()] * 4, 10, 0.7, True),
        ([{1}] * 6, 10, 0.7, False),
        ([None] * 9, 10, 0.5, False),  # the last answer alone may decide
        ([None] * 10, 10, 0.5, True),
        ([], 3, 0.5, False),
    ],
)
def test_votes_that_are_settled_and_open(
    answers: Sequence[set[int] | None], num_samples: int, threshold: float, settled: bool
) -> None:
    assert is_settled(sets(*answers), num_samples, threshold) is settled


@pytest.mark.parametrize(
    ("num_samples", "threshold", "sizes"),
    [
        (1, 0.5, [1]),
        (2, 0.5, [2]),
        (3, 0.5, [2, 1]),
        (8, 0.5, [5, 2, 1]),
        (10, 0.5, [6, 2, 2]),
        (10, 0.3, [8, 2]),
        (10, 0.7, [7, 2, 1]),
        (10, 1.0, [10]),
        (40, 0.5, [21, 8, 8, 3]),
    ],
)
def test_the_first_wave_can_settle_a_vote_and_small_ones_follow(
    num_samples: int, threshold: float, sizes: list[int]
) -> None:
    assert [len(wave) for wave in plan_waves(num_samples, threshold)] == sizes


@given(st.integers(1, 70), thresholds)
def test_waves_draw_every_answer_once_in_order(num_samples: int, threshold: float) -> None:
    waves = plan_waves(num_samples, threshold)
    assert [number for wave in waves for number in wave] == list(range(num_samples))
    assert all(waves) and len(waves) <= 6
