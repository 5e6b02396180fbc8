"""The options of `fliptrace analyze` for many conversations, and what they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fliptrace.cli.console import done, note, progress
from fliptrace.cli.option_groups import OptionGroup
from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    from fliptrace.batch.settings import AnalysisSettings

PANEL = "Many conversations"
_NUM_SHOWN = 3  # conversations that failed


@dataclass(frozen=True, slots=True)
class BatchOptions(OptionGroup):
    """Where many conversations are written, and how they are worked through."""

    out: Annotated[
        Path | None,
        typer.Option(
            help="Analyze all INPUTs into Parquet tables in this folder. Killed, the same command goes on.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    by: Annotated[
        str | None,
        typer.Option(
            help="With --out: this column of CSV, TSV, JSONL and Parquet tables names the conversation of each row.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    processes: Annotated[
        int, typer.Option(min=1, help="With --out: processes, each with the model.", rich_help_panel=PANEL)
    ] = 1
    pages: Annotated[
        bool, typer.Option("--pages", help="With --out: a page for each conversation, too.", rich_help_panel=PANEL)
    ] = False
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --out: try again what failed before.", rich_help_panel=PANEL)
    ] = False

    def check(self, inputs: Sequence[str]) -> None:
        """InputError if options or inputs need a folder to write to that is not given."""
        if self.out is not None:
            return
        if len(inputs) > 1:
            raise InputError("analyze", f"{len(inputs):,} transcripts; expected one, or --out DIR for their tables")
        given = {"--by": self.by, "--pages": self.pages, "--retry-failed": self.retry_failed}
        needs = [name for name, value in given.items() if value] + ["--processes"] * (self.processes > 1)
        if needs:
            raise InputError(needs[0], "is for many conversations; expected --out DIR beside it")


def refuse_with_many(given: Mapping[str, object]) -> None:
    """InputError for an option of one conversation, by name, that was given where many are analyzed."""
    if others := [name for name, value in given.items() if value]:
        raise InputError(others[0], "is for one conversation; --out writes tables, and --pages a page for each")


def analyze_all(inputs: Sequence[str], options: BatchOptions, settings: AnalysisSettings) -> None:
    """Analyze many conversations with a progress bar; exit 1 if any of them failed."""
    from fliptrace.batch.conversations import find_files, read_conversations
    from fliptrace.batch.folder import FAILED
    from fliptrace.batch.run import analyze_many

    assert options.out is not None
    files = find_files(inputs)
    with progress() as bar:
        task = bar.add_task("conversations", total=None if options.by else len(files))
        result = analyze_many(
            read_conversations(files, options.by),
            settings,
            options.out,
            num_processes=options.processes,
            pages=options.pages,
            retry_failed=options.retry_failed,
            on_progress=lambda num_done: bar.update(task, completed=num_done),
        )
    earlier = f"; {result.num_earlier:,} were finished before" if result.num_earlier else ""
    plural = "" if result.num_analyzed == 1 else "s"
    done(f"{options.out}: {result.num_analyzed:,} conversation{plural}{earlier}")
    if result.failed:
        for name, error in list(result.failed.items())[:_NUM_SHOWN]:
            note(f"failed: {error if error.startswith(name) else f'{name}: {error}'}")
        note(f"{len(result.failed):,} failed, all told in {options.out / FAILED}; --retry-failed tries them again")
        raise typer.Exit(1)
