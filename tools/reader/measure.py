"""Figures of an encoder model beside the rules, boosted trees and word counts, as JSON.

Emotions, triggers, flips, and all three end to end; how far its probabilities can be trusted. Predictions are kept in a
work folder and not made twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fliptrace.core.files import Json
from fliptrace.corpora.leaks import LeakReport
from fliptrace.scoring.uncertainty import cover
from fliptrace.training.labelled_sets import LabelledSet
from fliptrace.training.measured_sets import CaseSet, DialogueSet, MeasuredSets
from tools.flips import label_set
from tools.flips import measure as measure_flips
from tools.measuring.figures import (
    EMOTION_FIGURES,
    emotion_scores,
    predicted_figures,
    rule_figures,
    trigger_figures,
    unified_figures,
)
from tools.measuring.packed import PackedModel
from tools.reader.baselines import Baselines

CONFIDENCES = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_EMOTION_COUNTS = ("num_dialogues", "num_utterances", "num_groups")


@dataclass(frozen=True, slots=True)
class Measuring:
    """A model, the sets it is measured on, and what it is compared with."""

    model: PackedModel
    sets: MeasuredSets
    baselines: Baselines

    def figures(self) -> Json:
        """All figures; `triggers` and `emotions` by set."""
        threshold = self.model.opened.defaults.threshold("exact")
        emotions = {dialogues.name: self._emotions(dialogues) for dialogues in self.sets.emotions}
        triggers = {cases.name: self._triggers(cases, threshold) for cases in self.sets.cases}
        labelled = [label_set(each.name, each.prefixes, self.model.opened) for each in self.sets.emotions]
        trees, words = self.baselines.trees(), self.baselines.words()
        return {
            "emotions": {
                each.name: emotions[each.name] | {"word_counts": words[each.name], "coverage": _coverage(each)}
                for each in labelled
            },
            "triggers": {name: row | {"trees": trees[name]} for name, row in triggers.items()},
            "flips": self._flips(labelled),
        }

    def _emotions(self, dialogues: DialogueSet) -> Json:
        scores = emotion_scores(self.model.emotions(dialogues))
        return {name: scores[name] for name in _EMOTION_COUNTS} | {
            "shared_with_all_training": _leaks(dialogues.leaks),
            "model": {name: scores[name] for name in EMOTION_FIGURES},
            "by_label": scores["by_label"],
        }

    def _triggers(self, cases: CaseSet, threshold: float) -> Json:
        predictions = self.model.triggers(cases)
        return rule_figures(predictions) | {
            "shared_with_training_cases": _leaks(cases.leaks),
            "shared_with_all_training": _leaks(cases.emotion_leaks),
            "model": trigger_figures(predictions, threshold),
            "predicted_emotions": predicted_figures(self.model.triggers_under_predicted(cases, threshold)),
            "end_to_end": unified_figures(self.model.unified(cases, threshold)),
        }

    def _flips(self, labelled: Sequence[LabelledSet]) -> Json | None:
        if not labelled:
            return None
        return measure_flips(labelled, self.model.opened.defaults.emotion_temperature)


def _coverage(labelled: LabelledSet) -> list[Json]:
    """The share of utterances whose likeliest emotion has at least a probability, and how many of these are right."""
    marked = cover(labelled.judged(), CONFIDENCES)
    return [{"probability": least} | each.to_json() for least, each in zip(CONFIDENCES, marked, strict=True)]


def _leaks(report: LeakReport) -> Json:
    return asdict(report) | {"told": str(report)}
