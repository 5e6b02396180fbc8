from __future__ import annotations

from pathlib import Path

import pytest
from toy_cases import case

from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.emorynlp import read_emorynlp
from fliptrace.corpora.meld_erc import read_meld_erc
from fliptrace.scoring.code_mixing import english_share, learn_vocabulary, slice_by_english

ENGLISH = frozenset({"i", "party", "tomorrow", "don't", "really", "call", "doctor"})


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (["Kal chutti nahin hai"], 0.0),
        (["Call the doctor, really!"], 1.0),
        (["Kal party hai", "Tomorrow"], 0.5),
        (["I don’t nahin"], 2 / 3),
        (["PARTY chalo"], 0.5),
        (["to me the is do"], 0.0),
        (["hmm, oh ... 42 k"], 0.0),
        ([], 0.0),
    ],
)
def test_the_share_is_of_words_that_are_of_one_language(texts: list[str], share: float) -> None:
    assert english_share(texts, ENGLISH) == pytest.approx(share)


def test_a_word_is_learned_from_three_places_and_a_text_counts_once() -> None:
    lines = [("Ana", "joy", "Party"), ("Ben", "joy", "a party now"), ("Ana", "fear", "to the party to the")]
    first = case(*lines, id="first")
    again = case(*lines, ("Ben", "fear", "party over, over, over"), id="again")
    assert learn_vocabulary([first.dialogue, first.dialogue]) == {"party"}
    assert learn_vocabulary([first.dialogue, again.dialogue]) == {"party", "over"}


def test_a_case_is_sliced_by_what_is_said_up_to_its_target() -> None:
    hindi, english = "kal chutti nahin hai bhai", "call doctor tomorrow"
    lines = [("Ana", "joy", hindi), ("Ben", "joy", hindi), ("Ana", "fear", hindi), ("Ana", "fear", english)]
    mixed = [("Ana", "joy", english), ("Ana", "fear", hindi)]
    a_little = [("Ana", "joy", hindi), ("Ana", "fear", "party kal hai")]
    cases = [case(*lines, target=2, id="a"), case(*mixed, id="b"), case(*a_little, id="c")]
    assert slice_by_english(cases, ENGLISH) == {"a": "0-12%", "b": "20%+", "c": "12-20%"}


def test_real_corpora_are_told_apart(data_root: Path) -> None:
    train = [
        *read_meld_erc(data_root / "meld" / "train_sent_emo.csv").dialogues,
        *read_emorynlp(data_root / "emorynlp" / "emorynlp_train_final.csv").dialogues,
    ]
    vocabulary = learn_vocabulary(train)
    english = read_efr(data_root / "meld-fr" / "MELD_val_efr.json").cases
    mixed = read_efr(data_root / "masac-fr" / "MaSaC_val_efr.json").cases
    assert set(slice_by_english(english, vocabulary).values()) == {"20%+"}
    slices = list(slice_by_english(mixed, vocabulary).values())
    assert [slices.count(name) for name in ("0-12%", "12-20%", "20%+")] == [99, 183, 107]
