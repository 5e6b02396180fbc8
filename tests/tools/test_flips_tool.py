"""The measurement of flip probabilities on val, on a dialogue small enough to score by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from keyword_scorer import keyword_model

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.scoring.flips import JudgedPair
from tools.flips import label_set, measure

# The model takes the second utterance for neutral, though it is labelled joy, so it sees a flip too many.
LINES = (("happy", "joy"), ("well", "joy"), ("sorry", "sadness"), ("sorry again", "sadness"), ("hm", None))
DIALOGUE = Dialogue("d", "d", tuple(Utterance("Ana", text, emotion) for text, emotion in LINES), MASAC8)


def test_pairs_are_judged_where_both_utterances_are_labelled_and_count() -> None:
    labelled = label_set("toy", [LongestPrefix(DIALOGUE), LongestPrefix(DIALOGUE, counted_from=2)], keyword_model())
    assert len(labelled.rows()) == 4 + 2
    pairs = labelled.pairs()
    assert [(each.is_flip, each.labels_differ) for each in pairs] == [
        (False, True),
        (True, True),
        (False, False),
        (True, True),
        (False, False),
    ]
    assert [each.probability > 0.99 for each in pairs] == [True, True, False, True, False]


def test_pairs_are_judged_at_the_odds_of_their_group() -> None:
    other = replace(DIALOGUE, id="e", group="e")
    labelled = label_set("toy", [LongestPrefix(DIALOGUE), LongestPrefix(other)], keyword_model())
    independent, judged = labelled.pairs(), labelled.pairs({"d": 1.0, "e": 2.0})
    assert judged[:3] == independent[:3] and labelled.pairs(2.0)[3:] == judged[3:]
    for before, after in zip(independent[3:], judged[3:], strict=True):
        differ = before.probability
        assert after.probability == pytest.approx(differ / (2 * (1 - differ) + differ), abs=2e-6)


def test_odds_and_threshold_of_the_model_are_ignored_and_its_temperature_is_applied() -> None:
    def pairs(**settings: float) -> list[JudgedPair]:
        model = keyword_model()
        stored = replace(model, defaults=replace(model.defaults, **settings))
        return label_set("toy", [LongestPrefix(DIALOGUE)], stored).pairs()

    assert pairs(same_label_odds=9.0, flip_threshold=0.9) == pairs()
    assert pairs(emotion_temperature=4.0)[0].probability < pairs()[0].probability


def test_the_figures_are_those_of_the_pairs() -> None:
    figures = measure([label_set("toy", [LongestPrefix(DIALOGUE)], keyword_model())])
    toy = figures["sets"]["toy"]
    assert (toy["num_pairs"], toy["num_flips"]) == (3, 1)
    assert toy["every_pair"] == {"flip_f1": 0.5, "flip_precision": pytest.approx(1 / 3, abs=1e-6), "flip_recall": 1.0}
    assert toy["labels_differ"]["flip_f1"] == pytest.approx(2 / 3, abs=1e-6)
    # One of three sure flips is none. The only group being left out, no pair is there to fit a factor on.
    assert toy["calibration_independent"]["ece"] == pytest.approx(1 / 3, abs=0.01)
    assert toy["calibration_left_out"] == toy["calibration_independent"]
    assert figures["same_label_odds"] > 1
    assert figures["temperature"] > 1  # three of four labels are right, and the model was surer than that
