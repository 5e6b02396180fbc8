"""When each utterance is said, and in which stretches of it nobody else speaks: by the times of the transcript."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.errors import InputError
from fliptrace.cues.values import OVERLAP, PAUSE

Stretch = tuple[float, float]  # start and end, in seconds


@dataclass(frozen=True, slots=True)
class Timed:
    """An utterance on the recording's clock. `alone` are the stretches in which only its speaker speaks.

    Where the transcript has no end, `end` is the next start, and `values` has neither pause nor overlap.
    """

    start: float
    end: float
    alone: tuple[Stretch, ...]
    values: dict[str, float]


def timed_utterances(dialogue: Dialogue, length: float) -> tuple[Timed | None, ...]:
    """The times of every utterance, None where it has none; InputError if no utterance has a start.

    `length` is that of the recording in seconds: what has no end and nothing after it lasts until there.
    """
    said = dialogue.utterances
    starts = sorted(each.start for each in said if each.start is not None)
    if not starts:
        raise InputError(
            dialogue.id,
            "the transcript has no times, so nothing says where its utterances are in the recording; expected a start "
            "for each, as in WebVTT, SRT, the JSON of a speech recogniser, or a column `start`",
        )
    alone = _alone(said)
    pauses = _pauses(said)
    return tuple(_timed(each, i, starts, length, alone, pauses) for i, each in enumerate(said))


def _timed(
    said: Utterance,
    index: int,
    starts: Sequence[float],
    length: float,
    alone: dict[str, list[Stretch]],
    pauses: dict[int, float],
) -> Timed | None:
    if said.start is None:
        return None
    if said.end is None:
        following = bisect.bisect_right(starts, said.start)
        end = starts[following] if following < len(starts) else max(length, said.start)
        return Timed(said.start, end, ((said.start, end),), {})
    own = tuple(_within(alone[said.speaker], said.start, said.end))
    overlap = (said.end - said.start) - sum(end - start for start, end in own)
    values = {OVERLAP: round(max(overlap, 0.0), 2)}
    if index in pauses:
        values[PAUSE] = pauses[index]
    return Timed(said.start, said.end, own, values)


def _alone(said: Sequence[Utterance]) -> dict[str, list[Stretch]]:
    """The stretches of each speaker in which, by start and end of all utterances, nobody else speaks."""
    events = sorted(
        event
        for each in said
        if each.start is not None and each.end is not None
        for event in ((each.start, 1, each.speaker), (each.end, -1, each.speaker))
    )
    speaking: Counter[str] = Counter()
    alone: dict[str, list[Stretch]] = defaultdict(list)
    since = 0.0
    for time, change, speaker in events:
        if len(speaking) == 1 and time > since:
            own = alone[next(iter(speaking))]
            if own and own[-1][1] == since:
                own[-1] = (own[-1][0], time)
            else:
                own.append((since, time))
        speaking[speaker] += change
        if speaking[speaker] == 0:
            del speaking[speaker]
        since = time
    return alone


def _within(stretches: Sequence[Stretch], start: float, end: float) -> list[Stretch]:
    """The parts of sorted stretches between start and end."""
    first = bisect.bisect_left(stretches, start, key=lambda stretch: stretch[1])
    last = bisect.bisect_left(stretches, end, key=lambda stretch: stretch[0])
    cut = ((max(start, a), min(end, b)) for a, b in stretches[first:last])
    return [(a, b) for a, b in cut if b > a]


def _pauses(said: Sequence[Utterance]) -> dict[int, float]:
    """The seconds between each utterance and the last end before it, 0 if somebody still speaks.

    The first utterance has none, nor has one that follows an utterance without an end.
    """
    timed = sorted((each.start, i) for i, each in enumerate(said) if each.start is not None)
    pauses, last = {}, None
    is_known = True
    for start, i in timed:
        if last is not None and is_known:
            pauses[i] = round(max(start - last, 0.0), 2)
        end = said[i].end
        is_known = end is not None
        if end is not None:
            last = end if last is None else max(last, end)
    return pauses
