"""The commands `fliptrace export onnx`, which writes models, and `semeval` and `label-studio`, which write answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fliptrace.cli.console import done, note, progress, show_steps, size
from fliptrace.cli.data import DataFolder
from fliptrace.cli.extras import require
from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    from fliptrace.analysis.result import Analysis

LABEL_STUDIO_EPILOG = """**Examples**

- `fliptrace export label-studio sample --out tasks.json` analyzes a call that ships with fliptrace, and writes it as a
task, with the labelling config beside it, `tasks.xml`.

- `fliptrace analyze call.vtt --json > call.json`, then `fliptrace export label-studio call.json --out tasks.json`: with
all options of `analyze`, such as hosted models or `--emotion-set`.

- `fliptrace export label-studio calls/*.vtt --model runs/mine --out tasks.json` writes a task per conversation.

**In Label Studio** create a project, paste the config under Settings, Labeling Interface, Code, and import the tasks.
Annotators see each utterance with its emotion, and arrows from the triggers to the utterance where an emotion flips.
They relabel, draw and delete, and submit. To draw an arrow, select the trigger, press Alt+R, and select the other
utterance, or the same one if it triggers its own flip. Export the project as JSON, and read it with
`fliptrace import label-studio`.
"""

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


@app.command("label-studio", epilog=LABEL_STUDIO_EPILOG)
def label_studio(
    inputs: Annotated[
        list[str],
        typer.Argument(help="What `fliptrace analyze --json` wrote, or transcripts, or `sample`.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The JSON file of tasks to write.")],
    config: Annotated[
        Path | None,
        typer.Option(help="The labelling config to write. Default: beside the tasks, with .xml.", show_default=False),
    ] = None,
    model: Annotated[str, typer.Option(help="The model that analyzes transcripts, as for `analyze`.")] = "embedded",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; the embedded model runs on the CPU.")] = "auto",
) -> None:
    """Write conversations as tasks for Label Studio, with emotions and triggers found as predictions to correct."""
    from fliptrace.analysis.label_studio import common_emotion_set, label_studio_config, label_studio_task, unshown
    from fliptrace.core.files import write_json, write_text
    from fliptrace.report.wording import plural

    config = config or out.with_suffix(".xml")
    if config.resolve() == out.resolve():
        raise typer.BadParameter(f"{config} is the file of tasks, too", param_hint="--config")
    analyses = _analyses(inputs, model, device)
    write_text(config, label_studio_config(common_emotion_set(analyses)))
    write_json(out, [label_studio_task(analysis) for analysis in analyses])
    counts = [unshown(analysis) for analysis in analyses]
    if num_equal := sum(each.num_equal for each in counts):
        note(f"{plural(num_equal, 'flip')} left out: source and target have the same likeliest emotion")
    if num_unreported := sum(each.num_unreported for each in counts):
        changes = plural(num_unreported, "change")
        note(f"no triggers for {changes} of emotion, too improbable to be reported as flips")
    done(f"{out}: {plural(len(analyses), 'task')}; {config}: the labelling config")


def _analyses(inputs: Sequence[str], model: str, device: str) -> list[Analysis]:
    """The analyses of files; transcripts among them are analyzed first."""
    from fliptrace.analysis.analyze import analyze
    from fliptrace.analysis.label_studio import read_analysis
    from fliptrace.models.open_model import open_model
    from fliptrace.transcripts.bundled import transcript_path
    from fliptrace.transcripts.read import read_transcript

    found = [read_analysis(Path(each)) for each in inputs]
    if all(each is not None for each in found):
        return [each for each in found if each is not None]
    opened = open_model(model, device)
    if opened.hosted is not None:
        raise InputError("--model", f"{model} is hosted; write `fliptrace analyze --json`, and export that")
    analyses = []
    for name, read in zip(inputs, found, strict=True):
        with progress() as bar:
            on_progress = show_steps(bar)
            analyses.append(read or analyze(read_transcript(transcript_path(name)), opened, on_progress=on_progress))
    return analyses
