from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_cases import prediction

from fliptrace.core.voting import Vote
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.thresholds import at_threshold, choose_threshold, leave_one_group_out
from fliptrace.scoring.triggers import score_triggers


def supported(id: str, support: Sequence[float], gold: set[int], group: str) -> Prediction:
    """A case of five utterances with this support and no triggers yet: they depend on the threshold."""
    vote = Vote(frozenset(), tuple(support), num_valid=1, num_samples=1)
    return replace(prediction(id, (), gold, group=group), vote=vote)


@st.composite
def supported_cases(draw: st.DrawFn) -> list[Prediction]:
    shares = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]), min_size=5, max_size=5)
    utterances = st.sets(st.integers(0, 4), max_size=2)
    return [
        supported(f"case-{n}", draw(shares), draw(utterances), draw(st.sampled_from("abc")))
        for n in range(draw(st.integers(1, 8)))
    ]


@given(supported_cases())
def test_left_out_predictions_score_what_choosing_says(cases: list[Prediction]) -> None:
    assert score_triggers(leave_one_group_out(cases)).f1 == pytest.approx(choose_threshold(cases).f1_left_out)


@given(supported_cases())
def test_the_chosen_threshold_scores_what_choosing_says(cases: list[Prediction]) -> None:
    chosen = choose_threshold(cases)
    assert score_triggers([at_threshold(case, chosen.threshold) for case in cases]).f1 == pytest.approx(chosen.f1)


def test_a_group_takes_the_threshold_of_the_others() -> None:
    low = supported("low", [0.0, 0.0, 0.0, 0.3, 0.1], {3}, "a")  # best alone: anything between 0.1 and 0.3
    high = supported("high", [0.0, 0.0, 0.3, 0.8, 0.3], {3}, "b")  # best alone: anything between 0.3 and 0.8
    first, second = leave_one_group_out([low, high])
    assert first.vote.triggers == frozenset()  # at 0.55, which is best for "high"
    assert second.vote.triggers == frozenset({2, 3, 4})  # at 0.2, which is best for "low"
