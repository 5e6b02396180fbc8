"""The labeler and the decoder of models that read a dialogue and answer in numbers (DialogueReader)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import EmotionLabels, LabelledUtterance, combine_utterances, reweight
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
        for dialogue, rows in zip(dialogues, self.reader.read_emotions(dialogues), strict=True):
            labels = dialogue.emotion_set.labels
            found = [LabelledUtterance(labels[int(row.argmax())], tuple(row.tolist())) for row in rows]
            weighted = [reweight(each, dialogue.emotion_set, self.weights, self.temperature) for each in found]
            yield combine_utterances(weighted, dialogue.emotion_set)


@dataclass(frozen=True, slots=True)
class ReadingDecoder:
    """Triggers as read: those utterances whose probability reaches the threshold."""

    name: str
    reader: DialogueReader
    config: InferenceConfig
    takes_all_cases: bool = False
    depends_on_batch: bool = True

    def predict(self, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
        for case, support in zip(cases, self.reader.support_triggers(cases), strict=True):
            yield Prediction.by_support(case, support, self.config.threshold)
