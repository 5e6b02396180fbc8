"""Measures the flip probabilities of a model on val, and what would be chosen there: temperature and thresholds.

    python -m tools.flips embedded meld:val masac-erc:val --data corpora --out flips.json

It changes no model. Every F1 stands beside that of calling every pair of utterances a flip, which is hard to beat where
most pairs are flips: only a threshold that does better tells anything. The files need labelled emotions, of dialogues
that the model was not trained on; test sets are refused. The stored temperature and flip threshold of the model are
ignored.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fliptrace.cli.console import done, note, table
from fliptrace.cli.predict import read_longest_prefixes
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, write_json
from fliptrace.corpora.longest_prefixes import LongestPrefix
from fliptrace.inference.config import resolve_config
from fliptrace.inference.emotions import EmotionLabels, temper
from fliptrace.inference.flips import speaker_pairs
from fliptrace.inference.seams import best_decoding, choose_labeler
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.scoring.counts import Counts
from fliptrace.scoring.flips import (
    PRECISE,
    JudgedPair,
    LabelledRow,
    calibrate_flips,
    choose_flip_threshold,
    choose_precise_threshold,
    choose_temperature,
    count_flips,
)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The dialogues of one file, and what the model says of them at temperature 1."""

    name: str
    prefixes: tuple[LongestPrefix, ...]
    labels: tuple[EmotionLabels, ...]

    def rows(self) -> list[LabelledRow]:
        """The distribution of every labelled utterance that counts."""
        return [
            LabelledRow(scores, prefix.dialogue.emotion_set.labels.index(gold))
            for prefix, labels in zip(self.prefixes, self.labels, strict=True)
            for i, (gold, scores) in enumerate(zip(prefix.dialogue.emotions, labels.scores or (), strict=True))
            if gold is not None and i >= prefix.counted_from
        ]

    def pairs(self, temperature: float) -> list[JudgedPair]:
        """Every pair of labelled utterances that counts."""
        return [
            pair
            for prefix, labels in zip(self.prefixes, self.labels, strict=True)
            for pair in _judge(prefix, labels, temperature)
        ]


def label_set(name: str, prefixes: Sequence[LongestPrefix], opened: OpenModel) -> LabelledSet:
    """Label the emotions of a file. InputError if the model gives no probabilities."""
    config = resolve_config(opened.defaults, best_decoding(opened.model))
    labeler = choose_labeler(opened.model, replace(config, emotion_temperature=1.0), in_turns=True)
    labels = tuple(labeler.label([prefix.dialogue for prefix in prefixes]))
    if any(each.scores is None for each in labels):
        raise InputError(opened.ref, "gives no probabilities of labels; expected a model that scores them")
    return LabelledSet(name, tuple(prefixes), labels)


def measure(sets: Sequence[LabelledSet]) -> Json:
    """Choose temperature and thresholds on these sets together, and score flips with and without them."""
    temperature = round(choose_temperature([each.rows() for each in sets]), 4)
    pairs = {each.name: each.pairs(temperature) for each in sets}
    chosen = choose_flip_threshold(list(pairs.values()))
    precise = choose_precise_threshold([pair for rows in pairs.values() for pair in rows])
    left_out = dict(zip(pairs, chosen.f1_left_out, strict=True))
    return {
        "temperature": temperature,
        "flip_threshold": chosen.threshold,
        "precise_threshold": precise,
        "sets": {
            each.name: {
                "num_pairs": len(pairs[each.name]),
                "num_flips": sum(pair.is_flip for pair in pairs[each.name]),
                "every_pair": _figures(count_flips(pairs[each.name], 0.0)),
                "labels_differ": _figures(count_flips(pairs[each.name], None)),
                "at_threshold": _figures(count_flips(pairs[each.name], chosen.threshold)),
                "f1_left_out": round(left_out[each.name], 6),
                "at_precise": None if precise is None else _figures(count_flips(pairs[each.name], precise)),
                "calibration_uncalibrated": calibrate_flips(each.pairs(1.0)).to_json(),
                "calibration": calibrate_flips(pairs[each.name]).to_json(),
            }
            for each in sets
        },
    }


def _judge(prefix: LongestPrefix, labels: EmotionLabels, temperature: float) -> list[JudgedPair]:
    dialogue, emotions = prefix.dialogue, labels.emotions
    gold = dialogue.emotions
    distributions = [temper(row, temperature) for row in labels.scores or ()]
    return [
        JudgedPair(dialogue.group, gold[source] != gold[target], probability, emotions[source] != emotions[target])
        for source, target, probability in speaker_pairs(dialogue, distributions)
        if target >= prefix.counted_from and None not in (gold[source], gold[target]) and probability is not None
    ]


def _figures(counts: Counts) -> Json:
    figures = {"flip_f1": counts.f1, "flip_precision": counts.precision, "flip_recall": counts.recall}
    return {name: round(value, 6) for name, value in figures.items()}


def _show(figures: Json) -> None:
    def row(name: str, measured: Json) -> list[object]:
        scored = [measured[key] for key in ("every_pair", "labels_differ", "at_threshold")]
        precise = measured["at_precise"]
        eces = [measured[key]["ece"] for key in ("calibration_uncalibrated", "calibration")]
        return [
            name,
            measured["num_pairs"],
            measured["num_flips"],
            *map(_three, scored),
            f"{measured['f1_left_out']:.3f}",
            "none" if precise is None else _three(precise),
            *(f"{ece:.3f}" for ece in eces),
        ]

    columns = (
        "",
        "pairs",
        "flips",
        "every pair",
        "labels differ",
        "threshold",
        "left out",
        "precise",
        "ECE at 1",
        "ECE",
    )
    table("flips: F1 (precision/recall)", columns, [row(*item) for item in figures["sets"].items()])
    note(
        f"temperature {figures['temperature']}, flip threshold {figures['flip_threshold']}; smallest threshold with a "
        f"precision of {PRECISE}: {figures['precise_threshold']}"
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
    figures = measure(sets)
    _show(figures)
    if arguments.out is not None:
        write_json(arguments.out, {"model": arguments.model, "weights_sha256": opened.weights_sha256} | figures)
        done(str(arguments.out))


if __name__ == "__main__":
    main()
