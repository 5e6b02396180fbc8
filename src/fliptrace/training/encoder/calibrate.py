"""What an encoder model ships with besides its weights, chosen on val: how emotions and flips are read, thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fliptrace.inference.reading import ReadingLabeler
from fliptrace.models.base import DecodingKind, DialogueReader
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.training.data import TrainingData
from fliptrace.training.emotion_defaults import EmotionDefaults, choose_emotion_defaults
from fliptrace.training.encoder.units import LABELS, UNKNOWN, Unit


def calibrate(reader: DialogueReader, data: TrainingData, units: Sequence[Unit]) -> EmotionDefaults:
    """Choose the defaults of a reader. Without dialogues to measure emotions on, those of emotions stay as they are."""
    thresholds = _thresholds(reader, data)
    if not data.emotion_val:
        return EmotionDefaults(InferenceDefaults(thresholds=thresholds), {})
    chosen = choose_emotion_defaults(ReadingLabeler("val", reader), data.emotion_val, _label_shares(units))
    return chosen._replace(defaults=replace(chosen.defaults, thresholds=thresholds))


def _label_shares(units: Sequence[Unit]) -> dict[str, float]:
    taught = Counter(LABELS[n] for unit in units if unit.teaches_emotions for n in unit.labels if n != UNKNOWN)
    return {label: count / taught.total() for label, count in taught.items()}


def _thresholds(reader: DialogueReader, data: TrainingData) -> dict[DecodingKind, float]:
    supports = reader.support_triggers(data.val)
    rows = [Prediction.by_support(case, support, 0.5) for case, support in zip(data.val, supports, strict=True)]
    chosen = round(choose_threshold(rows, "val").threshold, 4)
    return {"exact": chosen}
