from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from fliptrace.core.errors import InputError
from fliptrace.predictions.rows import EmotionPrediction
from fliptrace.scoring.emotions import score_emotions, weighted_f1_interval

Pairs = list[tuple[str | None, str]]


def dialogue(id: str, pairs: Pairs, group: str | None = None) -> EmotionPrediction:
    """A dialogue from pairs of gold and predicted emotion, one per utterance."""
    gold, predicted = zip(*pairs, strict=True)
    return EmotionPrediction(id, group or id, "toy", "val", ("Ana",) * len(pairs), gold, predicted)


emotion = st.sampled_from(["joy", "anger", "neutral", "fear"])


@given(st.lists(st.lists(st.tuples(emotion, emotion), min_size=1, max_size=6), min_size=1, max_size=6))
def test_scores_equal_those_of_scikit_learn_over_all_utterances(dialogues: list[Pairs]) -> None:
    scores = score_emotions([dialogue(str(i), pairs) for i, pairs in enumerate(dialogues)])
    gold, predicted = zip(*(pair for pairs in dialogues for pair in pairs), strict=True)
    assert scores.weighted_f1 == pytest.approx(f1_score(gold, predicted, average="weighted", zero_division=0))
    assert scores.macro_f1 == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    assert scores.accuracy == pytest.approx(accuracy_score(gold, predicted))
    expected = cohen_kappa_score(gold, predicted) if len({*gold, *predicted}) > 1 else None
    assert scores.kappa == pytest.approx(expected)
    assert sum(row.num_gold for row in scores.by_label) == scores.num_utterances == len(gold)


def test_kappa_is_agreement_beyond_chance() -> None:
    half_right = [("joy", "joy"), ("joy", "fear"), ("fear", "joy"), ("fear", "fear")]
    assert score_emotions([dialogue("a", half_right)]).kappa == 0.0
    assert score_emotions([dialogue("a", half_right[::3])]).kappa == 1.0
    assert score_emotions([dialogue("a", half_right[:1])]).kappa is None


def test_unlabelled_utterances_are_left_out_and_counted() -> None:
    scores = score_emotions([dialogue("a", [("joy", "joy"), (None, "anger")]), dialogue("b", [(None, "fear")])])
    assert (scores.num_utterances, scores.num_unlabelled, scores.num_dialogues) == (1, 2, 1)
    assert [row.label for row in scores.by_label] == ["joy"]


def test_dialogues_without_any_label_are_refused() -> None:
    with pytest.raises(InputError, match=r"out\.jsonl: no labels"):
        score_emotions([dialogue("a", [(None, "joy")])], "out.jsonl")


def test_a_dialogue_that_stands_there_twice_is_refused() -> None:
    row = dialogue("a", [("joy", "joy")])
    with pytest.raises(InputError, match="dialogue 'a' occurs twice"):
        score_emotions([row, row])


def random_dialogues(num: int, groups: int) -> list[EmotionPrediction]:
    rng = np.random.default_rng(0)
    labels = ["joy", "anger", "neutral"]
    pairs: list[Pairs] = [[(labels[g], labels[p]) for g, p in rng.integers(0, 3, size=(5, 2))] for _ in range(num)]
    return [dialogue(str(i), row, group=str(i % groups)) for i, row in enumerate(pairs)]


def test_the_interval_holds_the_weighted_f1_and_hangs_on_the_seed_alone() -> None:
    rows = random_dialogues(60, groups=30)
    interval = weighted_f1_interval(rows, 500, seed=4)
    assert interval is not None
    assert interval.low < score_emotions(rows).weighted_f1 < interval.high
    assert interval == weighted_f1_interval(rows, 500, seed=4)


def test_one_group_alone_has_no_interval() -> None:
    assert weighted_f1_interval(random_dialogues(5, groups=1), 100) is None
