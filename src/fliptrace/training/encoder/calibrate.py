"""What an encoder model ships with besides its weights, chosen on val: weights of labels, calibration, a threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fliptrace.core.dialogue import Dialogue
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.reading import ReadingLabeler
from fliptrace.models.base import DecodingKind, DialogueReader
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.flips import choose_same_label_odds, choose_temperature
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.training.data import TrainingData
from fliptrace.training.emotion_weights import choose_emotion_weights
from fliptrace.training.encoder.units import LABELS, UNKNOWN, Unit
from fliptrace.training.labelled_sets import LabelledSet


def calibrate(reader: DialogueReader, data: TrainingData, units: Sequence[Unit]) -> InferenceDefaults:
    """Choose in the order of use: weights of labels, the temperature of what they give, the odds of keeping a label."""
    thresholds = _thresholds(reader, data)
    if not data.emotion_val:
        return InferenceDefaults(thresholds=thresholds)
    weights = _emotion_weights(reader, data, units)
    sets = _label(ReadingLabeler("val", reader, weights), data.emotion_val)
    temperature = round(choose_temperature([each.rows() for each in sets]), 3)
    sets = _label(ReadingLabeler("val", reader, weights, temperature), data.emotion_val)
    odds = choose_same_label_odds([each.pairs() for each in sets]).odds
    return InferenceDefaults(
        thresholds=thresholds, emotion_weights=weights, emotion_temperature=temperature, same_label_odds=odds
    )


def _emotion_weights(reader: DialogueReader, data: TrainingData, units: Sequence[Unit]) -> dict[str, float]:
    taught = Counter(LABELS[n] for unit in units if unit.teaches_emotions for n in unit.labels if n != UNKNOWN)
    if not taught:
        return {}
    shares = {label: count / taught.total() for label, count in taught.items()}
    return choose_emotion_weights(ReadingLabeler("val", reader), list(data.emotion_val.values()), shares).weights


def _label(labeler: ReadingLabeler, files: Mapping[str, Sequence[Dialogue]]) -> list[LabelledSet]:
    return [
        LabelledSet(name, tuple(map(LongestPrefix, dialogues)), tuple(labeler.label(dialogues)))
        for name, dialogues in files.items()
    ]


def _thresholds(reader: DialogueReader, data: TrainingData) -> dict[DecodingKind, float]:
    supports = reader.support_triggers(data.val)
    rows = [Prediction.by_support(case, support, 0.5) for case, support in zip(data.val, supports, strict=True)]
    chosen = round(choose_threshold(rows, "val").threshold, 4)
    return {"greedy": chosen, "exact": chosen}
