"""Shared by the tests of studies: a study on the sample corpus, so small that all its cells take seconds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from itertools import chain
from pathlib import Path
from typing import Any

from fliptrace.core.files import Json, read_json
from fliptrace.corpora.sample import SampleSplit, sample_path
from fliptrace.report.run.toml_text import to_toml
from fliptrace.study.make_cells import Progress, Run
from fliptrace.study.plan import Study, read_study
from fliptrace.study.test_sets import load_tests, load_track
from fliptrace.training.typed_toml import parse_table

CORE = Path(__file__).parents[2] / "studies" / "core" / "study.toml"

TABLE: Json = {
    "name": "tiny",
    "seeds": [0],
    "held_out_evaluations": ["greedy"],
    "baselines": ["previous"],
    "bases": {
        "tiny": {
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
    },
    "tracks": {
        "own": {
            "title": "the sample",
            "data": {"train": ["train.json"], "val": ["val.json"], "hold_out": ["held.json"]},
            "prompt": {"layout": "window", "window": 3, "max_words": 8},
        },
        "more": {
            "title": "more of the sample",
            "data": {"train": ["train.json", "more.json"], "val": ["val.json"], "hold_out": ["held.json"]},
            "prompt": {"layout": "window", "window": 3, "max_words": 8},
            "arms": ["chain"],
            "tests": ["own"],
            "baselines": False,
        },
    },
    "tests": {"further": {"title": "cases of others", "file": "further.json"}},
    "transfer": {"arm": "chain", "evaluations": ["greedy"]},
    "curate": {"num_wordings": 1, "held_out": 0.4, "own_samples": 2, "own_max_new_tokens": 8},
    "tuning": {
        "learning_rate": 5e-3,
        "batch_tokens": 1024,
        "device": "cpu",
        "precision": "fp32",
        "evals_per_epoch": 0.1,
    },
    "stages": [
        {"name": "answer", "mixture": {"answer": 1}, "epochs": 1},
        {"name": "chain", "parent": "base", "mixture": {"answer": 1, "chain": 0.5}, "epochs": 1},
        {"name": "feedback", "mixture": {"answer": 0.5, "feedback": 1}, "epochs": 1},
        {"name": "more-2", "parent": "chain", "steps_of": "feedback", "mixture": {"answer": 1}},
    ],
    "arms": {"feedback": {"title": "+ feedback", "control": "more-2", "note": "stage 2"}},
    "evaluations": {
        "greedy": {"max_new_tokens": 8},
        "exact": {"decode": "exact", "max_new_tokens": 8},
        "k3": {"samples": 3, "max_new_tokens": 8, "after": ["chain"]},
        "reasons": {"ask": "chain", "max_new_tokens": 12, "after": ["chain", "feedback"]},
        "judged": {"judge": True, "max_new_tokens": 8, "after": ["feedback"]},
    },
}


def make_table(*changes: tuple[str, Any]) -> Json:
    """Make the table of the study's file. `("stages.0.epochs", 2)` changes one value; None removes it."""
    table = deepcopy(TABLE)
    for place, value in changes:
        *path, last = place.split(".")
        inner: Any = table
        for step in path:
            inner = inner[int(step)] if isinstance(inner, list) else inner.setdefault(step, {})
        inner[last] = value
        if value is None:
            del inner[last]
    return table


def make_study(*changes: tuple[str, Any]) -> Study:
    return parse_table(Study, make_table(*changes), "study of the test", "study")


def write_study(folder: Path, corpus: Path, *changes: tuple[str, Any]) -> Path:
    """Write study.toml to `folder`, for the files in `corpus`."""
    table = make_table(*changes)
    for track in table["tracks"].values():
        track["data"] = {
            key: [str(corpus / name) for name in value] if isinstance(value, list) else value
            for key, value in track["data"].items()
        }
    for test in table.get("tests", {}).values():
        test["file"] = str(corpus / test["file"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(to_toml(table))
    return folder / "study.toml"


def write_corpus(folder: Path) -> Path:
    """Write the files of the study, with two short cases from every dialogue.

    held.json holds a dialogue of train.json and one of val.json. In further.json every second case has labels.
    """
    train, val, test = (_dialogues(split) for split in ("train", "val", "test"))
    further = list(chain(*test[:3]))
    for row in further[1::2]:
        del row["triggers"]
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "train": train[:12],
        "more": train[12:16],
        "val": val[:3],
        "held": [train[0], val[0]],
        "further": [further],
    }
    for name, dialogues in files.items():
        (folder / f"{name}.json").write_text(json.dumps(list(chain(*dialogues))))
    return folder


def _dialogues(split: SampleSplit) -> list[list[Json]]:
    by_name = defaultdict(list)
    for row in read_json(sample_path(split)):
        by_name[row["episode"]].append(row)
    return [sorted(rows, key=lambda row: len(row["utterances"]))[:2] for rows in by_name.values()]


def open_run(toml: Path, track: str, folder: Path, on_progress: Progress = lambda what, num_done, num: None) -> Run:
    """Open the run of a track in this process. Only corpora that the study names are available."""
    study, root = read_study(toml), toml.parent
    return Run(study, load_track(study, track, root), load_tests(study, root), folder, "a test", on_progress)


def timeless(cell: Any) -> Any:
    """Remove the durations from the contents of a cell, and keep its order."""
    if isinstance(cell, Mapping):
        return {key: timeless(value) for key, value in cell.items() if key != "seconds"}
    return [timeless(value) for value in cell] if isinstance(cell, list) else cell


def timeless_text(path: Path) -> str:
    """Return the text of a cell's file without its durations, for exact comparison."""
    return json.dumps(timeless(read_json(path)), ensure_ascii=False)
