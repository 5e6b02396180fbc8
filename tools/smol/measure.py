"""Figures of a finished run of recipes/smol.toml, as JSON: triggers, emotions, both end to end, and rationales.

Predictions are kept in a work folder and not made twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fliptrace.core.files import Json
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import predict_file
from fliptrace.models.base import Decoding
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.chains import Observation, false_observations, observe, parse_chain
from fliptrace.prompts.views import View
from fliptrace.scoring.thresholds import at_threshold, choose_threshold
from fliptrace.training.measured_sets import CaseSet, DialogueSet, MeasuredSets
from tools.measuring.figures import emotion_scores, rule_figures, trigger_figures, unified_figures
from tools.measuring.packed import PackedModel

_MAX_NEW_TOKENS = 192


@dataclass(frozen=True, slots=True)
class Measuring:
    """A model and the sets it is measured on."""

    model: PackedModel
    sets: MeasuredSets

    def threshold(self) -> float:
        """The threshold that is best on all of val together, with the digits that ship."""
        rows = [row for cases in self.sets.val for row in self.model.triggers(cases)]
        return max(0.0001, round(choose_threshold(rows, "val").threshold, 4))

    def emotions(self) -> Json:
        return {dialogues.name: self._emotions(dialogues) for dialogues in self.sets.emotions}

    def triggers(self, threshold: float) -> Json:
        return {cases.name: self._triggers(cases, threshold) for cases in self.sets.cases}

    def rationales(self, threshold: float, most: int) -> Json:
        return {cases.name: self._rationales(cases, threshold, most) for cases in self.sets.val}

    def _emotions(self, dialogues: DialogueSet) -> Json:
        scores = emotion_scores(self.model.emotions(dialogues))
        kept = ("weighted_f1", "interval", "macro_f1", "accuracy", "by_label", "num_utterances", "num_groups")
        return {name: scores[name] for name in kept} | {"shared_with_training": str(dialogues.leaks)}

    def _triggers(self, cases: CaseSet, threshold: float) -> Json:
        predictions = self.model.triggers(cases)
        return rule_figures(predictions) | {
            "model": trigger_figures(predictions, threshold),
            "end_to_end": unified_figures(self.model.unified(cases, threshold)),
            "shared_with_training": str(cases.emotion_leaks),
        }

    def _rationales(self, cases: CaseSet, threshold: float, most: int) -> Json:
        """Greedy rationales of the first cases: how many observations are true, and whether they end on the answer."""
        some = replace(cases, cases=cases.cases[:most])
        config = replace(self.model.config(), ask="chain", decoding=Decoding(max_new_tokens=_MAX_NEW_TOKENS))
        written = self._written(some, config)
        decided = [at_threshold(row, threshold) for row in self.model.triggers(cases)[:most]]
        views = [View(case, config.layout) for case in some.cases]
        texts = [row.answers[0].text for row in written]
        told = [parse_chain(text, view).observations for text, view in zip(texts, views, strict=True)]
        same = sum(row.vote.triggers == other.vote.triggers for row, other in zip(written, decided, strict=True))
        return count_true(told, views) | {
            "num_rationales": len(written),
            "num_with_two_observations_one_quoting": sum(_is_full(observations) for observations in told),
            "ends_on_the_triggers_of_the_answer": same,
            "trigger_f1": trigger_figures(written, 0.5)["trigger_f1"],
            "fixed_template": count_true([fixed_observations(view) for view in views], views),
        }

    def _written(self, cases: CaseSet, config: InferenceConfig) -> list[Prediction]:
        path = self.model.kept / f"rationales-{cases.name.replace(':', '-').replace(' ', '-')}.jsonl"
        data = {"sha256": cases.sha256, "weights_sha256": self.model.opened.weights_sha256}

        def on_progress(num_done: int) -> None:
            self.model.on_progress(f"rationales {cases.name}", num_done, len(cases.cases))

        decoder = choose_decoder(self.model.opened.model, config)
        return list(predict_file(decoder, cases.cases, path, data, on_progress).predictions)


def _is_full(observations: Sequence[Observation]) -> bool:
    return len(observations) >= 2 and any(seen.quoted for seen in observations)


def count_true(told: Sequence[Sequence[Observation]], views: Sequence[View]) -> Json:
    false = [list(false_observations(tuple(each), view)) for each, view in zip(told, views, strict=True)]
    quoting = [seen for each in told for seen in each if seen.quoted]
    false_quoting = sum(bool(seen.quoted) for each in false for seen in each)
    return {
        "num_observations": sum(map(len, told)),
        "num_false": sum(map(len, false)),
        "num_quoting": len(quoting),
        "num_false_quoting": false_quoting,
    }


def fixed_observations(view: View) -> list[Observation]:
    """What a template says that reads nothing: of every candidate what is most often true of it on these cases."""
    fixed = []
    for seen in observe(view):
        is_target = seen.index == view.target
        fixed.append(replace(seen, is_own=is_target, emotion="neutral", is_shift=is_target, quoted=""))
    return fixed
