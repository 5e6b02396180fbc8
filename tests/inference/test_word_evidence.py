"""Words that carry an emotion: which are left out, and which of them are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.inference.emotions import EmotionLabels
from fliptrace.inference.word_evidence import WordEvidence, measure_words, spoken_words

FEELINGS = EmotionSet("two", ("neutral", "anger"))
WEIGHTS = {"liar": 0.5, "never": 0.125, "out": 0.0625, "again": 0.25}


class Counting:
    """Finds anger by the words of the last two utterances: 0.03125, and the weight of each."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        for dialogue in dialogues:
            assert set(dialogue.emotions) == {None}
            texts = [utterance.text for utterance in dialogue.utterances]
            self.asked.append(tuple(texts))
            rows = [self._row(" ".join(texts[max(0, i - 1) : i + 1])) for i in range(len(texts))]
            yield EmotionLabels(("anger",) * len(texts), tuple(rows))

    def _row(self, text: str) -> tuple[float, float]:
        anger = 0.03125 + sum(WEIGHTS.get(word.strip("!,.").lower(), 0.0) for word in text.split())
        return 1 - anger, anger


def call(*texts: str) -> Dialogue:
    return Dialogue(
        "call", "call", tuple(Utterance("ab"[i % 2], text, "anger") for i, text in enumerate(texts)), FEELINGS
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Get it  back, now!", ["Get", "it", "back", "now"]),
        ("don't  “you”\nDARE?!", ["don't", "you", "DARE"]),
        ("— … 😡 100%", ["😡", "100"]),
        ("यह क्या है?", ["यह", "क्या", "है"]),
        ("你在这里干什么，", ["你在这里干什么"]),
        ("", []),
    ],
)
def test_words_stand_between_blanks_without_their_punctuation(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in spoken_words(text)] == words


def test_the_word_without_which_the_emotion_is_less_probable_is_found() -> None:
    labeler = Counting()
    [word] = measure_words(labeler, call("Well.", "Hello there.", "You liar, you!"), [2], reach=1)
    assert word == WordEvidence(2, 4, 8, 0.53125, 0.03125)
    assert labeler.asked == [
        ("Well.", "Hello there.", "You liar, you!"),  # one more than are in reach, as in inference/evidence.py
        ("Well.", "Hello there.", "liar, you!"),
        ("Well.", "Hello there.", "You , you!"),
        ("Well.", "Hello there.", "You liar, !"),
    ]


def test_three_words_are_named_in_the_order_of_the_text() -> None:
    words = measure_words(Counting(), call("Out! Never again, liar."), [0], reach=0)
    assert [(word.start, word.without_it) for word in words] == [(5, 0.84375), (11, 0.71875), (18, 0.46875)]


def test_equal_texts_are_read_once_and_every_word_counts_for_itself() -> None:
    labeler = Counting()
    words = measure_words(labeler, call("again again again", "Well, then."), [0, 1], reach=1)
    assert [(word.utterance_index, word.start) for word in words] == [(0, 0), (0, 6), (0, 12)]
    assert [texts for texts in labeler.asked if len(texts) == 1] == [("again again again",), ("again again",)]


def test_an_utterance_of_one_word_is_not_measured() -> None:
    labeler = Counting()
    assert measure_words(labeler, call("Liar!"), [0], reach=0) == []
    assert labeler.asked == []


@pytest.mark.parametrize("values", [(0, 3, 3, 0.5, 0.25), (0, 0, 3, 0.5, 0.75), (0, -1, 3, 0.5, 0.25)])
def test_a_word_has_characters_and_carries_something(values: tuple[int, int, int, float, float]) -> None:
    with pytest.raises(ValueError, match="expected a word, and a probability that is no higher without it"):
        WordEvidence(*values)
