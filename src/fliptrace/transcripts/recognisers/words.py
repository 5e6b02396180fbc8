"""Group the words of a recogniser into utterances: a change of speaker or a long pause begins a new one.

Used by all formats whose files contain words rather than utterances. Punctuation is joined to the word before it. No
blanks are added in languages that write none between words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
_BEGINS_WITHOUT_BLANK = re.compile(rf"[{_NO_BLANKS}]")


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


def group_words(words: Sequence[Word], source: Source, others: Sequence[float] = ()) -> Iterator[RawUtterance]:
    """Yield the utterances that words in the order of speech form.

    `others` are the sorted times at which words in other channels start. If one of them lies in a pause, even a short
    pause begins a new utterance.
    """
    group: list[Word] = []
    num_characters = 0
    last_end: float | None = None
    for word in _with_speakers(words, source):
        start = number_of(word.start)
        if group and _is_new(group, word, start, last_end, num_characters, others):
            yield _utterance(group)
            group, num_characters = [], 0
        group.append(word)
        num_characters += len(word.text) + 1
        end = number_of(word.end)
        last_end = end if end is not None else start if start is not None else last_end
    if group:
        yield _utterance(group)


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
        named = (word._replace(speaker=f"{name}, {word.speaker}") if word.speaker in shared else word for word in words)
        yield from group_words([word._replace(speaker=word.speaker or name) for word in named], source, others)


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
    if "".join([word.text for word in words]).isascii():  # the blanks depend only on `joins`
        return _join_by_marks(words)
    parts: list[str] = []
    before: Word | None = None
    for word in words:
        if before is not None and _has_blank(before, word):
            parts.append(" ")
        parts.append(word.text)
        before = word if word.text else before
    return "".join(parts)


def _join_by_marks(words: Sequence[Word]) -> str:
    parts: list[str] = []
    is_open = True  # whether the next word is written without a blank
    for _, text, _, _, _, joins, _ in words:
        if not (is_open or joins in ("previous", "both")):
            parts.append(" ")
        parts.append(text)
        if text:
            is_open = joins in ("next", "both")
    return "".join(parts)


def is_punctuation(text: str) -> bool:
    """Whether a text consists only of marks that follow a word without a blank."""
    return _PUNCTUATION.fullmatch(text.strip()) is not None


def _has_blank(before: Word, word: Word) -> bool:
    if before.joins in ("next", "both") or word.joins in ("previous", "both"):
        return False
    ends, begins = _ENDS_WITHOUT_BLANK.search(before.text), _BEGINS_WITHOUT_BLANK.match(word.text)
    return not (ends and begins) and not (ends and is_punctuation(word.text))


def _is_new(
    group: Sequence[Word],
    word: Word,
    start: float | None,
    last_end: float | None,
    num_characters: int,
    others: Sequence[float],
) -> bool:
    """Whether a word begins a new utterance."""
    if word.speaker != group[0].speaker:
        return True
    pause = None if start is None or last_end is None else start - last_end
    is_short = pause is None or (pause < PAUSE_AFTER_SENTENCE_SECONDS and not others)
    if is_short and num_characters <= LONG_CHARACTERS:  # nearly all words
        return False
    if word.joins == "previous" or not word.text.strip() or is_punctuation(word.text):
        return False
    said = next((each.text.rstrip() for each in reversed(group[-3:]) if each.text.strip()), "")
    is_end = _SENTENCE_END.search(said[-5:]) is not None
    if is_end and num_characters > LONG_CHARACTERS:
        return True
    if start is None or last_end is None or pause is None:
        return False
    if pause >= PAUSE_FOR_ANOTHER_SECONDS or (is_end and pause >= 0):
        following = bisect_left(others, last_end)
        if following < len(others) and others[following] < start:
            return True
    return pause >= (PAUSE_AFTER_SENTENCE_SECONDS if is_end else PAUSE_SECONDS)


def _utterance(group: Sequence[Word]) -> RawUtterance:
    start = next((word.start for word in group if word.start not in (None, "")), None)
    end = next((word.end for word in reversed(group) if word.end not in (None, "")), None)
    cues = tuple([word.text.strip(" ()[]<>") for word in group if word.cue])
    text = join_words([word for word in group if not word.cue] if cues else group)
    if cues and not text.strip():  # an utterance that is only a cue is left out by `assemble`, which counts it
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
