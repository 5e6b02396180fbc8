"""Choose the column that says who speaks: by its name, as a flag that alternates, or by what is in it.

A column named for a person may hold the same name in every row (the agent of a call), while another one (a channel, a
direction) says who speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fliptrace.transcripts.tables.aliases import (
    ABOUT_A_PERSON,
    ALIASES,
    FLAGS,
    IDS,
    NO,
    ORDER,
    OTHER,
    REPLY,
    YES,
    YES_NO,
)
from fliptrace.transcripts.tables.cells import names_in_texts
from fliptrace.transcripts.tables.column import Columns
from fliptrace.transcripts.tables.column_names import is_flag, plain, words_of_name
from fliptrace.transcripts.tables.layout import Layout


def choose_speaker(columns: Columns, taken: set[str], texts: tuple[str, ...]) -> Layout:
    """The column of the speaker with the names of its values, as a layout of nothing else."""
    if "speaker" in columns.named:
        return Layout((), columns.named["speaker"])
    names = [name for name in columns.all_of("speaker", taken) if _may_name(columns, name)]
    flags = [name for name in _flags(columns, taken) if columns.column(name).tells_apart and _may_name(columns, name)]
    apart = [name for name in names if columns.column(name).tells_apart]
    best = apart[0] if apart else None
    flag = next((n for n in flags if n != best and columns.column(n).alternates), None)
    # Agents who hand over a call are named in all rows, so the names change seldom.
    seldom = best and flag and columns.column(best).change_rate < 0.5 * columns.column(flag).change_rate
    if flag is not None and seldom and plain(best or "") in ABOUT_A_PERSON:
        return _by_flag(columns, flag, names)
    if best is not None:
        return Layout((), best, fallback=_fallback(columns, best, flags), names=_yes_no(columns, best))
    if flag is not None:
        return _by_flag(columns, flag, names)
    if names:
        return _one_name(columns, names[0], taken)
    if flags and len(columns.column(flags[0]).counts) <= 20 and plain(flags[0]) not in ("type", "source"):
        return _by_flag(columns, flags[0], names)
    return _speaker_by_content(columns, taken, texts)


def _flags(columns: Columns, taken: set[str]) -> list[str]:
    """Columns that may tell who speaks. Names such as `speaker_channel` come last, and only if the values alternate."""
    known = columns.ranked(FLAGS, taken)
    others = (name for name in columns.found if name not in taken and name not in known and is_flag(name))
    return known + [name for name in others if columns.column(name).alternates]


def _may_name(columns: Columns, name: str) -> bool:
    """Whether the cells of a column may be names: it is not blank and has no sentences."""
    column = columns.column(name)
    return bool(column.filled) and not (column.is_prose and column.num_words > 4)


def _by_flag(columns: Columns, flag: str, names: Sequence[str]) -> Layout:
    """Speakers by a flag. If each of its values has a name of its own in another column, the speakers take these."""
    known = dict(_yes_no(columns, flag))
    full = next((name for name in names if name != flag), None)
    if full is not None:
        per_value: dict[str, set[str]] = {}
        for value, name in zip(columns.column(flag).cells, columns.column(full).cells, strict=True):
            if value and name:
                per_value.setdefault(value, set()).add(name)
        lone = {value: min(own) for value, own in per_value.items() if len(own) == 1}
        if len(set(lone.values())) == len(lone):
            known |= lone
        if columns.column(full).filled_share > 0.9:
            is_one = not columns.column(full).tells_apart
            top = columns.column(full).top
            why = f"names one person ({top!r}) in nearly all rows" if is_one else "seldom changes"
            columns.source.notes.append(
                f"column {full!r} {why}, so column {flag!r}, which alternates, tells who speaks; "
                f"if that is wrong: --columns speaker={full}"
            )
    return Layout((), flag, names=known)


def _yes_no(columns: Columns, flag: str) -> Mapping[str, str]:
    """The speakers that the values of a yes-or-no flag stand for, with a note; none for other columns."""
    meant = YES_NO.get(plain(flag))
    values = set(columns.column(flag).counts)
    if meant is None or not values <= YES | NO:
        return {}
    columns.source.notes.append(
        f"speakers by the column {flag!r}: yes is read as {meant[0]!r}, no as {meant[1]!r} "
        "(another column: --columns speaker=...)"
    )
    return {cell: meant[0] if cell.casefold() in YES else meant[1] for cell in set(columns.column(flag).filled)}


def _fallback(columns: Columns, best: str, flags: Sequence[str]) -> str | None:
    """A flag that says who speaks in the rows where the names are blank."""
    if columns.column(best).filled_share == 1:
        return None
    flag = next((name for name in flags if name != best), None)
    if flag is not None:
        columns.source.notes.append(f"rows without a name in column {best!r} take their speaker from {flag!r}")
    return flag


def _one_name(columns: Columns, name: str, taken: set[str]) -> Layout:
    """The layout for a column of speakers that has one name; a note says if another column alternates."""
    other = next((n for n in _unnamed(columns, taken | {name}) if columns.column(n).alternates), None)
    if other is not None and len(columns.column(name).filled) > 2:
        top = columns.column(name).top
        columns.source.notes.append(
            f"{top!r} is the speaker of (nearly) all rows in column {name!r}, while column {other!r} alternates; "
            f"if that one tells who speaks: --columns speaker={other}"
        )
    return Layout((), name)


def _speaker_by_content(columns: Columns, taken: set[str], texts: tuple[str, ...]) -> Layout:
    """The column that alternates, unless the texts begin with names or no column does."""
    if names_in_texts(columns.column(texts[0]).cells):
        return Layout(())
    alternating = [name for name in _unnamed(columns, taken) if columns.column(name).alternates]
    if not alternating:
        return Layout(())
    # Names have letters; of several columns, the one with the fewest values is the safest.
    best = min(alternating, key=lambda n: (not columns.column(n).num_letters, len(columns.column(n).counts)))
    columns.source.notes.append(
        f"no column is called speaker: {best!r}, whose values alternate, is used (--columns speaker=NAME for another)"
    )
    return Layout((), best)


def _unnamed(columns: Columns, taken: set[str]) -> Iterator[str]:
    """Columns whose names say nothing about their role."""
    known = {*ALIASES["emotion"], *ALIASES["start"], *ALIASES["end"], *ALIASES["dialogue"], *ORDER}
    known_plain = {plain(name) for name in (*known, *OTHER, *IDS, *REPLY)}
    for name in columns.found:
        words = words_of_name(name)
        if name not in taken and plain(name) not in known_plain and not set(words) & OTHER:
            yield name
