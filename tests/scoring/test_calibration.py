from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from scored_cases import prediction

from fliptrace.core.errors import InputError
from fliptrace.core.voting import Vote
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.calibration import Bin, calibrate


def supported(support: tuple[float, ...], gold: Iterable[int] | None, known_from: int = 0) -> Prediction:
    row = prediction("a", [], gold, target=len(support) - 1, known_from=known_from)
    return replace(row, vote=Vote(frozenset(), support, 1, 1))


def test_bins_hold_supported_utterances_and_errors_are_weighted_by_size() -> None:
    calibration = calibrate([supported((0.0, 0.25, 0.25, 0.75, 1.0), {2, 3})])
    assert calibration is not None
    assert calibration.bins == (Bin(0.2, 0.3, 2, 0.25, 0.5), Bin(0.7, 0.8, 1, 0.75, 1.0), Bin(0.9, 1.0, 1, 1.0, 0.0))
    assert calibration.ece == pytest.approx((2 * 0.25 + 0.25 + 1) / 4)
    assert calibration.brier == pytest.approx((0.25**2 + 0.75**2 + 0.25**2 + 1) / 4)
    assert (calibration.num_utterances, calibration.num_missed) == (4, 0)


@pytest.mark.parametrize(("share", "low"), [(0.1, 0.1), (0.3, 0.3), (0.7, 0.7), (0.099, 0.0), (1.0, 0.9)])
def test_a_bin_begins_with_its_lower_end(share: float, low: float) -> None:
    calibration = calibrate([supported((0.0, 0.0, share), {1})])
    assert calibration is not None
    assert calibration.bins[0].low == low


def test_a_trigger_that_has_no_support_is_counted_as_missed() -> None:
    calibration = calibrate([supported((0.0, 0.0, 0.5), {0, 1}), supported((0.0, 0.0, 0.5), {0, 2}, known_from=1)])
    assert calibration is not None
    assert (calibration.num_utterances, calibration.num_missed) == (2, 2)
    assert calibration.ece == 0


def test_where_nothing_has_support_there_is_nothing_to_calibrate() -> None:
    assert calibrate([supported((0.0, 0.0, 0.0), {1})]) is None
    with pytest.raises(InputError, match="no labels"):
        calibrate([supported((0.0, 0.0, 0.5), None)])


def test_the_json_holds_plain_numbers() -> None:
    calibration = calibrate([supported((0.0, 0.0, 1 / 3), {2})])
    assert calibration is not None
    assert calibration.to_json() == {
        "bins": [{"low": 0.3, "high": 0.4, "num": 1, "mean_support": 0.333333, "share_triggers": 1.0}],
        "ece": 0.666667,
        "brier": 0.444444,
        "num_utterances": 1,
        "num_missed": 0,
    }
