"""Emotions from word counts use words and punctuation, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EKMAN7, MELD7
from fliptrace.core.errors import InputError
from fliptrace.corpora.sample import load_sample_dialogues
from fliptrace.models.classical.word_counts import fit_word_counts


def said(*lines: tuple[str, str | None], id: str = "d") -> Dialogue:
    """A dialogue in which Ana says every line; a line is a text and its emotion."""
    return Dialogue(id, id, tuple(Utterance("Ana", text, emotion) for text, emotion in lines), MELD7, "toy", "val")


TAUGHT = (
    said(("what a lovely day", "joy"), ("lovely to see you", "joy"), ("leave me alone", "anger")),
    said(("leave it", "anger"), ("you came?!", "surprise"), ("really?!", "surprise"), ("unlabelled", None)),
)


def test_the_words_of_an_utterance_tell_its_emotion() -> None:
    model = fit_word_counts(TAUGHT)
    (row,) = model.label([said(("How lovely", None), ("leave!", None))])
    assert row.emotions == ("joy", "anger")


def test_a_run_of_punctuation_is_a_word() -> None:
    (row,) = fit_word_counts(TAUGHT).label([said(("zzz?!", None))])
    assert row.emotions == ("surprise",)


def test_scores_are_a_probability_for_every_label_of_the_emotion_set() -> None:
    asked = [said(("lovely", None)), said(("leave", "joy"), ("zzz", None))]
    scores = fit_word_counts(TAUGHT).scores(asked)
    assert [rows.shape for rows in scores] == [(1, 7), (2, 7)]
    assert np.concatenate(scores).sum(axis=1) == pytest.approx(1)


def test_a_label_that_was_never_seen_has_no_probability() -> None:
    (rows,) = fit_word_counts(TAUGHT).scores([said(("lovely", None))])
    unseen = [label not in ("joy", "anger", "surprise") for label in MELD7.labels]
    assert (rows[:, unseen] == 0).all()


def test_labels_of_what_is_scored_are_not_looked_at() -> None:
    model = fit_word_counts(TAUGHT)
    one, other = model.scores([said(("lovely", "joy")), said(("lovely", "anger"))])
    assert (one == other).all()


def test_a_row_keeps_the_dialogues_ids_and_gold() -> None:
    (row,) = fit_word_counts(TAUGHT).label([said(("lovely", "joy"), ("so", None), id="cafe")])
    assert (row.id, row.group, row.corpus, row.split, row.gold) == ("cafe", "cafe", "toy", "val", ("joy", None))


def test_nothing_to_score_is_nothing() -> None:
    model = fit_word_counts(TAUGHT)
    assert model.scores([]) == model.label([]) == ()


def test_balanced_weights_lift_a_rare_emotion() -> None:
    often = [said(("so it is", "neutral")) for _ in range(20)]
    taught, asked = [*often, said(("so it was", "fear"), ("it was", "fear"))], [said(("it", None))]
    fear = MELD7.labels.index("fear")
    plain, balanced = (fit_word_counts(taught, class_weight=w).scores(asked)[0][0, fear] for w in (None, "balanced"))
    assert plain < balanced


def test_the_same_data_gives_the_same_scores() -> None:
    asked = load_sample_dialogues("val")
    one, other = (fit_word_counts(load_sample_dialogues("train")).scores(asked) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([("fine", "joy"), ("fine", None)], "1 emotions in the labelled utterances; expected at least two"),
        ([("fine", "joy"), ("bad", "anger")], "no word occurs in two of 2 utterances; expected a larger training set"),
    ],
)
def test_too_little_training_data_is_refused(lines: list[tuple[str, str | None]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_word_counts([said(*lines)])


def test_dialogues_of_two_emotion_sets_are_refused() -> None:
    other = Dialogue("e", "e", (Utterance("Ana", "fine", "joy"),), EKMAN7)
    with pytest.raises(ValueError, match="emotion sets ekman7, meld7; expected one emotion set"):
        fit_word_counts([*TAUGHT, other])
