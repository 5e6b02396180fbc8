"""What a model ships with for emotions and flips, chosen on val: weights of labels, calibration, thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.files import Json
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.emotions import EmotionLabels, reweight_labels
from fliptrace.inference.seams import EmotionLabeler
from fliptrace.models.checkpoints import FlipShare, InferenceDefaults
from fliptrace.scoring.flips import FlipCalibration, calibrate_flips, choose_same_label_odds, choose_temperature
from fliptrace.scoring.uncertainty import ChosenConfidence, choose_uncertain_below, cover
from fliptrace.training.emotion_weights import choose_emotion_weights
from fliptrace.training.labelled_sets import LabelledSet

# From here a change is likelier than none. The threshold with the best F1 on val is lower, but nearly every pair of
# utterances reaches it (docs/results.md), which would tell nobody anything.
FLIP_THRESHOLD = 0.5
_CONFIDENCES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # at which the risk-coverage curve is told


class EmotionDefaults(NamedTuple):
    """The defaults for emotions and flips, and what they do on val where each group is left out of the choice."""

    defaults: InferenceDefaults
    figures: Json


def choose_emotion_defaults(
    labeler: EmotionLabeler, files: Mapping[str, Sequence[Dialogue]], shares: Mapping[str, float]
) -> EmotionDefaults:
    """Choose in the order of use: weights of labels, the temperature of what they give, the odds of keeping a label.

    What these give then says below which probability a label is uncertain, and how often a flip is one. The labeler
    gives distributions that nothing has changed, `shares` are those of the labels in training; without any, labels get
    no weights.
    """
    labelled = {name: (dialogues, list(labeler.label(dialogues))) for name, dialogues in files.items()}
    weights = choose_emotion_weights(list(labelled.values()), shares).weights if shares else {}
    temperature = round(choose_temperature([each.rows() for each in _sets(labelled, weights, 1.0)]), 3)
    sets = _sets(labelled, weights, temperature)
    odds = choose_same_label_odds([each.pairs() for each in sets])
    uncertain = choose_uncertain_below([each.judged() for each in sets])
    pairs = [pair for each, left_out in zip(sets, odds.left_out, strict=True) for pair in each.pairs(left_out)]
    flips = calibrate_flips(pairs) if pairs else None
    defaults = InferenceDefaults(
        emotion_weights=weights,
        emotion_temperature=temperature,
        same_label_odds=odds.odds,
        flip_threshold=FLIP_THRESHOLD if flips else None,
        uncertain_below=uncertain.threshold,
        flip_shares=_flip_shares(flips),
    )
    return EmotionDefaults(defaults, _figures(sets, uncertain, flips))


def _sets(
    labelled: Mapping[str, tuple[Sequence[Dialogue], Sequence[EmotionLabels]]],
    weights: Mapping[str, float],
    temperature: float,
) -> list[LabelledSet]:
    sets = []
    for name, (dialogues, found) in labelled.items():
        rows = zip(dialogues, found, strict=True)
        labels = tuple(reweight_labels(each, dialogue.emotion_set, weights, temperature) for dialogue, each in rows)
        sets.append(LabelledSet(name, tuple(map(LongestPrefix, dialogues)), labels))
    return sets


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
