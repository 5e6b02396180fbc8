"""The commands `fliptrace export onnx`, which writes models, and `fliptrace export semeval`, which writes answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import done, note, size
from fliptrace.cli.data import DataFolder
from fliptrace.cli.extras import require

app = typer.Typer(no_args_is_help=True, help="Write models and predictions in other formats.")


@app.command()
def onnx(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="A run or a checkpoint; several of one recipe become an ensemble.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write: a MODEL that needs no torch.")],
    half: Annotated[bool, typer.Option("--half", help="Store weights in 16 bits: half the size.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Support that names a trigger, decoded exactly. Default: the first checkpoint's."
        ),
    ] = None,
) -> None:
    """Export Llama checkpoints for onnxruntime, and compare their probabilities with torch's.

    Several checkpoints become an ensemble, whose probabilities are averaged: seeds of one recipe, with one tokenizer
    and one layout.
    """
    require("export", "train", "torch", "transformers", "peft", "onnx", "onnxscript")
    from fliptrace.training.export import export_onnx

    exported = export_onnx(checkpoints, out, half=half, threshold=threshold)
    difference = f"{exported.max_difference:.1e} over {exported.num_choices:,} choices"
    note(f"probabilities differ from torch's by at most {difference}")
    done(f"{exported.folder}: {size(exported.num_bytes)}; use it as MODEL, for example in `fliptrace predict`")


@app.command()
def semeval(
    predictions: Annotated[
        list[Path],
        typer.Argument(help="Prediction files of triggers or emotions, in the order of the lines.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The text file to write.")],
    file: Annotated[
        list[str] | None,
        typer.Option(
            help="The files that were predicted on, NAME:SPLIT or a path, one per prediction file, in the same order. "
            "Counts are then checked, and cases that do not end on a flip get their lines.",
            show_default=False,
        ),
    ] = None,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="Write all three subtasks in order, the unanswered ones filled in: test files only."
        ),
    ] = False,
    data: DataFolder = None,
) -> None:
    """Write predictions in the form of SemEval-2024 Task 10: one label per line.

    Emotions are written by name, triggers as 0.0 or 1.0. CodaLab expects the file zipped.
    """
    from fliptrace.core.files import write_text
    from fliptrace.corpora.catalog import locate_ref
    from fliptrace.corpora.detect import read_corpus
    from fliptrace.predictions.semeval import read_answers, submission, whole_submission

    if file and len(file) != len(predictions):
        raise typer.BadParameter(f"{len(file)} for {len(predictions)} prediction files", param_hint="--file")
    files = [read_corpus(locate_ref(ref, data)) for ref in file] if file else [None] * len(predictions)
    answers = [read_answers(path, read) for path, read in zip(predictions, files, strict=True)]
    lines = whole_submission(answers) if whole else submission(answers)
    write_text(out, "".join(f"{line}\n" for line in lines))
    done(f"{out}: {len(lines):,} lines")
