"""The command of the analyst: `fliptrace analyze`, from a transcript to flips, triggers and reasons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fliptrace.cli import hosted_options
from fliptrace.cli.console import console, done, note, print_json, progress
from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    from fliptrace.analysis.analyze import OnProgress

EPILOG = """**Examples**

- `fliptrace analyze sample` looks at a call that comes with fliptrace.

- `fliptrace analyze call.vtt --html call.html` writes a page to click through.

- `fliptrace analyze chat.csv --columns speaker=caller,text=words --csv flips.csv` reads and writes tables.

- `fliptrace analyze call.vtt --json | jq '.flips[] | {speaker, before, after, reason}'` hands on to programs.

Formats, columns and what to believe: docs/analyze.md.
"""


def analyze(
    file: Annotated[
        str,
        typer.Argument(help="A transcript, or `sample`, or `sample:hindi-english`.", show_default=False),
    ],
    model: Annotated[str, typer.Option(help="As for predict; `embedded` comes with fliptrace.")] = "embedded",
    format: Annotated[
        str | None, typer.Option(help="What FILE is. Default: told by its content.", show_default=False)
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Which column is which, as speaker=caller,text=words.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of the view.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page: one file, no network.", show_default=False)] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a table: a row an utterance.", show_default=False)] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Support that names a trigger. Default: what was chosen in training.", show_default=False),
    ] = None,
    emotion_set: Annotated[
        Literal["masac8", "meld7"], typer.Option(help="The emotions to tell apart; masac8 has contempt, too.")
    ] = "masac8",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; the embedded model runs on the CPU.")] = "auto",
    concurrency: hosted_options.Concurrency = 8,
    max_cost: hosted_options.MaxCost = None,
    price: hosted_options.PriceText = None,
    timeout: hosted_options.Timeout = 120,
    answers: Annotated[
        Path | None,
        typer.Option(
            help="A file that keeps every reply, so that none is paid for twice. Default: none is kept.",
            show_default=False,
            rich_help_panel="Hosted models",
        ),
    ] = None,
    body: hosted_options.Body = None,
    context: hosted_options.Context = None,
) -> None:
    """Find in a transcript where a speaker's emotion flips, what triggered it, and why.

    FILE needs no labels: lines of `Name: text`, CSV, JSON, WebVTT, SRT, WhisperX and others are told apart by
    themselves. Emotions it has are kept. Nothing leaves this machine with the embedded model; a
    hosted one is sent the whole transcript.
    """
    from fliptrace.analysis.analyze import analyze as analyze_dialogue
    from fliptrace.core.emotion_sets import EMOTION_SETS
    from fliptrace.models.open_model import open_model
    from fliptrace.transcripts.bundled import transcript_path
    from fliptrace.transcripts.read import read_transcript

    transcript = read_transcript(
        transcript_path(file), format=format, columns=parse_columns(columns), emotion_set=EMOTION_SETS[emotion_set]
    )
    settings = hosted_options.hosted_settings(answers, concurrency, max_cost, price, timeout, body, context)
    opened = open_model(model, device, hosted=settings)
    hosted_options.probe_server(opened.model)
    with _bar(opened.model) as on_progress:
        analysis = analyze_dialogue(transcript, opened, threshold=threshold, on_progress=on_progress)
    hosted_options.print_cost(opened.model)
    if json:
        print_json(analysis.to_json())
    else:
        from fliptrace.report.terminal.analysis import analysis_view

        console.print(analysis_view(analysis))
    for text in analysis.notes:
        note(text)
    if csv is not None:
        analysis.to_csv(csv)
        done(str(csv))
    if html is not None:
        analysis.to_html(html)
        done(f"{html}: open it in a browser")


def parse_columns(text: str | None) -> dict[str, str] | None:
    """What --columns says: our name for a column, and the file's.

    >>> parse_columns("speaker=caller, text=words")
    {'speaker': 'caller', 'text': 'words'}
    """
    if text is None:
        return None
    columns = {}
    for part in text.split(","):
        ours, equals, theirs = (word.strip() for word in part.partition("="))
        if not (ours and equals and theirs):
            raise InputError("--columns", f"{part.strip()!r}; expected NAME=COLUMN, such as speaker=caller,text=words")
        if ours in columns:
            raise InputError("--columns", f"{ours} is named twice")
        columns[ours] = theirs
    return columns


@contextmanager
def _bar(model: object) -> Iterator[OnProgress]:
    """A progress bar for each thing an analysis is at."""
    with progress() as bar:
        hosted_options.watch(model, bar)
        tasks = {}

        def show(what: str, num_done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=num_done)

        yield show
