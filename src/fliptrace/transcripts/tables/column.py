"""The columns of a dialogue: their content, judged by the first rows, and the roles that their names suggest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.tables.aliases import ALIASES
from fliptrace.transcripts.tables.cells import cell_of, shown
from fliptrace.transcripts.tables.column_names import plain, rank_of

SAMPLE = 3_000  # rows that are looked at to judge a column: enough for any dialogue, and fast in tables of 200,000


class Row(NamedTuple):
    """One row and its place: "line 7", "item 3"."""

    place: str
    values: Mapping[str, Any]


class Column:
    """What is in a column, judged by its first rows."""

    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        self.name = name
        self.cells = [cell_of(row.values.get(name)) for row in rows[:SAMPLE]]

    @cached_property
    def filled(self) -> list[str]:
        return [cell for cell in self.cells if cell]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(map(str.casefold, self.filled))

    @cached_property
    def num_words(self) -> float:
        """Words per filled cell that have letters."""
        words = sum(len(cell.split()) for cell in self.filled if any(letter.isalpha() for letter in cell[:200]))
        return words / len(self.filled) if self.filled else 0.0

    @cached_property
    def num_letters(self) -> int:
        return sum(map(str.isalpha, "".join([cell[:200] for cell in self.filled])))

    @cached_property
    def change_rate(self) -> float:
        """The share of steps from one filled cell to the next that change the value."""
        steps = [before.casefold() != after.casefold() for before, after in pairwise(self.filled)]
        return sum(steps) / len(steps) if steps else 0.0

    @property
    def top(self) -> str:
        """The most frequent value."""
        return Counter(self.filled).most_common(1)[0][0]

    @property
    def filled_share(self) -> float:
        return len(self.filled) / len(self.cells) if self.cells else 0.0

    @property
    def is_prose(self) -> bool:
        """Whether the cells are sentences rather than names, numbers or labels."""
        return self.num_words >= 2 and len(self.counts) > 0.3 * len(self.filled)

    @property
    def tells_apart(self) -> bool:
        """Whether two or more names occur, none of them in nearly all rows, and no cell is longer than a name."""
        top = self.counts.most_common(1)
        if len(self.counts) < 2 or any(len(cell) > 100 for cell in self.filled):
            return False
        return top[0][1] < 0.9 * len(self.filled) or len(self.filled) < 10

    @property
    def alternates(self) -> bool:
        """Whether few values alternate, as speakers do."""
        few = 2 <= len(self.counts) <= max(6, len(self.filled) // 4)
        repeats = len(self.counts) < len(self.filled)
        return few and repeats and self.filled_share > 0.8 and self.change_rate >= 0.25 and self.num_words < 4


class Columns:
    """The columns of one dialogue by name. Guesses about them are noted in `source.notes`."""

    def __init__(self, rows: Sequence[Row], found: Sequence[str], source: Source) -> None:
        self.rows, self.found, self.source = rows, found, source
        self.named = {role: _named(role, column, found, source) for role, column in source.columns.items()}
        self._columns: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = Column(name, self.rows)
        return self._columns[name]

    def all_of(self, role: str, taken: set[str]) -> list[str]:
        """The columns that have an alias of the role as their name, the best alias first, except those `taken`."""
        return self.ranked(ALIASES[role], taken)

    def by_name(self, role: str, taken: set[str]) -> str | None:
        """The first of `all_of` that is not blank, else the first one; None if there is none."""
        names = self.all_of(role, taken)
        return next((name for name in names if self.column(name).filled), names[0] if names else None)

    def first_of(self, aliases: tuple[str, ...], taken: set[str]) -> str | None:
        return next(iter(self.ranked(aliases, taken)), None)

    def ranked(self, aliases: tuple[str, ...], taken: set[str]) -> list[str]:
        ranked = [
            (rank, i, name)
            for i, name in enumerate(self.found)
            if name not in taken and (rank := rank_of(name, aliases)) is not None
        ]
        return [name for _, _, name in sorted(ranked)]


def _named(role: str, column: str, found: Sequence[str], source: Source) -> str:
    """The column that the user names for a role, if need be without regard to case and punctuation."""
    if column in found:
        return column
    alike = next((name for name in found if plain(name) == plain(column) != ""), None)
    if alike is None:
        raise source.error("", f"columns {shown(found)}; expected {column!r} for the {role}")
    return alike
