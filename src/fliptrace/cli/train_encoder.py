"""`fliptrace train` with the recipe of an encoder model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fliptrace.cli.console import console, decimals, done, interval, note, print_json, progress, show_steps, size, table
from fliptrace.cli.extras import require
from fliptrace.core.files import Json
from fliptrace.core.locks import sole_writer


def train_encoder(
    path: Path,
    out: Path | None,
    *,
    base: str | None,
    seed: int | None,
    device: str | None,
    dry_run: bool,
    as_json: bool,
    data_folder: Path | None,
) -> None:
    """Train the model of a recipe, calibrate and measure it on val, and print its scores beside the rules."""
    require("train", "train", "torch", "transformers", "accelerate", "sklearn", "scipy")
    from fliptrace.training.data import load_training_data
    from fliptrace.training.encoder.make import make_encoder
    from fliptrace.training.encoder.recipe import override_encoder, read_encoder_recipe

    recipe = override_encoder(read_encoder_recipe(path), base=base, seed=seed, device=device)
    folder = out or Path("runs") / recipe.name
    data = load_training_data(recipe, data_folder)
    for remark in data.notes:
        note(remark)
    if dry_run:
        _dry_run(recipe, data, as_json)
        return
    from fliptrace.models.open_model import open_model
    from fliptrace.training.encoder.val_scores import score_on_val

    folder.mkdir(parents=True, exist_ok=True)
    with sole_writer(folder), progress() as bar:
        on_step = show_steps(bar, hide_finished=True)
        num_bytes = make_encoder(recipe, data, folder, on_step)
        scores = score_on_val(open_model(str(folder)), data, recipe.seed, folder, on_step)
    _show(scores)
    if as_json:
        print_json(scores)
    done(f"{folder}, {size(num_bytes)}: use it with `fliptrace analyze call.vtt --model {folder}`")


def _dry_run(recipe: Any, data: Any, as_json: bool) -> None:
    from fliptrace.training.encoder.make import estimate

    counts = estimate(recipe, data)._asdict()
    if as_json:
        print_json(counts)
        return
    table(recipe.name, ("", ""), [(name.replace("_", " "), f"{number:,}") for name, number in counts.items()])
    done("nothing was trained")


def _show(scores: Json) -> None:
    triggers = scores["triggers"]
    rows = [("model, labelled emotions", decimals(triggers["trigger_f1"]), interval(triggers["interval"]))]
    rows += [
        (f"rule: {name}", decimals(rule["trigger_f1"]), interval(rule["interval"]))
        for name, rule in triggers["baselines"].items()
    ]
    table("triggers of val", ("", "trigger F1", "95% interval"), rows)
    console.print(
        f"each group of dialogues left out of the choice of its threshold: "
        f"{decimals(triggers['chosen_threshold']['f1_left_out'])}"
    )
    labelled = [
        (ref, decimals(each["weighted_f1"]), interval(each["interval"])) for ref, each in scores["emotions"].items()
    ]
    if labelled:
        table("emotions of val, from bare text", ("", "weighted F1", "95% interval"), labelled)
