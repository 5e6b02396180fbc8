"""Cells of a study that never ran: random counts for any number of seeds, arms and tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from fliptrace.core.files import Json
from fliptrace.scoring.intervals import Settings
from fliptrace.study.arms import Arm
from fliptrace.study.evidence.gather import StudyReport, gather

NUM_GROUPS = 40
ARMS = (
    Arm("base", "untuned"),
    Arm("answer", "answers alone", parent="base"),
    Arm("chain", "chain of thought", parent="base", control="answer"),
    Arm("feedback", "feedback", parent="chain", control="more-2"),
    Arm("self-evaluation", "self-evaluation", parent="feedback", control="more-3"),
    Arm("more-2", "as many more steps", parent="chain"),
    Arm("more-3", "still more steps", parent="more-2"),
)
RULE_NAMES = ("previous", "previous-or-self", "previous-plus-self")
TRACKS = ("meld", "masac")
KINDS = ("greedy", "sample", "exact")


def study_cells(
    *,
    tracks: Sequence[str] = TRACKS,
    seeds: Sequence[int] = (0, 1, 2),
    arms: Sequence[str] = tuple(arm.name for arm in ARMS),
    share_right: Mapping[str, float] | None = None,
) -> list[Json]:
    """Make all cells of one base, the rules and the trees. `share_right`: the share of triggers an arm finds (0.7)."""
    shares = share_right or {}
    models = [
        _cell("tiny", track, seed, arm, shares.get(arm, 0.7), tracks)
        for track in tracks
        for seed in seeds
        for arm in arms
    ]
    rules = [
        _cell("baseline", track, 0, rule, shares.get(rule, 0.6), tracks) for track in tracks for rule in RULE_NAMES
    ]
    trees = [_cell("baseline", track, seed, "trees", 0.7, tracks) for track in tracks for seed in seeds]
    return [*models, *rules, *trees]


@cache
def tiny_report() -> StudyReport:
    """What is found in these cells, with few draws: 6 of 60 planned cells are missing."""
    return gather(study_cells(), study_facts(), ARMS, name="tiny", num_planned=60, settings=Settings(num_draws=100))


def study_facts() -> Json:
    splits = {
        "train": {"flip_types": {"neutral->joy": 30, "joy->neutral": 20, "anger->neutral": 45, "neutral->anger": 1}}
    }
    leaks = {"official": {"num_shared_groups": 2, "num_leaking_train": 4, "num_train": 90} | _touched(3)}
    return {
        "tracks": {
            "meld": {"title": "MELD-FR", "splits": splits, "leaks": leaks},
            "masac": {"title": "MaSaC-FR", "splits": {"val": {"flip_types": {"anger->joy": 3}}}, "leaks": {}},
        }
    }


def _touched(number: int) -> Json:
    return {"num_touched": number, "num_evaluation": 40, "share": 0.1, "seed": 0}


def _cell(base: str, track: str, seed: int, arm: str, share: float, tests: Sequence[str]) -> Json:
    is_model = base != "baseline"
    kinds = KINDS if is_model else ("exact",) if arm == "trees" else ("greedy",)
    training = {"num_parameters": 1000, "num_steps": 10, "num_tokens": 500, "seconds": 2.0 + seed}
    return {
        "format": 1,
        "base": base,
        "track": track,
        "seed": seed,
        "arm": arm,
        "definition": "d" * 64,
        "command": "fliptrace reproduce tiny.toml",
        "recipe_sha256": "e" * 64,
        "versions": {"python": "3.11", "fliptrace": "0.1.0"},
        "data": {f"{track}:train": "f" * 64},
        "weights_sha256": "a" * 64,
        "training": training if is_model and arm != "base" else None,
        "tests": {
            test: {
                "title": f"{test} val",
                "leaks": "0 of 40 evaluation cases share 0 groups of dialogues with 0 of 90 training cases"
                if (track, test) != ("masac", "masac")
                else "9 of 40 evaluation cases share 2 groups of dialogues with 4 of 90 training cases",
                "num_flips": 2 * NUM_GROUPS,
                "groups_sha256": f"groups of {test}",
                "evaluations": {
                    kind: _figures(kind, share, (seed, *f"{base}{track}{arm}{test}".encode())) for kind in kinds
                },
            }
            for test in tests
        },
    }


def _figures(decode: str, share: float, entropy: Sequence[int]) -> Json:
    rng = np.random.default_rng(entropy)
    is_sampled, is_scored = decode == "sample", decode != "greedy"
    counts = _counts(rng, share)
    k_curve = [{"k": k, "f1": share, **_counts(rng, share)} for k in (1, 3, 10)]
    bins = [{"low": 0.6, "high": 0.7, "num": n, "mean_support": 0.65, "share_triggers": x} for n, x in ((10, 0.5),)]
    judged = {"num_drafts": 80, "num_right_before": 40, "num_right_after": 41, "wrong_to_right": 3, "right_to_wrong": 2}
    rationales = {"num_rationales": 80, "num_observations": 200, "num_false_observations": 50}
    return {
        "ask": "answer",
        "decode": decode,
        "num_samples": 10 if is_sampled else 1,
        "judge": False,
        **counts,
        "precision": share,
        "recall": share,
        "exact_match": share / 2,
        "num_answers": 800 if is_sampled else 80,
        "num_unparsed": 2,
        "anomalies": {"after target": 1} if is_sampled else {},
        "prevented": {} if is_sampled else {"twice": 2},
        "mean_remaining": None,
        "num_cut_cases": 0,
        "left_out": counts | {"threshold": 0.4} if is_scored else None,
        "k_curve": k_curve if is_sampled else None,
        "agreement": 0.8 if is_sampled else None,
        "calibration": {"bins": bins, "ece": 0.05, "brier": 0.2, "num_utterances": 10, "num_missed": 1}
        if is_scored
        else None,
        "risk_coverage": {"coverage": [0.5, 1.0], "f1": [0.9, share], "aurc": 0.3} if is_scored else None,
        "self_evaluation": judged | {"num_without_verdict": 1, "verdict_balanced_accuracy": 0.5},
        "rationales": rationales | {"num_self_contradictions": 4},
        "slices": {"flip_type": {"neutral->joy": [30, 10, 10, 50], "joy->anger": [10, 10, 10, 30]}},
        "cost": {"seconds": 8.0, "num_prompt_tokens": 1600, "num_reply_tokens": 160},
    }


def _counts(rng: np.random.Generator, share: float) -> Json:
    right = rng.binomial(4, share, NUM_GROUPS)
    return {"tp": right.tolist(), "wrong": (2 * (4 - right)).tolist()}
