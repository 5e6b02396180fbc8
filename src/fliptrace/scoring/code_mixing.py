"""The share of English in Hindi-English dialogue, which MaSaC writes in Latin letters throughout.

A word is English if it occurs in English dialogue. Words of both languages (*to*, *me*, *the*) and sounds of neither
are not counted. They are listed by hand, because frequency does not separate them from nouns that Hindi borrows
(*phone*), which are more frequent in Hindi than in English dialogue.

This is not a language tagger: borrowed words count as English, names and misspelt English words do not. A manual check
on MaSaC-FR val found that at most 2 of 120 words counted as English were not, and 15 of 300 other words were. So about
four of five English words are found; the order of the slices is right, and the shares are a little low.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase

MIN_COUNT = 3  # in English dialogue; rarer words are typos, names and foreign words
# Slices with their lowest share of English. They hold about a quarter, a half and a quarter of the MaSaC-FR val cases.
SHARES = (("0-12%", 0.0), ("12-20%", 0.12), ("20%+", 0.2))

# Romanised Hindi words, as spelt in MaSaC train, that are also English words.
_BOTH = """
    are bad band bane bar bare bas bus chi de din do du gala gali had he hi ho hum is jab lo log main man mar mat me
    mere mon pal par pass pair pen per pet pure re sale se so sun tab teen the to us use wo ye or
"""
_SOUNDS = """
    aa ah ahh ahhh aww ba cha eh ha haa hah haha hahaha hey hm hmm hmmm huh la ma mm mmm oh ohh ohhh oo ooh ooo shh
    shhh soo uh uhh um umm wa woo ya yay
"""
_NEITHER = frozenset(_BOTH.split() + _SOUNDS.split())
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def learn_vocabulary(dialogues: Iterable[Dialogue]) -> frozenset[str]:
    """The words that occur `MIN_COUNT` times or more in English dialogue, without words of both languages and sounds.

    A text that occurs in several dialogues, as in files of flip cases, counts once. Internet comments are not a
    substitute for dialogue: in GoEmotions *na*, *ne* and *kabhi* reach `MIN_COUNT`.
    """
    texts = {utterance.text for dialogue in dialogues for utterance in dialogue.utterances}
    counts = Counter(word for text in texts for word in _counted_words(text))
    return frozenset(word for word, num in counts.items() if num >= MIN_COUNT)


def english_share(dialogue_texts: Iterable[str], vocabulary: frozenset[str]) -> float:
    """The share of English words, from 0 to 1, among the words of only one language; 0 if there are none.

    >>> english_share(["Party to kal hai", "Oh really?"], frozenset({"party", "really", "tonight"}))
    0.5
    """
    words = [word for text in dialogue_texts for word in _counted_words(text)]
    return sum(word in vocabulary for word in words) / max(len(words), 1)


def slice_by_english(cases: Sequence[FlipCase], vocabulary: frozenset[str]) -> dict[str, str]:
    """The name of the slice (`SHARES`) of each case, by case id. It depends on the utterances up to the target."""
    return {case.id: _slice(english_share(_texts(case), vocabulary)) for case in cases}


def _counted_words(text: str) -> Iterator[str]:
    words = (found[0].casefold().replace("’", "'") for found in _WORD.finditer(text))
    return (word for word in words if (len(word) > 1 or word == "i") and word not in _NEITHER)


def _texts(case: FlipCase) -> list[str]:
    return [utterance.text for utterance in case.dialogue.utterances[: case.flip.target + 1]]


def _slice(share: float) -> str:
    return next(name for name, low in reversed(SHARES) if share >= low)
