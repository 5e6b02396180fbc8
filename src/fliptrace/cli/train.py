"""The commands on training: `fliptrace curate`, `train` and `report`."""

from __future__ import annotations

import os
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fliptrace.cli import hosted_options
from fliptrace.cli.console import HostedDisplay, TrainingDisplay, console, done, note, print_json, progress, size, table
from fliptrace.cli.data import DataFolder, read_cases
from fliptrace.cli.hosted_options import HostedOptions
from fliptrace.core.errors import InputError, MissingExtra, RunError

if TYPE_CHECKING:
    from fliptrace.models.hosted.budget import Budget
    from fliptrace.models.hosted.model import HostedSettings
    from fliptrace.models.open_model import OpenModel


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe in TOML; see recipes/.", show_default=False)],
    *,
    out: Annotated[Path | None, typer.Option(help="The run folder. Default: runs/NAME of the recipe.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Tokens, steps, memory, a step on a shrunken model; of a hosted base tokens and dollars. Then stop.",
        ),
    ] = False,
    base: Annotated[
        str | None, typer.Option(help="Another base than the recipe's: any MODEL that can be trained.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed than the recipe's.")] = None,
    device: Annotated[str | None, typer.Option(help="Another device than the recipe's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Val scores (or the dry run) as JSON to stdout.")] = False,
    data: DataFolder = None,
    hosted: HostedOptions,
    training_price: hosted_options.TrainingPrice = None,
    cancel: Annotated[
        bool,
        typer.Option("--cancel", help="Cancel the job that is under way, and stop.", rich_help_panel="Hosted models"),
    ] = False,
) -> None:
    """Train the stages of RECIPE one upon the other, and read the model on val after each.

    Given again it goes on: finished stages are not redone, a killed one resumes at its last whole step. A base that is
    hosted (openai:MODEL ...) is trained by its provider, whose job goes on meanwhile (docs/hosted.md).
    """
    from fliptrace.training.recipe import override, read_recipe

    chosen = override(read_recipe(recipe), base=base, seed=seed, device=device)
    folder = out or Path("runs") / chosen.name
    _require_for(chosen)
    if cancel:
        _cancel(folder)
        return
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunError("fliptrace train", "started in several processes; a run is trained by one, on one device")
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
    from fliptrace.models.hosted.budget import Budget
    from fliptrace.training.stages import train as train_stages

    settings = hosted.settings(folder / "answers.jsonl")
    budget = Budget(hosted.max_cost)
    teacher = _open_teacher(chosen.curate.teacher, chosen.device, settings, budget)
    writer = None if teacher is None else teacher.require_chat("teacher")
    try:
        with progress() as bar:
            trainer = _hosted_trainer(chosen, settings, training_price, bar, budget) if chosen.hosted else None
            scores = train_stages(chosen, cases, folder, TrainingDisplay(bar), writer, trainer=trainer)
    finally:
        hosted_options.print_cost(chosen.name, budget)
    if json:
        print_json(scores)
    done(f"{folder}: read it with `fliptrace report {folder}`, use it as MODEL in `fliptrace predict {folder} ...`")


