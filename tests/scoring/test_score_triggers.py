from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scored_cases import prediction, predictions
from sklearn.metrics import f1_score, precision_recall_fscore_support

from fliptrace.core.errors import InputError
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.triggers import score_triggers


@given(predictions())
def test_scores_equal_those_of_scikit_learn_over_all_known_utterances(rows: list[Prediction]) -> None:
    known = [(row, i) for row in rows for i in range(row.known_from, row.flip.target + 1)]
    gold = [int(i in (row.gold or ())) for row, i in known]
    named = [int(i in row.vote.triggers) for row, i in known]
    precision, recall, f1, _ = precision_recall_fscore_support(gold, named, average="binary", zero_division=0)
    scores = score_triggers(rows)
    np.testing.assert_allclose((scores.precision, scores.recall, scores.f1), (precision, recall, f1))
    for average, ours in (("macro", scores.macro_f1), ("weighted", scores.weighted_f1)):
        expected = f1_score(gold, named, labels=[0, 1], average=average, zero_division=0)
        assert ours == pytest.approx(expected)
    assert scores.num_utterances == len(known)


@pytest.mark.parametrize(
    ("named", "gold", "counts"),
    [
        ([3], [3], (1, 0, 0)),
        ([3], [], (0, 1, 0)),
        ([], [3], (0, 0, 1)),
        ([], [], (0, 0, 0)),
        ([2, 3], [3, 4], (1, 1, 1)),
        (None, [3, 4], (0, 0, 2)),
    ],
)
def test_a_case_counts_its_hits_false_alarms_and_misses(
    named: list[int] | None, gold: list[int], counts: tuple[int, int, int]
) -> None:
    assert score_triggers([prediction("a", named, gold)]).cases[0].counts == counts


def test_nothing_before_known_from_counts_neither_gold_nor_named() -> None:
    scores = score_triggers([prediction("a", [0, 1, 3], [0, 2, 3], known_from=2)])
    assert scores.cases[0].counts == (1, 0, 1)
    assert scores.num_utterances == 3


def test_an_empty_set_for_an_empty_set_is_an_exact_match() -> None:
    assert score_triggers([prediction("a", [], []), prediction("b", [3], [2])]).exact_match == 0.5


def test_an_exact_match_asks_for_the_known_utterances_only() -> None:
    assert score_triggers([prediction("a", [0, 3], [1, 3], known_from=2)]).exact_match == 1.0


def test_an_unparsed_answer_counts_as_the_empty_set_and_is_counted() -> None:
    scores = score_triggers([prediction("a", None, [3]), prediction("b", [3], [3])])
    assert (scores.num_flips, scores.num_unparsed) == (2, 1)
    assert scores.recall == 0.5


def test_anomalies_are_raw_counts_and_those_that_never_happened_are_0() -> None:
    rows = [
        prediction("a", [3], [3], anomalies=("named twice", "after the target")),
        prediction("b", None, [3], anomalies=("unreadable",)),
        prediction("c", [3], [3], anomalies=("named twice",)),
    ]
    assert score_triggers(rows).anomalies == {
        "unknown utterance": 0,
        "after the target": 1,
        "named twice": 2,
        "none with others": 0,
        "unreadable": 1,
    }


def test_unlabelled_cases_are_left_out_and_counted() -> None:
    scores = score_triggers([prediction("a", [3], None), prediction("b", [3], [3])])
    assert (scores.num_flips, scores.num_unlabelled, scores.f1) == (1, 1, 1.0)


def test_predictions_without_any_label_are_refused() -> None:
    with pytest.raises(InputError, match=r"out\.jsonl: no labels"):
        score_triggers([prediction("a", [3], None)], "out.jsonl")


def test_naming_nothing_has_a_high_weighted_f1_and_a_trigger_f1_of_0() -> None:
    scores = score_triggers([prediction(f"case-{i}", [], [8], target=9) for i in range(5)])
    assert scores.f1 == 0.0
    assert scores.weighted_f1 > 0.85
