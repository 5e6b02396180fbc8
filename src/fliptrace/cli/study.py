"""The command `fliptrace reproduce`: all cells of a study, and its report."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fliptrace.cli.console import console, decimals, done, note, table
from fliptrace.cli.data import DataFolder
from fliptrace.cli.extras import require
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json


def reproduce(
    study: Annotated[Path, typer.Argument(help="A study in TOML; see studies/.", show_default=False)],
    list_cells: Annotated[
        bool, typer.Option("--list", help="List the cells, with the estimated minutes of those to be made, and stop.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at a time, each in its own process. Default: one per core, or one on a GPU."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Only cells whose name contains this, for example: masac.seed-0")
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints and predictions. Default: runs/NAME of the study.")
    ] = None,
    extended: Annotated[
        bool, typer.Option("--extended", help="Include the arms marked `extended`; the report is extended.html.")
    ] = False,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Make no cells; write the report of those that exist.")
    ] = False,
    data: DataFolder = None,
) -> None:
    """Make every missing cell of STUDY, and write the report of all cells beside it.

    A cell is one trained arm or baseline, evaluated on its test sets: bases x tracks x seeds x arms. Each is written to
    a small file in cells/ beside STUDY as soon as it is finished. Run the same command again to resume.
    """
    modules = ("torch", "transformers", "peft", "accelerate", "pandas", "sklearn", "statsmodels", "matplotlib")
    require("reproduce", "train", *modules)
    from fliptrace.study.reproduce import StudyFolder
    from fliptrace.study.reproduce import reproduce as make_cells

    folder = StudyFolder.open(study, data, extended=extended)
    missing = [key for key in folder.missing() if only is None or only in key.file_name]
    if list_cells:
        _list(folder, missing, jobs or _default_jobs())
        return
    if missing and not report_only:
        folder.gather_facts()
        with StudyDisplay(missing) as display:
            make_cells(
                folder,
                runs or Path("runs") / folder.study.name,
                f"fliptrace reproduce {study}",
                num_jobs=jobs or _default_jobs(),
                on_event=display.show,
                only=missing,
            )
    _report(folder)


class StudyDisplay:
    """Shows one line per run: its finished cells and what it is doing. Prints plain lines if there is no terminal."""

    def __init__(self, missing: list[Any]) -> None:
        self._num_cells = Counter(key.run for key in missing)
        self._num_done: Counter[str] = Counter()
        self._now: dict[str, Any] = {}
        self._last: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, event: Any) -> None:
        self._now[event.run] = event
        if event.cell is not None:
            self._num_done[event.run] += 1
            self._last[event.run] = f"{event.what} {_headline(event.cell)}"
            num_done, num = sum(self._num_done.values()), sum(self._num_cells.values())
            console.print(f"[{num_done} of {num}] {event.run} {self._last[event.run]}", markup=False)
        elif event.what.startswith("failed"):
            console.print(f"{event.run}: {event.what}", style="red", markup=False)
        if self._live is not None:
            self._live.update(self._table())

    def _table(self) -> Table:
        grid = Table("run", "cells", "now", "", "last", box=None, header_style="dim", pad_edge=False)
        for run, num in self._num_cells.items():
            event = self._now.get(run) if self._num_done[run] < num else None
            bar = ProgressBar(max(event.num, 1), event.num_done, width=20) if event else ""
            now = event.what if event else ""
            texts = [Text(text) for text in (run, f"{self._num_done[run]}/{num}", now)]
            grid.add_row(*texts, bar, Text(self._last.get(run, "")))
        return grid


def _headline(cell: Json) -> str:
    """Trigger F1 in the first evaluation on the first test set."""
    from fliptrace.study.metrics import f1_of

    test, tested = next(iter(cell["tests"].items()))
    evaluation, metrics = next(iter(tested["evaluations"].items()))
    return f"{decimals(f1_of(metrics))} ({test}, {evaluation})"


def _list(folder: Any, missing: list[Any], num_jobs: int) -> None:
    import torch

    from fliptrace.study.estimate import estimate_study

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // num_jobs))  # the same number as a run
    minutes = estimate_study(folder, missing)
    rows = [
        (key.base, key.track, key.seed, key.arm, _minutes(minutes[key]) if key in minutes else "done")
        for key in folder.planned()
        if key in minutes or key not in missing
    ]
    table(f"{folder.study.name}: {len(rows)} cells", ("base", "track", "seed", "arm", "minutes"), rows)
    if not missing:
        done(f"all {len(rows)} cells are made; for their report: fliptrace reproduce STUDY --report-only")
        return
    known = [each for each in minutes.values() if each is not None]
    note(
        f"{len(missing)} cells to make: about {sum(known):.0f} minutes, or {sum(known) / num_jobs:.0f} with "
        f"{num_jobs} runs at a time; estimated from finished cells, or from one step and a few replies on this machine"
    )


def _minutes(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"


def _report(folder: Any) -> None:
    from fliptrace.core.files import write_json, write_text
    from fliptrace.report.study.report import render_study_html, render_study_markdown, study_json
    from fliptrace.study.evidence.gather import gather

    finished = folder.finished()
    if not finished:
        raise InputError(folder.path / "cells", "no cell is finished, so there is nothing to report")
    study, num_planned = folder.study, len(folder.planned())
    arms = [arm for arm in study.all_arms if folder.is_extended or not arm.is_extended]
    report = gather(list(finished.values()), folder.gather_facts(), arms, name=study.name, num_planned=num_planned)
    stem = folder.path / ("extended" if folder.is_extended else "report")
    write_text(stem.with_suffix(".html"), render_study_html(report))
    write_text(stem.with_suffix(".md"), render_study_markdown(report))
    write_json(stem.with_suffix(".json"), study_json(report))
    done(f"{len(finished)} of {num_planned} cells: {stem}.html, .md and .json")


def _default_jobs() -> int:
    import torch

    return 1 if torch.cuda.is_available() else os.cpu_count() or 1
