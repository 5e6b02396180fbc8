"""The options of all commands that read a transcript: its format, its speakers, its columns."""

from __future__ import annotations

from typing import Annotated

import typer

from fliptrace.core.errors import InputError
from fliptrace.transcripts.format_names import FORMAT_NAMES

Format = Annotated[
    str | None,
    typer.Option(help=f"The file's format. Default: detected. One of {', '.join(FORMAT_NAMES)}.", show_default=False),
]
Speakers = Annotated[
    str | None,
    typer.Option(help="Names that are speakers, where the file leaves it open: Ana,team lead.", show_default=False),
]
Columns = Annotated[
    str | None,
    typer.Option(help="Which column is which, such as speaker=caller,text=words.", show_default=False),
]


def parse_columns(text: str | None) -> dict[str, str] | None:
    """The names that --columns gives: ours for a column, and the file's.

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


def parse_speakers(text: str | None) -> tuple[str, ...]:
    """The names that --speakers gives, separated by commas.

    >>> parse_speakers("Ana, team lead")
    ('Ana', 'team lead')
    """
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
