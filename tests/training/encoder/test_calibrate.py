"""What an encoder model ships with besides its weights is fitted to what it says of val."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_runs import make_cases

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.flips import FlipCase
from fliptrace.inference.reading import ReadingLabeler
from fliptrace.training.data import TrainingData
from fliptrace.training.encoder.calibrate import calibrate
from fliptrace.training.encoder.units import make_unit

SURE = 0.98


class OverSure:
    """It names the last word of an utterance with the same certainty, right or wrong; triggers stand before targets."""

    name = "over-sure"
    context = 0
    window = 4

    def read_emotions(self, dialogues: Sequence[Dialogue]) -> Iterator[NDArray[np.float32]]:
        for dialogue in dialogues:
            rows = np.full((len(dialogue), len(MASAC8.labels)), (1 - SURE) / (len(MASAC8.labels) - 1), np.float32)
            for row, utterance in zip(rows, dialogue.utterances, strict=True):
                row[MASAC8.labels.index(utterance.text.split()[-1])] = SURE
            yield rows

    def support_triggers(self, cases: Sequence[FlipCase]) -> list[tuple[float, ...]]:
        return [tuple(0.31 if i == case.flip.target - 1 else 0.11 for i in range(len(case.dialogue))) for case in cases]

    def find_overlong(self, dialogues: Sequence[Dialogue]) -> list[frozenset[int]]:
        return [frozenset()] * len(dialogues)


class Hesitant(OverSure):
    """It is less certain of anger, of which it is never right."""

    def read_emotions(self, dialogues: Sequence[Dialogue]) -> Iterator[NDArray[np.float32]]:
        anger = MASAC8.labels.index("anger")
        for rows in super().read_emotions(dialogues):
            rows[rows[:, anger] == np.float32(SURE)] = (0.3, *[0.1] * (len(MASAC8.labels) - 1))
            yield rows


def moods(number: int) -> Dialogue:
    """Two who keep their emotion for long; one word in four says another."""
    rng = np.random.default_rng(number)
    mood = rng.choice(["joy", "neutral"])
    said = [mood if rng.random() > 0.25 else "anger" for _ in range(12)]
    utterances = tuple(Utterance("ab"[i % 2], f"I say {word}", str(mood)) for i, word in enumerate(said))
    return Dialogue(f"mood#{number}", f"mood-{number}", utterances, MASAC8, "moods")


def test_certainty_and_the_odds_of_a_flip_are_those_of_val() -> None:
    talks = tuple(map(moods, range(60)))
    data = TrainingData(make_cases(4), make_cases(30, "val"), {}, (), {"moods": talks}, {"moods": talks})
    defaults, figures = calibrate(OverSure(), data, [make_unit(talk, (), 4, teaches_emotions=True) for talk in talks])
    assert 0.11 < defaults.threshold("exact") <= 0.31
    assert set(defaults.emotion_weights) == {"joy", "neutral"}
    assert tempered(defaults.emotion_temperature) == pytest.approx(0.75, abs=0.03)  # as often as it is right
    assert defaults.same_label_odds > 2  # they always keep it
    assert defaults.flip_threshold == 0.5  # a flip where a change is likelier than none
    assert sum(each.num for each in defaults.flip_shares) == 60 * 10
    assert {each.share_flips for each in defaults.flip_shares} == {0}
    assert [each["num"] for each in figures["flips"]["bins"]] == [each.num for each in defaults.flip_shares]


def test_a_label_that_is_mostly_wrong_is_uncertain() -> None:
    talks = tuple(map(moods, range(60)))
    data = TrainingData(make_cases(4), make_cases(30, "val"), {}, (), {"moods": talks}, {"moods": talks})
    defaults, figures = calibrate(Hesitant(), data, [])
    labeler = ReadingLabeler("val", Hesitant(), defaults.emotion_weights, defaults.emotion_temperature)
    for dialogue, labels in zip(talks, labeler.label(talks), strict=True):
        for gold, emotion, scores in zip(dialogue.emotions, labels.emotions, labels.scores or (), strict=True):
            assert (max(scores) < (defaults.uncertain_below or 0)) == (emotion == "anger") == (gold != emotion)
    moods_of_val = figures["emotions"]["moods"]
    assert moods_of_val["left_out"] | {"accuracy_kept": 1.0, "accuracy_marked": 0.0} == moods_of_val["left_out"]
    assert moods_of_val["share_kept"] == pytest.approx(0.75, abs=0.03)
    assert moods_of_val["curve"][0] | {"from": 0.3, "share_kept": 1.0} == moods_of_val["curve"][0]


def test_without_emotions_to_fit_on_only_the_threshold_is_chosen() -> None:
    data = TrainingData(make_cases(4), make_cases(30, "val"), {}, (), {}, {})
    defaults, figures = calibrate(OverSure(), data, [])
    assert (defaults.uncertain_below, defaults.flip_shares, figures) == (None, (), {})
    assert (defaults.emotion_weights, defaults.emotion_temperature, defaults.same_label_odds) == ({}, 1.0, 1.0)
    assert 0.11 < defaults.threshold("exact") <= 0.31


def tempered(temperature: float) -> float:
    """The certainty that the temperature leaves."""
    others = len(MASAC8.labels) - 1
    odds = (SURE * others / (1 - SURE)) ** (1 / temperature)
    return odds / (odds + others)
