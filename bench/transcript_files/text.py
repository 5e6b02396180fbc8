"""Writers of tables and plain text."""

from __future__ import annotations

import csv
import io

from transcript_files.dialogue import Dialogue, as_json, clock, named, records, table_of, writes


def _delimited(said: Dialogue, delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(table_of(said))
    return text.getvalue()


@writes("json")
def _json_table(said: Dialogue) -> str:
    return as_json(records(said))


@writes("jsonl")
def _jsonl(said: Dialogue) -> str:
    return "".join(f"{as_json(record)}\n" for record in records(said))


@writes("csv")
def _csv(said: Dialogue) -> str:
    return _delimited(said, ",")


@writes("tsv")
def _tsv(said: Dialogue) -> str:
    return _delimited(said, "\t")


@writes("screenplay")
def _screenplay(said: Dialogue) -> str:
    return "INT. KITCHEN - NIGHT\n\n" + "".join(f"{each.speaker.upper()}\n{each.text}\n\n" for each in said)


@writes("headers")
def _headers(said: Dialogue) -> str:
    return "".join(f"{each.speaker}  {clock(each.start, '')}\n{each.text}\n\n" for each in said)


@writes("text")
def _text(said: Dialogue) -> str:
    return named(said)
