"""How much English is in Hindi-English dialogue, which MaSaC writes in Latin letters throughout.

A word is English if English dialogue has it. Words that are both, as *to*, *me* and *the*, and sounds that are neither
are left out of the count. They are listed by hand: how often a word occurs does not tell them from nouns that Hindi
borrows (*phone*), which it says more often than English dialogue does.

Not a language tagger: borrowed words count as English, names and misspelt English do not. Of 120 words of MaSaC-FR val
that it called English, looked at by hand, 2 at most were not; of 300 others 15 were. So it finds four words of five,
and slices are right in order, their shares a little low.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase

MIN_COUNT = 3  # in English dialogue: below it stand slips, names and foreign words
# Shares of English from which a case is in a slice: about a quarter, half and a quarter of MaSaC-FR's val cases.
SHARES = (("0-12%", 0.0), ("12-20%", 0.12), ("20%+", 0.2))

# Romanised Hindi as it is spelt in MaSaC train that is an English word as well.
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
    """The words of English dialogue, `MIN_COUNT` times or more, that are words of no other kind.

    A text that stands in several dialogues, as in files of flip cases, counts once. Comments from the internet will not
    do for dialogue: GoEmotions has *na*, *ne* and *kabhi* often enough.
    """
    texts = {utterance.text for dialogue in dialogues for utterance in dialogue.utterances}
    counts = Counter(word for text in texts for word in _counted_words(text))
    return frozenset(word for word, num in counts.items() if num >= MIN_COUNT)


def english_share(dialogue_texts: Iterable[str], vocabulary: frozenset[str]) -> float:
    """The share, 0 to 1, of English words among those that are of one language; 0 where there are none.

    >>> english_share(["Party to kal hai", "Oh really?"], frozenset({"party", "really", "tonight"}))
    0.5
    """
    words = [word for text in dialogue_texts for word in _counted_words(text)]
    return sum(word in vocabulary for word in words) / max(len(words), 1)


def slice_by_english(cases: Sequence[FlipCase], vocabulary: frozenset[str]) -> dict[str, str]:
    """For every case id the name of its slice (`SHARES`), from all that is said up to the target."""
    return {case.id: _slice(english_share(_texts(case), vocabulary)) for case in cases}


def _counted_words(text: str) -> Iterator[str]:
    words = (found[0].casefold().replace("’", "'") for found in _WORD.finditer(text))
    return (word for word in words if (len(word) > 1 or word == "i") and word not in _NEITHER)


def _texts(case: FlipCase) -> list[str]:
    return [utterance.text for utterance in case.dialogue.utterances[: case.flip.target + 1]]


def _slice(share: float) -> str:
    return next(name for name, low in reversed(SHARES) if share >= low)
