"""Words that a model was trained on: what is known, who mostly says others, and what is too little to tell."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.models.known_words import FILE, MIN_LETTERS, NUM_BITS, KnownWords

WHO, WHAT = (
    ("my brother", "our neighbour", "your teacher"),
    ("left the kitchen", "lost another letter", "came home late"),
)
ENGLISH = KnownWords.learn(f"{who} {what}!" for who, what in product(WHO, WHAT))
GERMAN = "Mein Bruder hat schon wieder den Schlüssel verloren, und niemand macht die Tür auf."
TURKISH = "Kardeşim yine anahtarını kaybetti ve kimse kapıyı açmıyor, saatlerdir bekliyoruz."
DEVANAGARI = "मेरे भाई ने फिर से चाबी खो दी और कोई दरवाज़ा नहीं खोल रहा है, हम घंटों से बाहर खड़े हैं।"
KNOWN = "Our neighbour lost my letter, your brother came late and another teacher left home."


def talk(**texts: str) -> Dialogue:
    return Dialogue("talk", "talk", tuple(Utterance(who, text) for who, text in texts.items()), MASAC8)


def test_words_of_at_least_two_texts_are_known_whatever_their_case() -> None:
    known = KnownWords.learn(["Stop it, stop it!", "Stop it, stop it!", "STOP that"])
    assert "stop" in known
    assert "it" not in known  # one text that occurs twice
    assert "that" not in known


def test_letters_of_new_words_are_counted() -> None:
    assert ENGLISH.count_letters(["My brother: 2 Schlüssel!", "left"]) == (2 + 7 + 9 + 4, 9)
    assert ENGLISH.count_letters(["?!", "…"]) == (0, 0)


@pytest.mark.parametrize("text", [GERMAN, TURKISH, DEVANAGARI])
def test_a_speaker_of_another_language_is_unfamiliar(text: str) -> None:
    assert ENGLISH.unfamiliar_speakers(talk(Ana=text, Ben=KNOWN)) == ("Ana",)


def test_the_words_of_the_training_texts_are_familiar() -> None:
    assert ENGLISH.unfamiliar_speakers(talk(Ana=KNOWN, Ben=KNOWN)) == ()


def test_who_says_little_is_judged_by_what_all_say() -> None:
    short = "Schon gut!"
    assert len(short) < MIN_LETTERS
    assert ENGLISH.unfamiliar_speakers(talk(Ana=KNOWN, Ben=short)) == ()
    assert ENGLISH.unfamiliar_speakers(talk(Ana=GERMAN, Ben=short, Cem="My brother!")) == ("Ana", "Ben")
    assert ENGLISH.unfamiliar_speakers(talk(Ben=short, Cem="Na dann.")) == ()


def test_half_is_not_most() -> None:
    half = f"{'teacher ' * 10}{'x' * 70}"
    assert ENGLISH.count_letters([half]) == (140, 70)
    assert ENGLISH.unfamiliar_speakers(talk(Ana=half)) == ()
    assert ENGLISH.unfamiliar_speakers(talk(Ana=f"{half}x")) == ("Ana",)


def test_the_words_lie_beside_a_model_as_hashes(tmp_path: Path) -> None:
    ENGLISH.write(tmp_path)
    assert KnownWords.read(tmp_path) == ENGLISH
    assert (tmp_path / FILE).stat().st_size * 8 == NUM_BITS
    assert b"neighbour" not in (tmp_path / FILE).read_bytes()
    assert KnownWords.read(tmp_path / "elsewhere") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\0" * 10)
    with pytest.raises(InputError, match=r"words\.bin: 10 bytes; expected 32,768, a bit for each hash of a word"):
        KnownWords.read(tmp_path)
