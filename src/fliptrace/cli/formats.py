"""The command `fliptrace formats`: the transcript formats that can be read."""

from __future__ import annotations

from typing import Annotated

import typer

from fliptrace.cli.console import console, print_json, table


def formats(
    name: Annotated[str | None, typer.Argument(help="One format, to see an example.", show_default=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of a table.")] = False,
) -> None:
    """List the transcript formats that `analyze` reads: names for --format, file suffixes, and an example of each.

    Formats are detected from the content of a file, so that --format is rarely needed.
    """
    from fliptrace.transcripts.formats import READERS, reader_called

    readers = list(READERS.values()) if name is None else [reader_called(name)]
    if json:
        print_json(
            [
                {
                    "name": reader.name,
                    "title": reader.title,
                    "suffixes": list(reader.suffixes),
                    "extra": reader.extra or None,
                    "example": reader.example or None,
                }
                for reader in readers
            ]
        )
        return
    rows = [(r.name, " ".join(r.suffixes), r.title + _needs(r.extra)) for r in readers]
    table(f"{len(rows)} formats" if name is None else name, ("name", "suffixes", "what it is"), rows)
    if name is not None and readers[0].example:
        console.print()
        console.print(readers[0].example, markup=False, highlight=False)
    elif name is None:
        console.print("\nAn example of one: fliptrace formats NAME. By product: docs/transcripts.md")


def _needs(extra: str) -> str:
    return f"; needs fliptrace[{extra}]" if extra else ""
