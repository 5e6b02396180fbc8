from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.voting import Vote, vote

Sample = frozenset[int] | None

samples = st.lists(st.none() | st.frozensets(st.integers(0, 5)), max_size=8)


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
        (sets({1}, None, None), 1.0, {1}),  # an unparsed answer is no vote against
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
    with pytest.raises(ValueError, match="wanted more than 0 and at most 1"):
        vote(sets({1}), 2, threshold)


@pytest.mark.parametrize(
    ("triggers", "support", "num_valid", "message"),
    [
        (set(), (1.5,), 1, "wanted shares from 0 to 1"),
        (set(), (float("nan"),), 1, "wanted shares from 0 to 1"),
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
