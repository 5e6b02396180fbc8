"""Conclusions in words, made from the numbers by fixed rules, so that no sentence claims more than they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fliptrace.study.evidence.values import Difference, Estimate, Interval, Summary, Verdict


def conclude(question: str, found: Difference) -> str:
    """State the answer to a question in one line: the difference, its interval, its p value and the verdict.

    >>> found = Difference("more-2", "feedback", 0.004, Interval(-0.012, 0.02), 0.4, 1.0, 0.015, 3, "noise")
    >>> conclude("feedback against more steps", found)
    'feedback against more steps: +0.004 [−0.012, +0.020], Holm p = 1: noise'
    """
    p = "< 0.001" if found.p_holm < 0.001 else f"= {found.p_holm:.2g}"
    return f"{question}: {signed(found.value)} {_ends(found.interval)}, Holm p {p}: {found.verdict}"


def summarize(question: str, differences: Iterable[Difference]) -> Summary:
    """Count how often a question got each verdict.

    >>> summarize("feedback against more steps", []).text
    'feedback against more steps: not measured'
    """
    verdicts: Counter[Verdict] = Counter(found.verdict for found in differences)
    helps, hurts, noise = verdicts["helps"], verdicts["hurts"], verdicts["noise"]
    counts = f"helps in {helps}, hurts in {hurts}, noise in {noise} of {verdicts.total()}"
    text = f"{question}: {counts if verdicts else 'not measured'}"
    return Summary(question, helps, hurts, noise, text)


def signed(value: float) -> str:
    """A difference with its sign, to three digits.

    >>> signed(-0.0414), signed(0.0001)
    ('−0.041', '0.000')
    """
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")


def in_words(f1: Estimate) -> str:
    """A mean F1 with its interval.

    >>> in_words(Estimate(0.71, None, Interval(0.66, 0.75), {0: 0.71}))
    '0.710 [0.660, 0.750]'
    """
    ends = "[single group]" if f1.interval is None else f"[{f1.interval.low:.3f}, {f1.interval.high:.3f}]"
    return f"{f1.mean:.3f} {ends}"


def _ends(interval: Interval | None) -> str:
    return "[single group]" if interval is None else f"[{signed(interval.low)}, {signed(interval.high)}]"
