"""A model's emotions beside the labelled ones of a file: what its calibration is fitted on and measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.emotions import EmotionLabels
from fliptrace.inference.flips import speaker_pairs
from fliptrace.scoring.flips import JudgedPair, LabelledRow
from fliptrace.scoring.uncertainty import JudgedEmotion


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The dialogues of one file, and what the model says of them."""

    name: str
    prefixes: tuple[LongestPrefix, ...]
    labels: tuple[EmotionLabels, ...]

    def rows(self) -> list[LabelledRow]:
        """The distribution of every labelled utterance that counts."""
        return [
            LabelledRow(scores, prefix.dialogue.emotion_set.labels.index(gold))
            for prefix, labels in zip(self.prefixes, self.labels, strict=True)
            for i, (gold, scores) in enumerate(zip(prefix.dialogue.emotions, labels.scores or (), strict=True))
            if gold is not None and i >= prefix.counted_from
        ]

    def judged(self) -> list[JudgedEmotion]:
        """The likeliest label of every labelled utterance that counts."""
        return [
            JudgedEmotion(prefix.dialogue.group, max(scores), emotion == gold)
            for prefix, labels in zip(self.prefixes, self.labels, strict=True)
            for i, (gold, emotion, scores) in enumerate(
                zip(prefix.dialogue.emotions, labels.emotions, labels.scores or (), strict=True)
            )
            if gold is not None and i >= prefix.counted_from
        ]

    def pairs(self, same_label_odds: float | Mapping[str, float] = 1.0) -> list[JudgedPair]:
        """Every pair of labelled utterances that counts, at these odds, or at those of its group."""

        def odds_in(group: str) -> float:
            if isinstance(same_label_odds, Mapping):
                return same_label_odds.get(group, 1.0)  # a group without pairs has none
            return same_label_odds

        return [
            pair
            for prefix, labels in zip(self.prefixes, self.labels, strict=True)
            for pair in _judge(prefix, labels, odds_in(prefix.dialogue.group))
        ]


def _judge(prefix: LongestPrefix, labels: EmotionLabels, same_label_odds: float) -> list[JudgedPair]:
    dialogue, emotions = prefix.dialogue, labels.emotions
    gold = dialogue.emotions
    return [
        JudgedPair(dialogue.group, gold[source] != gold[target], probability, emotions[source] != emotions[target])
        for source, target, probability in speaker_pairs(dialogue, labels.scores or (), same_label_odds)
        if target >= prefix.counted_from and None not in (gold[source], gold[target]) and probability is not None
    ]
