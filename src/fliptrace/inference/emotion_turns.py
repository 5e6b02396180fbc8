"""Labels many utterances in one reply of a fixed form, each with its distribution: the shared layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.inference.emotions import (
    EmotionLabels,
    LabelledUtterance,
    UtteranceLabeler,
    chunks,
    combine_utterances,
    reweight,
)
from fliptrace.models.base import Form, FormFiller
from fliptrace.prompts.emotion_turns import EmotionTurn, emotion_turns, render_label, render_turn_question

_TOKENS_PER_LINE = 8  # a number, a label and a line break


@dataclass(frozen=True, slots=True)
class FormLabeler:
    """Fills the lines of a turn one after the other, so that a label sees those before it.

    `weights` and `temperature` (checkpoints.InferenceDefaults) change the probabilities after the reply is complete.
    `otherwise` labels the dialogues of which a turn overruns the model's context, and all of them if the model cannot
    tell the labels of a set apart by their first tokens.
    """

    name: str
    filler: FormFiller
    otherwise: UtteranceLabeler
    weights: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        """The labels of every dialogue, in order."""
        options = {_options(dialogue.emotion_set) for dialogue in dialogues}
        if not all(map(self.filler.can_fill, options)):
            yield from self.otherwise.label(dialogues)
            return
        for chunk in chunks(dialogues):
            by_turns = [list(emotion_turns(dialogue)) for dialogue in chunk]
            fitting = [all(map(self._fits, turns)) for turns in by_turns]
            turns = [(n, turn) for n, fits in enumerate(fitting) if fits for turn in by_turns[n]]
            by_dialogue: list[list[LabelledUtterance]] = [[] for _ in chunk]
            filled = self.filler.fill_forms([self._form(turn) for _, turn in turns])
            for (number, turn), rows in zip(turns, filled, strict=True):
                by_dialogue[number] += (self._labelled(row, turn.dialogue.emotion_set) for row in rows)
            others = self.otherwise.label([each for each, fits in zip(chunk, fitting, strict=True) if not fits])
            for dialogue, labelled, fits in zip(chunk, by_dialogue, fitting, strict=True):
                yield combine_utterances(labelled, dialogue.emotion_set) if fits else next(others)

    def _fits(self, turn: EmotionTurn) -> bool:
        return self.filler.fits(render_turn_question(turn), _TOKENS_PER_LINE * len(turn.indices))

    def _form(self, turn: EmotionTurn) -> Form:
        messages = render_turn_question(turn)
        starts = tuple(map(turn.line_start, turn.indices))
        return Form(f"{turn.dialogue.id}/{turn.asked}/emotions", messages, starts, _options(turn.dialogue.emotion_set))

    def _labelled(self, shares: tuple[float, ...], emotion_set: EmotionSet) -> LabelledUtterance:
        likeliest = emotion_set.labels[max(range(len(shares)), key=shares.__getitem__)]
        return reweight(LabelledUtterance(likeliest, shares), emotion_set, self.weights, self.temperature)


def _options(emotion_set: EmotionSet) -> tuple[str, ...]:
    return tuple(map(render_label, emotion_set.labels))
