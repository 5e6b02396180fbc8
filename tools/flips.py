"""Measures the flip probabilities of a model on val, and what would be chosen there: `same_label_odds`, thresholds.

    python -m tools.flips embedded meld:val masac-erc:val --data corpora --out flips.json

It changes no model. Every F1 stands beside that of calling every pair of utterances a flip, which is hard to beat where
most pairs are flips: only a threshold that does better tells anything. "Left out": each group of dialogues as chosen
without it. The files need labelled emotions, of dialogues that the model was not trained on; test sets are refused. The
model's own temperature is applied, and the best one for its labels is told; its `same_label_odds` and flip threshold
are ignored.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from fliptrace.cli.console import decimals, done, note, table
from fliptrace.cli.predict import read_longest_prefixes
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, write_json
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.config import resolve_config
from fliptrace.inference.seams import best_decoding, choose_labeler
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.scoring.counts import Counts
from fliptrace.scoring.flips import (
    PRECISE,
    calibrate_flips,
    choose_flip_threshold,
    choose_precise_threshold,
    choose_same_label_odds,
    choose_temperature,
    count_flips,
)
from fliptrace.training.labelled_sets import LabelledSet


def label_set(name: str, prefixes: Sequence[LongestPrefix], opened: OpenModel) -> LabelledSet:
    """Label the emotions of a file. InputError if the model gives no probabilities."""
    config = resolve_config(opened.defaults, best_decoding(opened.model))
    labeler = choose_labeler(opened.model, config, in_turns=True)
    labels = tuple(labeler.label([prefix.dialogue for prefix in prefixes]))
    if any(each.scores is None for each in labels):
        raise InputError(opened.ref, "gives no probabilities of labels; expected a model that scores them")
    return LabelledSet(name, tuple(prefixes), labels)


def measure(sets: Sequence[LabelledSet], temperature: float = 1.0) -> Json:
    """Choose odds and thresholds on these sets together, and score flips with and without them.

    `temperature` is that of the labels; the best one is reported.
    """
    odds = choose_same_label_odds([each.pairs() for each in sets])
    pairs = [each.pairs(odds.odds) for each in sets]
    chosen = choose_flip_threshold(pairs)
    precise = choose_precise_threshold([pair for rows in pairs for pair in rows])
    return {
        "temperature": round(temperature * choose_temperature([each.rows() for each in sets]), 4),
        "same_label_odds": odds.odds,
        "flip_threshold": chosen.threshold,
        "precise_threshold": precise,
        "sets": {
            each.name: {
                "num_pairs": len(judged),
                "num_flips": sum(pair.is_flip for pair in judged),
                "every_pair": _figures(count_flips(judged, 0.0)),
                "labels_differ": _figures(count_flips(judged, None)),
                "at_threshold": _figures(count_flips(judged, chosen.threshold)),
                "f1_left_out": round(f1, 6),
                "at_precise": None if precise is None else _figures(count_flips(judged, precise)),
                "calibration_independent": calibrate_flips(each.pairs()).to_json(),
                "calibration_left_out": calibrate_flips(each.pairs(left_out)).to_json(),
            }
            for each, judged, f1, left_out in zip(sets, pairs, chosen.f1_left_out, odds.left_out, strict=True)
        },
    }


def _figures(counts: Counts) -> Json:
    figures = {"flip_f1": counts.f1, "flip_precision": counts.precision, "flip_recall": counts.recall}
    return {name: round(value, 6) for name, value in figures.items()}


def _show(figures: Json) -> None:
    sets: list[Json] = list(figures["sets"].values())
    odds, threshold, precise = (figures[key] for key in ("same_label_odds", "flip_threshold", "precise_threshold"))
    rows: list[list[object]] = [
        ["pairs", *(each["num_pairs"] for each in sets)],
        ["flips", *(each["num_flips"] for each in sets)],
        ["F1 (precision/recall): every pair is a flip", *(_three(each["every_pair"]) for each in sets)],
        ["likeliest labels differ", *(_three(each["labels_differ"]) for each in sets)],
        [f"probability from {threshold}, chosen here", *(_three(each["at_threshold"]) for each in sets)],
        ["the same, left out", *(decimals(each["f1_left_out"]) for each in sets)],
    ]
    if precise is not None:
        rows.append([f"probability from {precise}: precise", *(_three(each["at_precise"]) for each in sets)])
    calibrations = {
        "labels independent": "calibration_independent",
        "same_label_odds, left out": "calibration_left_out",
    }
    for name, measure in (("calibration error", "ece"), ("log loss", "log_loss"), ("Brier score", "brier")):
        for how, key in calibrations.items():
            rows.append([f"{name}, {how}", *(decimals(each[key][measure]) for each in sets)])
    table("flips", ("", *figures["sets"]), rows)
    note(
        f"same_label_odds {odds}; best temperature of the labels {figures['temperature']}; precise: the smallest "
        f"threshold with a precision of {PRECISE}"
    )


def _three(figures: Json) -> str:
    f1, precision, recall = (figures[f"flip_{name}"] for name in ("f1", "precision", "recall"))
    return f"{f1:.3f} ({precision:.2f}/{recall:.2f})"


def main() -> None:
    """Measure and print; `--out` also writes the figures."""
    named = os.environ.get("FLIPTRACE_DATA")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("files", nargs="+", help="NAME:SPLIT or files with labelled emotions, not of a test set")
    parser.add_argument("--data", type=Path, default=Path(named) if named else None, help="folder of corpora")
    parser.add_argument("--out", type=Path, help="a JSON file for all figures, reliability bins included")
    arguments = parser.parse_args()
    opened = open_model(arguments.model)
    sets = []
    for ref in arguments.files:
        prefixes, _ = read_longest_prefixes(ref, arguments.data)
        if ref.endswith(":test") or any(prefix.dialogue.split == "test" for prefix in prefixes):
            raise InputError(ref, "is a test set; expected val, since thresholds are chosen on it")
        sets.append(label_set(ref, prefixes, opened))
    figures = measure(sets, opened.defaults.emotion_temperature)
    _show(figures)
    if arguments.out is not None:
        write_json(arguments.out, {"model": arguments.model, "weights_sha256": opened.weights_sha256} | figures)
        done(str(arguments.out))


if __name__ == "__main__":
    main()
