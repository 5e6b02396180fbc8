"""The candidates of flips as arrays: the last utterances up to each target, by who said them and where they stand.

Training and inference both build them here. What the utterances say and which emotions they show is gathered by
`places` from arrays of the whole dialogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.flips import Flip

NUM_SPEAKERS = 4  # the flip's speaker, then the others by how lately they spoke; all further ones are the last
NUM_ZONES = 4
_BEFORE_SOURCE, _SOURCE, _BETWEEN, _TARGET = range(NUM_ZONES)


class TriggerInputs(NamedTuple):
    """The candidates of each flip, oldest first; the last one is the target.

    places: (flips, window), the utterance's position in its dialogue; 0 where the dialogue has not begun, which `shown`
    says: (flips, window). speakers, zones: (flips, window), codes below NUM_SPEAKERS and NUM_ZONES. sources, targets:
    (flips,), positions; gaps: (flips,), utterances from source to target.
    """

    places: NDArray[np.int64]
    shown: NDArray[np.bool_]
    speakers: NDArray[np.int64]
    zones: NDArray[np.int64]
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    gaps: NDArray[np.int64]


def trigger_inputs(speakers: Sequence[str], flips: Sequence[Flip], window: int) -> TriggerInputs:
    """The inputs of the flips of one dialogue.

    >>> flip = Flip("ann", 0, 2, "joy", "anger")
    >>> inputs = trigger_inputs(["ann", "bob", "ann"], [flip], window=4)
    >>> inputs.places.tolist(), inputs.shown.tolist()
    ([[0, 0, 1, 2]], [[False, True, True, True]])
    >>> inputs.speakers.tolist(), inputs.zones.tolist()
    ([[0, 0, 1, 0]], [[0, 1, 2, 3]])
    """
    sources = np.array([flip.source for flip in flips], dtype=np.int64)
    targets = np.array([flip.target for flip in flips], dtype=np.int64)
    places = targets[:, None] + np.arange(1 - window, 1)  # (flips, window)
    shown = places >= 0
    behind_source = np.where(places > sources[:, None], _BETWEEN, _BEFORE_SOURCE)
    zones = np.where(places == sources[:, None], _SOURCE, behind_source)
    zones[:, -1] = _TARGET
    codes = np.array([_speaker_codes(speakers, target, window) for target in targets], dtype=np.int64)
    return TriggerInputs(
        np.where(shown, places, 0),
        shown,
        codes.reshape(-1, window),
        np.where(shown, zones, 0),
        sources,
        targets,
        targets - sources,
    )


def move(inputs: TriggerInputs, by: int) -> TriggerInputs:
    """The same candidates where `by` utterances stand before their dialogue."""
    places = np.where(inputs.shown, inputs.places + by, 0)
    return inputs._replace(places=places, sources=inputs.sources + by, targets=inputs.targets + by)


def join(parts: Sequence[TriggerInputs]) -> TriggerInputs:
    """The candidates of several dialogues, one after the other."""
    return TriggerInputs(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _speaker_codes(speakers: Sequence[str], target: int, window: int) -> list[int]:
    """Number the speakers of the candidates from the target backwards; 0 before the dialogue's beginning."""
    first = max(0, target + 1 - window)
    known: dict[str, int] = {}
    for place in range(target, first - 1, -1):
        known.setdefault(speakers[place], min(len(known), NUM_SPEAKERS - 1))
    return [0] * (window - 1 - target + first) + [known[speaker] for speaker in speakers[first : target + 1]]
