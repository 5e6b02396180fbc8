"""Formatting of values in the report of a study: means over seeds, differences, p values, hashes and durations."""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.report.wording import NONE, decimals, signed_with_interval, with_interval
from fliptrace.scoring.seeds import SeedScores
from fliptrace.study.evidence.differences import Difference

HASH_DIGITS = 8


def estimate(found: SeedScores | None) -> str:
    """A mean with its interval."""
    return NONE if found is None else with_interval(found.mean, found.interval)


def change(found: Difference) -> str:
    """A difference with its interval."""
    return signed_with_interval(found.value, found.interval)


def marked(found: Difference | None) -> str:
    """A difference with its interval, and with a sign before it where it is not noise, so that no colour is needed."""
    if found is None:
        return NONE
    return f"{'▲ ' * (found.verdict == 'helps')}{'▼ ' * (found.verdict == 'hurts')}{change(found)}"


def average(found: SeedScores | None) -> str:
    """A mean, with the standard deviation over seeds where there are several.

    >>> average(SeedScores(0.53, 0.0061, None, (0.524, 0.536))), average(SeedScores(0.53, None, None, (0.53,)))
    ('0.530 ± 0.006', '0.530')
    """
    if found is None:
        return NONE
    return decimals(found.mean) if found.sd is None else f"{decimals(found.mean)} ± {decimals(found.sd)}"


def by_seed(values: Sequence[float]) -> str:
    """The values of single seeds, in the order of the seeds.

    >>> by_seed((0.72, 0.734))
    '0.720, 0.734'
    """
    return ", ".join(map(decimals, values))


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
