from __future__ import annotations

import numpy as np
import pytest

from fliptrace.scoring.corrections import holm
from fliptrace.scoring.counts import Floats
from fliptrace.scoring.intervals import Settings, cluster_interval
from fliptrace.scoring.seeds import compare_seeds, score_seeds

FEW = Settings(num_draws=1000)


def counts(num_seeds: int, num_groups: int = 40, share_right: float = 0.7, seed: int = 0) -> Floats:
    """Counts of three utterances per group and seed, (2, seeds, groups)."""
    right = np.random.default_rng(seed).binomial(3, share_right, (num_seeds, num_groups))
    return np.stack([right, 3 - right]).astype(np.float64)


def test_the_mean_and_sd_are_over_the_f1_of_each_seed() -> None:
    by_seed = np.array([[[4, 4], [2, 2]], [[2, 2], [4, 4]]], dtype=float)  # F1 16/20 and 8/16
    scores = score_seeds(by_seed, FEW)
    assert scores.by_seed == pytest.approx((0.8, 0.5))
    assert (scores.mean, scores.sd) == pytest.approx((0.65, np.std([0.8, 0.5], ddof=1)))


def test_one_seed_has_no_sd_and_the_interval_of_its_groups() -> None:
    one = counts(1)
    scores = score_seeds(one, FEW)
    assert scores.sd is None
    assert scores.interval == cluster_interval(lambda t: 2 * t[0] / (2 * t[0] + t[1]), one[:, 0], FEW.num_draws)


def test_equal_seeds_are_worth_no_more_than_one() -> None:
    one = counts(1)
    three = np.repeat(one, 3, axis=1)
    assert score_seeds(three, FEW).interval == pytest.approx(score_seeds(one, FEW).interval)
    better = counts(1, share_right=0.8, seed=1)
    alone, repeated = compare_seeds(one, better, FEW), compare_seeds(three, np.repeat(better, 3, axis=1), FEW)
    assert repeated.p_value == alone.p_value
    assert repeated.value == pytest.approx(alone.value)


def test_seeds_that_disagree_widen_the_interval() -> None:
    alike = np.repeat(counts(1), 3, axis=1)
    apart = np.concatenate([counts(1, share_right=share, seed=3) for share in (0.5, 0.7, 0.9)], axis=1)
    narrow, wide = score_seeds(alike, FEW).interval, score_seeds(apart, FEW).interval
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_an_arm_compared_with_itself_differs_by_0_with_p_1() -> None:
    arm = counts(3)
    assert compare_seeds(arm, arm, FEW) == (0.0, (0.0, 0.0), 1.0, 0.0)


def test_the_sign_and_the_error_reduction_say_which_way() -> None:
    worse, better = counts(3, share_right=0.5), counts(3, share_right=0.9, seed=1)
    up, down = compare_seeds(worse, better, FEW), compare_seeds(better, worse, FEW)
    assert up.value == pytest.approx(-down.value)
    assert up.interval is not None
    assert up.interval.low > 0
    assert up.relative_error_reduction == pytest.approx(up.value / (1 - score_seeds(worse, FEW).mean))
    assert up.p_value < 0.01


def test_a_single_group_has_no_interval() -> None:
    assert score_seeds(counts(3, num_groups=1), FEW).interval is None
    assert compare_seeds(counts(3, num_groups=1), counts(3, num_groups=1, seed=1), FEW).interval is None


def test_arms_of_other_seeds_are_not_compared() -> None:
    with pytest.raises(AssertionError, match="not of the same seeds"):
        compare_seeds(counts(2), counts(3), FEW)


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.02, 0.03], [0.03, 0.04, 0.04]),
        ([0.5, 0.9], [1.0, 1.0]),
    ],
)
def test_holm_steps_down_and_never_below_the_one_before(p_values: list[float], expected: list[float]) -> None:
    assert holm(p_values) == pytest.approx(expected)
