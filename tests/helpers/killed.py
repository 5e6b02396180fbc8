"""Runs, each in its own process that is killed (SIGKILL, without cleanup) at a named moment."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from tiny_runs import Recorder, make_data

from fliptrace.training.recipe import Recipe
from fliptrace.training.stages import train

_FORKS = multiprocessing.get_context("forkserver")
_REMOVE = shutil.rmtree
# Imported once, by the fork server. This module is missing: the fork server of Python 3.11 does not know its folder.
_FORKS.set_forkserver_preload(["fliptrace.training.stages", "transformers.models.llama.modeling_llama", "peft"])


def train_until(moment: str, recipe: Recipe, folder: Path) -> int:
    """Train in a process until the moment comes; return its exit code: -SIGKILL, or 0 if it never came."""
    process = _FORKS.Process(target=_train, args=(moment, recipe.to_json(), str(folder)))
    process.start()
    process.join(timeout=120)
    assert process.exitcode is not None
    return process.exitcode


def _train(moment: str, recipe: dict[str, Any], folder: str) -> None:
    torch.set_num_threads(1)
    observer = _Killer(moment)
    patches = MOMENTS[moment]
    with patch(*patches) if patches else patch.object(observer, "armed", True):
        train(Recipe.model_validate(recipe), make_data(), Path(folder), observer)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _at_call(number: int, original: Callable[..., Any] | None = None, *, of: str = "") -> Callable[..., Any]:
    """Wrap a function to kill the process at call `number`, counting only calls with `of` in an argument."""
    calls = []

    def function(*args: Any, **kwargs: Any) -> Any:
        calls.extend([1] if of in " ".join(map(str, args)) else [])
        if len(calls) == number:
            _die()
        return original(*args, **kwargs) if original else None

    return function


def _remove_half(folder: Path, **options: Any) -> None:
    """Remove a step's folder, but kill the process after some of its files."""
    if not folder.name.startswith("checkpoint-"):
        _REMOVE(folder, **options)
        return
    for path in sorted(folder.iterdir())[:3]:
        path.unlink()
    _die()


class _Killer(Recorder):
    """Kills the process at the given moment, if it is armed."""

    armed = False

    def __init__(self, moment: str) -> None:
        super().__init__()
        self.moment = moment
        self.stage = ""

    def stage_begins(self, number: int, num_stages: int, name: str) -> None:
        self.stage = name

    def stepped(self, step: int, num_steps: int) -> None:
        self._reached(f"step {step} of {self.stage}")

    def evaluation(self, name: str, num_cases: int, num_done: int) -> None:
        self._reached(f"{num_done} cases read {name} after {self.stage}")

    def stage_ends(self, name: str, scores: dict[str, Any]) -> None:
        self._reached(f"end of {name}")

    def _reached(self, moment: str) -> None:
        if self.armed and moment == self.moment:
            _die()


def _moments() -> dict[str, tuple[str, Any] | None]:
    from transformers import Trainer

    from fliptrace.core.files import write_json, write_jsonl
    from fliptrace.training.base import save_checkpoint

    optimizer = Trainer._save_optimizer_and_scheduler
    return {
        "step 1 of chain": None,
        "step 3 of chain": None,
        "step 5 of chain": None,
        "step 2 of feedback": None,
        "3 cases read greedy after chain": None,
        "2 cases read judged after self-evaluation": None,
        "end of chain": None,
        "half a step written": ("transformers.Trainer._save_optimizer_and_scheduler", _at_call(2, optimizer)),
        "a step written but its mark": (
            "fliptrace.training.batch_trainer.write_json",
            _at_call(2, write_json, of="whole"),
        ),
        "half an old step removed": ("fliptrace.training.step_folders.shutil.rmtree", _remove_half),
        "trained but not saved": ("fliptrace.training.local_trainer.save_checkpoint", _at_call(1, save_checkpoint)),
        "half a checkpoint written": ("fliptrace.training.base.InferenceDefaults.write", _at_call(1)),
        "own answers given but not written": (
            "fliptrace.training.own_answers.write_jsonl",
            _at_call(1, write_jsonl),
        ),
        "read but not scored": ("fliptrace.training.stages.write_json", _at_call(1, write_json, of="1-chain/scores")),
    }


MOMENTS = _moments()
