from __future__ import annotations

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7, EMORYNLP7_TO_MASAC8, EMOTION_SETS, MASAC8, MELD7, EmotionSet

LINES = (Utterance("Ana", "Hi", "joy"), Utterance("Ben", "Oh", None))
DIALOGUE = Dialogue("cafe", "cafe", LINES, MELD7)


@pytest.mark.parametrize("speaker", ["", " ", "\n"])
def test_an_utterance_has_a_speaker(speaker: str) -> None:
    with pytest.raises(ValueError, match="without a speaker"):
        Utterance(speaker, "Hi")


def test_an_utterance_ends_after_it_starts() -> None:
    assert Utterance("Ana", "Hi", start=2.0, end=2.0).end == 2.0
    with pytest.raises(ValueError, match=r"ends \(1\.5 s\) before it starts \(2\.0 s\)"):
        Utterance("Ana", "Hi", start=2.0, end=1.5)


def test_a_dialogue_without_utterances_is_refused_by_its_id() -> None:
    with pytest.raises(ValueError, match="dialogue 'cafe' has no utterances"):
        Dialogue("cafe", "cafe", (), MELD7)


def test_an_emotion_outside_the_set_is_refused_by_its_place() -> None:
    with pytest.raises(ValueError, match="dialogue 'cafe' utterance 1: unknown emotion 'contempt'; meld7 has anger"):
        Dialogue("cafe", "cafe", (LINES[0], Utterance("Ben", "Oh", "contempt")), MELD7)


def test_speakers_and_emotions_stand_one_an_utterance() -> None:
    assert len(DIALOGUE) == 2
    assert DIALOGUE.speakers == ("Ana", "Ben")
    assert DIALOGUE.emotions == ("joy", None)


def test_other_emotions_leave_everything_else_as_it_is() -> None:
    relabelled = DIALOGUE.with_emotions((None, "fear"))
    assert relabelled.emotions == (None, "fear")
    assert relabelled.with_emotions(DIALOGUE.emotions) == DIALOGUE


@pytest.mark.parametrize(
    ("emotions", "message"),
    [(("joy",), "2 utterances but 1 emotions"), (("joy", "glee"), "utterance 1: unknown emotion 'glee'")],
)
def test_other_emotions_must_fit_the_dialogue(emotions: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DIALOGUE.with_emotions(emotions)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((), "has no labels"),
        (("joy", "joy"), "names a label twice"),
        (("Joy",), "lower case"),
        (("joy ",), "without surrounding blanks"),
        (("",), "lower case"),
    ],
)
def test_an_emotion_set_is_closed_and_clean(labels: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmotionSet("mine", labels)


def test_the_known_sets_go_by_their_names() -> None:
    assert {name: len(known.labels) for name, known in EMOTION_SETS.items()} == {
        "meld7": 7,
        "masac8": 8,
        "emorynlp7": 7,
        "ekman7": 7,
    }


def test_every_label_of_emorynlp_has_a_place_in_masac_or_none() -> None:
    assert set(EMORYNLP7_TO_MASAC8) == set(EMORYNLP7.labels)
    assert set(EMORYNLP7_TO_MASAC8.values()) - {None} <= set(MASAC8.labels)
