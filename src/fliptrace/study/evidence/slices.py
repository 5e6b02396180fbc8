"""Scores on slices of a test set. They are computed from counts summed over seeds, which stay in the cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fliptrace.scoring.counts import Counts
from fliptrace.study.evidence.table import Measured

KINDS = ("flip_type", "distance", "speakers", "length", "code_mixing")


class SliceRow(NamedTuple):
    """A subset of the cases (or, by distance, of their utterances). Slices have no counts by group, so no interval.

    `f1` is computed from counts summed over seeds; `sd` is over seeds. `rule_f1` is the best rule on the same slice.
    """

    name: str
    num_flips: int
    f1: float
    sd: float | None
    rule_f1: float | None


def slice_rows(model: Measured, rule: Measured | None, kind: str) -> tuple[SliceRow, ...]:
    """The slices of one of KINDS; none where they were not counted."""
    of_model = [metrics["slices"].get(kind, {}) for metrics in model.by_seed.values()]
    of_rule = rule.any_seed["slices"].get(kind, {}) if rule else {}
    rows = []
    for name in dict.fromkeys(name for slices in of_model for name in slices):
        found = [slices[name] for slices in of_model if name in slices]
        counts = [Counts(*row[:3]) for row in found]
        sd = float(np.std([each.f1 for each in counts], ddof=1)) if len(counts) > 1 else None
        rule_f1 = Counts(*of_rule[name][:3]).f1 if name in of_rule else None
        rows.append(SliceRow(name, found[0][3], Counts.total(counts).f1, sd, rule_f1))
    return tuple(rows)
