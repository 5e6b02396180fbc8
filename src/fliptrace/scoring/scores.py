"""Scores prediction files, with intervals, a breakdown and the rules as baselines.

The JSON is documented in docs/formats.md. Does not print tables: it provides their rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.models.rules import RULES
from fliptrace.predictions.rows import (
    EmotionPrediction,
    EmotionsFrom,
    Prediction,
    count_missing,
    has_its_labels,
    read_predictions,
)
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.scoring.breakdown import Breakdown, break_down
from fliptrace.scoring.compare import Comparison, compare
from fliptrace.scoring.emotions import EmotionScores, score_emotions, weighted_f1_interval
from fliptrace.scoring.intervals import NUM_DRAWS, Interval, Settings, f1_interval
from fliptrace.scoring.triggers import TriggerScores, answer_by_rule, score_triggers
from fliptrace.scoring.unified_scores import UnifiedFileScores, score_unified_file


class TableRow(NamedTuple):
    """One row of the table of trigger scores: "model" or the name of a rule, and its scores."""

    name: str
    f1: float
    interval: Interval | None
    precision: float
    recall: float
    exact_match: float


class Measured(NamedTuple):
    """Scores and the interval of their trigger F1."""

    scores: TriggerScores
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class TriggerFileScores:
    """A model's trigger scores, and those of the rules on the same cases."""

    model: Measured
    baselines: Mapping[str, Measured]
    breakdown: Breakdown
    settings: Settings
    emotions_from: EmotionsFrom = "gold"
    num_missing: int | None = None
    labels_match: bool | None = None

    def rows(self) -> tuple[TableRow, ...]:
        """The rows of the table: the model, then the rules."""
        return tuple(_table_row(name, measured) for name, measured in {"model": self.model, **self.baselines}.items())

    def to_json(self) -> Json:
        scores = self.model.scores
        return (
            {"task": "trigger", "experiment": f"{self.emotions_from} emotions"}
            | _figures(self.model)
            | {
                "macro_f1": round(scores.macro_f1, 6),
                "weighted_f1": round(scores.weighted_f1, 6),
                "num_flips": scores.num_flips,
                "num_utterances": scores.num_utterances,
                "num_groups": len({case.group for case in scores.cases}),
                "num_unlabelled": scores.num_unlabelled,
                "num_missing": self.num_missing,
                "labels_match": self.labels_match,
                "num_unparsed": scores.num_unparsed,
                "num_answers": scores.num_answers,
                "anomalies": dict(scores.anomalies),
                "prevented": dict(scores.prevented),
                "mean_remaining": None if scores.mean_remaining is None else round(scores.mean_remaining, 6),
                "baselines": {name: _figures(measured) for name, measured in self.baselines.items()},
                "breakdown": self.breakdown.to_json(),
                "settings": self.settings._asdict(),
            }
        )


@dataclass(frozen=True, slots=True)
class EmotionFileScores:
    """A model's emotion scores, and the interval of weighted F1."""

    scores: EmotionScores
    interval: Interval | None
    settings: Settings
    num_missing: int | None = None
    labels_match: bool | None = None

    def to_json(self) -> Json:
        scores = self.scores
        return {
            "task": "emotion",
            "weighted_f1": round(scores.weighted_f1, 6),
            "macro_f1": round(scores.macro_f1, 6),
            "accuracy": round(scores.accuracy, 6),
            "kappa": None if scores.kappa is None else round(scores.kappa, 6),
            "interval": _interval_to_json(self.interval),
            "num_dialogues": scores.num_dialogues,
            "num_utterances": scores.num_utterances,
            "num_groups": scores.num_groups,
            "num_unlabelled": scores.num_unlabelled,
            "num_missing": self.num_missing,
            "labels_match": self.labels_match,
            "num_unparsed": scores.num_unparsed,
            "by_label": scores.labels_to_json(),
            "settings": self.settings._asdict(),
        }


Scores = TriggerFileScores | EmotionFileScores | UnifiedFileScores


def score_file(path: Path, *, num_draws: int = NUM_DRAWS, seed: int = 0) -> Scores:
    """Score a prediction file of any task. InputError if it is damaged or has no labels.

    `num_missing` of the scores counts the rows that the file lacks of those in its manifest (rows.count_missing);
    `labels_match` tells whether cases and labels are those it was written with (rows.has_its_labels).
    """
    predictions = read_predictions(path)
    scores = _score(predictions, Settings(num_draws, seed), path)
    match = has_its_labels(path, predictions)
    return replace(scores, num_missing=count_missing(path, len(predictions)), labels_match=match)


