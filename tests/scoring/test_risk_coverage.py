from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from scored_cases import prediction, predictions

from fliptrace.core.voting import Vote
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.risk_coverage import NUM_COVERAGES, confidence, cover
from fliptrace.scoring.triggers import score_triggers


def sure(id: str, share: float, is_right: bool) -> Prediction:
    """A case whose last utterance is named with this support, rightly or wrongly."""
    row = prediction(id, [4], [4] if is_right else [3])
    return replace(row, vote=Vote(frozenset({4}), (0.0, 0.0, 0.0, 0.0, share), 1, 1))


SURE_AND_RIGHT = [sure(f"r{i}", 0.9, True) for i in range(10)] + [sure(f"w{i}", 0.6, False) for i in range(10)]


def test_a_model_that_is_sure_where_it_is_right_gains_by_silence() -> None:
    covered = cover(SURE_AND_RIGHT)
    assert covered.coverage[:2] == (0.05, 0.1)
    assert covered.coverage[-1] == 1
    assert covered.f1[:10] == (1.0,) * 10
    assert covered.f1[-1] == 0.5
    # There is no error among the first ten; then 1 in 11, 2 in 12 ... 10 in 20.
    assert covered.aurc == pytest.approx(sum(i / (10 + i) for i in range(1, 11)) / 20)


def test_equally_confident_cases_count_in_part_whatever_their_order() -> None:
    level = [sure(f"r{i}", 0.8, True) for i in range(5)] + [sure(f"w{i}", 0.8, False) for i in range(5)]
    assert cover(level) == cover(level[::-1])
    assert cover(level).aurc == pytest.approx(0.5)
    assert cover(level).f1 == pytest.approx((0.5,) * NUM_COVERAGES)


@given(predictions())
def test_full_coverage_is_the_score_of_all_cases(rows: list[Prediction]) -> None:
    covered, scores = cover(rows), score_triggers(rows)
    assert covered.f1[-1] == pytest.approx(scores.f1)
    assert len(covered.coverage) == len(covered.f1) == NUM_COVERAGES
    assert 0 <= covered.aurc <= 1


def test_an_unreadable_answer_is_the_least_confident() -> None:
    assert confidence(prediction("a", None, [3])) == 0
    assert confidence(prediction("a", [], [3])) == 1
