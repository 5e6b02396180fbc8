"""What an encoder model ships with besides its weights, chosen on val: weights of labels, calibration, thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.files import Json
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.reading import ReadingLabeler
from fliptrace.models.base import DecodingKind, DialogueReader
from fliptrace.models.checkpoints import FlipShare, InferenceDefaults
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.flips import FlipCalibration, calibrate_flips, choose_same_label_odds, choose_temperature
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.scoring.uncertainty import ChosenConfidence, choose_uncertain_below, cover
from fliptrace.training.data import TrainingData
from fliptrace.training.emotion_weights import choose_emotion_weights
from fliptrace.training.encoder.units import LABELS, UNKNOWN, Unit
from fliptrace.training.labelled_sets import LabelledSet

_CONFIDENCES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # at which the risk-coverage curve is told


class Calibrated(NamedTuple):
    """What was chosen, and what it does on val where each group is left out of the choice."""

    defaults: InferenceDefaults
    figures: Json


def calibrate(reader: DialogueReader, data: TrainingData, units: Sequence[Unit]) -> Calibrated:
    """Choose in the order of use: weights of labels, the temperature of what they give, the odds of keeping a label.

    What these give then says below which probability a label is uncertain, and how often a flip is one.
    """
    thresholds = _thresholds(reader, data)
    if not data.emotion_val:
        return Calibrated(InferenceDefaults(thresholds=thresholds), {})
    weights = _emotion_weights(reader, data, units)
    sets = _label(ReadingLabeler("val", reader, weights), data.emotion_val)
    temperature = round(choose_temperature([each.rows() for each in sets]), 3)
    sets = _label(ReadingLabeler("val", reader, weights, temperature), data.emotion_val)
    odds = choose_same_label_odds([each.pairs() for each in sets])
    uncertain = choose_uncertain_below([each.judged() for each in sets])
    pairs = [pair for each, left_out in zip(sets, odds.left_out, strict=True) for pair in each.pairs(left_out)]
    flips = calibrate_flips(pairs) if pairs else None
    defaults = InferenceDefaults(
        thresholds=thresholds,
        emotion_weights=weights,
        emotion_temperature=temperature,
        same_label_odds=odds.odds,
        uncertain_below=uncertain.threshold,
        flip_shares=_flip_shares(flips),
    )
    return Calibrated(defaults, _figures(sets, uncertain, flips))


def _flip_shares(flips: FlipCalibration | None) -> tuple[FlipShare, ...]:
    return tuple(
        FlipShare(each.low, each.high, each.num, round(each.mean_support, 4), round(each.share_triggers, 4))
        for each in (flips.bins if flips else ())
    )


def _figures(sets: Sequence[LabelledSet], uncertain: ChosenConfidence, flips: FlipCalibration | None) -> Json:
    emotions = {}
    for each, marked, left_out in zip(sets, uncertain.marked, uncertain.left_out, strict=True):
        curve = zip(_CONFIDENCES, cover(each.judged(), _CONFIDENCES), strict=True)
        emotions[each.name] = marked.to_json() | {
            "left_out": left_out.to_json(),
            "curve": [{"from": confidence} | kept.to_json() for confidence, kept in curve],
        }
    return {
        "uncertain_below": uncertain.threshold,
        "emotions": emotions,
        "flips": flips.to_json() if flips else None,
    }


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
    return {"exact": chosen}
