"""A recipe and a study for commands that are killed: models of some 30,000 weights, on a part of the sample corpus."""

from __future__ import annotations

import json
from pathlib import Path

from fliptrace.core.files import Json, read_json
from fliptrace.corpora.sample import SampleSplit, sample_path
from fliptrace.report.run.toml_text import to_toml

_BASE: Json = {
    "model": "scratch",
    "scratch": {
        "vocab_size": 320,
        "hidden_size": 32,
        "num_layers": 1,
        "num_heads": 2,
        "num_kv_heads": 1,
        "intermediate_size": 48,
        "max_position_embeddings": 768,
    },
}
_PROMPT: Json = {"layout": "window", "window": 3, "max_words": 8}
_CURATE: Json = {"num_wordings": 1, "held_out": 0.4, "own_samples": 2, "own_max_new_tokens": 8}
# A step is saved at each evaluation, so a kill may find any number of them.
_TUNING: Json = {
    "learning_rate": 5e-3,
    "batch_tokens": 512,
    "device": "cpu",
    "precision": "fp32",
    "evals_per_epoch": 2,
}
_STAGES: list[Json] = [
    {"name": "chain", "mixture": {"answer": 1, "chain": 0.5}, "epochs": 3},
    {"name": "feedback", "mixture": {"answer": 0.5, "feedback": 1}, "epochs": 2},
]
_EVALUATIONS: Json = {"greedy": {"max_new_tokens": 8}, "k3": {"samples": 3, "max_new_tokens": 8}}
_NUM_CASES: dict[SampleSplit, int] = {"train": 60, "val": 20}


def write_corpus(folder: Path) -> Json:
    """Write the first cases of the sample corpus; return the `data` table of a recipe."""
    for split, num_cases in _NUM_CASES.items():
        (folder / f"{split}.json").write_text(json.dumps(read_json(sample_path(split))[:num_cases]))
    return {split: [str(folder / f"{split}.json")] for split in _NUM_CASES}


def write_recipe(path: Path, data: Json) -> None:
    """Write a recipe of two stages, the second with own answers of the first."""
    path.write_text(
        to_toml(
            {
                "name": "killed",
                "data": data,
                "base": _BASE,
                "prompt": _PROMPT,
                "curate": _CURATE,
                "tuning": _TUNING,
                "stages": _STAGES,
                "evaluations": _EVALUATIONS,
            }
        )
    )


def write_study(path: Path, data: Json) -> None:
    """Write a study of the same stages on one track, and a rule."""
    path.write_text(
        to_toml(
            {
                "name": "killed",
                "seeds": [0],
                "baselines": ["previous"],
                "bases": {"tiny": _BASE},
                "tracks": {"own": {"title": "the sample", "data": data, "prompt": _PROMPT}},
                "curate": _CURATE,
                "tuning": _TUNING,
                "stages": _STAGES,
                "evaluations": _EVALUATIONS,
            }
        )
    )
