"""The types of flips in the data, and the slices on which the model is better or worse than the best rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import get_args

import numpy as np

from fliptrace.core.files import Json
from fliptrace.scoring.counts import Counts
from fliptrace.study.evidence.measured import Evidence, Measured, average
from fliptrace.study.evidence.values import FlipMatrix, SliceKind, SliceRow, SliceTable

NEUTRAL_JOY = "neutral<->joy"  # the most frequent pair, according to the paper


def slice_tables(evidence: Evidence) -> tuple[SliceTable, ...]:
    """For every base, track and test set, the slices of its last stage in its first evaluation, a table per kind."""
    return tuple(
        _slice_table(model, evidence.best_rule(model), by)
        for table in evidence.tables
        for model in [evidence.headline(table)]
        for by in get_args(SliceKind)
        if by in model.any_seed["slices"]
    )


def flip_matrices(facts: Json) -> tuple[FlipMatrix, ...]:
    """One matrix for every track and split that has flips. `facts` holds the results of facts.track_facts by track."""
    return tuple(
        _flip_matrix(track, of_track.get("title", track), split, counts["flip_types"])
        for track, of_track in facts["tracks"].items()
        for split, counts in of_track["splits"].items()
        if counts["flip_types"]
    )


def _slice_table(model: Measured, rule: Measured | None, by: SliceKind) -> SliceTable:
    of_rule = rule.any_seed["slices"].get(by, {}) if rule else {}
    names = dict.fromkeys(name for metrics in model.by_seed.values() for name in metrics["slices"][by])
    return SliceTable(
        where=model.where,
        by=by,
        rule=rule.where.arm if rule else None,
        rows=tuple(_slice_row(model, by, name, of_rule.get(name)) for name in names),
    )


def _slice_row(model: Measured, by: SliceKind, name: str, of_rule: list[int] | None) -> SliceRow:
    rows = [metrics["slices"][by][name] for metrics in model.by_seed.values() if name in metrics["slices"][by]]
    counts = [Counts(*row[:3]) for row in rows]
    spread = average(each.f1 for each in counts)
    return SliceRow(
        name=name,
        num_flips=rows[0][3],
        f1=Counts.total(counts).f1,
        sd=spread.sd if spread else None,
        rule_f1=None if of_rule is None else Counts(*of_rule[:3]).f1,
    )


def _flip_matrix(track: str, title: str, split: str, flip_types: Mapping[str, int]) -> FlipMatrix:
    """`flip_types` counts flips as "before->after"."""
    pairs: Counter[str] = Counter()
    for name, num in flip_types.items():
        pairs[_pair(name)] += num
    first, num_first = pairs.most_common(1)[0]
    num_neutral_joy, num_flips = pairs[NEUTRAL_JOY], pairs.total()
    is_first = num_neutral_joy == num_first
    emotions = sorted({emotion for name in flip_types for emotion in name.split("->")})
    counts = np.zeros((len(emotions), len(emotions)), dtype=int)
    for name, num in flip_types.items():
        before, after = name.split("->")
        counts[emotions.index(before), emotions.index(after)] = num
    return FlipMatrix(
        track=track,
        title=title,
        split=split,
        emotions=tuple(emotions),
        counts=tuple(tuple(row) for row in counts.tolist()),
        num_flips=num_flips,
        most_frequent_pair=NEUTRAL_JOY if is_first else first,
        num_most_frequent_pair=num_first,
        share_most_frequent_pair=num_first / num_flips,
        most_frequent_type=max(flip_types, key=lambda name: flip_types[name]),
        num_neutral_joy=num_neutral_joy,
        is_neutral_joy_first=is_first,
        answer=" ".join(_answer(first, num_first, num_neutral_joy, num_flips)),
    )


def _pair(flip_type: str) -> str:
    """The name of a flip type without its direction.

    >>> _pair("joy->neutral"), _pair("neutral->joy"), _pair("joy->anger")
    ('neutral<->joy', 'neutral<->joy', 'anger<->joy')
    """
    before, after = sorted(flip_type.split("->"), key=lambda emotion: (emotion != "neutral", emotion))
    return f"{before}<->{after}"


def _answer(first: str, num_first: int, num_neutral_joy: int, num_flips: int) -> Iterator[str]:
    share = f"{num_neutral_joy:,} of {num_flips:,} flips ({num_neutral_joy / num_flips:.1%})"
    if num_neutral_joy == num_first:
        yield f"Yes: {NEUTRAL_JOY} is the most frequent, {share}."
    else:
        yield f"No: {first} is the most frequent, {num_first:,} of {num_flips:,} flips ({num_first / num_flips:.1%});"
        yield f"{NEUTRAL_JOY} is {share}."
