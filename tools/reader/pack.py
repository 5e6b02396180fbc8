"""Packs a finished run of recipes/encoder/reader.toml into the model that ships as `embedded`, and measures it.

    python -m tools.reader.pack runs/reader
    python -m tools.reader.pack runs/reader --plain plain.json    # with what tools.plain_sentences wrote, for the card

It writes src/fliptrace/embedded/reader/ (graphs, tokenizer, settings, MODEL_CARD.md, licences), docs/runs/reader.json
and tests/tools/reader_expected.json (decisions on a few cases of the sample corpus). With another `--out` the two JSON
files lie beside that folder. Predictions are kept in runs/reader-pack/, so that a killed run goes on there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import console, decimals, done, interval, note, progress, show_steps, size, table
from fliptrace.core.errors import InputError, RunError, damage_named
from fliptrace.core.files import Json, read_object, versions, write_json
from fliptrace.models.bundled import EMBEDDED
from fliptrace.models.encoder.config import CONFIG, MODEL, TOKENIZER
from fliptrace.models.graphs import open_tokenizer
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.training.data import TrainingData, load_training_data
from fliptrace.training.encoder.make import BEGUN
from fliptrace.training.encoder.recipe import EncoderRecipe, override_encoder, read_encoder_recipe
from fliptrace.training.measured_sets import collect_sets
from fliptrace.training.recipe_changes import differences
from fliptrace.training.typed_toml import parse_table
from tools.encoder_base.origin import PUBLISHED, is_made_from
from tools.measuring.cards import CARD
from tools.measuring.figures import SETTINGS
from tools.measuring.folders import describe_files, install
from tools.measuring.packed import PackedModel, decide_sample
from tools.reader.baselines import Baselines
from tools.reader.measure import Measuring
from tools.reader.model_card import licences, render_card

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "encoder" / "reader.toml"
FIGURES = ROOT / "docs" / "runs" / "reader.json"
EXPECTED = ROOT / "tests" / "tools" / "reader_expected.json"
MAX_BYTES = 45_000_000  # of all files together, to keep the wheel small


def main(
    run: Annotated[Path, typer.Argument(help="A finished run of an encoder recipe.")],
    out: Annotated[Path, typer.Option(help="The folder of the packed model; it is replaced.")] = EMBEDDED,
    work: Annotated[Path, typer.Option(help="The folder of predictions.")] = ROOT / "runs" / "reader-pack",
    plain: Annotated[Path | None, typer.Option(help="What tools.plain_sentences measured of this model.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N of each set, for a trial.")] = None,
) -> None:
    """Measure and pack."""
    ships = out.resolve() == EMBEDDED.resolve()
    if limit is not None and ships:
        raise InputError("--limit", "figures of a part of val cannot go into the shipped model; expected another --out")
    if not (run / MODEL / CONFIG).is_file():
        raise RunError(run, "has exported no model; finish it with: fliptrace train RECIPE")
    recipe = _published_recipe(run, ships)
    opened = open_model(str(run / MODEL))
    figures = {
        "commands": [
            f"fliptrace train recipes/encoder/{recipe.name}.toml --out runs/{recipe.name}",
            f"python -m tools.reader.pack runs/{recipe.name}",
        ],
        "recipe": recipe.to_json(),
        "recipe_sha256": recipe.digest,
        "base": _describe_base(run),
        "num_pieces": open_tokenizer(run / MODEL / TOKENIZER).get_vocab_size(),
        "weights_sha256": opened.weights_sha256,
        **_settings(opened),
        "plain": None if plain is None else _read_plain(plain, opened),
        **_measure(run, recipe, opened, work, limit),
    }
    beside = (out.with_name(f"{out.name}.json"), out.with_name(f"{out.name}_expected.json"))
    _write(run, out, figures, *((FIGURES, EXPECTED) if ships else beside))
    _show(figures)


def _published_recipe(run: Path, ships: bool) -> EncoderRecipe:
    """The recipe of a run. What ships is made by that of this repository, wherever its base lay and on any device."""
    ran = parse_table(EncoderRecipe, read_object(run / BEGUN)["recipe"], str(run / BEGUN), "recipe")
    if not ships:
        return ran
    recipe = read_encoder_recipe(RECIPE)
    expected = override_encoder(recipe, base=ran.base.model, seed=None, device=ran.fit.device)
    if changed := differences(ran.to_json(), expected.to_json()):
        lines = "\n  ".join(changed)
        raise RunError(run, f"trained with another recipe; changes from it to {RECIPE.name}:\n  {lines}")
    return recipe


def _describe_base(run: Path) -> Json:
    """What the base of a run is made from; InputError if it is not the file that the notice names."""
    begun = read_object(run / BEGUN)
    base = Path(begun["recipe"]["base"]["model"])
    if not is_made_from(PUBLISHED, base):
        expected = f"the base that tools.encoder_base makes of {PUBLISHED.requirement}, where the run had it"
        raise InputError(base, f"is not made from {PUBLISHED.file}, which the notice names; expected {expected}")
    return {
        "package": PUBLISHED.package,
        "version": PUBLISHED.version,
        "wheel_sha256": PUBLISHED.sha256,
        "file": PUBLISHED.file,
        "file_sha256": PUBLISHED.file_sha256,
        "weights": begun["base"],
    }


def _settings(opened: OpenModel) -> Json:
    defaults = opened.defaults
    return {
        "threshold": defaults.threshold("exact"),
        "emotion_weights": dict(defaults.emotion_weights),
        "emotion_temperature": defaults.emotion_temperature,
        "same_label_odds": defaults.same_label_odds,
        "flip_threshold": defaults.flip_threshold,
        "uncertain_below": defaults.uncertain_below,
    }


def _read_plain(path: Path, opened: OpenModel) -> Json:
    """What tools.plain_sentences wrote: right answers and sentences by language. InputError if of another model."""
    found = read_object(path)
    with damage_named(path):
        if found["weights_sha256"] != opened.weights_sha256:
            raise InputError(path, "was measured with other weights; expected those of this run")
        return {"right": found["right"], "of": found["of"]}


def _measure(run: Path, recipe: EncoderRecipe, opened: OpenModel, work: Path, limit: int | None) -> Json:
    named = os.environ.get("FLIPTRACE_DATA")
    root = Path(named) if named else None
    data = _load_data(run, recipe, root)
    sets = collect_sets(recipe, data, root, limit)
    for cases in sets.cases:
        console.print(f"{cases.name}: {cases.leaks}")
    if limit is not None:
        note(f"figures cover only the first {limit:,} cases and dialogues of each set")
    kept = work / opened.weights_sha256[:12]
    with progress() as bar:
        model = PackedModel(recipe.name, opened, kept, show_steps(bar, hide_finished=True))
        measuring = Measuring(model, sets, Baselines(recipe, data, sets, work))
        return {
            **measuring.figures(),
            "data": data.manifest,
            "settings": SETTINGS._asdict(),
            "versions": versions("torch", "transformers", "onnxruntime", "scikit-learn", "numpy"),
        }


def _load_data(run: Path, recipe: EncoderRecipe, root: Path | None) -> TrainingData:
    """The data of a run; RunError if the files have changed since it was trained."""
    data = load_training_data(recipe, root)
    if changed := differences(read_object(run / BEGUN)["data"], data.manifest, "data files: "):
        lines = "\n  ".join(changed)
        raise RunError(run, f"trained on other data; changes from it to what is there now:\n  {lines}")
    return data


def _write(run: Path, out: Path, figures: Json, figures_path: Path, expected_path: Path) -> None:
    texts = licences()
    card = render_card(figures, describe_files(run / MODEL, texts))
    num_bytes = install(run / MODEL, out, texts | {CARD: card}, MAX_BYTES)
    write_json(figures_path, figures | {"files": describe_files(out, {})})
    write_json(expected_path, decide_sample(open_model(f"embedded:{out}")))
    done(f"{out}: {size(num_bytes)}; figures in {figures_path}, decisions on the sample in {expected_path}")


def _show(figures: Json) -> None:
    """Print the main figures beside the best rule and the baselines."""
    rows = []
    for name, row in figures["triggers"].items():
        best = max(rule["trigger_f1"] for rule in row["rules"].values())
        left_out, end = row["model"]["left_out"], row["end_to_end"]
        shown = (best, row["trees"]["left_out"]["trigger_f1"], end["flip_f1"], end["trigger_f1"])
        f1 = (decimals(row["model"]["trigger_f1"]), decimals(left_out["trigger_f1"]), interval(left_out["interval"]))
        rows.append((name, *f1, *map(decimals, shown)))
    heads = ("", "F1", "left out", "95% interval", "best rule", "trees, left out", "flips", "end to end")
    table("triggers", heads, rows)
    emotion_rows = []
    for name, row in figures["emotions"].items():
        model, best = row["model"], max((words["weighted_f1"] for words in row["word_counts"]), default=None)
        emotion_rows.append((name, decimals(model["weighted_f1"]), interval(model["interval"]), decimals(best)))
    table("emotions, weighted F1", ("", "reader", "95% interval", "best TF-IDF"), emotion_rows)


if __name__ == "__main__":
    typer.run(main)
