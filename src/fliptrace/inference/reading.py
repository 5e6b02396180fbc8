"""The labeler and the decoder of models that read a dialogue and answer in numbers (DialogueReader)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import EmotionLabels, LabelledUtterance, combine_utterances, reweight_labels
from fliptrace.models.base import DialogueReader
from fliptrace.predictions.rows import Prediction


@dataclass(frozen=True, slots=True)
class ReadingLabeler:
    """Emotions as read. `weights` and `temperature` are those of checkpoints.InferenceDefaults."""

    name: str
    reader: DialogueReader
    weights: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        overlong = self.reader.find_overlong(dialogues)
        for dialogue, rows, cut in zip(dialogues, self.reader.read_emotions(dialogues), overlong, strict=True):
            labels = dialogue.emotion_set.labels
            found = [LabelledUtterance(labels[int(row.argmax())], tuple(row.tolist())) for row in rows]
            read = replace(combine_utterances(found, dialogue.emotion_set), num_shortened=len(cut))
            yield reweight_labels(read, dialogue.emotion_set, self.weights, self.temperature)


@dataclass(frozen=True, slots=True)
class ReadingDecoder:
    """Triggers as read: those utterances whose probability reaches the threshold."""

    name: str
    reader: DialogueReader
    config: InferenceConfig
    takes_all_cases: bool = False
    depends_on_batch: bool = True

    def predict(self, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
        distinct = {id(case.dialogue): case.dialogue for case in cases}  # all flips of an analysis are in one dialogue
        overlong = dict(zip(distinct, self.reader.find_overlong(list(distinct.values())), strict=True))
        for case, support in zip(cases, self.reader.support_triggers(cases), strict=True):
            num_cut = sum(support[i] > 0 or i == case.flip.source for i in overlong[id(case.dialogue)])
            yield Prediction.by_support(case, support, self.config.threshold, num_shortened=num_cut)
