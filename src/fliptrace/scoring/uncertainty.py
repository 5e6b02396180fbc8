"""Selective classification of emotions: which labels to mark as uncertain, and what share of the others is right.

A label is marked if its probability, its confidence, is below a threshold: that below which labels are wrong at least
twice as often as right. There the number of wrong labels below it, minus WRONG_PER_RIGHT for each right one, is the
largest; an isotonic fit of being right on confidence reaches one third. Source: Chow, "On optimum recognition error and
reject tradeoff" (1970), for a mark that costs two thirds of a wrong label. Several sets, such as two languages, count
alike, whatever their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fliptrace.core.files import Json
from fliptrace.scoring.counts import Floats, sum_by_group, threshold_grid

# With 1, an early reader marked 56% of MELD val and 83% of MaSaC val: a mark on most labels tells nothing. With 2 it
# marked 5% and 18%, of which, in groups left out, 28% and 31% were right.
WRONG_PER_RIGHT = 2.0


class JudgedEmotion(NamedTuple):
    """The likeliest label of one utterance: its probability, and whether it is the labelled one."""

    group: str
    confidence: float
    is_right: bool


class Marked(NamedTuple):
    """Labels in two parts, the marked ones and those kept; the accuracy of a part without labels is None."""

    share_kept: float
    accuracy_kept: float | None
    accuracy_marked: float | None

    def to_json(self) -> Json:
        return {name: None if share is None else round(share, 6) for name, share in self._asdict().items()}


class ChosenConfidence(NamedTuple):
    """The threshold, None if labels of no confidence are so often wrong, and what it marks in every set.

    For `left_out`, each group is marked by the threshold that is chosen on all other groups.
    """

    threshold: float | None
    marked: tuple[Marked, ...]
    left_out: tuple[Marked, ...]


def choose_uncertain_below(
    sets: Sequence[Sequence[JudgedEmotion]], wrong_per_right: float = WRONG_PER_RIGHT
) -> ChosenConfidence:
    """The threshold with four decimals; of equally good ones the lowest, which marks the fewest labels."""
    grid = threshold_grid(np.array([each.confidence for emotions in sets for each in emotions]))
    by_group = [_surplus(emotions, grid, wrong_per_right) for emotions in sets]
    total = np.sum([surplus.sum(axis=1) for surplus in by_group], axis=0)
    chosen = _best(total, grid)
    left_out = []
    for emotions, surplus in zip(sets, by_group, strict=True):
        names = sorted({each.group for each in emotions})
        of_group = {name: _best(total - of_name, grid) for name, of_name in zip(names, surplus.T, strict=True)}
        left_out.append(mark(emotions, [of_group[each.group] for each in emotions]))
    everywhere = tuple(mark(emotions, [chosen] * len(emotions)) for emotions in sets)
    return ChosenConfidence(chosen, everywhere, tuple(left_out))


def cover(emotions: Sequence[JudgedEmotion], thresholds: Sequence[float]) -> list[Marked]:
    """The risk-coverage curve: what each threshold keeps, and how much of that is right."""
    return [mark(emotions, [threshold] * len(emotions)) for threshold in thresholds]


def mark(emotions: Sequence[JudgedEmotion], thresholds: Sequence[float | None]) -> Marked:
    """Mark each label by a threshold of its own; None marks none."""
    parts: dict[bool, list[bool]] = {True: [], False: []}
    for each, threshold in zip(emotions, thresholds, strict=True):
        parts[threshold is None or each.confidence >= threshold].append(each.is_right)
    kept, marked = parts[True], parts[False]
    accuracies = (sum(part) / len(part) if part else None for part in (kept, marked))
    return Marked(len(kept) / len(emotions), *accuracies)


def _surplus(emotions: Sequence[JudgedEmotion], grid: Floats, wrong_per_right: float) -> Floats:
    """Wrong labels below each threshold minus so many per right one, as a share of all labels: (thresholds, groups)."""
    below = np.array([each.confidence for each in emotions]) < grid[:, None]  # (thresholds, labels)
    signs = np.array([-wrong_per_right if each.is_right else 1.0 for each in emotions])
    return sum_by_group([each.group for each in emotions], below * signs) / len(emotions)


def _best(surplus: Floats, grid: Floats) -> float | None:
    best = int(surplus.argmax())
    return float(grid[best]) if surplus[best] > 1e-12 else None
