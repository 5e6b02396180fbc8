"""The commands `fliptrace data` and `fliptrace doctor`, and how every command reads its cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from fliptrace.cli.console import DownloadBar, console, done, note, print_json, table
from fliptrace.cli.transcript_options import Columns, Format, Speakers, parse_columns, parse_speakers
from fliptrace.core.errors import InputError
from fliptrace.corpora.catalog import locate_ref

app = typer.Typer(no_args_is_help=True, help="List, download and locate corpora.")

MOST_OF_A_KIND = 5  # findings of one kind that `doctor` shows

SPLITS = ("train", "val", "test")

DataFolder = Annotated[
    Path | None,
    typer.Option("--data", envvar="FLIPTRACE_DATA", help="A folder of corpora, used as it is.", show_default=False),
]


@app.command("list")
def list_corpora(
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of a table.")] = False,
    data: DataFolder = None,
) -> None:
    """List the corpora that fliptrace knows, their licences, and which of their files are present."""
    from fliptrace.corpora.catalog import CATALOG, find_file

    sample = [
        (f"sample:{split}", locate_ref(f"sample:{split}", data), "our own sample", "Apache-2.0") for split in SPLITS
    ]
    rows = sample + [
        (f"{corpus.name}:{file.split}", find_file(corpus, file, data), corpus.description, corpus.licence)
        for corpus in CATALOG.values()
        for file in corpus.files
        if file.split
    ]
    columns = ("name", "path", "about", "licence")
    if json:
        print_json([dict(zip(columns, (n, p and str(p), *rest), strict=True)) for n, p, *rest in rows])
    else:
        table("corpora", columns, [(name, "here" if path else "–", *rest) for name, path, *rest in rows])


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names of corpora, such as meld-fr; all files of each.")],
    data: DataFolder = None,
) -> None:
    """Download corpora from where their authors publish them, and check the hash of every file.

    Files that exist already are left alone.
    """
    from fliptrace.corpora.fetch import fetch as fetch_corpus

    for name in names:
        with DownloadBar(name) as bar:
            files = fetch_corpus(name, data, progress=bar)
        for file in files:
            done(str(file.path))
            if not file.is_published:
                note(f"{file.path.name} differs from the published file; it is used as it is")


@app.command()
def path(
    ref: Annotated[str, typer.Argument(help="NAME:SPLIT, such as meld-fr:val or sample:train.")],
    data: DataFolder = None,
) -> None:
    """Print the path of a corpus file."""
    typer.echo(locate_ref(ref, data))


def doctor(
    files: Annotated[list[str], typer.Argument(help="Corpus files or folders, or NAME:SPLIT.", show_default=False)],
    transcript: Annotated[
        bool, typer.Option("--transcript", help="Explain line by line how the files are read as transcripts.")
    ] = False,
    format: Format = None,
    speakers: Speakers = None,
    columns: Columns = None,
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of tables.")] = False,
    data: DataFolder = None,
) -> None:
    """Examine corpus files: every quirk with its place, counts, and the dialogues that files share.

    With --transcript: show how a transcript is read, every line with its speaker, or the reason why it is left out.
    It is read as by `analyze`, with the same --format, --speakers and --columns.

    Exit code 1 if a file has errors, 0 if every quirk could be repaired.
    """
    if transcript or format or speakers or columns:
        _explain_transcripts(files, format=format, columns=parse_columns(columns), speakers=parse_speakers(speakers))
        return
    from fliptrace.corpora.doctor import examine

    report = examine([locate_ref(file, data) for file in files])
    if json:
        print_json(report.to_json())
    else:
        _show(report)
    raise typer.Exit(1 if report.has_errors else 0)


def _explain_transcripts(files: list[str], **how: Any) -> None:
    from fliptrace.report.terminal.reading import reading_view
    from fliptrace.transcripts.bundled import transcript_path
    from fliptrace.transcripts.read import explain_transcript

    for file in files:
        explained = explain_transcript(transcript_path(file), **how)
        console.print(reading_view(explained.transcript, explained.candidates))


def read_cases(
    ref: str, root: Path | None, limit: int | None = None, *, to_train: bool = False
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The cases of a file and its entry for a manifest. A note says how many cases were left out.

    `to_train` refuses corpora that are for evaluation only.
    """
    from fliptrace.core.files import hash_file
    from fliptrace.corpora.detect import read_flip_cases

    path = locate_ref(ref, root)
    file = read_flip_cases(path, to_train=to_train)
    if file.left_out:
        note(f"{path.name}: {len(file.left_out):,} cases do not end on a flip: left out")
    if not file.cases:
        raise InputError(path, "none of its cases ends on a flip")
    cases = file.cases[:limit]
    source = {"file": ref, "sha256": hash_file(path), "num_cases": len(cases), "num_left_out": len(file.left_out)}
    return cases, source


def _finding_rows(findings: Sequence[Any]) -> Iterator[tuple[str, str, str, str]]:
    """The rows of a table of findings: of those of one kind the first few, and how many more there are."""
    num_shown: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for finding in findings:
        name = f"{finding.severity}: {finding.kind}"
        num_shown[name] += 1
        if num_shown[name] <= MOST_OF_A_KIND:
            yield name, finding.place, f"{finding.num_places:,}", finding.message
        else:
            left_out[name] += finding.num_places
    for name, num_places in left_out.items():
        yield name, "...", f"{num_places:,}", "others of this kind (--json has all)"


def _show(report: Any) -> None:
    for file in report.files:
        rows = list(_finding_rows(file.findings))
        title = f"{file.file}: {file.num_flips:,} flips, {file.num_dialogues:,} dialogues, {file.num_groups:,} groups"
        if rows:
            table(title, ("finding", "first place", "places", "what"), rows)
        else:
            console.print(f"[bold]{escape(title)}[/]: nothing found")
        console.print()
    if report.overlaps:
        shared = [
            (Path(o.left).name, Path(o.right).name, o.num_groups, o.num_left, o.num_right) for o in report.overlaps
        ]
        columns = ("file", "other file", "shared groups", "of file", "of other")
        table("dialogues that files share", columns, shared)
