"""Group the words of a recogniser into utterances: a change of speaker or a long pause begins a new one.

Used by all formats whose files contain words rather than utterances. Punctuation is joined to the word before it. No
blanks are added in languages that write none between words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

from fliptrace.transcripts.recognisers.shapes import in_order_of_time, number_of
from fliptrace.transcripts.source import RawUtterance, Source

# Within a sentence people pause for less than a second, except to think. These numbers are our choice.
PAUSE_SECONDS = 2.0  # begins a new utterance
PAUSE_AFTER_SENTENCE_SECONDS = 1.0
PAUSE_FOR_ANOTHER_SECONDS = 0.3  # if another channel starts to speak during it
LONG_CHARACTERS = 400  # about half a minute of speech: the next sentence begins a new utterance
MAX_CHANNELS = 32  # whose pauses are compared

_SENTENCE_END = re.compile(r"[.!?…。！？।؟։][\"'”’»)\]]{0,3}$")
_PUNCTUATION = re.compile(r"[.,!?;:…%。、，！？；：।؟،؛»”’)\]}]+")
# Scripts that write no blanks between words: Thai, Lao, Burmese, Khmer, Chinese and Japanese with their punctuation.
_NO_BLANKS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff65"
)
_ENDS_WITHOUT_BLANK = re.compile(rf"[{_NO_BLANKS}]$")
_WITHOUT_BLANK = re.compile(rf"[{_NO_BLANKS}]")


class Word(NamedTuple):
    """A word, a part of one, or punctuation, as found in a file. Times are in seconds.

    `joins` names the neighbours that no blank separates it from: "previous", "next" or "both". If a file contains the
    blanks themselves, all its words are "both".
    """

    place: str
    text: str
    speaker: str | None = None
    start: object = None
    end: object = None
    joins: str = ""
    cue: bool = False


def make_words(
    places: Iterable[str],
    texts: Iterable[str],
    speakers: Iterable[str | None],
    starts: Iterable[object],
    ends: Iterable[object],
    joins: Iterable[str] = repeat(""),
    cues: Iterable[bool] = repeat(False),
) -> list[Word]:
    """Words from the list of each of their fields; `repeat(value)` is a field that all words share.

    >>> make_words(["word 1", "word 2"], ["Late", "again"], repeat("Ana"), [0.1, 0.5], [0.4, 0.9])[1].place
    'word 2'
    """
    return list(map(Word._make, zip(places, texts, speakers, starts, ends, joins, cues, strict=False)))


def group_words(words: Sequence[Word], source: Source, others: Sequence[float] = ()) -> Iterator[RawUtterance]:
    """Yield the utterances that words in the order of speech form.

    `others` are the sorted times at which words in other channels start. If one of them lies in a pause, even a short
    pause begins a new utterance.
    """
    words = _with_speakers(words, source)
    shortest_pause = 0.0 if others else PAUSE_AFTER_SENTENCE_SECONDS
    begin, num_characters = 0, 0
    last_end: float | None = None
    group_speaker = words[0].speaker if words else None
    for index, (_, text, speaker, raw_start, raw_end, _, _) in enumerate(words):
        start, end = number_of(raw_start), number_of(raw_end)
        may_be_new = num_characters > LONG_CHARACTERS or (  # hardly any word
            start is not None and last_end is not None and start - last_end >= shortest_pause
        )
        if speaker != group_speaker or (
            may_be_new and _is_new(words[begin:index], words[index], start, last_end, num_characters, others)
        ):
            yield _utterance(words[begin:index])
            begin, num_characters, group_speaker = index, 0, speaker
        num_characters += len(text) + 1
        last_end = end if end is not None else start if start is not None else last_end
    if words:
        yield _utterance(words[begin:])


def group_channels(channels: Mapping[str, Sequence[Word]], source: Source) -> list[RawUtterance]:
    """The utterances of several channels in the order of time. A word without a speaker is spoken by its channel.

    A label that occurs in several channels means a different person in each.
    """
    if len(channels) == 1:
        return list(group_words(next(iter(channels.values())), source))
    return in_one_order(_group_each(channels, source), len(channels), source)


def _group_each(channels: Mapping[str, Sequence[Word]], source: Source) -> Iterator[RawUtterance]:
    labels = Counter(label for words in channels.values() for label in {word.speaker for word in words} - {None})
    shared = {label for label, number in labels.items() if number > 1}
    starts = {name: sorted(filter(None, (number_of(word.start) for word in words))) for name, words in channels.items()}
    for name, words in channels.items():
        others: list[float] = []
        if len(channels) <= MAX_CHANNELS:  # beyond, this would take quadratic time
            others = sorted(start for other, found in starts.items() if other != name for start in found)
        people = {label: f"{name}, {label}" for label in shared} | {None: name}
        named = [word if word.speaker not in people else word._replace(speaker=people[word.speaker]) for word in words]
        yield from group_words(named, source, others)


def in_one_order(utterances: Iterable[RawUtterance], num_channels: int, source: Source) -> list[RawUtterance]:
    """The utterances of several channels in the order of time, with a note; those of one channel as they are."""
    if num_channels < 2:
        return list(utterances)
    source.notes.append(
        f"{num_channels} channels merged in the order of time; where speech overlaps, utterances follow one another"
    )
    return in_order_of_time(utterances)


def join_words(words: Iterable[Word]) -> str:
    """Join words to a text with blanks where the language writes them.

    >>> join_words([Word("", "Well"), Word("", ",", joins="previous"), Word("", "你"), Word("", "好")])
    'Well, 你好'
    """
    words = list(words)
    return _join([word.text for word in words], [word.joins for word in words])


def _join(texts: Sequence[str], joins: Sequence[str]) -> str:
    together = "".join(texts)
    kinds = set(joins)
    if kinds == {"both"}:
        return together
    has_blanks = together.isascii() or _WITHOUT_BLANK.search(together) is None
    if has_blanks and kinds <= {"", "previous"}:  # nearly all texts
        parts = [text if mark else f" {text}" for text, mark in zip(texts, joins, strict=True)]
        return "".join(parts).removeprefix(" ")
    parts = []
    before, mark_before = "", "next"
    for text, mark in zip(texts, joins, strict=True):
        is_joined = mark_before in ("next", "both") or mark in ("previous", "both")
        parts.append(text if is_joined or _are_without_blank(before, text) else f" {text}")
        if text:
            before, mark_before = text, mark
    return "".join(parts)


def is_punctuation(text: str) -> bool:
    """Whether a text consists only of marks that follow a word without a blank."""
    return _PUNCTUATION.fullmatch(text.strip()) is not None


def _are_without_blank(before: str, text: str) -> bool:
    """Whether a language writes no blank between two words, or between a word and a mark."""
    if _ENDS_WITHOUT_BLANK.search(before) is None:
        return False
    return _WITHOUT_BLANK.match(text) is not None or is_punctuation(text)


def _is_new(
    group: Sequence[Word],
    word: Word,
    start: float | None,
    last_end: float | None,
    num_characters: int,
    others: Sequence[float],
) -> bool:
    """Whether a word of the same speaker begins a new utterance, as it comes after a pause or in a long one."""
    if word.joins == "previous" or not word.text.strip() or is_punctuation(word.text):
        return False
    said = next((each.text.rstrip() for each in reversed(group[-3:]) if each.text.strip()), "")
    is_end = _SENTENCE_END.search(said[-5:]) is not None
    if is_end and num_characters > LONG_CHARACTERS:
        return True
    if start is None or last_end is None:
        return False
    pause = start - last_end
    if pause >= PAUSE_FOR_ANOTHER_SECONDS or (is_end and pause >= 0):
        following = bisect_left(others, last_end)
        if following < len(others) and others[following] < start:
            return True
    return pause >= (PAUSE_AFTER_SENTENCE_SECONDS if is_end else PAUSE_SECONDS)


def _utterance(group: Sequence[Word]) -> RawUtterance:
    _, texts, _, starts, ends, joins, is_cue = zip(*group, strict=True)
    start = next((time for time in starts if time not in (None, "")), None)
    end = next((time for time in reversed(ends) if time not in (None, "")), None)
    if not any(is_cue):
        return RawUtterance(group[0].place, _join(texts, joins), group[0].speaker, start, end)
    cues = tuple([word.text.strip(" ()[]<>") for word in group if word.cue])
    text = join_words(word for word in group if not word.cue)
    if not text.strip():  # an utterance that is only a cue is left out by `assemble`, which counts it
        text = ""
    return RawUtterance(group[0].place, text, group[0].speaker, start, end, cues=cues)


def _with_speakers(words: Sequence[Word], source: Source) -> Sequence[Word]:
    """Give words without a speaker, in a file that names speakers, the speaker of the nearest word in the file.

    Words with long pauses on both sides stay without one.
    """
    speakers = [word.speaker for word in words]
    num_missing = speakers.count(None)
    if num_missing in (0, len(speakers)):
        return words
    completed = list(words)
    num_given = 0
    for run in _runs_without_speaker(words):
        before = words[run.start - 1] if run.start else None
        after = words[run.stop] if run.stop < len(words) else None
        chosen = next((word for word in (before, after) if word is not None and _is_near(word, words, run)), None)
        if chosen is None:
            continue
        for index in run:
            completed[index] = words[index]._replace(speaker=chosen.speaker)
            num_given += bool(words[index].text.strip()) and not is_punctuation(words[index].text)
    if num_given:
        source.notes.append(f"words without a speaker, assigned to the speaker of the words beside them: {num_given:,}")
    return completed


def _runs_without_speaker(words: Sequence[Word]) -> Iterator[range]:
    start = None
    for index, word in enumerate(words):
        if word.speaker is None and start is None:
            start = index
        elif word.speaker is not None and start is not None:
            yield range(start, index)
            start = None
    if start is not None:
        yield range(start, len(words))


def _is_near(word: Word, words: Sequence[Word], run: range) -> bool:
    """Whether no long pause is known between a word and the run of words before or after it."""
    times = [time for i in run for time in (number_of(words[i].start), number_of(words[i].end)) if time is not None]
    start, end = number_of(word.start), number_of(word.end)
    end = end if end is not None else start
    if not times or start is None or end is None:
        return True
    return max(times[0] - end, start - times[-1]) < PAUSE_SECONDS
