"""Formatting of numbers in reports: three decimals, a real minus sign, and every F1 with its interval."""

from __future__ import annotations

import re

NONE = "–"


def decimals(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def signed(value: float) -> str:
    """A difference with its sign.

    >>> signed(-0.0414), signed(0.0001)
    ('−0.041', '0.000')
    """
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")


def percent(share: float | None) -> str:
    """A signed share in percent, with one decimal.

    >>> percent(0.1234)
    '+12.3%'
    """
    if share is None:
        return NONE
    text = f"{100 * share:+.1f}"
    return "0.0%" if float(text) == 0 else f"{text}%".replace("-", "−")


def interval(ends: tuple[float, float] | None) -> str:
    """The ends of a 95% interval. `ends` is None where all cases belong to one group."""
    return "[single group]" if ends is None else f"[{ends[0]:.3f}, {ends[1]:.3f}]"


def with_interval(value: float, ends: tuple[float, float] | None) -> str:
    """
    >>> with_interval(0.7176, (0.6207, 0.8217))
    '0.718 [0.621, 0.822]'
    """
    return f"{decimals(value)} {interval(ends)}"


def signed_with_interval(value: float, ends: tuple[float, float] | None) -> str:
    """A difference with its interval.

    >>> signed_with_interval(0.004, (-0.012, 0.02))
    '+0.004 [−0.012, +0.020]'
    """
    inside = "[single group]" if ends is None else f"[{signed(ends[0])}, {signed(ends[1])}]"
    return f"{signed(value)} {inside}"


def count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def plural(number: int, noun: str) -> str:
    """A number with its noun in singular or plural.

    >>> plural(1, "group"), plural(4000, "case")
    ('1 group', '4,000 cases')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def unbroken(text: str) -> str:
    """Keep every number and its interval on one line, with no-break spaces inside.

    >>> unbroken("an F1 of 0.718 [0.621, 0.822] on val").split(" ")
    ['an', 'F1', 'of', '0.718\\xa0[0.621,\\xa00.822]', 'on', 'val']
    """
    return re.sub(r"\d \[[^\]]*\]", lambda found: found[0].replace(" ", "\u00a0"), text)