def curate(
    file: Annotated[str, typer.Argument(help="Flip cases: an EFR JSON file, or NAME:SPLIT.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The JSONL file to write; its manifest is written beside it.")],
    *,
    mix: Annotated[
        str,
        typer.Option(
            help="Kinds and weights: answer, chain, source, flips, emotion, unified; feedback and self-evaluation with "
            "--own."
        ),
    ] = "answer=1,chain=1",
    form: Annotated[
        Literal["trl", "hosted"], typer.Option(help="Prompt and completion for TRL, or messages for hosted providers.")
    ] = "trl",
    own: Annotated[
        Path | None, typer.Option(help="A prediction file of the same cases: the own answers to be corrected.")
    ] = None,
    feedback_level: Annotated[
        Literal["verdict", "kind of error", "full"], typer.Option(help="How much feedback gives away.")
    ] = "full",
    teacher: Annotated[str | None, typer.Option(help="A MODEL that writes the rationales.")] = None,
    layout: Annotated[Literal["dialogue", "window"], typer.Option(help="How cases are shown.")] = "dialogue",
    wordings: Annotated[int, typer.Option(min=1, help="In how many ways rationales are put.")] = 3,
    seed: Annotated[int, typer.Option(help="Of wordings and order.")] = 0,
    data: DataFolder = None,
    hosted: HostedOptions,
) -> None:
    """Make instructions from labelled flip cases: the plain question, chains of thought, feedback, self-evaluation;
    from their bare text the emotions of utterances, and emotions and triggers in one go.
    """
    from fliptrace.curate.curator import Curator
    from fliptrace.curate.files import curate_file, parse_mix
    from fliptrace.prompts.views import Layout

    weights = parse_mix(mix)
    cases, source = read_cases(file, data, to_train=True)
    opened = _open_teacher(teacher, "auto", hosted.settings(hosted_options.reply_cache_path(out)))
    writer = None if opened is None else opened.require_chat("teacher")
    curator = Curator(wordings, feedback_level, seed, writer)
    written = curate_file(
        cases, out, curator=curator, weights=weights, layout=Layout(layout), form=form, own=own, source=source
    )
    if opened is not None and opened.hosted is not None:
        hosted_options.print_cost(opened.hosted.name, opened.hosted.budget)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in written.items())
    done(f"{sum(written.values()):,} instructions ({counts}): {out}")


def require(command: str, extra: str, *modules: str) -> None:
    """MissingExtra where a command lacks a module, before it does anything."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtra(f"fliptrace {command}", extra, " and ".join(missing))


def _require_for(recipe: Any) -> None:
    """What training takes, here or by a provider."""
    if recipe.hosted:
        require("train", "hosted,study", "openai", "stamina", "genai_prices", "sklearn", "scipy")
    else:
        require("train", "train", "torch", "transformers", "peft", "accelerate", "sklearn", "scipy")


def _hosted_trainer(recipe: Any, settings: Any, training_price: float | None, bar: Any, budget: Any) -> Any:
    from fliptrace.training.hosted.trainer import HostedTrainer

    watcher = HostedDisplay(bar, only_money=True)
    return HostedTrainer(recipe, settings, date.today(), watcher, training_price, budget)


def _cancel(folder: Path) -> None:
    """Of the recipe that the run was begun with, whatever base the command would take."""
    from fliptrace.core.files import read_json
    from fliptrace.models.checkpoints import MANIFEST, is_run
    from fliptrace.training.hosted.trainer import cancel_jobs
    from fliptrace.training.recipe import parse_recipe

    if not is_run(folder):
        raise InputError(folder, "no run was begun there")
    recipe = parse_recipe(read_json(folder / MANIFEST)["recipe"], str(folder / MANIFEST))
    if not recipe.hosted:
        raise InputError("--cancel", f"{folder} is trained on this machine; stop it with Ctrl-C")
    cancelled = cancel_jobs(recipe, folder)
    done(f"cancelled: {', '.join(cancelled)}" if cancelled else f"{folder}: no job is under way")


def _open_teacher(
    ref: str | None, device: str, settings: HostedSettings, budget: Budget | None = None
) -> OpenModel | None:
    if ref is None:
        return None
    from fliptrace.models.open_model import open_model

    return open_model(ref, device, hosted=settings, watcher=HostedDisplay(), budget=budget)


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
    if result.not_packed:
        note(f"not packed as prefix trees: {result.not_packed}")
    memory = result.memory
    parts = {
        "weights": memory.weights,
        "gradients and optimizer": memory.gradients_and_optimizer,
        "activations": memory.activations,
        "together": memory.total,
    }
    console.print(f"\n{memory.num_parameters:,} parameters, {memory.num_trainable:,} of them trained")
    table("memory, estimated", ("", "bytes"), [(name, size(num_bytes)) for name, num_bytes in parts.items()])
    step = result.step
    done(f"one step on a shrunken {step.architecture} of {step.num_parameters:,} parameters: loss {step.loss:.2f}")
