"""The words that a model was trained on, as a set of hashes, and which speakers mostly say others.

It tells that a text is in a language, or in a script, that the model has not been trained on. It does not tell that the
model cannot read it: the pretrained base may know the words. The words are not kept, but any word can be tried.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.files import open_atomic, read_bytes

FILE = "words.bin"  # beside a model's graphs
NUM_BITS = 2**18  # the 10,900 words of all emotion corpora set 4% of them: so many new words count as known
MIN_TEXTS = 2  # a word of one text only may be a slip, a name or a quotation
# The share of letters above which new words are most of what a speaker says: half, as the word says. In MELD and MaSaC
# val it is at most 0.38; in sentences of nine other languages at least 0.72 (test_learned_words.py).
MOST = 0.5
MIN_LETTERS = 60  # about 15 words; in less text a name or two may be most of it


class Letters(NamedTuple):
    """The number of letters in all words, and in those that are new to a model."""

    total: int
    new: int

    @property
    def are_enough(self) -> bool:
        return self.total >= MIN_LETTERS

    @property
    def are_mostly_new(self) -> bool:
        return self.new > MOST * self.total


@dataclass(frozen=True, slots=True)
class KnownWords:
    """A set of words. `bits` has NUM_BITS bits, one for each remainder of a word's hash."""

    bits: bytes

    def __post_init__(self) -> None:
        if len(self.bits) * 8 != NUM_BITS:
            raise ValueError(f"{len(self.bits):,} bytes; expected {NUM_BITS // 8:,}, a bit for each hash of a word")

    @classmethod
    def learn(cls, texts: Iterable[str]) -> KnownWords:
        """The words of at least MIN_TEXTS different texts.

        >>> known = KnownWords.learn(["Stop it!", "stop, please", "Please."])
        >>> "stop" in known, "it" in known
        (True, False)
        """
        counts = Counter(word for text in set(texts) for word in set(words_of(text)))
        hashes = [_hash(word) for word, num in counts.items() if num >= MIN_TEXTS]
        is_set = np.zeros(NUM_BITS, dtype=bool)
        is_set[hashes] = True
        return cls(np.packbits(is_set, bitorder="little").tobytes())

    def __contains__(self, word: str) -> bool:
        byte, bit = divmod(_hash(word), 8)
        return bool(self.bits[byte] >> bit & 1)

    def count_letters(self, texts: Iterable[str]) -> Letters:
        words = [word for text in texts for word in words_of(text)]
        return Letters(sum(map(len, words)), sum(len(word) for word in words if word not in self))

    def unfamiliar_speakers(self, dialogue: Dialogue) -> tuple[str, ...]:
        """The speakers who mostly say new words, in the order in which they first speak.

        One who says too little to be judged alone is judged by what all say together.
        """
        texts: dict[str, list[str]] = {}
        for utterance in dialogue.utterances:
            texts.setdefault(utterance.speaker, []).append(utterance.text)
        letters = {speaker: self.count_letters(said) for speaker, said in texts.items()}
        everything = Letters(*map(sum, zip(*letters.values(), strict=True)))
        is_new = everything.are_enough and everything.are_mostly_new
        return tuple(speaker for speaker, own in letters.items() if own.are_mostly_new and (own.are_enough or is_new))

    def write(self, folder: Path) -> None:
        with open_atomic(folder / FILE) as file:
            file.write(self.bits)

    @classmethod
    def read(cls, folder: Path) -> KnownWords | None:
        """Read the set in a model's folder; None if it has none. InputError if the file is damaged."""
        path = folder / FILE
        if not path.exists():
            return None
        bits = read_bytes(path)
        try:
            return cls(bits)
        except ValueError as error:
            raise InputError(path, str(error)) from error


def words_of(text: str) -> list[str]:
    """The runs of letters and the marks on them, in lower case.

    >>> words_of("Don't call 2 times, Élodie"), words_of("क्या हुआ?")
    (['don', 't', 'call', 'times', 'élodie'], ['क्या', 'हुआ'])
    """
    signs = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign if unicodedata.category(sign)[0] in "LM" else " " for sign in signs).split()


def _hash(word: str) -> int:
    return zlib.crc32(word.encode()) % NUM_BITS
