"""Keep the finished stages of a run of recipes/smol.toml in the repository, and restore them on another machine.

    python -m tools.smol.stages keep runs/smol       # after every finished stage: to recipes/smol/
    python -m tools.smol.stages restore runs/smol    # before training: what is kept and not there yet

An adapter is kept in fp16, without the tokenizer, which its base has. What holds text of the corpora (instructions,
predictions, own answers) is not kept.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import load_file, save_file

from fliptrace.core.errors import InputError
from fliptrace.core.files import new_folder, read_json, write_json
from fliptrace.models.checkpoints import DONE, MANIFEST, Checkpoint
from fliptrace.training.runs import SCORES
from fliptrace.training.stages import EMOTION_SCORES
from fliptrace.training.trainer import CHECKPOINT, COST, PREFLIGHT

KEPT = Path(__file__).parents[2] / "recipes" / "smol"
_ADAPTER = "adapter_model.safetensors"
_TOKENIZER = shutil.ignore_patterns("tokenizer*", "special_tokens*", "chat_template*", "vocab*", "merges*")
_FILES = (DONE, SCORES, EMOTION_SCORES, COST)

app = typer.Typer(no_args_is_help=True, help=__doc__.partition("\n")[0])
Run = Annotated[Path, typer.Argument(help="The folder of the run.")]


@app.command()
def keep(run: Run, to: Path = KEPT) -> None:
    """Copy the finished stages of a run into the repository."""
    manifest = read_json(run / MANIFEST)
    names = [f"{number}-{stage['name']}" for number, stage in enumerate(manifest["recipe"]["stages"], start=1)]
    finished = [name for name in names if Checkpoint.read(run / name) is not None]
    if not finished or finished != names[: len(finished)]:
        raise InputError(run, f"finished: {', '.join(finished) or 'no stage'}; expected the first stages of its recipe")
    for name in finished:
        if not (to / name).exists():
            _keep_stage(run / name, to / name)
            typer.echo(to / name)
    # A run with these stages alone: training extends it by those that the recipe has besides.
    manifest["recipe"]["stages"] = manifest["recipe"]["stages"][: len(finished)]
    write_json(to / MANIFEST, manifest)


@app.command()
def restore(run: Run, kept: Path = KEPT) -> None:
    """Copy the stages that are kept in the repository into a run that lacks them."""
    if not (kept / MANIFEST).exists():
        return
    run.mkdir(parents=True, exist_ok=True)
    if not (run / MANIFEST).exists():
        shutil.copy(kept / MANIFEST, run / MANIFEST)
    for stage in sorted(kept.glob("*-*/")):
        if Checkpoint.read(run / stage.name) is None:
            shutil.rmtree(run / stage.name, ignore_errors=True)
            shutil.copytree(stage, run / stage.name)
            typer.echo(run / stage.name)


def copy_adapter(checkpoint: Path, to: Path) -> None:
    """Copy an adapter in fp16, without the tokenizer, which its base has."""
    shutil.copytree(checkpoint, to, ignore=_TOKENIZER)
    adapter = to / _ADAPTER
    save_file({name: weight.to(torch.float16) for name, weight in load_file(adapter).items()}, adapter)


def _keep_stage(stage: Path, to: Path) -> None:
    with new_folder(to) as neighbour:
        copy_adapter(stage / CHECKPOINT, neighbour / CHECKPOINT)
        for name in _FILES:
            if (stage / name).exists():
                shutil.copy(stage / name, neighbour / name)
        # Its samples are trained replies, which may quote the corpora.
        write_json(neighbour / PREFLIGHT, read_json(stage / PREFLIGHT) | {"samples": {}})


if __name__ == "__main__":
    app()
