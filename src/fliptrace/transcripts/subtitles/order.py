"""The order and the times of cues, for all formats of subtitles.

Cues are put in the order of time unless the times cannot be trusted: if a start is missing, if a single cue has a time
far from all others, or if times begin again at zero because files were joined.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from fliptrace.transcripts.source import Source, count
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.times import indices_in_time

_MANY_MISPLACED = 3  # cues; fewer may be wrong times
_MANY_SHARE = 0.2
_FAR_SECONDS = 60.0  # from all other cues: more likely a wrong time than a misplaced cue
_ZERO_SECONDS = 5.0  # times of a joined file begin by then
_MIN_JOINED = 2  # cues of each file
_OVERLAP_SHARE = 0.3  # of the cues of the shorter of two joined files; people who take turns overlap less


def in_order(cues: Sequence[Cue], source: Source, noun: str, sort: bool) -> list[Cue]:
    """Return the cues in the order of time (a stable sort), or of the file if their times cannot be trusted.

    `sort`: the format lists cues in any order. Both get a note if the order of the file is not the order of time.
    """
    cues = _without_wrong_times(cues, source, noun)
    starts = [cue.start for cue in cues if cue.start is not None]
    missing = [cue.place for cue in cues if cue.start is None]
    if missing and starts:
        source.notes.append(f"{count(len(missing), noun)} without a readable start: {_shown(missing)}")
    if all(before <= after for before, after in pairwise(starts)):
        return cues
    misplaced = len(starts) - _num_in_order(starts)
    if not sort and missing:
        reason = "because starts are missing"
    elif not sort and _is_joined(cues):
        reason = "because times begin again at zero"
    elif not sort and _has_wrong_time(starts, misplaced):
        reason = "because a time may be wrong"
    else:
        source.notes.append(f"{count(misplaced, noun)} put in the order of time")
        return [cues[i] for i in indices_in_time([cue.start for cue in cues])]
    back = [after.place for before, after in pairwise(cues) if _starts_before(after, before)]
    if back:
        source.notes.append(
            f"{noun}s that start before the previous one, kept in the order of the file {reason}: {_shown(back)}"
        )
    return cues


def _shown(places: Sequence[str]) -> str:
    return ", ".join(places[:3]) + (", ..." if len(places) > 3 else "")


def _is_joined(cues: Sequence[Cue]) -> bool:
    """Whether times begin again at zero, and the cues of the parts would overlap in the order of time."""
    restarts = [
        number
        for number, (before, after) in enumerate(pairwise(cues), start=1)
        if _starts_before(after, before) and (after.start or 0.0) <= _ZERO_SECONDS
    ]
    bounds = [0, *restarts, len(cues)]
    shortest = min(end - begin for begin, end in pairwise(bounds))
    if not restarts or shortest < _MIN_JOINED:
        return False
    in_time = sorted(
        (cue.start, cue.start if cue.end is None else cue.end, part)
        for part, (begin, end) in enumerate(pairwise(bounds))
        for cue in cues[begin:end]
        if cue.start is not None
    )
    num_overlaps = sum(
        before[2] != after[2] and (after[0] < before[1] or after[0] == before[0]) for before, after in pairwise(in_time)
    )
    return num_overlaps >= max(1.0, _OVERLAP_SHARE * shortest)


def _has_wrong_time(starts: Sequence[float], num_misplaced: int) -> bool:
    """Whether only a few cues are misplaced, and the first or the last start is far from all others."""
    if num_misplaced >= _MANY_MISPLACED and num_misplaced >= _MANY_SHARE * len(starts):
        return False
    ordered = sorted(starts)
    at_end = starts[-1] != ordered[-1] and ordered[-1] - ordered[-2] > _FAR_SECONDS
    at_begin = starts[0] != ordered[0] and ordered[1] - ordered[0] > _FAR_SECONDS
    return at_end or at_begin


def _without_wrong_times(cues: Sequence[Cue], source: Source, noun: str) -> list[Cue]:
    """The cues without their likely wrong time if the end is before the start.

    The start is the wrong one if the next cue starts before it, but not before the end.
    """
    checked, wrong = list(cues), []
    for number, cue in enumerate(cues):
        if cue.start is not None and cue.end is not None and cue.end < cue.start:
            wrong.append(cue.place)
            after = next((each.start for each in cues[number + 1 : number + 3] if each.start is not None), None)
            is_start_wrong = after is not None and cue.end <= after < cue.start
            checked[number] = cue._replace(start=None) if is_start_wrong else cue._replace(end=None)
    if wrong:
        source.notes.append(
            f"{count(len(wrong), noun)} with an end before the start, likely wrong times left out: {_shown(wrong)}"
        )
    return checked


def _starts_before(cue: Cue, other: Cue) -> bool:
    return cue.start is not None and other.start is not None and cue.start < other.start


def _num_in_order(starts: Sequence[float]) -> int:
    """The length of the longest series of starts that never goes back.

    >>> _num_in_order([1, 2, 3607, 9, 10])
    4
    """
    tails: list[float] = []
    for start in starts:
        position = bisect_right(tails, start)
        tails[position : position + 1] = [start]
    return len(tails)
