"""Train the reader of reader.toml and measure it on val.

    python -m tools.reader tools/reader/reader.toml --out runs/reader-0 --seed 0

A killed run goes on where it was. The folder `model` in it is a MODEL of every command.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import decimals, done, note, progress, show_steps, size, table
from fliptrace.core.files import Json, versions, write_json
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.training.data import TrainingData, load_training_data
from fliptrace.training.encoder.make import MODEL, make_encoder
from fliptrace.training.encoder.recipe import EncoderRecipe, read_encoder_recipe
from fliptrace.training.measured_sets import collect_sets
from tools.mini.measure import SETTINGS, emotion_figures, rule_figures, trigger_figures, unified_figures
from tools.mini.packed import PackedModel


def main(
    recipe: Annotated[Path, typer.Argument(help="The recipe.")],
    out: Annotated[Path, typer.Option(help="The run's folder.")],
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
) -> None:
    """Train and measure."""
    chosen = read_encoder_recipe(recipe)
    chosen = chosen if seed is None else chosen.model_copy(update={"seed": seed})
    root = Path(os.environ["FLIPTRACE_DATA"]) if "FLIPTRACE_DATA" in os.environ else None
    data = load_training_data(chosen, root)
    for remark in data.notes:
        note(remark)
    with progress() as bar:
        num_bytes = make_encoder(chosen, data, out, show_steps(bar, hide_finished=True))
    figures = measure(chosen, data, root, open_model(str(out / MODEL)), out)
    write_json(out / "figures.json", figures | {"command": f"python -m tools.reader {recipe} --seed {chosen.seed}"})
    _show(figures)
    done(f"{out / MODEL}: {size(num_bytes)}")


def measure(recipe: EncoderRecipe, data: TrainingData, root: Path | None, opened: OpenModel, out: Path) -> Json:
    """Emotions, triggers under gold emotions and both end to end, each beside the rules."""
    sets = collect_sets(recipe, data, root)
    threshold = opened.defaults.threshold("greedy")
    with progress() as bar:
        model = PackedModel(recipe.name, opened, out / "predictions", show_steps(bar, hide_finished=True))
        return {
            "emotions": {each.name: emotion_figures(model.emotions(each)) for each in sets.emotions},
            "triggers": {
                cases.name: rule_figures(model.triggers(cases))
                | {
                    "model": trigger_figures(model.triggers(cases), threshold),
                    "end_to_end": unified_figures(model.unified(cases, threshold)),
                }
                for cases in sets.cases
            },
            "recipe": recipe.to_json(),
            "data": data.manifest,
            "settings": SETTINGS._asdict(),
            "versions": versions("torch", "transformers", "onnxruntime"),
        }


def _show(figures: Json) -> None:
    emotions = [(name, decimals(row["weighted_f1"])) for name, row in figures["emotions"].items()]
    table("emotions, weighted F1", ("", "reader"), emotions)
    rows = []
    for name, row in figures["triggers"].items():
        model, end = row["model"], row["end_to_end"]
        best = max(rule["trigger_f1"] for rule in row["rules"].values())
        figures_of = (model["trigger_f1"], model["left_out"]["trigger_f1"], best, end["flip_f1"], end["trigger_f1"])
        rows.append((name, *map(decimals, figures_of)))
    heads = ("", "gold emotions", "left out", "best rule", "flips from bare text", "triggers from bare text")
    table("triggers", heads, rows)


if __name__ == "__main__":
    typer.run(main)
