"""Labels many utterances in one reply, for models that only reply: fewer requests than one per utterance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue
from fliptrace.inference.emotions import (
    EmotionLabels,
    LabelledUtterance,
    Place,
    ReplyingLabeler,
    chunks,
    combine_utterances,
)
from fliptrace.models.base import Decoding, Request
from fliptrace.prompts.emotions import EmotionView
from fliptrace.prompts.unified import parse_labels, render_labels_question
from fliptrace.prompts.views import Layout

TURN_UTTERANCES = 24  # utterances that one turn shows; from the second turn on, half of them are context
_TOKENS_PER_LABEL = 8  # `[12] surprise` and its line break are 8 tokens at most


@dataclass(frozen=True, slots=True)
class TurnLabeler:
    """Labels a dialogue in turns of `TURN_UTTERANCES`, each overlapping half of the one before.

    An utterance takes its label from the turn that shows most of what precedes it. `single` asks about utterances that
    no turn labels, one by one; what it cannot parse either counts as unparsed.
    """

    single: ReplyingLabeler

    @property
    def name(self) -> str:
        return self.single.name

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        """The labels of every dialogue, in order."""
        for chunk in chunks(dialogues):
            yield from self._label_chunk(chunk)

    def _label_chunk(self, dialogues: Sequence[Dialogue]) -> list[EmotionLabels]:
        by_dialogue = self._labels_from_turns(dialogues)
        missing = [
            Place(dialogue, i)
            for dialogue, labels in zip(dialogues, by_dialogue, strict=True)
            for i in range(len(dialogue))
            if i not in labels
        ]
        one_by_one = iter(self.single.label_utterances(missing))
        return [
            combine_utterances(
                [LabelledUtterance(labels[i], None) if i in labels else next(one_by_one) for i in range(len(dialogue))],
                dialogue.emotion_set,
            )
            for dialogue, labels in zip(dialogues, by_dialogue, strict=True)
        ]

    def _labels_from_turns(self, dialogues: Sequence[Dialogue]) -> list[dict[int, str]]:
        """For every dialogue the labels that its turns gave, by utterance. Dialogues too long for a turn have none."""
        chat, budget = self.single.chat, max(self.single.max_new_tokens, _TOKENS_PER_LABEL * TURN_UTTERANCES)
        numbered: list[tuple[int, EmotionView]] = []
        for number, dialogue in enumerate(dialogues):
            views = _turns(dialogue, self.single.layout)
            if all(chat.fits(render_labels_question(view), budget) for view in views):
                numbered += [(number, view) for view in views]
        requests = [
            Request(f"{view.dialogue.id}/{view.first}/emotions", render_labels_question(view)) for _, view in numbered
        ]
        by_dialogue: list[dict[int, str]] = [{} for _ in dialogues]
        replies = chat.complete(requests, Decoding(max_new_tokens=budget))
        for (number, view), (reply,) in zip(numbered, replies, strict=True):
            # An earlier turn shows more of what precedes an utterance, so its labels win.
            by_dialogue[number] = parse_labels(reply.text, view, is_cut=reply.is_cut) | by_dialogue[number]
        return by_dialogue


def _turns(dialogue: Dialogue, layout: Layout) -> list[EmotionView]:
    step = TURN_UTTERANCES // 2
    starts = range(0, max(1, len(dialogue) - step), step)
    return [EmotionView(dialogue, min(start + TURN_UTTERANCES, len(dialogue)) - 1, layout, start) for start in starts]
