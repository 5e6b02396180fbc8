"""What the name of a column says: its role, its unit, and the side of a talk that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from fliptrace.transcripts.tables.aliases import ABOUT_WORDS, ALIASES, FLAGS, PARTIES

_UNITS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("us", "usec", "micros", "microseconds"), 1e-6),
    **dict.fromkeys(("tick", "ticks"), 1e-7),  # of Windows
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), 1e-9),
}


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A column name without case, blanks and punctuation."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def words_of_name(name: str) -> list[str]:
    """The words of a column name.

    >>> words_of_name("Agent-Name"), words_of_name("startTimeMs"), words_of_name("start (s)")
    (['agent', 'name'], ['start', 'time', 'ms'], ['start', 's'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:200])
    return re.findall(r"[^\W_]+", spaced.casefold())


@lru_cache(maxsize=256)
def unit_of(column: str) -> float:
    """The seconds in a unit of a column of times, by its name; 1 if the name has none."""
    words = words_of_name(column)
    if len(words) > 1 and words[-1] in _UNITS:
        return _UNITS[words[-1]]
    return 1e-3 if plain(column).endswith(("ms", "millis")) else 1.0


def names_unit(column: str) -> bool:
    """Whether the name of a column says in which unit its times are."""
    return unit_of(column) != 1 or words_of_name(column)[-1:] in (["s"], ["sec"], ["secs"], ["seconds"])


def has_alias(name: str, role: str) -> bool:
    return rank_of(name, ALIASES[role]) is not None


def known_roles(found: Iterable[str]) -> set[str]:
    """Return the roles that have an alias among these column names."""
    names = list(found)
    return {role for role in ALIASES if any(has_alias(name, role) for name in names)}


@lru_cache(maxsize=8192)
def rank_of(name: str, aliases: tuple[str, ...]) -> int | None:
    """The position of a column name among aliases, with or without its unit; the last part of a path counts too."""
    places = _places(aliases)
    words = words_of_name(name)
    without_unit = None
    if len(words) > 1 and words[-1] in _UNITS:  # start_ms, offsetInTicks
        without_unit = "".join(words[:-2] if words[-2] == "in" and len(words) > 2 else words[:-1])
    for form in (plain(name), without_unit, plain(name.rpartition(".")[2]) if "." in name else None):
        if form is not None and form in places:
            return places[form]
    return None


@lru_cache(maxsize=64)
def _places(aliases: tuple[str, ...]) -> Mapping[str, int]:
    known: dict[str, int] = {}
    for position, alias in enumerate(aliases):
        known.setdefault(plain(alias), position)
    return known


def is_flag(name: str) -> bool:
    """Whether a column may tell the sides of a talk apart, such as "direction" or "speaker_channel"."""
    return rank_of(name, FLAGS) is not None or words_of_name(name)[-1:] in (["channel"], ["side"], ["leg"])


def is_id(name: str) -> bool:
    return words_of_name(name)[-1:] == ["id"]


def party_of(name: str) -> str | None:
    """The side of a talk that a column is named for, such as "customer" or "bot_response"; None if it is not."""
    words = [word for word in words_of_name(name) if word not in ABOUT_WORDS]
    joined = "".join(words)
    if joined in PARTIES:
        return joined
    return words[0] if len(words) == 2 and words[0] in PARTIES and words[1] in PARTIES else None


def side_name(column: str) -> str:
    """The speaker of a column in the form with one column per speaker: its name without "text" and the like.

    >>> side_name("customer_message"), side_name("Ana Lee")
    ('customer', 'Ana Lee')
    """
    words = [word for word in re.split(r"[\s_]+", column.strip()) if word.casefold() not in ABOUT_WORDS]
    if len(words) == 2 and {word.casefold() for word in words} <= PARTIES:
        words = words[:1]  # "bot_response"
    return " ".join(words) or column
