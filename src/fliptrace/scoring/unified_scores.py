"""Scores a file of the unified task: triggers and flips end to end, emotions, and the rules on the same flips.

The JSON is documented in docs/formats.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from fliptrace.core.files import Json
from fliptrace.core.messages import AnomalyKind, PreventedKind
from fliptrace.models.rules import RULES
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.scoring.counts import CaseCounts, Counts
from fliptrace.scoring.emotions import EmotionScores, score_emotions, weighted_f1_interval
from fliptrace.scoring.end_to_end import EndToEndCounts, count_end_to_end, label_predictions, name_by_rule
from fliptrace.scoring.intervals import Interval, Settings, f1_interval


class MeasuredCounts(NamedTuple):
    """Pooled counts, and the interval of their F1: None if there are no cases or only one group."""

    counts: Counts
    interval: Interval | None
    num_cases: int

    def to_json(self, name: str) -> Json:
        """F1, precision and recall with `name` as prefix; null if there are no cases."""
        counts, is_there = self.counts, self.num_cases > 0
        figures = {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall}
        return {f"{name}_{key}": round(value, 6) if is_there else None for key, value in figures.items()}


@dataclass(frozen=True, slots=True)
class UnifiedFileScores:
    """A model's end-to-end scores. `baselines` are those of the rules on the flips that the model predicted."""

    triggers: MeasuredCounts
    flips: MeasuredCounts
    matched: MeasuredCounts
    emotions: EmotionScores
    emotion_interval: Interval | None
    baselines: Mapping[str, MeasuredCounts]
    counts: EndToEndCounts
    replies: Json
    settings: Settings
    num_missing: int | None = None
    labels_match: bool | None = None

    def to_json(self) -> Json:
        flips = self.flips.counts
        return {
            "task": "unified",
            "experiment": "end to end",
            **_figures(self.triggers),
            **self.flips.to_json("flip"),
            "flip_interval": _interval(self.flips.interval),
            "weighted_f1": round(self.emotions.weighted_f1, 6),
            "macro_f1": round(self.emotions.macro_f1, 6),
            "accuracy": round(self.emotions.accuracy, 6),
            "emotion_interval": _interval(self.emotion_interval),
            "matched": self.matched.to_json("trigger") | {"num_flips": self.matched.num_cases},
            "num_flips": flips.tp + flips.fn,
            "num_found_flips": flips.tp + flips.fp,
            "num_unlabelled_flips": self.counts.num_unlabelled,
            "num_undecided_flips": self.counts.num_undecided,
            "num_dialogues": self.emotions.num_dialogues,
            "num_groups": self.emotions.num_groups,
            "num_utterances": self.emotions.num_utterances,
            "num_unlabelled_utterances": self.emotions.num_unlabelled,
            "num_missing": self.num_missing,
            "labels_match": self.labels_match,
            **self.replies,
            "by_label": self.emotions.labels_to_json(),
            "baselines": {name: _figures(measured) for name, measured in self.baselines.items()},
            "settings": self.settings._asdict(),
        }


def score_unified_file(
    predictions: Sequence[UnifiedPrediction], settings: Settings, place: object
) -> UnifiedFileScores:
    """Score the rows of a file of the unified task. InputError at `place` if it has no labels."""
    counts = count_end_to_end(predictions, place)
    emotions = label_predictions(predictions)
    by_rule = {
        name: count_end_to_end([name_by_rule(prediction, rule) for prediction in predictions], place)
        for name, rule in RULES.items()
    }
    return UnifiedFileScores(
        triggers=_measure(counts.triggers, settings),
        flips=_measure(counts.flips, settings),
        matched=_measure(counts.matched, settings),
        emotions=score_emotions(emotions, place),
        emotion_interval=weighted_f1_interval(emotions, settings.num_draws, settings.seed),
        baselines={name: _measure(of_rule.triggers, settings) for name, of_rule in by_rule.items()},
        counts=counts,
        replies=_count_replies(predictions),
        settings=settings,
    )


def _measure(cases: Sequence[CaseCounts], settings: Settings) -> MeasuredCounts:
    interval = f1_interval(cases, settings.num_draws, settings.seed) if cases else None
    return MeasuredCounts(Counts.total(case.counts for case in cases), interval, len(cases))


def _count_replies(predictions: Sequence[UnifiedPrediction]) -> Json:
    """Counts of unparsed replies, and of anomalies and prevented ones in the answers on all predicted flips."""
    flips = [flip for prediction in predictions for flip in prediction.flips]
    answers = [answer for flip in flips for answer in flip.answers]
    return {
        "num_unparsed": sum(flip.vote.is_unparsed for flip in flips),
        "num_unparsed_emotions": sum(prediction.num_unparsed for prediction in predictions),
        "num_answers": len(answers),
        "anomalies": _tally(get_args(AnomalyKind), (kind for answer in answers for kind in answer.anomalies)),
        "prevented": _tally(get_args(PreventedKind), (kind for answer in answers for kind in answer.prevented)),
    }


def _tally(kinds: Iterable[str], found: Iterable[str]) -> dict[str, int]:
    return dict.fromkeys(kinds, 0) | Counter(found)


def _figures(measured: MeasuredCounts) -> Json:
    return measured.to_json("trigger") | {"interval": _interval(measured.interval)}


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else interval.to_json()
