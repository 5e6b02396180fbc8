"""The probability of a flip, from the label distributions of source and target; and what is reported as a flip."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_inference import predict_unified

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.files import write_json
from fliptrace.core.flips import Flip, find_flips
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.config import InferenceConfig, resolve_config
from fliptrace.inference.emotions import LabelledUtterance, reweight, temper
from fliptrace.inference.flips import certain, find_probable_flips, flip_probability, show_flip, speaker_pairs
from fliptrace.inference.seams import choose_decoder, choose_labeler
from fliptrace.inference.task_files import predict_unified_file
from fliptrace.models.base import Choice, Decoding, Model
from fliptrace.models.checkpoints import DEFAULTS_FILE, InferenceDefaults
from fliptrace.predictions.rows import read_predictions
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.prompts.views import Layout

THREE = EmotionSet("three", ("anger", "joy", "neutral"))
SURE, TORN = (0.0, 0.25, 0.75), (0.25, 0.35, 0.4)


def spoken(*lines: tuple[str, str]) -> Dialogue:
    return Dialogue("d", "d", tuple(Utterance(who, "...", emotion) for who, emotion in lines), THREE)


@pytest.mark.parametrize(
    ("before", "after", "probability"),
    [
        ((1, 0, 0), (1, 0, 0), 0.0),
        ((1, 0, 0), (0, 0, 1), 1.0),
        ((0.5, 0.5, 0), (0.5, 0.25, 0.25), 1 - (0.25 + 0.125)),
        (SURE, TORN, 1 - (0.25 * 0.35 + 0.75 * 0.4)),
        ((0.1, 0.2, 0.7), (0, 0, 1), 0.3),  # a given label against a distribution
    ],
)
def test_the_probability_is_that_of_different_labels(
    before: tuple[float, ...], after: tuple[float, ...], probability: float
) -> None:
    assert flip_probability(before, after) == pytest.approx(probability, abs=1e-6)
    assert flip_probability(after, before) == flip_probability(before, after)


@pytest.mark.parametrize(
    ("odds", "probability"),
    [
        (1.0, 0.6125),  # the same label with 0.0875 + 0.3
        (3.0, 0.6125 / (3 * 0.3875 + 0.6125)),
        (0.5, 0.6125 / (0.5 * 0.3875 + 0.6125)),
    ],
)
def test_the_odds_of_the_same_label_are_multiplied(odds: float, probability: float) -> None:
    assert flip_probability(SURE, TORN, odds) == pytest.approx(probability, abs=1e-6)


def test_a_factor_is_the_potential_of_an_edge_between_two_utterances() -> None:
    joint = {(i, k): SURE[i] * TORN[k] * (2.5 if i == k else 1.0) for i in range(3) for k in range(3)}
    differ = sum(share for (i, k), share in joint.items() if i != k) / sum(joint.values())
    assert flip_probability(SURE, TORN, 2.5) == pytest.approx(differ, abs=1e-6)


def test_a_temperature_flattens_or_sharpens_and_keeps_the_order() -> None:
    assert temper((0.8, 0.2), 0.5) == pytest.approx((16 / 17, 1 / 17))
    assert temper((0.64, 0.16, 0.0), 2.0) == pytest.approx((2 / 3, 1 / 3, 0))
    assert temper((0.8, 0.2), 1.0) == (0.8, 0.2)


def test_the_temperature_is_applied_after_the_weights() -> None:
    labelled = reweight(LabelledUtterance("neutral", (0.2, 0.0, 0.8)), THREE, {"anger": 16.0}, 0.5)
    assert labelled.label == "anger"
    assert labelled.scores == pytest.approx((16 / 17, 0, 1 / 17))  # 3.2 and 0.8, squared


def test_without_a_threshold_flips_are_where_labels_differ_with_their_probability() -> None:
    dialogue = spoken(("Ana", "joy"), ("Ben", "neutral"), ("Ana", "neutral"), ("Ben", "neutral"))
    rows = ((0.0, 0.6, 0.4), SURE, TORN, TORN)
    found = find_probable_flips(dialogue, rows, None)
    assert tuple(each.flip for each in found) == find_flips(dialogue)
    assert [each.probability for each in found] == [pytest.approx(1 - (0.6 * 0.35 + 0.4 * 0.4))]


def test_a_threshold_decides_by_the_probability_alone() -> None:
    dialogue = spoken(("Ana", "joy"), ("Ana", "neutral"), ("Ana", "neutral"))
    rows = ((0.0, 0.6, 0.4), (0.0, 0.4, 0.6), (0.3, 0.3, 0.4))  # 1 - 0.48, 1 - 0.36
    assert [each.flip.target for each in find_probable_flips(dialogue, rows, 0.52)] == [1, 2]
    assert [each.flip.target for each in find_probable_flips(dialogue, rows, 0.53)] == [2]
    assert find_probable_flips(dialogue, rows, 0.65) == ()


def test_the_labels_of_a_flip_are_the_most_probable_pair_of_different_ones() -> None:
    dialogue = spoken(("Ana", "neutral"), ("Ana", "neutral"))
    # neutral to anger 0.6 * 0.39 = 0.234, neutral to joy 0.6 * 0.21, joy to neutral 0.3 * 0.4 ...
    rows = ((0.1, 0.3, 0.6), (0.39, 0.21, 0.4))
    [found] = find_probable_flips(dialogue, rows, 0.5)
    assert found.flip == Flip("Ana", 0, 1, "neutral", "anger")
    assert found.probability == pytest.approx(1 - (0.039 + 0.063 + 0.24))
    assert dialogue.emotions == ("neutral", "neutral")


def test_an_unsure_utterance_stays_in_its_chain() -> None:
    dialogue = spoken(("Ana", "joy"), ("Ana", "neutral"), ("Ana", "joy"))
    rows = ((0.0, 1.0, 0.0), (0.3, 0.34, 0.36), (0.0, 1.0, 0.0))
    assert [each[:2] for each in speaker_pairs(dialogue, rows)] == [(0, 1), (1, 2)]
    found = find_probable_flips(dialogue, rows, 0.6)
    assert [(f.source, f.target, f.before, f.after) for f, _ in found] == [
        (0, 1, "joy", "neutral"),
        (1, 2, "neutral", "joy"),
    ]


def test_an_utterance_between_two_flips_may_have_two_labels() -> None:
    dialogue = spoken(("Ana", "neutral"), ("Ana", "neutral"), ("Ana", "neutral"))
    rows = ((0.0, 0.0, 1.0), (0.0, 0.4, 0.6), (0.45, 0.0, 0.55))
    found = find_probable_flips(dialogue, rows, 0.3)
    # neutral to joy 0.4; then neutral to anger 0.27 before joy to neutral 0.22
    assert [(f.before, f.after) for f, _ in found] == [("neutral", "joy"), ("neutral", "anger")]


def test_without_a_distribution_labels_decide_whatever_the_threshold() -> None:
    dialogue = spoken(("Ana", "joy"), ("Ana", "neutral"), ("Ana", "neutral"))
    found = find_probable_flips(dialogue, ((0.0, 1.0, 0.0), None, TORN), 0.9)
    assert [(each.flip.target, each.probability) for each in found] == [(1, None)]


def test_given_labels_are_certain() -> None:
    dialogue = spoken(("Ana", "joy"), ("Ana", "joy"), ("Ana", "neutral"))
    rows = [certain(label, THREE) for label in ("joy", "joy", "neutral")]
    for odds in (1.0, 20.0):
        found = find_probable_flips(dialogue, rows, 1.0, odds)
        assert found == ((Flip("Ana", 1, 2, "joy", "neutral"), 1.0),)
        assert [each.probability for each in speaker_pairs(dialogue, rows, odds)] == [0.0, 1.0]


def test_a_factor_lowers_the_probability_of_a_flip_and_keeps_its_labels() -> None:
    dialogue = spoken(("Ana", "neutral"), ("Ana", "neutral"))
    rows = ((0.1, 0.3, 0.6), (0.39, 0.21, 0.4))  # 1 - 0.342
    [found] = find_probable_flips(dialogue, rows, 0.4, 2.0)
    assert found.flip == Flip("Ana", 0, 1, "neutral", "anger")
    assert found.probability == pytest.approx(0.658 / (2 * 0.342 + 0.658), abs=1e-6)  # 0.49
    assert find_probable_flips(dialogue, rows, 0.5, 2.0) == ()


def test_a_model_is_shown_the_labels_of_the_flip_it_is_asked_about() -> None:
    dialogue = spoken(("Ana", "neutral"), ("Ben", "joy"), ("Ana", "neutral"))
    assert show_flip(dialogue, Flip("Ana", 0, 2, "neutral", "anger")).emotions == ("neutral", "joy", "anger")
    assert show_flip(dialogue, Flip("Ben", 1, 2, "joy", "neutral")) is dialogue


class Torn:
    """Gives every utterance the same probabilities of labels, 0.4 for the likeliest; names no trigger."""

    name = "torn"

    def score_replies(self, choices: list[Choice]) -> list[tuple[float, ...]]:
        return [tuple(0.0 if reply == choice.replies[-1] else -0.5 for reply in choice.replies) for choice in choices]

    def fits(self, messages: object, max_new_tokens: int) -> bool:
        return True


BARE = spoken(("Ana", "joy"), ("Ben", "joy"), ("Ana", "joy")).with_emotions((None,) * 3)
WINDOW = Layout("window")


def test_the_unified_task_finds_the_flips_that_an_analysis_shows() -> None:
    config = InferenceConfig(WINDOW, decoding=Decoding("exact"), flip_threshold=0.6)
    [unified] = predict_unified(Torn(), [BARE], config)
    [(flip, probability)] = unified.flips
    assert unified.dialogue.emotions == ("neutral",) * 3  # neutral has a share of 1 / (1 + 2 * exp(-0.5)) = 0.45
    assert (flip.source, flip.target, flip.before, flip.after) == (0, 2, "anger", "neutral")
    assert probability == pytest.approx(1 - (0.4519**2 + 2 * 0.2741**2), abs=1e-3)
    assert [prediction.flip for prediction in unified.predictions] == [flip]
    [by_label] = predict_unified(Torn(), [BARE], InferenceConfig(WINDOW, decoding=Decoding("exact")))
    assert by_label.flips == ()


def test_the_factor_of_a_config_reaches_the_flips_of_the_unified_task() -> None:
    config = InferenceConfig(WINDOW, decoding=Decoding("exact"), same_label_odds=3.0, flip_threshold=0.3)
    [unified] = predict_unified(Torn(), [BARE], config)
    same = 0.4519**2 + 2 * 0.2741**2
    assert [each.probability for each in unified.flips] == [pytest.approx((1 - same) / (1 + 2 * same), abs=1e-3)]


def test_the_temperature_of_a_config_reaches_the_labels() -> None:
    config = InferenceConfig(WINDOW, decoding=Decoding("exact"), emotion_temperature=0.5)
    [labels] = choose_labeler(Model("torn", scorer=Torn()), config).label([BARE])
    assert labels.scores is not None
    assert labels.scores[0] == pytest.approx((0.2119, 0.2119, 0.5761), abs=1e-3)  # exp(-1) against 1


def test_a_prediction_file_holds_flips_between_equal_labels(tmp_path: Path) -> None:
    model = Model("torn", scorer=Torn())
    config = InferenceConfig(WINDOW, decoding=Decoding("exact"), flip_threshold=0.6)
    labeler, decoder = choose_labeler(model, config), choose_decoder(model, config)
    predict_unified_file(labeler, decoder, [LongestPrefix(BARE)], tmp_path / "p.jsonl", {})
    [row] = read_predictions(tmp_path / "p.jsonl")
    assert isinstance(row, UnifiedPrediction)
    assert row.emotions == ("neutral",) * 3
    assert [(each.flip.before, each.flip.after) for each in row.flips] == [("anger", "neutral")]
    assert row.flips[0].probability == pytest.approx(0.6455, abs=1e-3)


def test_what_was_chosen_travels_with_the_model(tmp_path: Path) -> None:
    defaults = InferenceDefaults(
        WINDOW, emotion_temperature=1.5, same_label_odds=2.5, flip_threshold=0.7, uncertain_below=0.4
    )
    defaults.write(tmp_path)
    assert InferenceDefaults.read(tmp_path) == defaults
    config = resolve_config(defaults, Decoding("exact"))
    assert (config.emotion_temperature, config.same_label_odds, config.flip_threshold) == (1.5, 2.5, 0.7)
    assert resolve_config(defaults, Decoding("exact"), flip_threshold=0.2).flip_threshold == 0.2


def test_a_model_from_before_there_were_flip_probabilities_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / DEFAULTS_FILE, {"layout": {"name": "window"}, "ask": "answer", "thresholds": {"exact": 0.4}})
    read = InferenceDefaults.read(tmp_path)
    assert read is not None
    assert (read.emotion_temperature, read.same_label_odds, read.flip_threshold) == (1.0, 1.0, None)
    assert read.uncertain_below is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"emotion_temperature": 0},
        {"emotion_temperature": "hot"},
        {"same_label_odds": 0},
        {"same_label_odds": -2.0},
        {"same_label_odds": None},
        {"flip_threshold": 1.2},
        {"uncertain_below": 0},
    ],
)
def test_settings_out_of_range_are_an_error_at_the_file(wrong: dict[str, object], tmp_path: Path) -> None:
    write_json(tmp_path / DEFAULTS_FILE, {"layout": {"name": "window"}, "ask": "answer", "thresholds": {}} | wrong)
    with pytest.raises(InputError, match=r"fliptrace\.json: cannot be read"):
        InferenceDefaults.read(tmp_path)


def test_a_factor_is_finite() -> None:
    with pytest.raises(ValueError, match="same_label_odds is inf; expected more than 0, and finite"):
        InferenceDefaults(same_label_odds=float("inf"))


def test_a_manifest_holds_the_settings_only_where_they_change_something() -> None:
    settings = {"flip_threshold": 0.6, "emotion_temperature": 1.2, "same_label_odds": 2.5}
    assert settings.keys().isdisjoint(InferenceConfig().to_json())
    held = InferenceConfig(flip_threshold=0.6, emotion_temperature=1.2, same_label_odds=2.5).to_json()
    assert held.items() >= settings.items()
