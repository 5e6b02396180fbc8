"""Choose the column with the text, or the columns of all sides in tables with one column per speaker."""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.transcripts.tables.aliases import ALIASES, OTHER, STRONG_TEXT
from fliptrace.transcripts.tables.cells import shown
from fliptrace.transcripts.tables.column import Columns
from fliptrace.transcripts.tables.column_names import has_alias, is_flag, party_of, plain


def choose_texts(columns: Columns, taken: set[str]) -> tuple[str, ...]:
    """The column with the text, or one per speaker; InputError if no column has words."""
    if "text" in columns.named:
        return (columns.named["text"],)
    candidates = columns.all_of("text", taken)
    worded = [name for name in candidates if columns.column(name).num_letters] or [
        name for name in candidates if columns.column(name).filled
    ]
    sides = [name for name in columns.found if name not in taken and party_of(name) and _is_side(columns, name)]
    strong = [name for name in worded if plain(name) in STRONG_TEXT]
    if len({party_of(name) for name in sides}) >= 2 and not strong:
        return tuple(sides)
    first = worded[0] if worded else None
    answers = [name for name in sides if plain(name) in ("response", "reply", "answer") and name != first]
    if first and answers and _tells_nobody_apart(columns, columns.found, [first, *answers]):
        return (first, *answers)  # "message" and "response"
    if worded or candidates:
        return ((worded or candidates)[0],)
    free = [name for name in columns.found if name not in taken and plain(name) not in OTHER]
    prose = [name for name in free if columns.column(name).is_prose]
    if len(prose) >= 2 and _tells_nobody_apart(columns, free, prose) and all(len(n.split()) <= 3 for n in prose):
        columns.source.notes.append(
            f"no column is called text: {shown(prose)} are read as one column per speaker; "
            "if that is wrong, name the columns: --columns speaker=... --columns text=..."
        )
        return tuple(prose)
    if prose:
        best = max(prose, key=lambda name: columns.column(name).num_letters)
        columns.source.notes.append(
            f"no column is called text: {best!r}, which has the most words, is used (--columns text=NAME for another)"
        )
        return (best,)
    known = ", ".join(ALIASES["text"][:12])
    expected = f"one for the text ({known} or the like), or its name: columns={{'text': ...}}, --columns text=..."
    raise columns.source.error("", f"columns {shown(columns.found)}; expected {expected}")


def _is_side(columns: Columns, name: str) -> bool:
    """Whether a column holds what one side says: cells of words that do not repeat."""
    column = columns.column(name)
    return column.num_words >= 1.5 and len(column.counts) >= 0.6 * len(column.filled)


def _tells_nobody_apart(columns: Columns, free: Sequence[str], prose: Sequence[str]) -> bool:
    """Whether no column beside those of prose may say who speaks."""
    return not any(
        has_alias(n, "speaker") or is_flag(n) or columns.column(n).alternates for n in free if n not in prose
    )
