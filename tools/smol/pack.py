"""Packs the last stage of a run of recipes/smol.toml into the adapter that fliptrace ships, and measures its card.

    python -m tools.smol.pack runs/smol

It writes src/fliptrace/embedded/smol/ (adapter in fp16, threshold, MODEL_CARD.md, licences) and docs/runs/smol.json.
Predictions are kept in runs/smol-pack/, so that a killed run goes on there.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import console, decimals, done, progress, show_steps, table
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json, versions, write_json
from fliptrace.inference.emotions import ScoringLabeler
from fliptrace.models.bundled import SMOL
from fliptrace.models.catalog import BASE_FILE, BaseRecord
from fliptrace.models.checkpoints import MANIFEST, Checkpoint, InferenceDefaults, last_checkpoint
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.report.wording import count
from fliptrace.training.data import TrainingData, load_training_data
from fliptrace.training.emotion_defaults import choose_emotion_defaults
from fliptrace.training.emotion_weights import label_shares
from fliptrace.training.measured_sets import MeasuredSets, collect_sets
from fliptrace.training.recipe import Recipe, parse_recipe
from fliptrace.training.trainer import COST
from tools.measuring.cards import CARD, LICENCE, card_environment, data_sets
from tools.measuring.figures import SETTINGS
from tools.measuring.folders import install
from tools.measuring.packed import PackedModel
from tools.smol.measure import Measuring
from tools.smol.stages import copy_adapter

ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 12_000_000
_TEMPLATES = Path(__file__).parent / "templates"
_LICENCES = {LICENCE: "weights_licence.txt", "NOTICE.SmolLM2": "smollm2_notice.txt"}


def main(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    out: Annotated[Path, typer.Option(help="The folder of the packed adapter; it is replaced.")] = SMOL,
    work: Annotated[Path, typer.Option(help="The folder of predictions.")] = ROOT / "runs" / "smol-pack",
    figures: Annotated[Path, typer.Option(help="The JSON file of figures.")] = ROOT / "docs" / "runs" / "smol.json",
    rationales: Annotated[int, typer.Option(help="Rationales to check, of the first cases of each val set.")] = 50,
    limit: Annotated[int | None, typer.Option(help="Only the first N of each set, for a trial.")] = None,
) -> None:
    """Pack and measure."""
    if limit is not None and out == SMOL:
        raise InputError("--limit", "figures of a part of val cannot go into the shipped model; expected another --out")
    checkpoint = last_checkpoint(run)
    recipe = parse_recipe(read_json(run / MANIFEST)["recipe"], str(run))
    measured = _measure(_pack(checkpoint, work / "adapter"), recipe, work, rationales, limit)
    stage = Checkpoint.read(checkpoint.parent)
    assert stage is not None
    measured |= {
        "recipe": recipe.to_json(),
        "recipe_sha256": recipe.digest,
        "last_stage": stage.stage,
        "costs": {
            folder.name: read_json(folder / COST) for folder in sorted(run.glob("*-*/")) if (folder / COST).exists()
        },
        "command": f"python -m tools.smol.pack {run}",
    }
    texts = {name: (_TEMPLATES / template).read_text(encoding="utf-8") for name, template in _LICENCES.items()}
    num_bytes = install(work / "adapter", out, texts | {CARD: render_card(measured)}, MAX_BYTES)
    write_json(figures, measured)
    _show(measured)
    done(f"{out}: {count(num_bytes)} bytes, threshold {measured['threshold']}; figures in {figures}")


def _pack(checkpoint: Path, folder: Path) -> Path:
    """Copy an adapter in fp16 as it ships: its base by name and hash, without a tokenizer."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    copy_adapter(checkpoint, folder)
    if BaseRecord.read(folder) is None:
        raise InputError(checkpoint, f"has no {BASE_FILE}; expected an adapter on a base of the catalog")
    return folder


def _measure(folder: Path, recipe: Recipe, work: Path, rationales: int, limit: int | None) -> Json:
    root = os.environ.get("FLIPTRACE_DATA")
    data = load_training_data(recipe, Path(root) if root else None)
    sets = collect_sets(recipe, data, Path(root) if root else None, limit)
    opened = open_model(str(folder))
    with progress() as bar:
        on_progress = show_steps(bar, hide_finished=True)
        kept = work / opened.weights_sha256[:12]
        defaults = _emotion_defaults(opened, recipe, data, sets, kept)
        measuring = Measuring(PackedModel("smol", replace(opened, defaults=defaults), kept, on_progress), sets)
        threshold = measuring.threshold()
        replace(defaults, thresholds={"exact": threshold}).write(folder)
        return {
            "weights_sha256": opened.weights_sha256,
            "threshold": threshold,
            "emotion_weights": dict(defaults.emotion_weights),
            "emotion_temperature": defaults.emotion_temperature,
            "same_label_odds": defaults.same_label_odds,
            "flip_threshold": defaults.flip_threshold,
            "uncertain_below": defaults.uncertain_below,
            "emotions": measuring.emotions(),
            "triggers": measuring.triggers(threshold),
            "rationales": measuring.rationales(threshold, rationales),
            "data": data.manifest,
            "settings": SETTINGS._asdict(),
            "versions": versions("torch", "transformers", "peft", "numpy"),
        }


def _emotion_defaults(
    opened: OpenModel, recipe: Recipe, data: TrainingData, sets: MeasuredSets, kept: Path
) -> InferenceDefaults:
    """How emotions and flips are read, chosen on the emotion sets; kept, since every label is asked for once."""
    if (found := InferenceDefaults.read(kept)) is not None:
        return found
    assert opened.model.scorer is not None
    files = {emotions.name: emotions.dialogues for emotions in sets.emotions}
    labeler = ScoringLabeler("smol", opened.model.scorer, recipe.layout)
    chosen = choose_emotion_defaults(labeler, files, label_shares(recipe, data.emotions))
    defaults = replace(chosen.defaults, layout=recipe.layout)
    kept.mkdir(parents=True, exist_ok=True)
    defaults.write(kept)
    return defaults


def render_card(figures: Json) -> str:
    rendered = (
        card_environment(_TEMPLATES)
        .get_template("model_card.md")
        .render(
            figures=figures,
            data_sets=data_sets(figures["recipe"]),
            stages=list(
                zip(figures["recipe"]["stages"], figures["costs"].values(), strict=False)
            ),  # the last may be unmade
        )
    )
    return rendered.strip() + "\n"


def _show(figures: Json) -> None:
    rows = []
    for name, row in figures["triggers"].items():
        best = max(rule["trigger_f1"] for rule in row["rules"].values())
        end = row["end_to_end"]
        model, flips = row["model"], decimals(end["flip_f1"])
        rows.append((name, decimals(model["trigger_f1"]), decimals(best), flips, decimals(end["trigger_f1"])))
    table("triggers", ("", "gold emotions", "best rule", "flips from bare text", "triggers from bare text"), rows)
    emotions = [(name, decimals(row["weighted_f1"])) for name, row in figures["emotions"].items()]
    table("emotions, weighted F1", ("", "smol"), emotions)
    console.print(figures["rationales"])


if __name__ == "__main__":
    typer.run(main)
