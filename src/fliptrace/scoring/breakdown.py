"""Trigger scores by slice: type of flip, distance from the target, length of the dialogue, number of speakers.

`slice_cases` slices by any other property of a case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from fliptrace.core.files import Json
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.counts import Counts, Labelled, count_case, count_within, labelled

FAR = 5  # 99.2% of the triggers of MELD-FR val, 97.5% of MaSaC-FR val are closer to the target (docs/data.md)
# Utterances up to the target, at most 24 in MELD-FR and 82 in MaSaC-FR val.
LENGTHS = (range(2, 6), range(6, 11), range(11, 21), range(21, 41))
MANY_SPEAKERS = 5  # 36 of 426 cases of MELD-FR val and 69 of 389 of MaSaC-FR val have 5 or more up to the target


class Slice(NamedTuple):
    """Counts over some of the cases, or over some of their utterances.

    `name` says which, and `num_flips` is the number of cases with something in the slice.
    """

    name: str
    counts: Counts
    num_flips: int

    def to_json(self) -> Json:
        ratios = {"f1": self.counts.f1, "precision": self.counts.precision, "recall": self.counts.recall}
        return self.counts._asdict() | {k: round(v, 6) for k, v in ratios.items()} | {"num_flips": self.num_flips}


class Breakdown(NamedTuple):
    """Slices of the labelled cases. Flip types are ordered by frequency, most frequent first; others ascend."""

    by_flip_type: tuple[Slice, ...]
    by_distance: tuple[Slice, ...]
    by_length: tuple[Slice, ...]
    by_speakers: tuple[Slice, ...]

    def to_json(self) -> Json:
        return {
            f"by_{name}": {row.name: row.to_json() for row in rows}
            for name, rows in (
                ("flip_type", self.by_flip_type),
                ("distance", self.by_distance),
                ("length", self.by_length),
                ("speakers", self.by_speakers),
            )
        }


def break_down(predictions: Sequence[Prediction], place: object = "predictions") -> Breakdown:
    """Slice the labelled predictions. InputError at `place` if there are none."""
    rows = labelled(predictions, place)
    by_type = slice_cases(rows, lambda p: f"{p.flip.before}->{p.flip.after}")
    by_length = {row.name: row for row in slice_cases(rows, _length)}
    return Breakdown(
        by_flip_type=tuple(sorted(by_type, key=lambda row: (-row.num_flips, row.name))),
        by_distance=_slice_distances(rows),
        by_length=tuple(by_length[name] for name in _LENGTH_NAMES if name in by_length),
        by_speakers=slice_cases(rows, _num_speakers),
    )


def slice_cases(rows: Iterable[Labelled], name_of: Callable[[Prediction], str]) -> tuple[Slice, ...]:
    """One slice per name that `name_of` gives to a case, in alphabetical order."""
    counts: defaultdict[str, list[Counts]] = defaultdict(list)
    for row in rows:
        counts[name_of(row.prediction)].append(count_case(*row).counts)
    return tuple(Slice(name, Counts.total(members), len(members)) for name, members in sorted(counts.items()))


def _slice_distances(rows: Sequence[Labelled]) -> tuple[Slice, ...]:
    """One slice per distance before the target. Recall is over gold triggers there, precision over predicted ones."""
    slices = []
    for distance in range(FAR + 1):
        counts = []
        for prediction, gold in rows:
            last = prediction.flip.target - distance
            first = prediction.known_from if distance == FAR else max(last, prediction.known_from)
            if first <= last:
                counts.append(count_within(range(first, last + 1), prediction, gold))
        name = f"{FAR}+" if distance == FAR else str(distance)
        slices.append(Slice(name, Counts.total(counts), len(counts)))
    return tuple(row for row in slices if row.num_flips)


def _length(prediction: Prediction) -> str:
    num_utterances = prediction.flip.target + 1
    return next(
        (name for name, r in zip(_LENGTH_NAMES, LENGTHS, strict=False) if num_utterances in r), _LENGTH_NAMES[-1]
    )


def _num_speakers(prediction: Prediction) -> str:
    """The slice for the number of speakers up to the target."""
    num_speakers = len(set(prediction.speakers[: prediction.flip.target + 1]))
    return f"{MANY_SPEAKERS}+" if num_speakers >= MANY_SPEAKERS else str(num_speakers)


_LENGTH_NAMES = (*(f"{r.start}-{r.stop - 1}" for r in LENGTHS), f"{LENGTHS[-1].stop}+")
