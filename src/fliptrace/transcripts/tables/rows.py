"""Rows with named columns, from any file format: the rows of one dialogue, in order, as utterances."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fliptrace.transcripts.source import MAX_COLUMNS, MAX_ROWS, RawUtterance, Source
from fliptrace.transcripts.tables.cells import label_of, name_of, names_in_texts, text_of
from fliptrace.transcripts.tables.column import Row
from fliptrace.transcripts.tables.column_names import plain, side_name
from fliptrace.transcripts.tables.columns import ColumnChooser
from fliptrace.transcripts.tables.dialogues import rows_of_one_dialogue
from fliptrace.transcripts.tables.full_names import join_names
from fliptrace.transcripts.tables.layout import Layout
from fliptrace.transcripts.tables.row_order import order_of_rows
from fliptrace.transcripts.tables.row_times import Times

_SWITCHBOARD = re.compile(r"\{[A-Z] |-{0,2}/|[{}\[\]#]|\+(?=\s)|<[^<>]{1,40}>|\*listen")


def read_rows(rows: Sequence[Row], found: Sequence[str], source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of one dialogue from rows with the columns `found`; InputError if it is ambiguous which."""
    if len(rows) > MAX_ROWS:
        raise source.error("", f"over {MAX_ROWS:,} rows; expected one dialogue per file")
    if len(found) > MAX_COLUMNS:
        raise source.error("", f"{len(found):,} columns or keys; expected at most {MAX_COLUMNS:,}")
    rows, found = join_names(rows, found, source)
    dialogue = ColumnChooser(rows, found, source).dialogue()
    rows = rows_of_one_dialogue(rows, found, dialogue, source)
    layout = ColumnChooser(rows, found, source).layout(dialogue)
    times = Times.of(rows, layout, source)
    utterances = [_utterances(row, layout, *times.of_row(i), source) for i, row in enumerate(rows)]
    said = [utterance for i in order_of_rows(rows, found, layout, times, source) for utterance in utterances[i]]
    if _is_switchboard(found, said):
        source.notes.append("the marks of disfluency in the Switchboard transcript are removed from the text")
        said = [utterance._replace(text=_SWITCHBOARD.sub(" ", utterance.text)) for utterance in said]
    if layout.speaker is None and len(layout.texts) == 1:
        said = _named_in_text(said, source)
    for each in said:
        yield RawUtterance(*each)


class _Said(NamedTuple):
    """The fields of `RawUtterance`, which may still change."""

    place: str
    text: str
    speaker: str | None
    start: object
    end: object
    emotion: str | None


def _utterances(row: Row, layout: Layout, start: object, end: object, source: Source) -> list[_Said]:
    place, values = row
    emotion = None if layout.emotion is None else label_of(values.get(layout.emotion))
    if len(layout.texts) == 1:
        speaker = None if layout.speaker is None else name_of(values.get(layout.speaker))
        if speaker is None and layout.fallback is not None:
            speaker = name_of(values.get(layout.fallback))
        elif speaker is not None and layout.names:
            speaker = layout.names.get(speaker, speaker)
        return [_Said(place, text_of(values.get(layout.texts[0]), source, place), speaker, start, end, emotion)]
    said = [
        _Said(place, text, side_name(column), None, None, emotion)
        for column in layout.texts
        if (text := text_of(values.get(column), source, place)).strip()
    ]
    if said:  # the time of a row is that of its first utterance
        said[0] = said[0]._replace(start=start, end=end if len(said) == 1 else None)
    return said


def _named_in_text(said: list[_Said], source: Source) -> list[_Said]:
    """Split `Name: words` in texts if most of them begin so and there is no column for the speaker."""
    names = names_in_texts([each.text for each in said])
    if names is None:
        return said
    source.notes.append("no column for the speaker: names are taken from the beginning of the texts")
    split = []
    for each, name in zip(said, names, strict=True):
        if name is None:
            split.append(each)
            continue
        head = re.match(r"[^:：]{0,200}[:：](?:\*\*)?", each.text)
        split.append(each._replace(text=each.text[head.end() if head else 0 :].strip(), speaker=name))
    return split


def _is_switchboard(found: Sequence[str], said: Sequence[_Said]) -> bool:
    """Whether the texts have the marks of the Switchboard Dialog Act Corpus, such as `{D Well, } I, / `."""
    names = {plain(name) for name in found}
    if not names & {"acttag", "damslacttag", "act"} or not names & {"caller", "speaker"} or not said:
        return False
    marked = sum(
        each.text.rstrip().endswith("/") or re.search(r"\{[A-Z] ", each.text[:500]) is not None for each in said
    )
    return marked >= 0.4 * len(said)
