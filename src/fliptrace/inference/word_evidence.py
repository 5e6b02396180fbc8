"""Words that carry an emotion: how likely an utterance's label is if one of its words is left out.

The utterance is labelled again without the word, after the same utterances as before. Like inference/evidence.py it
measures the model. Words between blanks count, without the punctuation around them, which stays; so in scripts without
blanks a whole clause is one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.inference.evidence import NO_CHANGE, bare_end
from fliptrace.inference.flips import DIGITS

if TYPE_CHECKING:
    from fliptrace.inference.seams import EmotionLabeler

NUM_NAMED = 3  # words of an utterance, those whose loss lowers the probability most
_MOST_WORDS = 100  # of an utterance that are left out in turn
_BETWEEN_BLANKS = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class WordEvidence:
    """The probability of an utterance's emotion, with all words and without the one at `start` to `end` of its text."""

    utterance_index: int
    start: int
    end: int
    with_it: float
    without_it: float

    def __post_init__(self) -> None:
        if not (0 <= self.without_it <= self.with_it <= 1 and 0 <= self.start < self.end):
            raise ValueError(f"{self}: expected a word, and a probability that is no higher without it")


class Span(NamedTuple):
    """A word of a text: its characters from `start` up to `end`."""

    start: int
    end: int


def measure_words(
    labeler: EmotionLabeler, dialogue: Dialogue, indices: Sequence[int], reach: int
) -> list[WordEvidence]:
    """The words that carry the emotions of these utterances, at most NUM_NAMED of each, in their order.

    The labeler gives distributions. `reach` is as in measure_evidence. An utterance of a single word has none.
    """
    spans = {index: spoken_words(dialogue.utterances[index].text)[:_MOST_WORDS] for index in indices}
    asked = [(index, span) for index in indices if len(spans[index]) > 1 for span in spans[index]]
    whole = {index: bare_end(dialogue, index, reach) for index, _ in asked}
    partial = [_without(whole[index], span) for index, span in asked]
    distinct = {cut.utterances: cut for cut in (*whole.values(), *partial)}
    rows = {}
    for said, labels in zip(distinct, labeler.label(list(distinct.values())), strict=True):
        assert labels.scores is not None
        rows[said] = labels.scores[-1]
    measured: dict[int, list[WordEvidence]] = {}
    for (index, span), cut in zip(asked, partial, strict=True):
        column = dialogue.emotion_set.labels.index(dialogue.utterances[index].emotion or "")
        with_it, without_it = (round(min(rows[each.utterances][column], 1.0), DIGITS) for each in (whole[index], cut))
        if with_it - without_it >= NO_CHANGE:
            measured.setdefault(index, []).append(WordEvidence(index, *span, with_it, without_it))
    return [each for index in sorted(measured) for each in _strongest(measured[index])]


def spoken_words(text: str) -> list[Span]:
    """The words of a text.

    >>> [text[start:end] for text in ["“You” did WHAT?! 😡"] for start, end in spoken_words(text)]
    ['You', 'did', 'WHAT', '😡']
    """
    return list(_spans(text))


def _spans(text: str) -> Iterator[Span]:
    for found in _BETWEEN_BLANKS.finditer(text):
        inside = [i for i in range(*found.span()) if not unicodedata.category(text[i]).startswith("P")]
        if inside:
            yield Span(inside[0], inside[-1] + 1)


def _without(dialogue: Dialogue, span: Span) -> Dialogue:
    """The dialogue without a word of its last utterance."""
    *before, last = dialogue.utterances
    left, right = last.text[: span.start], last.text[span.end :]
    text = (left + (right if left and not left[-1].isspace() else right.lstrip())).strip()
    name = f"{dialogue.id}/without {span.start} to {span.end}"
    return replace(dialogue, id=name, utterances=(*before, replace(last, text=text)))


def _strongest(words: Sequence[WordEvidence]) -> list[WordEvidence]:
    kept = sorted(words, key=lambda each: (each.without_it, each.start))[:NUM_NAMED]
    return sorted(kept, key=lambda each: each.start)
