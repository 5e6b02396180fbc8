"""The words that a model learns tell its languages from others, or are not kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.corpus_file import ErcFile
from fliptrace.corpora.detect import read_corpus
from fliptrace.models.known_words import MOST, KnownWords
from fliptrace.training.encoder.units import make_unit
from fliptrace.training.encoder.words import learn_words

WHO, WHAT = ("my brother", "our neighbour"), ("left the kitchen with another letter", "came home late on a cold Sunday")
SAID = tuple(f"{who} {what}" for who, what in product(WHO, WHAT))

OTHERS = {
    "German": "Ich habe die ganze Nacht auf dich gewartet, und du hast nicht einmal angerufen. Das ist mir jetzt egal.",
    "Dutch": "Ik heb de hele nacht op je gewacht en je hebt niet eens gebeld. Het kan me nu niets meer schelen.",
    "Spanish": "Te esperé toda la noche y ni siquiera llamaste. Siempre tienes una excusa, ya no puedo más.",
    "French": "Je t'ai attendu toute la nuit et tu n'as même pas appelé. Je suis désolé, mon téléphone était déchargé.",
    "Turkish": "Bütün gece seni bekledim, bir kere bile aramadın. Her zaman bir bahanen var, artık dayanamıyorum.",
    "Indonesian": "Aku menunggu kamu semalaman dan kamu tidak menelepon. Kamu selalu punya alasan, aku tidak tahan.",
    "Russian": "Я ждала тебя всю ночь, а ты даже не позвонил. У тебя всегда есть отговорка, с меня хватит.",
    "Hindi in Devanagari": "मैंने सारी रात तुम्हारा इंतज़ार किया और तुमने फ़ोन तक नहीं किया। तुम्हारे पास हमेशा कोई बहाना होता है।",
    "Chinese": "我等了你一整晚，你连个电话都没打。对不起，我的手机没电了。你总是有借口，我受不了了。"
    "别生气，我给你泡杯咖啡，我们坐下来好好谈一谈吧，好不好？",
}
OURS = {
    "English": "Thanks for calling, how can I help you today? My line went dead again and nobody answered the phone.",
    "Hindi in Latin letters": "maine saari raat tumhara wait kiya aur tumne phone tak nahi kiya, mujhe gussa aaya",
}


def talk(*texts: str) -> Dialogue:
    return Dialogue("talk", "talk", tuple(Utterance("a", text, "joy") for text in texts), MASAC8)


def test_words_are_kept_where_val_is_familiar() -> None:
    learned = learn_words([make_unit(talk(*SAID), (), 4, teaches_emotions=True)], [talk(*SAID)] * 100)
    assert learned.words is not None and "brother" in learned.words
    assert learned.to_json() == {"num_dialogues": 100, "num_unfamiliar": 0, "kept": True}


@pytest.mark.parametrize(("num_strange", "is_kept"), [(0, True), (1, True), (2, False)])
def test_words_that_would_warn_of_more_than_one_dialogue_of_val_in_a_hundred_are_not_kept(
    num_strange: int, is_kept: bool
) -> None:
    val = [talk(*SAID)] * (100 - num_strange) + [talk(OTHERS["German"])] * num_strange
    learned = learn_words([make_unit(talk(*SAID), (), 4, teaches_emotions=True)], val)
    assert (learned.words is not None, learned.num_unfamiliar) == (is_kept, num_strange)


def test_words_that_nothing_tries_are_not_kept() -> None:
    assert learn_words([make_unit(talk(*SAID), (), 4, teaches_emotions=True)], []).words is None


def test_only_labelled_utterances_of_emotion_files_teach_words() -> None:
    unlabelled = talk(*SAID).with_emotions((None,) * len(SAID))
    learned = learn_words([make_unit(unlabelled, (), 4, teaches_emotions=True)], [talk(*SAID)])
    assert learned.num_unfamiliar == 1


def dialogues(ref: str, corpora: Path) -> Iterator[Dialogue]:
    file = read_corpus(locate_ref(ref, corpora))
    assert isinstance(file, ErcFile)
    yield from file.dialogues


def test_english_and_romanised_hindi_are_told_from_other_languages(data_root: Path) -> None:
    refs = ("meld", "masac-erc", "emorynlp", "goemotions-ekman")
    train = [dialogue for ref in refs for dialogue in dialogues(f"{ref}:train", data_root)]
    words = KnownWords.learn(utterance.text for dialogue in train for utterance in dialogue.utterances)
    val = [dialogue for ref in refs[:2] for dialogue in dialogues(f"{ref}:val", data_root)]
    assert len(val) == 160
    assert sum(bool(words.unfamiliar_speakers(dialogue)) for dialogue in val) == 0
    letters = {name: words.count_letters([text]) for name, text in (OURS | OTHERS).items()}
    assert all(each.are_enough for each in letters.values())
    assert {name for name, each in letters.items() if each.are_mostly_new} == set(OTHERS)
    assert max(letters[name].new / letters[name].total for name in OURS) < MOST / 2
