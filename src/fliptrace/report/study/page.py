"""The report of a study as a document: sections of tables, charts and lists, rendered as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

RowKind = Literal["", "group", "rule", "best", "helps", "hurts", "noise"]


class Row(NamedTuple):
    """The cells of a row, as printed. A row of kind "group" is the heading of the rows below it and has one cell."""

    cells: tuple[str, ...]
    kind: RowKind = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report.

    `texts` names the columns that hold words instead of numbers; the first column always does. `foot` says how to make
    the table again. A folded table is detail that the page opens on demand. A dense table has its intervals below
    their numbers.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    foot: str
    texts: frozenset[str] = frozenset()
    is_folded: bool = False
    is_dense: bool = False
    kind: ClassVar[str] = "table"


class Chart(NamedTuple):
    """A chart, which is drawn only when it is shown: Markdown has no charts."""

    caption: str
    draw: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Charts side by side: two, or three small ones."""

    title: str
    charts: tuple[Chart, ...]
    is_folded: bool = False
    is_small: bool = False
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]
    title: ClassVar[str] = ""
    is_folded: ClassVar[bool] = False
    kind: ClassVar[str] = "points"


@dataclass(frozen=True, slots=True)
class Terms:
    """A list of terms, each with its text."""

    items: tuple[tuple[str, str], ...]
    title: ClassVar[str] = ""
    is_folded: ClassVar[bool] = False
    kind: ClassVar[str] = "terms"


Block = Table | Gallery | Points | Terms


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report. `hint` explains how to read it."""

    anchor: str
    title: str
    hint: str
    blocks: tuple[Block, ...]


def filled(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Leave out empty blocks, and sections without blocks."""
    kept = (
        Section(section.anchor, section.title, section.hint, tuple(filter(_has_content, section.blocks)))
        for section in sections
    )
    return tuple(section for section in kept if section.blocks)


def _has_content(block: Block) -> bool:
    match block:
        case Table():
            return any(row.kind != "group" for row in block.rows)
        case Gallery():
            return bool(block.charts)
        case Points() | Terms():
            return bool(block.items)
