"""The command `fliptrace train`: a recipe to a run of trained stages."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from fliptrace.cli import hosted_options
from fliptrace.cli.console import (
    HostedDisplay,
    TrainingDisplay,
    console,
    done,
    note,
    note_untaught,
    print_json,
    progress,
    size,
    table,
)
from fliptrace.cli.data import DataFolder
from fliptrace.cli.extras import require
from fliptrace.cli.hosted_options import HostedOptions, open_teacher
from fliptrace.cli.train_encoder import train_encoder
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Print tokens, steps and memory, try one step on a shrunken model, and stop; for a hosted base, print "
        "tokens and dollars.",
    ),
]


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe in TOML; see recipes/.", show_default=False)],
    *,
    out: Annotated[Path | None, typer.Option(help="The run folder. Default: runs/NAME of the recipe.")] = None,
    dry_run: DryRun = False,
    base: Annotated[
        str | None, typer.Option(help="Use another base than the recipe's: any MODEL that can be trained.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Use another seed than the recipe's.")] = None,
    device: Annotated[str | None, typer.Option(help="Use another device than the recipe's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print val scores (or the dry run) as JSON to stdout.")] = False,
    data: DataFolder = None,
    hosted: HostedOptions,
    training_price: hosted_options.TrainingPrice = None,
    cancel: Annotated[
        bool,
        typer.Option("--cancel", help="Cancel the job in progress, and stop.", rich_help_panel=hosted_options.PANEL),
    ] = False,
) -> None:
    """Train the stages of RECIPE, each on the one before, and evaluate the model on val after each.

    Run the same command again to resume: finished stages are kept, and a killed one resumes at its last whole step. A
    hosted base (openai:MODEL ...) is trained by its provider, whose job continues meanwhile (docs/hosted.md). A recipe
    with layers instead of stages makes an encoder model, which reads a dialogue in one pass; see
    recipes/encoder/reader.toml.
    """
    from fliptrace.training.encoder.recipe import is_encoder_recipe
    from fliptrace.training.recipe import override, read_recipe

    if is_encoder_recipe(recipe):
        train_encoder(recipe, out, base=base, seed=seed, device=device, dry_run=dry_run, as_json=json, data_folder=data)
        return
    chosen = override(read_recipe(recipe), base=base, seed=seed, device=device)
    folder = out or Path("runs") / chosen.name
    _require_for(chosen)
    settings = hosted.settings(folder / "answers.jsonl")
    if cancel:
        _cancel(folder, settings, base)
        return
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunError("fliptrace train", "started in several processes; expected one process, on one device")
    from fliptrace.training.data import load_training_data

    cases = load_training_data(chosen, data)
    for remark in cases.notes:
        note(remark)
    if dry_run and chosen.hosted:
        hosted_options.show_dry_run(chosen, cases, hosted.price, training_price, as_json=json)
        return
    if dry_run:
        _dry_run(chosen, cases, json)
        return
    from fliptrace.models.open_model import check_host

    for ref in (None if base else chosen.base.model, chosen.curate.teacher):
        check_host(ref or "", recipe, settings)
    scores = _train(chosen, cases, folder, settings, training_price)
    if json:
        print_json(scores)
    done(f"{folder}: report it with `fliptrace report {folder}`, use it with `fliptrace predict {folder} ...`")


def _require_for(recipe: Any) -> None:
    """Check the dependencies of training, on this machine or by a provider."""
    if recipe.hosted:
        require("train", "hosted,study", "openai", "stamina", "genai_prices", "sklearn", "scipy")
    else:
        require("train", "train", "torch", "transformers", "peft", "accelerate", "sklearn", "scipy")


def _train(recipe: Any, cases: Any, folder: Path, settings: Any, training_price: float | None) -> Json:
    """Train with a display of progress and, at the end, of cost. Returns the val scores of every stage."""
    from fliptrace.models.hosted.budget import Budget
    from fliptrace.training.stages import train as train_stages

    budget = Budget(settings.max_cost)
    teacher = open_teacher(recipe.curate.teacher, recipe.device, settings, budget)
    writer = None if teacher is None else teacher.require_chat("teacher")
    try:
        with progress() as bar:
            trainer = _hosted_trainer(recipe, settings, training_price, bar, budget) if recipe.hosted else None
            return train_stages(recipe, cases, folder, TrainingDisplay(bar), writer, trainer=trainer)
    finally:
        hosted_options.print_cost(recipe.name, budget)


def _hosted_trainer(recipe: Any, settings: Any, training_price: float | None, bar: Any, budget: Any) -> Any:
    from fliptrace.training.hosted.trainer import HostedTrainer

    watcher = HostedDisplay(bar, only_money=True)
    return HostedTrainer(recipe, settings, date.today(), watcher, training_price, budget)


def _cancel(folder: Path, settings: Any, base: str | None) -> None:
    """Cancel the jobs of a run, by the recipe that the run was started with."""
    from fliptrace.core.files import read_object
    from fliptrace.models.checkpoints import MANIFEST, is_run
    from fliptrace.models.open_model import check_host
    from fliptrace.training.hosted.trainer import cancel_jobs
    from fliptrace.training.recipe import parse_recipe

    if not is_run(folder):
        raise InputError(folder, "no run was started there")
    recipe = parse_recipe(read_object(folder / MANIFEST).get("recipe", {}), str(folder / MANIFEST))
    if not recipe.hosted:
        raise InputError("--cancel", f"{folder} is trained on this machine; stop it with Ctrl-C")
    check_host("" if recipe.base.model == base else recipe.base.model, folder / MANIFEST, settings)
    cancelled = cancel_jobs(recipe, folder)
    done(f"cancelled: {', '.join(cancelled)}" if cancelled else f"{folder}: no job is in progress")


def _dry_run(recipe: Any, cases: Any, as_json: bool) -> None:
    from fliptrace.training.dry_run import dry_run

    result = dry_run(recipe, cases)
    if as_json:
        print_json(result.to_json())
        return
    rows = [
        (s.name, f"{s.num_rows:,}", f"{s.num_tokens:,}", f"{s.num_trained_tokens:,}", f"{s.num_steps:,}", s.num_dropped)
        for s in result.stages
    ]
    table(f"{recipe.name}: stages", ("stage", "rows", "tokens", "trained on", "steps", "left out"), rows)
    for stage in result.stages:
        note_untaught(stage, f"{stage.name}: ")
    if result.not_packed:
        note(f"not packed as prefix trees: {result.not_packed}")
    memory = result.memory
    parts = {
        "weights": memory.weights,
        "gradients and optimizer": memory.gradients_and_optimizer,
        "activations": memory.activations,
        "total": memory.total,
    }
    console.print(f"\n{memory.num_parameters:,} parameters, {memory.num_trainable:,} of them trained")
    table("estimated memory", ("", "bytes"), [(name, size(num_bytes)) for name, num_bytes in parts.items()])
    step = result.step
    done(f"one step on a shrunken {step.architecture} of {step.num_parameters:,} parameters: loss {step.loss:.2f}")
