"""The step folders of Hugging Face Trainer that a killed training resumes from: complete, or not there."""

from __future__ import annotations

import shutil
from pathlib import Path

from fliptrace.core.files import read_object, write_json

TRAINER_STATE_NAME = "trainer_state.json"  # Trainer's name for its state file
WHOLE = "whole.json"  # marks a step folder that was written completely


def newest_step(steps: Path) -> Path | None:
    """Return the last complete step folder, and remove incomplete ones that a kill left behind."""
    folders = sorted(steps.glob("checkpoint-*"), key=step_number) if steps.exists() else []
    for folder in folders:
        if not (folder / WHOLE).exists():
            shutil.rmtree(folder)
    whole = [folder for folder in folders if folder.exists()]
    if not whole:
        return None
    _point_at_best(whole[-1])
    return whole[-1]


def _point_at_best(step: Path) -> None:
    """Correct the path of the best step in a run that was moved: it lies next to this step."""
    path = step / TRAINER_STATE_NAME
    state = read_object(path)
    best = state["best_model_checkpoint"] and str(step.parent / Path(state["best_model_checkpoint"]).name)
    if best != state["best_model_checkpoint"]:
        write_json(path, state | {"best_model_checkpoint": best})


def keep_steps(*kept: Path) -> None:
    """Remove all other step folders. The mark goes first, so that a kill never leaves an incomplete folder marked."""
    for folder in set(kept[0].parent.glob("checkpoint-*")) - set(kept):
        (folder / WHOLE).unlink(missing_ok=True)
        shutil.rmtree(folder)


def step_number(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])
