"""Write a tiny run folder the way training does: two planned stages, three cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fliptrace.core.files import write_json, write_jsonl
from fliptrace.core.flips import Flip
from fliptrace.core.messages import Answer
from fliptrace.core.voting import vote
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.checkpoints import Checkpoint
from fliptrace.predictions.rows import Prediction
from fliptrace.training.val_scores import score_evaluation

STAGES = ("chain", "feedback")
RECIPE: dict[str, Any] = {
    "name": "tiny",
    "seed": 0,
    "data": {"train": ["toy:train"], "val": ["toy:val"]},
    "base": {"model": "scratch", "scratch": {"vocab_size": 300}},
    "stages": [{"name": name, "mixture": {"answer": 1.0}, "epochs": 1.0, "learning_rate": None} for name in STAGES],
    "evaluations": {"greedy": {"ask": "answer", "samples": 1}},
}
CLEAN = {"num_shared_groups": 0, "num_leaking_train": 0, "num_train": 9, "num_touched": 0, "num_evaluation": 3}
LEAKING = {
    "num_shared_groups": 2,
    "num_leaking_train": 40,
    "num_train": 4711,
    "num_touched": 385,
    "num_evaluation": 389,
}
GOLD = ({1}, {0}, {1, 2})  # triggers of three cases; in each Ana flips from utterance 0 to 2, and Ben says 1


def predictions(
    named: Sequence[set[int] | None], *, groups: Sequence[str] = "abc", judged: bool = False
) -> list[Prediction]:
    """Make one prediction per case; None is an unparsed answer. If judged, every draft was "none" and judged wrong."""
    rows = []
    for number, (value, gold, group) in enumerate(zip(named, GOLD, groups, strict=True)):
        answer = Answer(
            None if value is None else frozenset(value), "...", () if value is not None else ("unreadable",)
        )
        rows.append(
            Prediction(
                id=f"case-{number}",
                dialogue_id=f"case-{number}",
                group=group,
                corpus="toy",
                split="val",
                speakers=("Ana", "Ben", "Ana"),
                emotions=("neutral", "anger", "fear"),
                flip=Flip("Ana", 0, 2, "neutral", "fear"),
                known_from=0,
                gold=frozenset(gold),
                vote=vote([answer.value], 3),
                answers=(answer,),
                drafts=(Answer(frozenset(), "Triggers: none"),) if judged else (),
                verdicts=(False,) if judged else (),
            )
        )
    return rows


def begin_run(folder: Path, **changes: Any) -> Path:
    """Write the manifest of a run that has not started training; `changes` replace its fields."""
    manifest = {
        "recipe": RECIPE,
        "data": {
            "files": {"toy:val": {"sha256": "ab12", "num_cases": 3, "num_left_out": 0}},
            "leaks": CLEAN,
            "num_train_cases": 9,
            "num_val_cases": 3,
        },
        "recipe_hash": "beef",
        "versions": {"python": "3.11.7", "fliptrace": "0.1.0"},
    }
    write_json(folder / "manifest.json", manifest | changes)
    return folder


def begin_stage(run: Path, number: int, sample: str = "Triggers: 2<|end|>") -> Path:
    """Write a stage that is still training: preflight and log, but no scores."""
    name = STAGES[number - 1]
    place = run / f"{number}-{name}"
    counts = {"num_rows": 9, "num_by_kind": {"answer": 9}, "num_dropped": 0, "num_tokens": 1234}
    checks = counts | {"num_trained_tokens": 45, "longest": 150, "samples": {"answer": sample}}
    write_json(place / "preflight.json", checks)
    log = run / "log.jsonl"
    before = log.read_text() if log.exists() else ""
    write_jsonl(
        log,
        [
            {"stage": name, "step": 5, "loss": 2.0, "learning_rate": 0.1, "grad_norm": 1.0},
            {"stage": name, "step": 10, "eval_trigger_f1": 0.5},
            {"stage": name, "step": 20, "eval_trigger_f1": 0.5},
        ],
    )
    log.write_text(before + log.read_text())
    return place


def finish_stage(run: Path, number: int, evaluations: dict[str, list[Prediction]]) -> Path:
    """Write a stage that is trained and evaluated on val."""
    place = begin_stage(run, number)
    for name, rows in evaluations.items():
        write_jsonl(place / "predictions" / f"{name}.jsonl", [row.to_json() for row in rows])
    write_json(
        place / "scores.json",
        {name: score_evaluation(rows, [], InferenceConfig(), seed=0) for name, rows in evaluations.items()},
    )
    Checkpoint(f"{place.name}/checkpoint", STAGES[number - 1], "base", "beef", "data").write(place)
    return place
