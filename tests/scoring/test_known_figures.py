"""The rules' published and measured figures on the real data, which is not part of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.voting import vote
from fliptrace.corpora.efr import read_efr
from fliptrace.models.rules import RULES
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.scores import TriggerFileScores, score_trigger_file

MELD_VAL, MASAC_VAL = "meld-fr/MELD_val_efr.json", "masac-fr/MaSaC_val_efr.json"


def score_rule(path: Path, rule: str) -> TriggerFileScores:
    cases = read_efr(path).cases
    named = [RULES[rule].name_triggers(case) for case in cases]
    rows = [Prediction.of(c, vote([n], len(c.dialogue)), ()) for c, n in zip(cases, named, strict=True)]
    return score_trigger_file(rows, Settings(num_draws=1000), path)


@pytest.mark.parametrize(
    ("name", "rule", "f1"),
    [
        (MELD_VAL, "previous", 0.6935),
        (MELD_VAL, "previous-or-self", 0.702),
        (MELD_VAL, "previous-plus-self", 0.734),
        (MASAC_VAL, "previous", 0.763),
        (MASAC_VAL, "previous-plus-self", 0.767),
    ],
)
def test_a_rule_scores_what_it_is_known_to(data_root: Path, name: str, rule: str, f1: float) -> None:
    scores = score_rule(data_root / name, rule)
    assert scores.model.scores.f1 == pytest.approx(f1, abs=0.001)
    # A rule scores the same as a model and as a baseline.
    assert scores.model.scores.cases == scores.baselines[rule].scores.cases


def test_the_spread_of_f1_on_meld_val_is_the_measured_one(data_root: Path) -> None:
    interval = score_rule(data_root / MELD_VAL, "previous").model.interval
    assert interval is not None
    # A 95% interval is about 3.92 times as wide as the bootstrap sd, which is about 0.02.
    assert (interval.high - interval.low) / 3.92 == pytest.approx(0.02, abs=0.005)
