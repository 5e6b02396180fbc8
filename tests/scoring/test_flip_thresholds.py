"""Flip probabilities against labels: F1 by threshold, the thresholds chosen, calibration and temperature."""

from __future__ import annotations

import numpy as np
import pytest

from fliptrace.scoring.counts import Counts
from fliptrace.scoring.flips import (
    JudgedPair,
    LabelledRow,
    calibrate_flips,
    choose_flip_threshold,
    choose_precise_threshold,
    choose_same_label_odds,
    choose_temperature,
    count_flips,
)


def pair(probability: float, is_flip: bool, labels_differ: bool = False, group: str = "g") -> JudgedPair:
    return JudgedPair(group, is_flip, probability, labels_differ)


FOUR = [pair(0.9, True, True), pair(0.7, False, True), pair(0.6, True), pair(0.2, False)]


@pytest.mark.parametrize(
    ("threshold", "counts"),
    [
        (None, Counts(1, 1, 1)),
        (0.0, Counts(2, 2, 0)),
        (0.6, Counts(2, 1, 0)),
        (0.61, Counts(1, 1, 1)),
        (0.8, Counts(1, 0, 1)),
    ],
)
def test_flips_are_counted_from_a_threshold_or_where_labels_differ(threshold: float | None, counts: Counts) -> None:
    assert count_flips(FOUR, threshold) == counts


def test_the_best_threshold_lies_between_two_probabilities() -> None:
    chosen = choose_flip_threshold([FOUR])
    assert chosen.threshold == 0.4  # between 0.2 and 0.6: two hits, one false alarm
    assert chosen.f1 == (pytest.approx(0.8),)


def test_sets_count_alike_whatever_their_size() -> None:
    small = [pair(0.9, True), pair(0.5, False)]
    large = [pair(0.5, True), pair(0.3, False)] * 10
    # From 0.7: F1 1 and 0. From 0.4: 2/3 and 1. From 0.15: 2/3 and 2/3.
    assert choose_flip_threshold([small, large]).threshold == 0.4


def test_left_out_each_group_is_scored_at_the_threshold_of_the_others() -> None:
    one = [pair(0.9, True, group="a"), pair(0.5, False, group="a")]
    other = [pair(0.5, True, group="b"), pair(0.1, False, group="b")]
    chosen = choose_flip_threshold([[*one, *other]])
    # Group a at 0.3, where b is best: a hit and a false alarm. Group b at 0.7, where a is best: a miss.
    assert chosen.f1_left_out == (pytest.approx(2 * 1 / (2 * 1 + 2)),)


def test_the_precise_threshold_is_the_smallest_that_is_precise_enough() -> None:
    assert choose_precise_threshold(FOUR, 0.6) == 0.4  # two of three
    assert choose_precise_threshold(FOUR, 0.8) == 0.8
    assert choose_precise_threshold([pair(0.9, False), pair(0.5, True)], 0.8) is None


def test_calibration_weighs_the_gaps_of_bins_by_their_size() -> None:
    calibration = calibrate_flips([pair(0.85, True), pair(0.85, False), pair(0.25, False), pair(1.0, True)])
    assert [(b.low, b.num, b.mean_support, b.share_triggers) for b in calibration.bins] == [
        (0.2, 1, 0.25, 0.0),
        (0.8, 2, 0.85, 0.5),
        (0.9, 1, 1.0, 1.0),
    ]
    assert calibration.ece == pytest.approx((0.25 + 2 * 0.35 + 0) / 4)
    assert calibration.brier == pytest.approx((0.15**2 + 0.85**2 + 0.25**2 + 0) / 4)
    assert calibration.log_loss == pytest.approx(-np.log([0.85, 0.15, 0.75, 1.0]).mean())
    assert calibration.to_json()["bins"][1] == {
        "low": 0.8,
        "high": 0.9,
        "num": 2,
        "mean_probability": 0.85,
        "share_flips": 0.5,
    }


def test_the_temperature_makes_probabilities_as_sure_as_they_are_right() -> None:
    # Always 16 to 1 sure, right in 4 of 5: 4 to 1 would be right, which is a temperature of 2.
    rows = [LabelledRow((16 / 17, 1 / 17), 0)] * 4 + [LabelledRow((16 / 17, 1 / 17), 1)]
    assert choose_temperature([rows]) == pytest.approx(2.0, abs=0.01)
    assert choose_temperature([rows, rows * 3]) == pytest.approx(2.0, abs=0.01)


def test_the_odds_make_the_mean_probability_right() -> None:
    # Independent labels would be the same in a fifth of these pairs, 1 to 4; they are in half, 1 to 1.
    pairs = [pair(0.8, True), pair(0.8, False)] * 3
    assert choose_same_label_odds([pairs]).odds == pytest.approx(4.0, abs=1e-3)
    assert choose_same_label_odds([pairs, pairs * 9]).odds == pytest.approx(4.0, abs=1e-3)


@pytest.mark.parametrize("odds", [0.5, 1.0, 3.0])
def test_a_known_factor_is_found_again(odds: float) -> None:
    rng = np.random.default_rng(0)
    same = rng.beta(2, 6, 40_000)
    is_same = rng.random(len(same)) < odds * same / (odds * same + 1 - same)
    pairs = [pair(float(1 - share), not alike) for share, alike in zip(same, is_same, strict=True)]
    assert choose_same_label_odds([pairs]).odds == pytest.approx(odds, rel=0.05)


def test_left_out_each_group_has_the_odds_of_the_others() -> None:
    keeping = [pair(0.8, is_flip, group="keeping") for is_flip in (True, False)]  # 1 to 1 instead of 1 to 4
    changing = [pair(0.5, is_flip, group="changing") for is_flip in (True, True, True, False)]  # 1 to 3 instead of 1
    chosen = choose_same_label_odds([[*keeping, *changing]])
    assert chosen.left_out == ({"keeping": pytest.approx(1 / 3, abs=1e-3), "changing": pytest.approx(4.0, abs=1e-3)},)
    assert 1 / 3 < chosen.odds < 4


def test_pairs_that_are_certain_say_nothing_about_the_odds() -> None:
    pairs = [pair(0.8, True), pair(0.8, False)]
    assert choose_same_label_odds([[*pairs, pair(0.0, True), pair(1.0, False)]]) == choose_same_label_odds([pairs])
    assert choose_same_label_odds([[pair(1.0, True)]]) == (1.0, ({"g": 1.0},))
