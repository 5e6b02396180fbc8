"""Adds soft targets to instructions: part of the target goes to replies that a teacher finds likely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fliptrace.core.messages import Instruction
from fliptrace.curate.soft_targets import soft_sets
from fliptrace.prompts.answers import render_answer
from fliptrace.prompts.emotions import render_emotion
from fliptrace.prompts.views import LayoutName, View

_LEAST_SHARE = 0.01  # less likely replies cost tokens and teach nothing


@dataclass(frozen=True, slots=True)
class SoftTargets:
    """The teachers' probabilities: triggers by case id, emotions by dialogue id and index (soft_targets.py).

    `trigger_share`, from 0 to 1, is the teacher's share of the target. `emotion_shares` is the same for each file.
    """

    triggers: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    emotions: Mapping[tuple[str, int], Mapping[str, float]] = field(default_factory=dict)
    trigger_share: float = 0.0
    emotion_shares: Mapping[str, float] = field(default_factory=dict)

    def soften_answers(self, rows: Iterable[Instruction], views: Sequence[View]) -> list[Instruction]:
        """Add soft targets to the rows of kind "answer"; other rows are unchanged."""
        by_case = {view.case.id: view for view in views if view.case.id in self.triggers}
        return [
            _soften(row, self._answers(by_case[row.case_id]), self.trigger_share)
            if row.kind == "answer" and row.case_id in by_case
            else row
            for row in rows
        ]

    def soften_emotions(self, rows: Sequence[Instruction], file: str, layout: LayoutName) -> list[Instruction]:
        """Add soft targets to the rows of kind "emotion" of one file. Their ids contain dialogue id and index."""
        share = self.emotion_shares.get(file, 0.0)
        if not share:
            return list(rows)
        softened = []
        for row in rows:
            if row.kind != "emotion":
                softened.append(row)
                continue
            dialogue_id, index, _ = row.id.rsplit("/", 2)
            likely = self.emotions.get((dialogue_id, int(index)), {})
            replies = {render_emotion(label, layout): probability for label, probability in likely.items()}
            softened.append(_soften(row, replies, share) if replies else row)
        return softened

    def _answers(self, view: View) -> dict[str, float]:
        sets = soft_sets(view, self.triggers[view.case.id])
        return {render_answer(chosen, view): share for chosen, share in sets.items()}


def _soften(row: Instruction, replies: Mapping[str, float], share: float) -> Instruction:
    """Give `share` of the target to these replies and the rest to the row's own; drop shares below 1%."""
    shares: dict[str, float] = defaultdict(float)
    shares[row.completion] += 1 - share
    for reply, probability in replies.items():
        shares[reply] += share * probability
    kept = {reply: x for reply, x in shares.items() if x >= _LEAST_SHARE}
    total = sum(kept.values())
    return replace(row, soft=tuple((reply, x / total) for reply, x in kept.items()))