def _score(
    predictions: Sequence[Prediction] | Sequence[EmotionPrediction] | Sequence[UnifiedPrediction],
    settings: Settings,
    path: Path,
) -> Scores:
    triggers = [p for p in predictions if isinstance(p, Prediction)]
    if triggers:
        return score_trigger_file(triggers, settings, path)
    unified = [p for p in predictions if isinstance(p, UnifiedPrediction)]
    if unified:
        return score_unified_file(unified, settings, path)
    return score_emotion_file([p for p in predictions if isinstance(p, EmotionPrediction)], settings, path)


def score_trigger_file(predictions: Sequence[Prediction], settings: Settings, place: object) -> TriggerFileScores:
    """Score the rows of a file of trigger predictions. InputError if it mixes experiments or has no labels."""
    [emotions_from, *others] = sorted({prediction.emotions_from for prediction in predictions})
    if others:
        raise InputError(place, "rows with gold and rows with predicted emotions; expected one file each")
    return TriggerFileScores(
        model=_measure(predictions, settings, place),
        baselines={
            name: _measure([answer_by_rule(prediction, rule) for prediction in predictions], settings, place)
            for name, rule in RULES.items()
        },
        breakdown=break_down(predictions, place),
        settings=settings,
        emotions_from=emotions_from,
    )


def score_emotion_file(
    predictions: Sequence[EmotionPrediction], settings: Settings, place: object
) -> EmotionFileScores:
    """Score the rows of a file of emotion predictions. InputError if it has no labels."""
    return EmotionFileScores(
        scores=score_emotions(predictions, place),
        interval=weighted_f1_interval(predictions, settings.num_draws, settings.seed),
        settings=settings,
    )


def compare_files(
    a: Path,
    b: Path,
    *,
    num_draws: int = NUM_DRAWS,
    seed: int = 0,
    allow_missing: bool = False,
    allow_other_labels: bool = False,
) -> Comparison:
    """Compare two files of trigger predictions. InputError if they are not about the same cases with the same labels.

    InputError too if a file has not the rows that its manifest counts, unless `allow_missing`, or other labels than it
    was written with, unless `allow_other_labels`.
    """
    rows = {path: _read_triggers(path) for path in (a, b)}
    missing = {path: count_missing(path, len(rows[path])) for path in rows}
    for path, num_missing in missing.items():
        if num_missing and not allow_missing:
            num_rows = len(rows[path])
            raise InputError(
                path,
                f"{num_rows:,} rows, but its manifest counts {num_rows + num_missing:,}; expected all of them, or "
                "--allow-missing",
            )
    match = {path: has_its_labels(path, rows[path]) for path in rows}
    for path, is_same in match.items():
        if is_same is False and not allow_other_labels:
            raise InputError(
                path,
                "other cases or labels than it was written with, by its manifest; expected those, or "
                "--allow-other-labels",
            )
    compared = compare(rows[a], rows[b], num_draws=num_draws, seed=seed, place_a=a, place_b=b)
    return replace(
        compared,
        num_missing_a=missing[a],
        num_missing_b=missing[b],
        labels_match_a=match[a],
        labels_match_b=match[b],
    )


def _read_triggers(path: Path) -> list[Prediction]:
    triggers = [p for p in read_predictions(path) if isinstance(p, Prediction)]
    if not triggers:
        raise InputError(path, "no trigger predictions; expected a file of the task 'trigger'")
    return triggers


def _measure(predictions: Sequence[Prediction], settings: Settings, place: object) -> Measured:
    scores = score_triggers(predictions, place)
    return Measured(scores, f1_interval(scores.cases, settings.num_draws, settings.seed))


def _table_row(name: str, measured: Measured) -> TableRow:
    scores = measured.scores
    return TableRow(name, scores.f1, measured.interval, scores.precision, scores.recall, scores.exact_match)


def _figures(measured: Measured) -> Json:
    scores = measured.scores
    return {
        "trigger_f1": round(scores.f1, 6),
        "trigger_precision": round(scores.precision, 6),
        "trigger_recall": round(scores.recall, 6),
        "exact_match": round(scores.exact_match, 6),
        "interval": _interval_to_json(measured.interval),
    }


def _interval_to_json(interval: Interval | None) -> list[float] | None:
    return None if interval is None else interval.to_json()
