"""Correction of p-values for multiple tests."""

from __future__ import annotations

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values so that the chance of any false finding stays below the level (Holm 1979). Keeps the order.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    >>> holm([])
    []
    """
    return multipletests(p_values, method="holm")[1].tolist() if len(p_values) else []
