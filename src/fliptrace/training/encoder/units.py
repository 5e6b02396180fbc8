"""What an encoder model trains on: dialogues with emotions, flips with triggers, or both."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8, to_masac8
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.longest_prefixes import LongestPrefix, collect_longest_prefixes
from fliptrace.corpora.own_emotions import check_labels
from fliptrace.models.encoder.trigger_inputs import TriggerInputs, trigger_inputs

LABELS = MASAC8.labels
UNKNOWN = -100  # a label that is not trained on


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A dialogue, and the flips in it whose triggers are known.

    labels: (utterances,), numbers of LABELS or UNKNOWN; `teaches_emotions`: they are in the loss. is_trigger and
    is_known: (flips, window), for the candidates of `inputs`.
    """

    texts: tuple[str, ...]
    speakers: NDArray[np.int64]
    labels: NDArray[np.int64]
    teaches_emotions: bool
    inputs: TriggerInputs
    is_trigger: NDArray[np.bool_]
    is_known: NDArray[np.bool_]


def make_units(
    cases: Sequence[FlipCase],
    dialogues: Mapping[str, Sequence[Dialogue]],
    weights: Mapping[str, float],
    window: int,
    seed: int,
) -> list[Unit]:
    """The units of dialogues by file, as many as its weight says, and of flip cases, by their longest prefixes.

    A prefix that a dialogue of the files begins with, labels and all, is not a unit of its own: its flips are that
    dialogue's. Other emotions of flip cases only serve to find triggers. InputError for labels of one's own that do not
    stand for one of LABELS.
    """
    check_labels([*(case.dialogue for case in cases), *chain.from_iterable(dialogues.values())], "recipe data")
    prefixes = collect_longest_prefixes(cases)
    by_beginning: dict[Utterance, list[LongestPrefix]] = {}
    for prefix in prefixes:
        by_beginning.setdefault(prefix.dialogue.utterances[0], []).append(prefix)
    units, carried = [], set()
    for dialogue in _draw(dialogues, weights, seed):
        candidates = by_beginning.get(dialogue.utterances[0], ())
        flips = next((each for each in candidates if _begins(dialogue, each.dialogue)), None)
        is_new = flips is not None and flips.dialogue.id not in carried
        units.append(make_unit(dialogue, flips.cases if flips and is_new else (), window, teaches_emotions=True))
        if flips is not None:
            carried.add(flips.dialogue.id)
    rest = [prefix for prefix in prefixes if prefix.dialogue.id not in carried]
    return [make_unit(each.dialogue, each.cases, window, teaches_emotions=False) for each in rest] + units


def _begins(dialogue: Dialogue, prefix: Dialogue) -> bool:
    """Whether a dialogue begins with another one, labels and all."""
    return dialogue.emotion_set == prefix.emotion_set and dialogue.utterances[: len(prefix)] == prefix.utterances


def _draw(dialogues: Mapping[str, Sequence[Dialogue]], weights: Mapping[str, float], seed: int) -> Iterator[Dialogue]:
    for ref, weight in sorted(weights.items()):
        whole, rest = divmod(weight, 1)
        yield from [*dialogues[ref]] * int(whole)
        yield from random.Random(f"{seed}/{ref}").sample(dialogues[ref], round(len(dialogues[ref]) * rest))


def make_unit(dialogue: Dialogue, cases: Sequence[FlipCase], window: int, *, teaches_emotions: bool) -> Unit:
    inputs = trigger_inputs(dialogue.speakers, [case.flip for case in cases], window)
    known_from = np.array([case.known_from for case in cases], dtype=np.int64)[:, None]
    triggers = [case.known_triggers for case in cases]
    rows = [[place in row for place in places] for row, places in zip(triggers, inputs.places.tolist(), strict=True)]
    is_trigger = np.array(rows, dtype=bool).reshape(-1, window)
    numbers = {speaker: number for number, speaker in enumerate(dict.fromkeys(dialogue.speakers))}
    return Unit(
        tuple(utterance.text for utterance in dialogue.utterances),
        np.array([numbers[speaker] for speaker in dialogue.speakers], dtype=np.int64),
        label_numbers(dialogue),
        teaches_emotions,
        inputs,
        is_trigger & inputs.shown,
        (inputs.places >= known_from) & inputs.shown,
    )


def label_numbers(dialogue: Dialogue) -> NDArray[np.int64]:
    """Number an utterance's emotion by LABELS; UNKNOWN where it has none or one without a counterpart there."""
    mapped = [emotion and to_masac8(emotion, dialogue.emotion_set) for emotion in dialogue.emotions]
    return np.array([UNKNOWN if label is None else LABELS.index(label) for label in mapped], dtype=np.int64)
