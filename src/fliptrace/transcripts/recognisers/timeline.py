"""The last steps of every recogniser's reader: times in seconds, the order of time, and names in place of ids.

In any of these formats, times may lack a unit, utterances may be in no order, and speakers may be ids whose names are
in a table elsewhere in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from fliptrace.transcripts.recognisers.shapes import in_order_of_time, number_of
from fliptrace.transcripts.source import RawUtterance, Reader, Source, count
from fliptrace.transcripts.speaker_table import objects_within, with_names
from fliptrace.transcripts.tables.column_names import unit_of, words_of_name
from fliptrace.transcripts.units import NOTE, TOO_LONG, TOO_SLOW, Timed, are_milliseconds, whole_number

_RESTART_SECONDS = 2.0  # in which each part of a file of several recordings begins
_ROUNDING = 1.05  # times may end a little after the length of the recording that the file names


def with_last_steps(reader: Reader) -> Reader:
    """The reader whose `read` ends with the steps of this module."""

    def read(source: Source) -> Iterable[RawUtterance]:
        found = _in_seconds(list(reader.read(source)), source)
        return with_names(_put_in_order(found, source), source)

    return replace(reader, read=read)


def _in_seconds(found: list[RawUtterance], source: Source) -> list[RawUtterance]:
    """Convert whole numbers to seconds if they can only be milliseconds."""
    if any(whole_number(time) is None for each in found for time in (each.start, each.end) if time not in (None, "")):
        return found
    reason = TOO_SLOW if are_milliseconds(Timed(each.start, each.end, each.text) for each in found) else ""
    if not reason and _exceed_total(found, source):
        reason = TOO_LONG
    if not reason:
        return found
    source.notes.append(NOTE.format(reason=reason))
    return [replace(each, start=_thousandth(each.start), end=_thousandth(each.end)) for each in found]


def _thousandth(time: object) -> float | None:
    number = whole_number(time)
    return None if number is None else number / 1000


def _exceed_total(found: Sequence[RawUtterance], source: Source) -> bool:
    """Whether the last time exceeds the length that the file names, and fits it as milliseconds."""
    times = [whole_number(time) for each in found for time in (each.start, each.end)]
    last = max((time for time in times if time is not None), default=0)
    totals = [
        value * unit_of(key)
        for holder in objects_within(source.json_or_none)
        for key, value in holder.items()
        if "duration" in words_of_name(key) and isinstance(value, int | float) and not isinstance(value, bool)
    ][:1]
    return any(last > _ROUNDING * total and 0.5 * total <= last / 1000 <= _ROUNDING * total for total in totals)


def _put_in_order(found: list[RawUtterance], source: Source) -> list[RawUtterance]:
    """Put utterances in the order of their starts, with a note if that changes anything.

    The order of the file is kept if a start is missing, or if times begin again because files were joined.
    """
    starts = [number_of(each.start) for each in found]
    known = [start for start in starts if start is not None]
    num_back = sum(before > after for before, after in pairwise(known))
    if not num_back:
        return found
    steps = f"{count(num_back, 'step')} back"
    if len(known) < len(found):
        source.notes.append(
            f"utterances are not in the order of time ({steps}): kept in the order of the file, as "
            f"{len(found) - len(known):,} have no start"
        )
        return found
    if _begins_again(found, known):
        source.notes.append(f"the times begin again ({steps}), as in joined files: kept in the order of the file")
        return found
    source.notes.append(f"utterances were not in the order of time ({steps}): put in order")
    return in_order_of_time(found)


def _begins_again(found: Sequence[RawUtterance], starts: Sequence[float]) -> bool:
    """Whether the parts between steps back each begin near zero, have several utterances, and share speakers."""
    cuts = [0, *(i for i in range(1, len(starts)) if starts[i] < starts[i - 1]), len(starts)]
    parts = [range(begin, end) for begin, end in pairwise(cuts)]
    if any(starts[part.start] > _RESTART_SECONDS for part in parts) or len(found) < 3 * len(parts):
        return False
    speakers = [{found[i].speaker for i in part} for part in parts]
    return any(before & after for before, after in pairwise(speakers))
