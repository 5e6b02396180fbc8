"""Select the rows of one dialogue in a file that may hold several, by a column of ids or by replies."""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.tables.cells import cell_of, shown
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import plain
from fliptrace.transcripts.tables.columns import ColumnChooser


def rows_of_one_dialogue(
    rows: Sequence[Row], found: Sequence[str], column: str | None, source: Source
) -> Sequence[Row]:
    """Return the rows of the requested dialogue, or all rows; InputError if none of several dialogues was requested."""
    if column is not None:
        names = _dialogue_names(rows, found, column)
        return select_dialogue(rows, names, f"column {column!r}", source)
    threads = _threads(rows, found, source)
    if threads is not None:
        return select_dialogue(rows, threads, "the replies", source)
    source.refuse_part("a file without a column for dialogues")
    return rows


def select_dialogue(rows: Sequence[Row], names: Sequence[str], where: str, source: Source) -> Sequence[Row]:
    """Return the rows of the dialogue that was requested by name; InputError lists the dialogues if it is not one."""
    by_name: dict[str, list[Row]] = {}
    for name, row in zip(names, rows, strict=True):
        by_name.setdefault(name, []).append(row)
    if source.part is None and len(by_name) > 1:
        found = f"{len(by_name):,} dialogues in {where} ({shown(by_name, 5)})"
        raise source.error("", f"{found}; expected one: select it with {source.name}#NAME")
    if source.part is None:
        return rows
    if source.part not in by_name:
        raise source.error(
            "", f"no dialogue {source.part!r} in {where.removeprefix('column ')}, which has {shown(by_name, 5)}"
        )
    return by_name[source.part]


def _dialogue_names(rows: Sequence[Row], found: Sequence[str], column: str) -> list[str]:
    """The dialogue of each row. Scenes are counted anew in each episode, so season and episode belong to the name."""
    names = [cell_of(row.values.get(column)) for row in rows]
    wider = [name for name in found if plain(name) in ("season", "episode")]
    if "scene" not in plain(column) or not wider:
        return names
    above = [tuple(cell_of(row.values.get(name)) for name in wider) for row in rows]
    if len(set(zip(names, above, strict=True))) == len(set(names)):
        return names
    return [f"{'.'.join(over)}.{name}" for over, name in zip(above, names, strict=True)]


def _threads(rows: Sequence[Row], found: Sequence[str], source: Source) -> list[str] | None:
    """The first message of the thread of each row, if replies link most of the rows to several threads."""
    links = ColumnChooser(rows, found, source).reply()
    if links is None:
        return None
    own, reply = links
    ids = [cell_of(row.values.get(own)) for row in rows]
    positions = {name: i for i, name in enumerate(ids) if name}
    roots: list[int] = list(range(len(rows)))

    def root(i: int) -> int:
        while roots[i] != i:
            roots[i] = roots[roots[i]]
            i = roots[i]
        return i

    num_linked = 0
    outside: dict[str, int] = {}  # rows that answer the same message, which is not in the file
    for i, row in enumerate(rows):
        answered = cell_of(row.values.get(reply))
        if not answered:
            continue
        to = positions.get(answered, outside.setdefault(answered, i))
        if to != i:
            num_linked += 1
            first, second = root(i), root(to)
            # The root of a thread is the row that answers nothing in the file.
            roots[first] = second
    if num_linked < 0.5 * len(rows) - 1 or not num_linked:
        return None
    names = [ids[root(i)] for i in range(len(rows))]
    return names if len(set(names)) > 1 else None
