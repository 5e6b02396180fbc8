"""The index of words: which results hold what was said, who spoke, which emotions, which flips. SQLite's FTS5 only.

The index is made from the results, so it is no part of the migrations: where it is missing it is made again. A query
is a list of words that must all occur, the last letters of a word may be missing; `"two words"` must follow each other;
`speaker:Ana`, `emotion:anger`, `flip:joy>fear` and `flip:fear` look there only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, SQLColumnExpression, column, table, text
from sqlalchemy import select as sql_select
from sqlalchemy.orm import Session

MAX_QUERY = 500  # characters
_TABLE = "search_index"
_FIELDS = {"name": "name", "speaker": "speakers", "emotion": "emotions", "flip": "flips", "text": "words"}
# Vowel signs (Mn, Mc) belong to the words of Hindi, which FTS5 would cut at them.
_CREATE = f"""CREATE VIRTUAL TABLE {_TABLE} USING fts5(
    name, words, speakers, emotions, flips, tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
)"""
# Scripts without blanks between words: every character is a word of its own, in the index and in queries.
_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_TERM = re.compile(r'(?:(\w+):)?(?:"([^"]*)"?|(\S*))')


class IndexEntry(NamedTuple):
    """The words of a result, by where they stand."""

    name: str
    words: str
    speakers: str
    emotions: str
    flips: str


def index_entry(name: str, document: dict[str, Any]) -> IndexEntry:
    """Make the entry of a document of analysis/schema.py. Flips read `joy to fear`, so that they are found as a phrase.

    >>> flips = [{"speaker": "Ana", "before": "joy", "after": "fear"}]
    >>> utterances = [{"speaker": "Ana", "text": "Oh!", "emotion": "joy"}]
    >>> index_entry("call", {"utterances": utterances, "flips": flips}).flips
    'joy to fear'
    """
    utterances, flips = document["utterances"], document["flips"]
    return IndexEntry(
        spaced(name),
        spaced("\n".join(each["text"] for each in utterances)),
        spaced("\n".join(dict.fromkeys(each["speaker"] for each in utterances))),
        " ".join(dict.fromkeys(each["emotion"] for each in utterances)),
        " then ".join(dict.fromkeys(f"{each['before']} to {each['after']}" for each in flips)),
    )


def prepare(connection: Connection) -> None:
    """Make the index of all results if there is none."""
    found = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = :name"), {"name": _TABLE}).first()
    if found is not None:
        return
    connection.execute(text(_CREATE))
    rows = connection.execute(
        text("SELECT jobs.number, jobs.name, results.document FROM results JOIN jobs ON jobs.number = results.job")
    )
    for number, name, document in rows:
        _insert(connection, number, index_entry(name, json.loads(document)))


def add(session: Session, number: int, entry: IndexEntry) -> None:
    _insert(session.connection(), number, entry)


def remove(session: Session, numbers: list[int]) -> None:
    """Remove jobs from the index for good. FTS5 only marks words as deleted until it rewrites the index, as here."""
    for number in numbers:
        session.execute(text(f"DELETE FROM {_TABLE} WHERE rowid = :number"), {"number": number})
    session.execute(text(f"INSERT INTO {_TABLE}({_TABLE}) VALUES ('optimize')"))


def matches(query: str, numbers: SQLColumnExpression[int]) -> ColumnElement[bool] | None:
    """The condition that the job of this number matches a query; None if the query holds no word."""
    expression = " AND ".join(_terms(query[:MAX_QUERY]))
    if not expression:
        return None
    index = table(_TABLE, column("rowid", Integer))
    found = sql_select(index.c.rowid).where(text(f"{_TABLE} MATCH :expression").bindparams(expression=expression))
    return numbers.in_(found)


def spaced(words: str) -> str:
    """Put blanks around each character of scripts that write none between words.

    >>> spaced("ok 你好")
    'ok  你  好 '
    """
    return _UNSPACED.sub(r" \1 ", words)


def _terms(query: str) -> Iterator[str]:
    """Yield the terms of a query in FTS5's own language, every word in quotes, so that none is an operator.

    >>> list(_terms('speaker:Ana "so long" flip:joy>fear gro'))
    ['speakers : "Ana" *', '"so long"', 'flips : "joy to fear" *', '"gro" *']
    """
    for field, phrase, word in _TERM.findall(query.replace("\0", " ")):
        if field and field not in _FIELDS:  # as in 10:30
            word, field = f"{field}:{phrase or word}", ""
        words = phrase or word
        if not re.search(r"\w", words):
            continue
        if field == "flip":
            words = re.sub(r"\s*(?:>|→)\s*", " to ", words)
        quoted = '"' + spaced(words).replace('"', " ").strip() + '"'
        yield f"{_FIELDS[field] + ' : ' if field else ''}{quoted}{'' if phrase else ' *'}"


def _insert(connection: Connection, number: int, entry: IndexEntry) -> None:
    columns = ", ".join(IndexEntry._fields)
    values = ", ".join(f":{name}" for name in IndexEntry._fields)
    connection.execute(
        text(f"INSERT INTO {_TABLE}(rowid, {columns}) VALUES (:number, {values})"),
        {"number": number, **entry._asdict()},
    )
