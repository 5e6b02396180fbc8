"""Measure an encoder model that `fliptrace train` has made, end to end too, on val and on the held-out dialogues.

python -m tools.measure_reader runs/reader
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import decimals, done, progress, show_steps, table
from fliptrace.core.files import Json, read_object, versions, write_json
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.training.data import TrainingData, load_training_data
from fliptrace.training.encoder.make import BEGUN
from fliptrace.training.encoder.recipe import EncoderRecipe
from fliptrace.training.measured_sets import collect_sets
from fliptrace.training.typed_toml import parse_table
from tools.mini.measure import SETTINGS, emotion_figures, rule_figures, trigger_figures, unified_figures
from tools.mini.packed import PackedModel


def main(run: Annotated[Path, typer.Argument(help="The folder of the run.")]) -> None:
    """Measure, print the figures beside the rules, and keep them in the run."""
    recipe = parse_table(EncoderRecipe, read_object(run / BEGUN)["recipe"], str(run / BEGUN), "recipe")
    root = Path(os.environ["FLIPTRACE_DATA"]) if "FLIPTRACE_DATA" in os.environ else None
    figures = measure(recipe, load_training_data(recipe, root), root, open_model(str(run)), run)
    write_json(run / "figures.json", figures | {"command": f"python -m tools.measure_reader {run}"})
    _show(figures)
    done(f"{run / 'figures.json'}")


def measure(recipe: EncoderRecipe, data: TrainingData, root: Path | None, opened: OpenModel, run: Path) -> Json:
    """Emotions, triggers under gold emotions and both end to end, each beside the rules."""
    sets = collect_sets(recipe, data, root)
    threshold = opened.defaults.threshold("greedy")
    with progress() as bar:
        model = PackedModel(recipe.name, opened, run / "predictions" / "measured", show_steps(bar, hide_finished=True))
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
