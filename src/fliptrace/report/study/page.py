"""The report of a study as a document: sections of tables, pictures and lists, which HTML and Markdown both write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

RowKind = Literal["", "group", "rule", "best", "helps", "hurts", "noise"]


class Row(NamedTuple):
    """The cells as they are printed; a "group" is the heading of the rows below it and has one."""

    cells: tuple[str, ...]
    kind: RowKind = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`texts` names the columns that hold words instead of figures; the first always does.

    `foot` says how to make the table again. A folded one is detail: the page opens it on demand. A dense one has its
    intervals below their figures.
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
    """Drawn only where it is shown: Markdown has none."""

    caption: str
    draw: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures beside one another: two, or three small ones."""

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
    """Terms with what belongs to each."""

    items: tuple[tuple[str, str], ...]
    title: ClassVar[str] = ""
    is_folded: ClassVar[bool] = False
    kind: ClassVar[str] = "terms"


Block = Table | Gallery | Points | Terms


@dataclass(frozen=True, slots=True)
class Section:
    """`hint` tells how to read what follows."""

    anchor: str
    title: str
    hint: str
    blocks: tuple[Block, ...]


def filled(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Only sections with something in them, of blocks with something in them."""
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
