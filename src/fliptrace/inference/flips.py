"""Flips with a probability, from the label distributions of a speaker's consecutive utterances.

The probability of a pair is that its two utterances carry different labels. Were the labels independent, they would be
the same with a probability S = sum over labels of p_source(label) * p_target(label). Speakers keep their emotion more
often than that, so the odds of the same label, S / (1 - S), are multiplied by the model's `same_label_odds`. A label
that the transcript gave counts as certain. Distributions are those of an `EmotionLabeler`, which applies the model's
temperature (both: checkpoints.InferenceDefaults). The triggers of flips are not found here.

The factor is the potential of one edge of a linear chain, with a single parameter. Source of the thought: the
conditional random field over emotions in Song et al., "EmotionFlow: capture the dialogue level emotion transitions"
(2022). Inference over whole chains of a speaker predicted no better (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.flips import Flip, find_sources

DIGITS = 6  # decimals of a probability. It is rounded before it is compared, so that a file shows what was decided.

Distribution = Sequence[float]  # the probability of every label, in the order of the emotion set


class SpeakerPair(NamedTuple):
    """Two consecutive utterances of one speaker, with the probability that their emotions differ.

    `probability` is None where the model gave one of them no distribution.
    """

    source: int
    target: int
    probability: float | None


class ProbableFlip(NamedTuple):
    """A flip and its probability; None where the model gives no distributions."""

    flip: Flip
    probability: float | None


def find_probable_flips(
    dialogue: Dialogue,
    distributions: Sequence[Distribution | None],
    threshold: float | None,
    same_label_odds: float = 1.0,
) -> tuple[ProbableFlip, ...]:
    """Return the flips of a dialogue with an emotion for every utterance, ordered by target.

    A pair is a flip if its probability reaches `threshold`. Without a threshold, or without a probability, it is one if
    the two likeliest labels differ, as in `core.flips.find_flips`. `before` and `after` are the most probable pair of
    different labels, while the dialogue keeps the likeliest label of each utterance. So a flip may be reported between
    two utterances that both are likeliest neutral: neither label is certain, and a change between them is likely.

    Chains: every utterance stays in its speaker's chain, however unsure its label, and a pair is always two
    utterances that follow each other in it. Skipping an unsure utterance would compare others than the annotators did,
    and a flip would land on an utterance whose own change is unknown. Each pair is judged alone, from the distributions
    of its two utterances. So an utterance between two flips may have one label as the end of the first and another as
    the start of the second; each pair of labels is the likeliest for its own change.
    """
    emotions = dialogue.emotions
    flips = []
    for pair in speaker_pairs(dialogue, distributions, same_label_odds):
        source, target, probability = pair
        before, after = emotions[source], emotions[target]
        differ = before != after
        if not (differ if threshold is None or probability is None else probability >= threshold):
            continue
        if not differ:
            before, after = _likeliest_change(distributions[source], distributions[target], dialogue.emotion_set)
        assert before is not None and after is not None
        flip = Flip(dialogue.utterances[target].speaker, source, target, before, after)
        flips.append(ProbableFlip(flip, probability))
    return tuple(flips)


def speaker_pairs(
    dialogue: Dialogue, distributions: Sequence[Distribution | None], same_label_odds: float = 1.0
) -> Iterator[SpeakerPair]:
    """Yield every two consecutive utterances of one speaker, ordered by target."""
    for target, source in enumerate(find_sources(dialogue)):
        if source is None:
            continue
        before, after = distributions[source], distributions[target]
        known = before is not None and after is not None
        yield SpeakerPair(source, target, flip_probability(before, after, same_label_odds) if known else None)


def flip_probability(before: Distribution | None, after: Distribution | None, same_label_odds: float = 1.0) -> float:
    """Return the probability that two labels with these distributions differ.

    >>> flip_probability((0.5, 0.5, 0.0), (0.0, 0.5, 0.5)), flip_probability((1.0, 0.0), (1.0, 0.0))
    (0.75, 0.0)
    >>> flip_probability((0.5, 0.5, 0.0), (0.0, 0.5, 0.5), same_label_odds=3.0)  # odds of 1 to 3 become 3 to 3
    0.5
    """
    assert before is not None and after is not None
    same = min(sum(p * q for p, q in zip(before, after, strict=True)), 1.0)
    return round((1 - same) / (same_label_odds * same + 1 - same), DIGITS)


def certain(label: str, emotion_set: EmotionSet) -> Distribution:
    """Return the distribution of an emotion that is given.

    >>> certain("joy", EmotionSet("three", ("anger", "joy", "neutral")))
    (0.0, 1.0, 0.0)
    """
    return tuple(float(label == other) for other in emotion_set.labels)


def has_labels(dialogue: Dialogue, flip: Flip) -> bool:
    """Whether the dialogue has the flip's own labels at its source and target."""
    source, target = dialogue.utterances[flip.source], dialogue.utterances[flip.target]
    return (source.emotion, target.emotion) == (flip.before, flip.after)


def show_flip(dialogue: Dialogue, flip: Flip) -> Dialogue:
    """Return the dialogue with the flip's own labels at its source and target, as a model is asked about it."""
    if has_labels(dialogue, flip):
        return dialogue
    utterances = list(dialogue.utterances)
    for index, label in ((flip.source, flip.before), (flip.target, flip.after)):
        utterances[index] = replace(utterances[index], emotion=label)
    return replace(dialogue, utterances=tuple(utterances))


def _likeliest_change(
    before: Distribution | None, after: Distribution | None, emotion_set: EmotionSet
) -> tuple[str, str]:
    """The most probable pair of different labels; of equally probable pairs the first in the order of the set."""
    assert before is not None and after is not None
    size = range(len(emotion_set.labels))
    pairs = ((i, k) for i in size for k in size if i != k)
    first, second = max(pairs, key=lambda pair: before[pair[0]] * after[pair[1]])
    return emotion_set.labels[first], emotion_set.labels[second]
