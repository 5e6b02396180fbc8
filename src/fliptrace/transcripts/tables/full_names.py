"""Join the first and last names of speakers that are in two columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.tables.cells import cell_of
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import plain

_FIRST = ("firstname", "givenname", "forename", "vorname", "prénom", "prenom", "voornaam", "primernombre")
_LAST = ("lastname", "surname", "familyname", "nachname", "nomdefamille", "achternaam", "apellido", "apellidos")
_WHOLE = ("speaker", "speakername", "speakerlabel", "name", "fullname", "displayname", "authorname", "sendername")
_JOINED = "full name"


class Named(NamedTuple):
    """Rows and their columns, one of which may be added here: the whole name of the speaker."""

    rows: Sequence[Row]
    found: Sequence[str]


def join_names(rows: Sequence[Row], found: Sequence[str], source: Source) -> Named:
    """Add a column with first and last name if each is in one column, and no column has the whole name."""
    first, last = _columns_named(_FIRST, found), _columns_named(_LAST, found)
    whole = any(plain(name) in _WHOLE for name in found)
    if len(first) != 1 or len(last) != 1 or whole or "speaker" in source.columns or not _are_one(first[0], last[0]):
        return Named(rows, found)
    parts = (first[0], last[0])
    joined = [
        Row(place, {**values, _JOINED: " ".join(filter(None, (cell_of(values.get(name)) for name in parts)))})
        for place, values in rows
    ]
    return Named(joined, [_JOINED, *(name for name in found if name not in parts)])


def _columns_named(endings: tuple[str, ...], found: Sequence[str]) -> list[str]:
    return [name for name in found if plain(name).endswith(endings)]


def _are_one(first: str, last: str) -> bool:
    """Whether two columns belong to one person: `agent_first_name` and `agent_last_name`."""
    return _prefix(first, _FIRST) == _prefix(last, _LAST)


def _prefix(name: str, endings: tuple[str, ...]) -> str:
    flat = plain(name)
    return min((flat.removesuffix(ending) for ending in endings), key=len)
