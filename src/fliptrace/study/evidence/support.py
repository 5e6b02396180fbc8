"""Calibration and risk-coverage curves of one evaluation, over all seeds."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from fliptrace.core.files import Json
from fliptrace.scoring.calibration import Bin, Calibration
from fliptrace.scoring.risk_coverage import RiskCoverage
from fliptrace.study.evidence.table import Measured


def pool_calibration(m: Measured) -> Calibration | None:
    """The utterances of all seeds in one set of bins; `ece` and `brier` are means. None where no seed has support."""
    seeds = [metrics["calibration"] for metrics in m.by_seed.values() if metrics["calibration"] is not None]
    if not seeds:
        return None
    by_low = defaultdict(list)
    for seed in seeds:
        for each in seed["bins"]:
            if each["num"]:
                by_low[each["low"]].append(Bin(**each))
    return Calibration(
        bins=tuple(_pool(bins) for _, bins in sorted(by_low.items())),
        ece=_mean(seeds, "ece"),
        brier=_mean(seeds, "brier"),
        num_utterances=sum(each.num for bins in by_low.values() for each in bins),
        num_missed=sum(seed["num_missed"] for seed in seeds),
    )


def mean_risk_coverage(m: Measured) -> RiskCoverage | None:
    """The mean curve of all seeds; None where support is a plain yes or no."""
    seeds = [metrics["risk_coverage"] for metrics in m.by_seed.values() if metrics["risk_coverage"] is not None]
    if not seeds:
        return None
    f1 = np.mean([seed["f1"] for seed in seeds], axis=0).tolist()
    return RiskCoverage(tuple(seeds[0]["coverage"]), tuple(f1), _mean(seeds, "aurc"))


def _pool(bins: list[Bin]) -> Bin:
    sizes = [each.num for each in bins]
    return bins[0]._replace(
        num=sum(sizes),
        mean_support=float(np.average([each.mean_support for each in bins], weights=sizes)),
        share_triggers=float(np.average([each.share_triggers for each in bins], weights=sizes)),
    )


def _mean(seeds: list[Json], name: str) -> float:
    return float(np.mean([seed[name] for seed in seeds]))
