"""Turns the cues of a subtitle file into utterances: the steps that all formats share after parsing.

The lines of a cue are joined to utterances: a name, a dash, `>>` or another voice begins a new one. Repeated lines of
rolling captions are read once. If names are given only where the speaker changes, a name holds until the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from fliptrace.transcripts.source import MAX_UTTERANCES, RawUtterance, Source, count
from fliptrace.transcripts.speech import MAX_CUE_WORDS
from fliptrace.transcripts.subtitles.grammar import (
    Form,
    ReadLine,
    is_manner,
    is_sound,
    read_lines,
    share_voice,
    with_name_alone,
)
from fliptrace.transcripts.subtitles.lines import Cue
from fliptrace.transcripts.subtitles.names import Names, find_names, keep_apart
from fliptrace.transcripts.subtitles.order import in_order
from fliptrace.transcripts.subtitles.rolling import drop_repeated, is_rolling

_MAX_LINES = 150_000  # of text: two in each of the 60,000 cues of rolling captions, and a quarter more
_MAX_CUES_PER_LINE = 3  # in rolling captions
_MAX_LEADING = 2  # utterances before the first name in a file that names speakers where they change
_MAX_REPEATED_NAMES = 0.1  # share of names that follow the same name; a name at each change never does
_PARAGRAPH_SHARE = 0.4  # of the utterances without a name: then names begin paragraphs
_FEW_PARTS = 10  # a single cue without a name says little in a shorter file

_WHOLLY_IN_BRACKETS = re.compile(r"\s{0,40}(?:\[([^\[\]]{1,400})\]|\(([^()]{1,400})\)|[♪♫]+)[\s.]{0,9}")
_DIARIZED = re.compile(r"SPEAKER_\d{1,3}")  # speech recognition labels every cue whose speaker it knows
_SPEAKER_TURN = re.compile(r"\s?\[SPEAKER[_ ]TURN\]\s?")
_STARRED = re.compile(r"\s{0,40}\*\s?([^*\n]{1,60}?)\s?\*\s{0,9}")
_HASH_SONG = re.compile(r"\s{0,40}#\s(.{1,300}?)(?:\s#)?\s{0,9}")
_SENTENCE_END = re.compile(r"[.?!…。？！।]['\"”’»)\]]{0,2}\s{0,9}$")


class _Part(NamedTuple):
    """An utterance of a cue. `speaker` is "" if somebody unnamed begins to speak, None if the cue does not say."""

    cue: Cue
    speaker: str | None
    text: str
    cues: tuple[str, ...] = ()
    mark: str = ""
    by_voice: bool = False


def utterances_of(
    cues: Sequence[Cue],
    source: Source,
    *,
    noun: str = "cue",
    sort: bool = False,
    names_every_cue: bool = False,
) -> Iterator[RawUtterance]:
    """Yield the utterances of the cues; InputError if there are too many cues for one dialogue.

    `noun` is what notes call the cues. `sort`: the format lists cues in any order, and players sort them by time.
    `names_every_cue`: the product that wrote the file names the speaker of each cue, so names are not carried over.
    """
    rolling = is_rolling(cues)
    if len(cues) > MAX_UTTERANCES * (_MAX_CUES_PER_LINE if rolling else 1):
        raise source.error("", f"over {MAX_UTTERANCES:,} {noun}s; expected one dialogue per file")
    if sum(len(cue.lines) for cue in cues) > _MAX_LINES:
        raise source.error("", f"over {_MAX_LINES:,} lines in {noun}s; expected one dialogue per file")
    cues = in_order(cues, source, noun, sort)
    cues = drop_repeated(cues, source, rolling=rolling, noun=noun)
    lines = [with_name_alone([read for line in share_voice(cue.lines) for read in read_lines(line)]) for cue in cues]
    lines = list(keep_apart(lines))
    names = find_names(lines, source)
    parts = [part for cue, read in zip(cues, lines, strict=True) for part in _parts_of(cue, read, names)]
    parts = _without_sounds(_with_turns(parts), source)
    carried = not names_every_cue and _names_only_changes(parts)
    yield from _with_speakers(parts, source, noun, carried)


def _parts_of(cue: Cue, lines: Sequence[ReadLine], names: Names) -> Iterator[_Part]:
    """Join the lines of a cue into utterances."""
    part: _Part | None = None
    texts: list[str] = []  # of its lines: joined once, as a cue may have any number of them
    for line in lines:
        named = names.is_named(line)
        manner = not named and line.form is Form.COLON and bool(line.rest) and is_manner(line.name)
        text = line.rest if named or manner else line.text
        cues = (*line.cues, line.name) if manner else line.cues if named else ()
        if part is not None and not line.mark and not cues and (not named or part.speaker == line.name):
            texts.append(text)
            continue
        if part is not None:
            yield from _split_inside(_joined(part, texts), names)
        speaker = line.name if named else "" if line.mark else None
        part, texts = _Part(cue, speaker, text, cues, line.mark, line.form is Form.VOICE), [text]
    if part is not None:
        yield from _split_inside(_joined(part, texts), names)


def _joined(part: _Part, texts: Sequence[str]) -> _Part:
    return part if len(texts) == 1 else part._replace(text="\n".join(texts))


def _split_inside(part: _Part, names: Names) -> Iterator[_Part]:
    """Split an utterance at names of other speakers that follow the end of a sentence."""
    if names.pattern is None or ":" not in part.text:
        yield part
        return
    first, *others = names.pattern.split(part.text)
    yield part._replace(text=first)
    for text in others:
        name, _, rest = text.partition(":")
        yield _Part(part.cue, name.strip(), rest.strip())


def _with_turns(parts: Sequence[_Part]) -> list[_Part]:
    """The parts without [SPEAKER_TURN], with which whisper.cpp marks that somebody else speaks next."""
    turned: list[_Part] = []
    is_turn = False
    if not any("[SPEAKER" in part.text for part in parts):
        return list(parts)
    for part in parts:
        for number, text in enumerate(_SPEAKER_TURN.split(part.text)):
            is_turn = is_turn or number > 0
            if number > 0 and not text.strip():
                continue
            is_marked = is_turn and (part.speaker is None or number > 0)
            turned.append(part._replace(text=text, speaker="", mark=">>") if is_marked else part._replace(text=text))
            is_turn = False
    return turned


def _without_sounds(parts: Sequence[_Part], source: Source) -> list[_Part]:
    """The parts without sounds: words in brackets, and words in capitals unless speech is in capitals as well.

    Lyrics are kept, but not as words of the last speaker.
    """
    num_upper = sum(part.text.isupper() for part in parts)  # only with letters
    in_capitals = not num_upper or num_upper <= 0.3 * sum(any(map(str.isalpha, part.text)) for part in parts)
    kept = []
    for part in parts:
        text = part.text
        song = _HASH_SONG.fullmatch(text) if "#" in text else None
        if song is not None:
            text = f"♪ {song[1]} ♪"
        starred = _STARRED.fullmatch(text) if "*" in text else None
        if starred is not None and len(starred[1].split()) <= MAX_CUE_WORDS:
            text = f"[{starred[1]}]"
        if in_capitals and text.isupper() and part.speaker in (None, "") and is_sound(text) and text[-1] not in ".?!":
            source.leave_out(part.cue.place, text, "sounds in capitals")
            continue
        bracketed = None if text[:1].isalnum() else _WHOLLY_IN_BRACKETS.fullmatch(text)
        if bracketed is not None and not part.speaker:
            words = bracketed[1] or bracketed[2] or ""
            if len(words.split()) > MAX_CUE_WORDS and words[-1] not in ".?!":
                source.leave_out(part.cue.place, text, "sounds in brackets")
                continue
        is_song = text.lstrip()[:1] in ("♪", "♫")
        part = part if text is part.text else part._replace(text=text)
        if part.speaker is None and (is_song or bracketed is not None):
            part = part._replace(speaker="", mark="♪")
        kept.append(part)
    return kept


def _names_only_changes(parts: Sequence[_Part]) -> bool:
    """Whether names appear only where the speaker changes, so that cues without a name continue the last speaker."""
    speech = [part for part in parts if part.mark != "♪"]
    named = [part.speaker for part in speech if part.speaker]
    unnamed = [i for i, part in enumerate(speech) if part.speaker is None]
    if not named or not unnamed or all(_DIARIZED.fullmatch(name) for name in named):
        return False
    num_chevrons = sum(part.mark == ">>" for part in speech)
    if num_chevrons >= max(2, len(named) / 2):  # each change is marked, with or without a name
        return True
    if len(named) == 1:  # a name that occurs once may not be one, and says little about the rest
        return False
    num_dashes = sum(part.mark == "-" and not part.speaker for part in speech)
    num_leading = next(i for i, part in enumerate(speech) if part.speaker)
    # If names begin paragraphs, the same name may occur again after cues without one, but not in the next cue.
    few_named = len(unnamed) >= _PARAGRAPH_SHARE * len(speech)
    pairs = pairwise(part.speaker for part in speech) if few_named else pairwise(named)
    repeated = sum(before == after and bool(after) for before, after in pairs)
    # Subtitles for the deaf, with names in capitals and sounds in brackets, name only speakers who are not seen.
    has_sounds = len(speech) < len(parts) or any(part.cues or part.text[:1] in ("[", "(") for part in speech)
    if has_sounds and all(name.isupper() for name in named) and len(named) < len(speech) / 2:
        return False
    if num_leading > _MAX_LEADING or num_dashes > 0.02 * len(speech):
        return False
    if repeated > _MAX_REPEATED_NAMES * (len(named) - 1):
        return False
    if len(speech) < _FEW_PARTS or len(unnamed) > 0.1 * len(speech):
        return True
    continuing = sum(i > 0 and not _SENTENCE_END.search(speech[i - 1].text) for i in unnamed)
    return continuing > len(unnamed) / 2


def _with_speakers(parts: Sequence[_Part], source: Source, noun: str, carried: bool) -> Iterator[RawUtterance]:
    """Yield the parts with their speakers; a name without words belongs to the next part."""
    current = ""
    waiting: _Part | None = None
    num_carried = num_marks = 0
    for part in parts:
        speaker = part.speaker
        if speaker is None and waiting is not None:
            speaker = waiting.speaker
        elif speaker is None and carried and current:
            speaker = current
            num_carried += 1
        if part.mark != "♪":
            if waiting is not None and part.speaker is not None:
                source.leave_out(waiting.cue.place, waiting.speaker or "", "names without words")
            current = current if part.speaker is None else part.speaker
            num_marks += part.speaker == "" and bool(part.mark)
            is_bare_name = bool(part.speaker) and not part.text.strip() and not part.by_voice
            waiting = part if is_bare_name else None
            if is_bare_name:
                continue
        place, start, end, _ = part.cue
        start = None if start is None else round(start, 3)
        end = None if end is None else round(end, 3)
        yield RawUtterance(place, part.text, speaker or None, start, end, None, part.cues)
    if waiting is not None:
        source.leave_out(waiting.cue.place, waiting.speaker or "", "names without words")
    if num_carried:
        source.notes.append(
            f"names appear only where the speaker changes: {count(num_carried, noun)} without a name assigned to "
            "the last named speaker"
        )
    if num_marks:
        source.notes.append(f"changes of speaker that are marked without a name: {num_marks:,}")
