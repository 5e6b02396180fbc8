from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MELD7
from fliptrace.inference.emotions import EmotionLabels
from tools.plain_sentences import FOLDER, PlainSentence, count_right, read_sentences

LANGUAGES = ("de", "en", "es", "fr", "hi", "hi-en", "hi-latn")


class SaysJoy:
    name = "says joy"

    def label(self, dialogues: Sequence[Dialogue]) -> Iterator[EmotionLabels]:
        return (EmotionLabels(("joy",), None) for _ in dialogues)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_ten_different_sentences_per_emotion(language: str) -> None:
    sentences = read_sentences(FOLDER / f"{language}.tsv")
    assert Counter(each.emotion for each in sentences) == dict.fromkeys(MELD7.labels, 10)
    assert len({each.text for each in sentences}) == 70


def test_there_is_no_other_language() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.tsv")) == sorted(LANGUAGES)


def test_what_a_model_names_rightly_is_counted() -> None:
    sentences = [PlainSentence("joy", "Yes!"), PlainSentence("fear", "Help!"), PlainSentence("joy", "Hooray!")]
    assert count_right(SaysJoy(), sentences) == 2
