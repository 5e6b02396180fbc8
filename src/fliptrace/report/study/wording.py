"""Formatting of values in the report of a study: means over seeds, differences, p values, hashes and durations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fliptrace.report.wording import NONE, decimals, signed
from fliptrace.study.evidence.values import Average, Difference, Estimate, Interval

HASH_DIGITS = 8


def estimate(found: Estimate | None) -> str:
    """A mean with its interval.

    >>> estimate(Estimate(0.7271, 0.011, Interval(0.693, 0.759), {0: 0.72, 1: 0.734}))
    '0.727 [0.693, 0.759]'
    """
    return NONE if found is None else f"{decimals(found.mean)} {_ends(found.interval, decimals)}"


def change(found: Difference) -> str:
    """A difference with its interval.

    >>> change(Difference("more-2", "feedback", 0.004, Interval(-0.012, 0.02), 0.4, 1.0, 0.015, 3, "noise"))
    '+0.004 [−0.012, +0.020]'
    """
    return f"{signed(found.value)} {_ends(found.interval, signed)}"


def marked(found: Difference | None) -> str:
    """A difference with its interval, and with a sign before it where it is not noise, so that no colour is needed.

    >>> marked(Difference("answer", "chain", 0.05, Interval(0.03, 0.07), 0.0, 0.0, 0.2, 3, "helps"))
    '▲ +0.050 [+0.030, +0.070]'
    """
    if found is None:
        return NONE
    return f"{'▲ ' * (found.verdict == 'helps')}{'▼ ' * (found.verdict == 'hurts')}{change(found)}"


def average(found: Average | Estimate | None) -> str:
    """A mean, with the standard deviation over seeds where there are several.

    >>> average(Average(0.53, 0.0061, 3)), average(Average(0.53, None, 1)), average(None)
    ('0.530 ± 0.006', '0.530', '–')
    """
    if found is None:
        return NONE
    return decimals(found.mean) if found.sd is None else f"{decimals(found.mean)} ± {decimals(found.sd)}"


def by_seed(values: Mapping[int, float]) -> str:
    """The values of single seeds, in the order of the seeds.

    >>> by_seed({1: 0.734, 0: 0.72})
    '0.720, 0.734'
    """
    return ", ".join(decimals(values[seed]) for seed in sorted(values))


def p_value(p: float) -> str:
    """
    >>> p_value(0.0002), p_value(0.0468)
    ('<0.001', '0.047')
    """
    return "<0.001" if p < 0.001 else decimals(p)


def share(part: float, of: float) -> str:
    """A share in percent; a dash where there is nothing to divide by.

    >>> share(214, 6120), share(0, 0)
    ('3.5%', '–')
    """
    return f"{part / of:.1%}" if of else NONE


def short(sha256: str | None) -> str:
    return sha256[:HASH_DIGITS] if sha256 else NONE


def arrows(text: str) -> str:
    """Replace the ASCII arrows of flip types by typographic ones.

    >>> arrows("neutral<->joy, anger->neutral")
    'neutral ↔ joy, anger → neutral'
    """
    return text.replace("<->", " ↔ ").replace("->", " → ")


def duration(seconds: float) -> str:
    """
    >>> duration(4.25), duration(300.2), duration(7900)
    ('4.2 s', '5.0 min', '2.2 h')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _ends(found: Interval | None, write: Callable[[float], str]) -> str:
    return "[single group]" if found is None else f"[{write(found.low)}, {write(found.high)}]"
