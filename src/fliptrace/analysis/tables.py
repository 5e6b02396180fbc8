"""An analysis as a table with one row per utterance: CSV for spreadsheets, or a pandas frame. Indices count from 0.

docs/analyze.md describes the columns.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.errors import MissingExtra
from fliptrace.core.files import write_text
from fliptrace.cues.values import WORDS, Cues, UtteranceCues
from fliptrace.inference.word_evidence import WordEvidence

if TYPE_CHECKING:
    import pandas as pd

# Spreadsheets run a cell that begins with one of these as a formula. Transcripts are untrusted, so such a cell gets an
# apostrophe, which makes it text. So does a part of a cell that would be a cell of its own where `;` or a tab separates
# them; `;-)` stays. Source: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_INNER_FORMULA = re.compile(r"""([;\t\r\n]\s*"*\s*)(?=[=@＝＠]|[+＋－-](?![()DPpOo/|*]?(?:[\s;]|$)))""")
_BOM = "\ufeff"  # without it Excel reads UTF-8 as the local code page


@dataclass(frozen=True, slots=True)
class Row:
    """One utterance. The fields from `flip_from` on describe the flip whose target it is, if there is one.

    `emotion_words` carry its emotion, `without_word` has its probability without each of them. `with_all` is the
    probability of `flip_to` with all utterances, `without` that without each of `left_out`.
    """

    index: int
    speaker: str
    start: float | None
    end: float | None
    text: str
    emotion: str
    probability: float | None
    uncertain: bool
    emotion_words: tuple[str, ...] = ()
    without_word: tuple[float, ...] = ()
    flip_from: str | None = None
    flip_to: str | None = None
    flip_source: int | None = None
    flip_probability: float | None = None
    triggers: tuple[int, ...] = ()
    support: tuple[float, ...] = ()
    reason: str | None = None
    reason_by: str | None = None
    left_out: tuple[int, ...] = ()
    with_all: float | None = None
    without: tuple[float, ...] = ()


COLUMNS = tuple(field.name for field in fields(Row))


def table_rows(analysis: AnalysisValues) -> list[Row]:
    """Make a row for every utterance, in order. `support` is that of the triggers, in the same order."""
    found = {each.flip.target: each for each in analysis.flips}
    rows = zip(analysis.dialogue.utterances, analysis.emotion_scores, analysis.uncertain, strict=True)
    return [_add_flip(_row(i, *told, analysis.words_in(i)), found.get(i)) for i, told in enumerate(rows)]


def write_csv(analysis: AnalysisValues, path: Path) -> None:
    """Write the rows as CSV in UTF-8."""
    write_text(path, to_csv(analysis))


def to_csv(analysis: AnalysisValues) -> str:
    """Return the rows as CSV with a byte order mark. Cells that a spreadsheet would run get an apostrophe."""
    names = _cue_names(analysis)
    cues = analysis.measured or (UtteranceCues(),) * len(analysis.dialogue)
    rows = ((*astuple(row), *_cue_cells(own, names)) for row, own in zip(table_rows(analysis), cues, strict=True))
    return csv_text((*COLUMNS, *(f"cue_{name}" for name in names)), rows)


def cues_to_csv(dialogue: Dialogue, cues: Cues) -> str:
    """Return the cues of a dialogue as CSV, one row per utterance; `analyze --cues` reads it."""
    names = (WORDS, *cues.names())
    rows = (
        (i, said.speaker, said.start, said.end, said.text, *_cue_cells(own, names))
        for i, (said, own) in enumerate(zip(dialogue.utterances, cues.utterances, strict=True))
    )
    return csv_text(("index", "speaker", "start", "end", "text", *names), rows)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV with a byte order mark. Cells that a spreadsheet would run get an apostrophe."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(map(_cell, columns))
    for row in rows:
        writer.writerow(map(_cell, row))
    return _BOM + lines.getvalue()


def to_frame(analysis: AnalysisValues) -> pd.DataFrame:
    """Return the rows as a frame, indexed by position, with unchanged text. MissingExtra if pandas is not installed."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtra("to_frame", "study", "pandas") from error
    names = _cue_names(analysis)
    cues = [
        dict(zip((f"cue_{name}" for name in names), _cue_cells(own, names), strict=True)) for own in analysis.measured
    ]
    rows = [
        asdict(row) | own for row, own in zip(table_rows(analysis), cues or [{}] * len(analysis.dialogue), strict=True)
    ]
    frame = pd.DataFrame(rows).set_index("index")
    numbers = dict.fromkeys(("start", "end", "probability", "flip_probability", "with_all"), "float64")
    return frame.astype(numbers | {"flip_source": "Int64"})


def _cue_names(analysis: AnalysisValues) -> tuple[str, ...]:
    """What was measured: the words, then every value. A table without measured cues has no columns for them."""
    return (WORDS, *Cues(analysis.measured).names()) if analysis.measured else ()


def _cue_cells(own: UtteranceCues, names: Sequence[str]) -> Iterator[object]:
    return ("; ".join(own.words) if name == WORDS else own.values.get(name) for name in names)


def _row(
    index: int,
    utterance: Utterance,
    scores: Mapping[str, float] | None,
    uncertain: bool,
    words: Sequence[WordEvidence],
) -> Row:
    emotion, text = utterance.emotion or "", utterance.text
    return Row(
        index,
        utterance.speaker,
        utterance.start,
        utterance.end,
        text,
        emotion,
        None if scores is None else scores.get(emotion),
        uncertain,
        tuple(text[word.start : word.end] for word in words),
        tuple(word.without_it for word in words),
    )


def _add_flip(row: Row, found: FoundFlip | None) -> Row:
    if found is None:
        return row
    triggers = tuple(sorted(found.triggers))
    return replace(
        row,
        flip_from=found.flip.before,
        flip_to=found.flip.after,
        flip_source=found.flip.source,
        flip_probability=found.probability,
        triggers=triggers,
        support=tuple(found.support[i] for i in triggers),
        reason=found.reason,
        reason_by=found.reason_by,
        left_out=tuple(each.left_out for each in found.evidence),
        with_all=found.evidence[0].with_it if found.evidence else None,
        without=tuple(each.without_it for each in found.evidence),
    )


def _cell(value: object) -> str:
    """Format a value as a CSV cell.

    >>> _cell("=1+1"), _cell((2, 5)), _cell(0.25), _cell(True), _cell(None), _cell("a;=1+1 ;-)")
    ("'=1+1", '2 5', '0.25', 'true', '', "a;'=1+1 ;-)")
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        value = " ".join(map(str, value))
    if not isinstance(value, str):
        return str(value)
    text = _INNER_FORMULA.sub(r"\1'", value)
    return f"'{text}" if text.startswith(_FORMULA) else text
