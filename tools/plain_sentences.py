"""Measure a model on the plain sentences of data/plain: the share of right emotions, by language.

    python -m tools.plain_sentences embedded
    python -m tools.plain_sentences runs/smol --out plain.json

For the last measurement of a model only (data/plain/README.md).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from fliptrace.cli.console import table
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.files import write_json
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import EmotionLabeler, choose_labeler
from fliptrace.models.open_model import open_model

FOLDER = Path(__file__).parents[1] / "data" / "plain"


class PlainSentence(NamedTuple):
    emotion: str
    text: str


def read_sentences(path: Path) -> list[PlainSentence]:
    with path.open(encoding="utf-8", newline="") as file:
        return [PlainSentence(row["emotion"], row["text"]) for row in csv.DictReader(file, delimiter="\t")]


def count_right(labeler: EmotionLabeler, sentences: Sequence[PlainSentence]) -> int:
    """The sentences whose emotion a model names. Each is a dialogue of its own."""
    dialogues = [Dialogue(f"plain/{i}", "", (Utterance("A", each.text),), MELD7) for i, each in enumerate(sentences)]
    labelled = labeler.label(dialogues)
    return sum(labels.emotions[0] == each.emotion for labels, each in zip(labelled, sentences, strict=True))


def main(
    model: Annotated[str, typer.Argument(help="A MODEL, as every command takes it.")],
    out: Annotated[Path | None, typer.Option(help="A JSON file to write.")] = None,
) -> None:
    """Print the share of right emotions by language."""
    opened = open_model(model)
    config = InferenceConfig(opened.defaults.layout, emotion_weights=opened.defaults.emotion_weights)
    labeler = choose_labeler(opened.model, config)
    found = {path.stem: read_sentences(path) for path in sorted(FOLDER.glob("*.tsv"))}
    right = {language: count_right(labeler, sentences) for language, sentences in found.items()}
    rows = [(language, f"{right[language]}", f"{right[language] / len(found[language]):.0%}") for language in found]
    table(
        f"{model}: {len(next(iter(found.values())))} plain sentences a language", ("language", "right", "share"), rows
    )
    if out is not None:
        sentences = {language: len(each) for language, each in found.items()}
        write_json(out, {"model": model, "weights_sha256": opened.weights_sha256, "right": right, "of": sentences})


if __name__ == "__main__":
    typer.run(main)
