"""Correction of p-values for multiple tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from statsmodels.stats.multitest import multipletests


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values so that the chance of any false finding stays below the level (Holm 1979). Keeps the order.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    >>> holm([])
    []
    """
    if not len(p_values):
        return []
    with _nothing_to_collect():
        corrected: list[float] = multipletests(p_values, method="holm")[1].tolist()
    return corrected


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Hide all objects from the garbage collector, which statsmodels runs at every call: a second where many live."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
