"""Convert the raw utterances of a reader to the utterances of a dialogue, and note every correction.

Text is cleaned, speaker names are unified, and times and labels are checked. This step is the same for every format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from fliptrace.core.dialogue import Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.corpora.repair import repair_text
from fliptrace.transcripts.source import (
    MAX_CHARACTERS,
    MAX_ROWS,
    MAX_UTTERANCES,
    LeftOut,
    RawUtterance,
    Reader,
    Source,
    count,
)
from fliptrace.transcripts.speech import take_cues
from fliptrace.transcripts.tables.cells import shown
from fliptrace.transcripts.times import MAX_SECONDS, indices_in_time, read_time

ALONE = "Speaker 1"  # the speaker of every utterance if a file names none
UNKNOWN = "Unknown"  # the speaker of unnamed utterances if a file names others
_MAX_NAME = 100  # characters; a longer name probably comes from the wrong column

_BLANKS = re.compile(r"\s+")
# Control characters become blanks; byte order marks and zero-width characters are removed.
_CONTROLS: dict[int, str | None] = dict.fromkeys((*range(32), *range(127, 160)), " ") | dict.fromkeys(
    (0x200B, 0x2060, 0xFEFF)
)


class Assembled(NamedTuple):
    """The utterances of a dialogue, and where each begins in the file."""

    utterances: list[Utterance]
    places: list[str]


def assemble(found: Iterable[RawUtterance], source: Source, reader: Reader, emotion_set: EmotionSet) -> Assembled:
    """Return the utterances of the dialogue and add notes to `source.notes`.

    InputError if there are no utterances or too many.
    """
    builder = _UtteranceBuilder(source, reader, emotion_set)
    for number, raw in enumerate(_in_order_of_time(found, source) if reader.is_chat else found):
        if number > MAX_ROWS:
            raise source.error(raw.place, f"over {MAX_ROWS:,} rows, most of them empty; expected one dialogue per file")
        if len(raw.text) <= MAX_CHARACTERS:
            builder.take(raw)
        else:
            for part in builder.split(raw):
                builder.take(part)
        if len(builder.utterances) > MAX_UTTERANCES:
            raise source.error(raw.place, f"over {MAX_UTTERANCES:,} utterances; expected one dialogue per file")
    if not builder.utterances:
        raise source.error("", f"no utterances found, read as {reader.name}; expected at least one")
    return Assembled(builder.finish(), builder.places)


def _in_order_of_time(found: Iterable[RawUtterance], source: Source) -> list[RawUtterance]:
    """The messages of a chat in the order of time, and their times in seconds from the first one."""
    messages = list(found)
    known = [raw.start for raw in messages if isinstance(raw.start, datetime)]
    if not known:
        return messages
    if sum(before > after for before, after in pairwise(known)) > sum(a < b for a, b in pairwise(known)):
        source.notes.append("messages were newest first: put in the order of time")
        messages.reverse()  # so that messages of the same minute come in order, too
        known.reverse()
    num_back = sum(before > after for before, after in pairwise(known))
    if num_back:
        source.notes.append(f"messages were not in the order of time ({count(num_back, 'step')} back): put in order")
    first = min(known)
    order = indices_in_time([raw.start if isinstance(raw.start, datetime) else None for raw in messages])
    return [replace(messages[i], start=_seconds_since(first, messages[i].start)) for i in order]


def _seconds_since(first: datetime, time: object) -> object:
    return (time - first).total_seconds() if isinstance(time, datetime) else time


@dataclass(slots=True)
class _UtteranceBuilder:
    """Builds the utterances of one file in order and counts the quirks for the notes."""

    source: Source
    reader: Reader
    emotion_set: EmotionSet
    utterances: list[Utterance] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    nameless: set[int] = field(default_factory=set)
    spellings: dict[str, str] = field(default_factory=dict)
    respelled: dict[str, None] = field(default_factory=dict)
    unknown_emotions: Counter[str] = field(default_factory=Counter)
    num_empty: int = 0
    num_bare_cues: int = 0
    num_cued: int = 0
    num_bad_times: int = 0
    num_split: int = 0

    def split(self, raw: RawUtterance) -> Iterator[RawUtterance]:
        """A very long utterance in parts that end with a sentence. Only the first part has times."""
        self.num_split += 1
        for number, text in enumerate(_split_long(raw.text)):
            yield replace(raw, text=text) if number == 0 else replace(raw, text=text, start=None, end=None, cues=())

    def take(self, raw: RawUtterance) -> None:
        """Add an utterance, or leave it out if it has no text."""
        speaker, text = self._speaker(raw), clean(raw.text)
        cues = tuple(filter(None, map(clean, raw.cues))) if raw.cues else ()
        if self.reader.has_cues:
            text, taken = self._without_cues(text, speaker)
            cues = tuple(dict.fromkeys((*cues, *taken))) if taken else cues
        if not text:
            self.num_empty += not cues
            self.num_bare_cues += bool(cues)
            self.source.left_out.append(LeftOut(raw.place, raw.text, "cues" if cues else "empty utterances"))
            return
        if speaker is None:
            self.nameless.add(len(self.utterances))
        start, end = self._times(raw)
        self.places.append(raw.place)
        self.utterances.append(Utterance(speaker or UNKNOWN, text, self._emotion(raw), start, end, cues))

    def finish(self) -> list[Utterance]:
        self.source.notes.extend(self._notes())
        if len(self.nameless) == len(self.utterances):
            return [replace(utterance, speaker=ALONE) for utterance in self.utterances]
        return self.utterances

    def _speaker(self, raw: RawUtterance) -> str | None:
        name = clean(raw.speaker or "")
        if len(name) > _MAX_NAME:
            expected = f"expected at most {_MAX_NAME} (is this the speaker column?)"
            raise self.source.error(raw.place, f"a speaker name of {len(name):,} characters, {expected}")
        if name.isdecimal() and len(name) < 7:  # a longer one is a telephone number
            name = f"Speaker {name}"
        if not name:
            return None
        known = self.spellings.setdefault(name.casefold(), name)
        if known != name:
            self.respelled[name] = None
        return known

    def _without_cues(self, text: str, speaker: str | None) -> tuple[str, tuple[str, ...]]:
        """Remove cues from a text, unless the whole utterance of a named speaker is a cue; it is then kept as text."""
        rest, cues = take_cues(text)
        if not cues:
            return rest, cues
        if speaker is not None and not any(letter.isalnum() for letter in rest):
            return text, ()
        has_speech = any(letter.isalnum() for letter in rest)
        self.num_cued += has_speech
        return rest if has_speech else "", cues

    def _times(self, raw: RawUtterance) -> tuple[float | None, float | None]:
        start, end = self._time(raw.start), self._time(raw.end)
        if start is not None and end is not None and end < start:
            self.num_bad_times += 1
            return None, None
        return start, end

    def _time(self, raw: object) -> float | None:
        if raw is None or (type(raw) is float and 0.0 <= raw <= MAX_SECONDS):
            return raw
        try:
            return read_time(raw, wall_clock=self.reader.is_chat)
        except ValueError:
            self.num_bad_times += 1
            return None

    def _emotion(self, raw: RawUtterance) -> str | None:
        if raw.emotion is None or not raw.emotion.strip():
            return None
        try:
            return self.emotion_set.canonical(raw.emotion)
        except ValueError:
            self.unknown_emotions[clean(raw.emotion)] += 1
            return None

    def _heard_once(self) -> list[str]:
        """If there are three or more speakers, return those with only one utterance, which may not be names at all."""
        heard = Counter(u.speaker for i, u in enumerate(self.utterances) if i not in self.nameless)
        return [name for name, number in heard.items() if number == 1] if len(heard) >= 3 else []

    def _notes(self) -> list[str]:
        notes = []
        why = Counter(each.why for each in self.source.left_out if each.why not in ("cues", "empty utterances"))
        notes += [f"{reason} left out: {number:,}" for reason, number in why.items()]
        if len(self.nameless) == len(self.utterances):
            notes.append(
                f"the file names no speakers: all utterances are assigned to {ALONE!r}. Flips are found per speaker, "
                "so changes of emotion between different people may be reported as flips"
            )
        elif self.nameless:
            notes.append(f"{count(len(self.nameless), 'utterance')} without a speaker, assigned to {UNKNOWN!r}")
        if self.respelled:
            notes.append(f"speaker names that differ only in case are read as one speaker: {shown(self.respelled)}")
        if (once := self._heard_once()) and self.reader.has_cues:
            notes.append(f"speakers with only one utterance, which may not be names: {shown(once, 5)}")
        if self.num_cued:
            notes.append(f"cues in brackets removed from the text of {count(self.num_cued, 'utterance')}")
        if self.num_bare_cues:
            notes.append(f"{count(self.num_bare_cues, 'cue')} between utterances left out")
        if self.num_empty:
            notes.append(f"{count(self.num_empty, 'empty utterance')} skipped")
        if self.num_split:
            notes.append(
                f"{count(self.num_split, 'utterance')} of over {MAX_CHARACTERS:,} characters, split at sentences"
            )
        if self.num_bad_times:
            notes.append(
                f"{count(self.num_bad_times, 'time')} left out: unreadable, negative or ending before the start"
            )
        if self.unknown_emotions:
            num, names = self.unknown_emotions.total(), shown(self.unknown_emotions)
            known = f"{self.emotion_set.name} ({', '.join(self.emotion_set.labels)})"
            notes.append(f"{count(num, 'emotion')} not in {known}, left out: {names}")
        return notes


def _split_long(text: str) -> Iterator[str]:
    """Parts of at most MAX_CHARACTERS, each ending with a sentence or at least with a word where there is one."""
    while len(text) > MAX_CHARACTERS:
        head = text[:MAX_CHARACTERS]
        ends = [found.end() for found in re.finditer(r"[.!?…。！？।]\s", head[MAX_CHARACTERS // 2 :])]
        cut = MAX_CHARACTERS // 2 + ends[-1] if ends else (head.rfind(" ") + 1 or MAX_CHARACTERS)
        yield text[:cut]
        text = text[cut:]
    yield text


def clean(text: str) -> str:
    """Repair wrong decoding, replace control characters by blanks, and collapse each run of blanks to one.

    >>> clean(" It\\x92s \\n late\\x00 ")
    'It’s late'
    """
    if not text.isascii():
        return _BLANKS.sub(" ", repair_text(text).translate(_CONTROLS)).strip()
    return " ".join((text if text.isprintable() else text.translate(_CONTROLS)).split())
