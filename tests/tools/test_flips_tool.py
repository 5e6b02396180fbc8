"""The measurement of flip probabilities on val, on a dialogue small enough to score by hand."""

from __future__ import annotations

import pytest
from keyword_scorer import keyword_model

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.corpora.longest_prefixes import LongestPrefix
from tools.flips import label_set, measure

# The model takes the second utterance for neutral, though it is labelled joy, so it sees a flip too many.
LINES = (("happy", "joy"), ("well", "joy"), ("sorry", "sadness"), ("sorry again", "sadness"), ("hm", None))
DIALOGUE = Dialogue("d", "d", tuple(Utterance("Ana", text, emotion) for text, emotion in LINES), MASAC8)


def test_pairs_are_judged_where_both_utterances_are_labelled_and_count() -> None:
    labelled = label_set("toy", [LongestPrefix(DIALOGUE), LongestPrefix(DIALOGUE, counted_from=2)], keyword_model())
    assert len(labelled.rows()) == 4 + 2
    pairs = labelled.pairs(1.0)
    assert [(each.is_flip, each.labels_differ) for each in pairs] == [
        (False, True),
        (True, True),
        (False, False),
        (True, True),
        (False, False),
    ]
    assert [each.probability > 0.99 for each in pairs] == [True, True, False, True, False]


def test_the_figures_are_those_of_the_pairs() -> None:
    figures = measure([label_set("toy", [LongestPrefix(DIALOGUE)], keyword_model())])
    toy = figures["sets"]["toy"]
    assert (toy["num_pairs"], toy["num_flips"]) == (3, 1)
    assert toy["every_pair"] == {"flip_f1": 0.5, "flip_precision": pytest.approx(1 / 3, abs=1e-6), "flip_recall": 1.0}
    assert toy["labels_differ"]["flip_f1"] == pytest.approx(2 / 3, abs=1e-6)
    assert figures["temperature"] > 1  # three of four labels are right, and the model was surer than that
