"""The dialogue of all files, and what their writers share."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from fliptrace.corpora.sample import load_sample_dialogues

PEOPLE = ("Asha", "Ben", "Chitra", "Dev")
OPENING = datetime(2025, 1, 4, 8, 0)  # 20,000 utterances end before midnight
_SECONDS_PER_WORD, _PAUSE = 0.2, 0.2


@dataclass(frozen=True)
class Word:
    """A word with its punctuation (`text`), without it (`stem`), and the punctuation alone (`mark`); seconds."""

    number: int
    text: str
    start: float
    end: float

    @property
    def stem(self) -> str:
        return self.text.rstrip(".,!?") or self.text

    @property
    def mark(self) -> str:
        return self.text[len(self.stem) :]


@dataclass(frozen=True)
class Spoken:
    """An utterance: its position, the position of its speaker in PEOPLE, its words, and its times in seconds."""

    index: int
    number: int
    words: tuple[Word, ...]

    @cached_property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def speaker(self) -> str:
        return PEOPLE[self.number]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end

    @property
    def when(self) -> datetime:
        return OPENING + timedelta(seconds=self.start)


Dialogue = Sequence[Spoken]
Writer = Callable[[Dialogue], "str | bytes"]
WRITERS: dict[str, Writer] = {}
_LIBRARIES = {"xlsx": "openpyxl", "parquet": "pyarrow"}  # formats whose files need a library to write


def make_dialogue(num_utterances: int, seed: int) -> list[Spoken]:
    """Sentences of the sample corpus, drawn by seed. Nobody speaks twice in a row, as readers may join such turns."""
    rng = random.Random(seed)
    sentences = [utterance.text for dialogue in load_sample_dialogues("train") for utterance in dialogue.utterances]
    said, number, time = [], 0, 0.5
    for index in range(num_utterances):
        number = (number + rng.randrange(1, len(PEOPLE))) % len(PEOPLE)
        words = []
        for text in rng.choice(sentences).split():
            words.append(Word(number, text, round(time, 2), round(time + _SECONDS_PER_WORD, 2)))
            time += _SECONDS_PER_WORD
        time += _PAUSE
        said.append(Spoken(index, number, tuple(words)))
    return said


def can_write(format: str) -> bool:
    """Whether the format has a writer, and the library that it needs is installed."""
    return format in WRITERS and (format not in _LIBRARIES or find_spec(_LIBRARIES[format]) is not None)


def writes(format: str) -> Callable[[Writer], Writer]:
    def register(writer: Writer) -> Writer:
        WRITERS[format] = writer
        return writer

    return register


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def objects(parts: Iterable[Any], **columns: str | Callable[[Any], object]) -> list[dict[str, object]]:
    """One object per utterance or word; a column is the name of an attribute or a function."""
    return [
        {key: getattr(part, value) if isinstance(value, str) else value(part) for key, value in columns.items()}
        for part in parts
    ]


def words_of(said: Dialogue) -> list[Word]:
    return [word for each in said for word in each.words]


def people(**columns: Callable[[int, str], object]) -> list[dict[str, object]]:
    return [{key: value(*person) for key, value in columns.items()} for person in enumerate(PEOPLE)]


def whole_text(said: Dialogue) -> str:
    return " ".join(each.text for each in said)


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def start_ms(part: Spoken | Word) -> int:
    return milliseconds(part.start)


def end_ms(part: Spoken | Word) -> int:
    return milliseconds(part.end)


def label(part: Spoken | Word) -> str:
    return f"SPEAKER_{part.number:02}"


def iso(part: Spoken) -> str:
    return part.when.isoformat(timespec="milliseconds") + "Z"


def epoch_ms(part: Spoken) -> int:
    return 1_736_000_000_000 + start_ms(part)


def clock(seconds: float, mark: str = ".", digits: int = 3) -> str:
    """The time as hours, minutes, seconds and a fraction of `digits` digits after `mark`; none if `mark` is ""."""
    minutes, rest = divmod(milliseconds(seconds), 60_000)
    fraction = f"{mark}{rest % 1000:03}"[: len(mark) + digits] if mark else ""
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{fraction}"


def named(said: Dialogue) -> str:
    return "".join(f"{each.speaker}: {each.text}\n" for each in said)


def paragraphs(said: Dialogue, opening: str, closing: str) -> str:
    return "".join(f"{opening}{each.speaker}: {each.text}{closing}" for each in said)


def table_of(said: Dialogue) -> list[list[object]]:
    return [["speaker", "text", "start", "end"], *([each.speaker, each.text, each.start, each.end] for each in said)]


def records(said: Dialogue) -> list[dict[str, object]]:
    return objects(said, speaker="speaker", text="text", start="start", end="end")
