"""Shared by the tests of training: cases, recipes and runs so small that three stages take seconds."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.files import Json, hash_file, read_jsonl
from fliptrace.core.flips import FlipCase, find_flip, find_flips
from fliptrace.training.data import TrainingData
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.preflight import Preflight
from fliptrace.training.recipe import Recipe, parse_recipe

_WHO = ("Asha", "Ben", "Chitra")
_WHAT = ("kettle", "ladder", "ticket", "violin", "garden", "letter", "tunnel", "market", "window", "candle")
_SAID = (
    "I left the {} on your {}",
    "you never told me about the {} and the {}",
    "who paid for this {} with my {}",
    "look, the {} fits the {} at last",
)

TABLE: Json = {
    "name": "tiny",
    "data": {"train": ["train.json"], "val": ["val.json"]},
    "base": {
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
    },
    "prompt": {"layout": "window", "window": 3, "max_words": 8},
    "curate": {"num_wordings": 1, "held_out": 0.4, "own_samples": 2, "own_max_new_tokens": 8},
    "tuning": {
        "learning_rate": 5e-3,
        "batch_tokens": 1024,
        "device": "cpu",
        "precision": "fp32",
        "evals_per_epoch": 2,
    },
    "stages": [
        {"name": "chain", "mixture": {"answer": 1, "chain": 0.5}, "epochs": 2},
        {"name": "feedback", "mixture": {"answer": 0.5, "feedback": 1}, "epochs": 1},
        {"name": "self-evaluation", "mixture": {"answer": 0.5, "self-evaluation": 1}, "epochs": 1},
    ],
    "evaluations": {
        "greedy": {"max_new_tokens": 8},
        "k3": {"samples": 3, "max_new_tokens": 8, "after": "last stage"},
        "judged": {"judge": True, "max_new_tokens": 8, "after": "last stage"},
    },
}


def make_table(**changes: Any) -> Json:
    """Make the table of the recipe's file; `tuning={"patience": 1}` changes one key of one table."""
    table = deepcopy(TABLE)
    for name, change in changes.items():
        if isinstance(change, dict) and isinstance(table.get(name), dict):
            table[name] |= change
        else:
            table[name] = change
    return table


def make_recipe(**changes: Any) -> Recipe:
    return parse_recipe(make_table(**changes), "recipe of the test")


def one_stage(epochs: float = 1, **mixture: float) -> list[Json]:
    """The stages of a recipe with a single stage."""
    return [{"name": "chain", "mixture": mixture or {"answer": 1}, "epochs": epochs}]


GREEDY_ONLY: Json = {"greedy": {"max_new_tokens": 8}}


def make_case(number: int, *, name: str = "train", length: int = 5, num_cases_a_group: int = 2) -> FlipCase:
    """Make a dialogue that ends on a flip. The utterance before triggers it; every fourth case has no trigger."""
    rng = random.Random(f"{name} {number}")
    speakers = [_WHO[(i + number) % (2 + number % 2)] for i in range(length)]
    emotions = [rng.choice(MELD7.labels) for _ in range(length)]
    source = max(i for i in range(length - 1) if speakers[i] == speakers[-1])
    emotions[-1] = rng.choice([label for label in MELD7.labels if label != emotions[source]])
    lines = [rng.choice(_SAID).format(*rng.sample(_WHAT, 2)) + f" {rng.randrange(10**6)}" for _ in range(length)]
    utterances = tuple(Utterance(*parts) for parts in zip(speakers, lines, emotions, strict=True))
    group = f"{name}-{number // num_cases_a_group}"
    dialogue = Dialogue(f"{name}#{number}", group, utterances, MELD7, "tiny", name)
    flip = find_flip(dialogue, length - 1)
    assert flip is not None
    return FlipCase(dialogue.id, dialogue, flip, frozenset() if number % 4 == 3 else frozenset({length - 2}))


def make_flips(number: int) -> list[FlipCase]:
    """Make a case for every flip of a dialogue of nine utterances; each case ends on its flip."""
    whole = make_case(number, length=9).dialogue
    cases = []
    for flip in find_flips(whole):
        dialogue = replace(whole, id=f"{whole.id}-{flip.target}", utterances=whole.utterances[: flip.target + 1])
        cases.append(FlipCase(dialogue.id, dialogue, flip, frozenset({flip.target})))
    return cases


def make_cases(num_cases: int, name: str = "train", *, num_cases_a_group: int = 2) -> tuple[FlipCase, ...]:
    """Make cases of four to six utterances."""
    return tuple(
        make_case(number, name=name, length=4 + number % 3, num_cases_a_group=num_cases_a_group)
        for number in range(num_cases)
    )


def make_data(num_train: int = 20, num_val: int = 6) -> TrainingData:
    manifest = {"files": {}, "num_train_cases": num_train, "num_val_cases": num_val}
    return TrainingData(make_cases(num_train), make_cases(num_val, "val"), manifest)


def write_efr(path: Path, cases: Sequence[FlipCase]) -> Path:
    """Write cases to an EFR file; a case without labels has no `triggers`."""
    rows: list[Json] = []
    for case in cases:
        dialogue = case.dialogue
        row: Json = {
            "speakers": list(dialogue.speakers),
            "utterances": [utterance.text for utterance in dialogue.utterances],
            "emotions": list(dialogue.emotions),
        }
        if case.triggers is not None:
            row["triggers"] = [float(i in case.triggers) for i in range(len(dialogue))]
        rows.append(row)
    path.write_text(json.dumps(rows))
    return path


class Recorder(TrainingObserver):
    """An observer that records its events."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.preflights: list[Preflight] = []
        self.rows: list[Json] = []

    def stage_begins(self, number: int, num_stages: int, name: str) -> None:
        self.events.append(("begins", name))

    def preflight(self, checks: Preflight) -> None:
        self.preflights.append(checks)

    def stepped(self, step: int, num_steps: int) -> None:
        self.events.append(("step", step, num_steps))

    def logged(self, row: Json) -> None:
        self.events.append(("logged", row["stage"], row["step"]))
        self.rows.append(row)

    def evaluation(self, name: str, num_cases: int, num_done: int) -> None:
        self.events.append(("evaluation", name, num_done))

    def stage_ends(self, name: str, scores: Json) -> None:
        self.events.append(("ends", name))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [event[1:] for event in self.events if event[0] == kind]


def files_of(run: Path) -> dict[str, str]:
    """Return the sha256 of each file of a run by its relative path. Neither another folder nor a kill may change it."""
    return {str(path.relative_to(run)): hash_file(path) for path in sorted(run.rglob("*")) if path.is_file()}


def read_log(run: Path) -> list[Json]:
    return [row for _, row in read_jsonl(run / "log.jsonl")]
