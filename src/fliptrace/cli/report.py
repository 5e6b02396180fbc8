"""The commands `fliptrace report`, for a run, and `fliptrace show`, for one dialogue."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fliptrace.cli.console import SafeConsole, console, done
from fliptrace.cli.data import DataFolder, read_cases
from fliptrace.core.errors import InputError, damage_named


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Folder for report.md and report.html. Default: the run.")] = None,
) -> None:
    """Write the report of a run, as Markdown and as one HTML page."""
    from fliptrace.core.files import write_text
    from fliptrace.report.run.reader import read_run
    from fliptrace.report.run.report import render_html, render_markdown

    folder = out or run
    with damage_named(run):
        result = read_run(run)
        markdown, html = render_markdown(result), render_html(result)
    write_text(folder / "report.md", markdown)
    write_text(folder / "report.html", html)
    done(f"{folder / 'report.html'} and {folder / 'report.md'}")


def show(
    predictions: Annotated[Path, typer.Argument(help="A prediction file.", show_default=False)],
    file: Annotated[str, typer.Argument(help="The cases it predicts: an EFR file, or NAME:SPLIT.", show_default=False)],
    dialogue: Annotated[
        str | None, typer.Option(help="Any case id of the dialogue. Default: the dialogue with the most flips.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(help="Also save it as an SVG image.", show_default=False)] = None,
    data: DataFolder = None,
) -> None:
    """Show one dialogue: its flips, their triggers by the model and by the labels, and the model's reasons."""
    from fliptrace.corpora.longest_prefixes import find_longest_prefixes
    from fliptrace.inference.triggers import layout_of
    from fliptrace.predictions.rows import Prediction, read_predictions
    from fliptrace.report.terminal.dialogue import ShownFlip, show_dialogue

    cases, _ = read_cases(file, data)
    predicted = {row.id: row for row in read_predictions(predictions) if isinstance(row, Prediction)}
    prefixes = {case.id: prefix for case, prefix in zip(cases, find_longest_prefixes(cases), strict=True)}
    rows = _rows_of(prefixes, predicted, dialogue, file)
    flips = [ShownFlip.of(row) for row in rows]
    show_dialogue(console, prefixes[rows[0].id], flips, layout_of(predictions))
    if svg is not None:
        from fliptrace.core.files import write_text

        recorder = SafeConsole(record=True, width=100, file=io.StringIO(), force_terminal=True)
        show_dialogue(recorder, prefixes[rows[0].id], flips, layout_of(predictions))
        write_text(svg, recorder.export_svg(title="fliptrace show"))
        done(str(svg))


def _rows_of(
    prefixes: Mapping[str, Any], predicted: Mapping[str, Any], case_id: str | None, file: str
) -> Sequence[Any]:
    """The predictions for the flips of one dialogue."""
    by_prefix = defaultdict(list)
    for each, prefix in prefixes.items():
        if each in predicted:
            by_prefix[prefix.id].append(predicted[each])
    if not by_prefix:
        raise InputError(file, "none of its cases is in the prediction file")
    if case_id is None:
        return max(by_prefix.values(), key=len)
    if case_id not in prefixes or prefixes[case_id].id not in by_prefix:
        raise InputError(f"--dialogue {case_id}", f"no such case; the first is {next(iter(predicted))}")
    return by_prefix[prefixes[case_id].id]
