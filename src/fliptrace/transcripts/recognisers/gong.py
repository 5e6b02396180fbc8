"""Reader for the answers of Gong's API: `callTranscripts` with the sentences of each turn. Times are milliseconds.

Speakers are numbers, unless the file also contains the parties of the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fliptrace.transcripts.recognisers.shapes import (
    Shape,
    choose_part,
    first_name,
    has_rows,
    in_seconds,
    names_by_id,
    object_of,
    objects_of,
    text_of,
)
from fliptrace.transcripts.source import RawUtterance, Reader, Source


def read_gong(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per sentence. If the answer has several calls, #CALLID selects one."""
    calls = objects_of(SHAPE.find(source)["callTranscripts"], "call", source)
    named = [(first_name(call, "callId") or str(number), call) for number, call in enumerate(calls, start=1)]
    call = choose_part(named, source)
    parties = call.get("parties") or object_of(source.json).get("parties")
    names = names_by_id(parties, "speakerId", "name", "emailAddress")
    for number, turn in enumerate(objects_of(call.get("transcript"), "turn", source), start=1):
        speaker = first_name(turn, "speakerName", "speakerId")
        speaker = names.get(speaker or "", speaker)
        for row in objects_of(turn.get("sentences"), f"turn {number} sentence", source):
            start, end = (in_seconds(row.get(key), 1000) for key in ("start", "end"))
            place = f"turn {number}"
            yield RawUtterance(place, text_of(row.get("text"), source, place), speaker, start, end)


def _is_gong(value: Any) -> bool:
    return isinstance(value, dict) and has_rows(value.get("callTranscripts"), "transcript")


SHAPE = Shape(_is_gong, "a list `callTranscripts` of objects with a transcript", 0.95)
READER = Reader(
    "gong",
    (".json",),
    SHAPE.sniff,
    read_gong,
    title="Gong JSON",
    example='{"callTranscripts": [{"callId": "1", "transcript": '
    '[{"speakerId": "7", "sentences": [{"start": 100, "end": 400, "text": "You are late."}]}]}]}',
)
