"""Packs the trained seeds of recipes/mini.toml into the model that fliptrace ships, and measures it for its card.

    python -m tools.mini.main runs/mini-0 runs/mini-1 runs/mini-2

It writes src/fliptrace/embedded/mini/ (graphs, tokenizer, threshold, MODEL_CARD.md, LICENSE.weights),
docs/runs/mini.json and tests/tools/mini_expected.json (the model's decisions on a few cases of the sample corpus).
Graphs, predictions and baselines are kept in runs/mini-pack/, so a killed run resumes there; `--fresh` starts over.
`make mini` trains the seeds and packs them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from fliptrace.cli.console import console, decimals, done, interval, note, progress, show_steps, size, table
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, write_json
from fliptrace.models.embedded import BUNDLED
from fliptrace.models.open_model import open_model
from fliptrace.training.data import load_training_data
from fliptrace.training.measured_sets import collect_sets
from fliptrace.training.recipe import read_recipe
from tools.mini.model_card import CARD, LICENCE, render_card, weights_licence
from tools.mini.pack import Packing, describe_files, install
from tools.mini.packed import decide_sample
from tools.mini.seeds import read_seeds

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Pack the model; on an input error, exit with a one-line message."""
    arguments = _arguments()
    try:
        pack(arguments)
    except InputError as error:
        sys.exit(f"error: {error}")


def pack(arguments: argparse.Namespace) -> None:
    if arguments.limit is not None and arguments.out == BUNDLED:
        raise InputError("--limit", "figures of a part of val cannot go into the shipped model; expected another --out")
    if arguments.fresh:
        shutil.rmtree(arguments.work, ignore_errors=True)
    recipe = read_recipe(arguments.recipe)
    console.rule("data", align="left")
    data = load_training_data(recipe, arguments.data)
    seeds = read_seeds(arguments.runs, recipe, data)
    sets = collect_sets(recipe, data, arguments.data, arguments.limit)
    for cases in sets.cases:
        console.print(f"{cases.name}: {cases.leaks}")
    with progress() as bar:
        on_progress = show_steps(bar, hide_finished=True)
        packing = Packing(
            recipe, seeds, data, sets, arguments.work, lambda phase: console.rule(phase, align="left"), on_progress
        )
        figures = packing.figures()
    if arguments.limit is not None:
        note(f"figures cover only the first {arguments.limit:,} cases and dialogues of each set")
    _write(packing, figures, arguments)
    _show(figures)


def _write(packing: Packing, figures: Json, arguments: argparse.Namespace) -> None:
    licence = {LICENCE: weights_licence()}
    card = render_card(figures, describe_files(packing.folder, licence))
    num_bytes = install(packing.folder, arguments.out, licence | {CARD: card})
    train = f"fliptrace train recipes/{packing.recipe.name}.toml"
    commands = [f"{train} --seed {seed.recipe.seed} --out runs/{seed.run.name}" for seed in packing.seeds]
    commands.append("python -m tools.mini.main " + " ".join(f"runs/{seed.run.name}" for seed in packing.seeds))
    files = describe_files(arguments.out, {})
    write_json(arguments.figures, {"commands": commands, "files": files} | figures)
    write_json(arguments.expected, decide_sample(open_model(f"embedded:{arguments.out}")))
    done(f"{arguments.out}: {size(num_bytes)}, threshold {packing.threshold}; figures in {arguments.figures}")


def _show(figures: Json) -> None:
    """Print the main figures: left-out F1 beside the best rule and the baselines."""
    rows = []
    for name, row in figures["triggers"].items():
        left_out, best = row["model"]["left_out"], max(rule["trigger_f1"] for rule in row["rules"].values())
        single = decimals(row["spread"]["left_out_f1"]["mean"])
        trees = decimals(row["trees"]["left_out"]["trigger_f1"])
        rows.append(
            (name, decimals(left_out["trigger_f1"]), interval(left_out["interval"]), single, decimals(best), trees)
        )
    table("trigger F1, left out", ("", "mini", "95% interval", "one seed", "best rule", "trees"), rows)
    emotion_rows = []
    for name, row in figures["emotions"].items():
        model, best = row["model"], max(words["weighted_f1"] for words in row["word_counts"])
        single = decimals(row["spread"]["weighted_f1"]["mean"])
        emotion_rows.append((name, decimals(model["weighted_f1"]), interval(model["interval"]), single, decimals(best)))
    table("emotions, weighted F1", ("", "mini", "95% interval", "one seed", "best TF-IDF"), emotion_rows)


def _arguments() -> argparse.Namespace:
    named = os.environ.get("FLIPTRACE_DATA")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="finished runs of one recipe, one per seed")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "mini.toml")
    parser.add_argument("--data", type=Path, default=Path(named) if named else None, help="folder of corpora")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "runs" / "mini-pack", help="folder for intermediate results"
    )
    parser.add_argument("--out", type=Path, default=BUNDLED, help="folder of the packed model; it is replaced")
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "runs" / "mini.json")
    parser.add_argument("--expected", type=Path, default=ROOT / "tests" / "tools" / "mini_expected.json")
    parser.add_argument("--limit", type=int, help="use only the first N of each set, for a trial run")
    parser.add_argument("--fresh", action="store_true", help="delete the intermediate results first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
