"""Paired differences for a report, from prediction files. Scoring's packages are imported only when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fliptrace.core.errors import InputError
from fliptrace.models.rules import RULES
from fliptrace.predictions.rows import Prediction, read_predictions
from fliptrace.report.run.values import Difference
from fliptrace.study.evidence.values import Interval


def can_compare() -> bool:
    """Whether the packages of fliptrace[study] are installed."""
    return find_spec("scipy") is not None and find_spec("sklearn") is not None


def read_triggers(path: Path) -> list[Prediction]:
    """Read the trigger predictions of a run's prediction file; InputError where it holds none."""
    rows = [row for row in read_predictions(path) if isinstance(row, Prediction)]
    if not rows:
        raise InputError(path, "holds emotion predictions; expected trigger predictions")
    return rows


def difference(a: Sequence[Prediction], b: Sequence[Prediction], seed: int) -> Difference:
    """F1 of b minus F1 of a, on the same cases."""
    from fliptrace.scoring.compare import compare

    found = compare(a, b, seed=seed)
    interval = None if found.interval is None else Interval(*found.interval)
    return Difference(found.difference, interval, found.num_won, found.num_lost, found.num_tied)


def difference_from_rule(rule: str, predictions: Sequence[Prediction], seed: int) -> Difference:
    """F1 of the predictions minus F1 of the rule on the same cases."""
    from fliptrace.scoring.triggers import answer_by_rule

    return difference([answer_by_rule(prediction, RULES[rule]) for prediction in predictions], predictions, seed)
