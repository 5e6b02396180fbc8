"""Reader for one dialogue from EFR or ERC JSON, the format of MELD-FR and MaSaC (docs/data.md).

Format: a list of objects with equally long lists `speakers`, `utterances`, `emotions` and `triggers`. EFR cases are
prefixes of their dialogue. If all cases belong to one dialogue, the longest case is read. Triggers are ignored here;
`corpora.efr` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fliptrace.corpora.columns import columns_fit
from fliptrace.corpora.findings import FindingLog, raise_first_error
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.tables.cells import label_of, name_of, text_of

_Columns = Mapping[str, Any]


def read_efr(source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of the only dialogue in the file, or of the case or dialogue at position `part` (from 0)."""
    entries = source.json if isinstance(source.json, list) else [source.json]
    if not entries:
        raise source.error("", "empty; expected cases or dialogues")
    cases = [_columns_of(position, entry, source) for position, entry in enumerate(entries)]
    position = _choose(cases, source)
    columns = cases[position]
    if columns["triggers"] is not None:
        source.notes.append("the triggers in the file are not used")
    num_utterances = len(columns["utterances"])
    emotions: list[Any] = columns["emotions"] or [None] * num_utterances
    rows = zip(columns["utterances"], columns["speakers"], emotions, strict=True)
    for index, (text, speaker, emotion) in enumerate(rows):
        yield RawUtterance(f"case {position} utterance {index}", text, speaker, emotion=label_of(emotion))


def _columns_of(position: int, entry: object, source: Source) -> _Columns:
    where = f"case {position}"
    if not isinstance(entry, dict):
        raise source.error(where, f"found {type(entry).__name__}, expected an object")
    has_both = "emotions" in entry and "labels" in entry  # published test files call their last list `labels`
    columns: dict[str, Any] = {
        "speakers": entry.get("speakers"),
        "utterances": entry.get("utterances"),
        "emotions": entry["emotions"] if "emotions" in entry else entry.get("labels"),
        "triggers": entry.get("triggers", entry["labels"] if has_both else None),
    }
    log = FindingLog(source.name)
    if not columns_fit(columns, ("utterances",), where, log):
        raise_first_error(log.findings)
    texts = [text_of(text, source, f"{where} utterance {index}") for index, text in enumerate(columns["utterances"])]
    speakers = [name_of(speaker) for speaker in columns["speakers"] or [None] * len(texts)]
    return columns | {"utterances": texts, "speakers": speakers}


def _choose(cases: Sequence[_Columns], source: Source) -> int:
    """Return the requested position, or that of the case of which all others are prefixes."""
    if source.part is not None:
        if not source.part.isdecimal() or len(source.part) > 9 or int(source.part) >= len(cases):
            raise source.error("", f"no case {source.part!r}; expected a position from 0 to {len(cases) - 1}")
        return int(source.part)
    dialogues = _longest(cases)
    if len(dialogues) > 1:
        first = ", ".join(map(str, dialogues[:5]))
        found = f"{len(dialogues):,} dialogues, the first at positions {first}"
        raise source.error("", f"{found}; expected one: give its position, as in {source.name}#{dialogues[0]}")
    if len(cases) > 1:
        source.notes.append(f"{len(cases):,} cases of one dialogue: only the longest is read")
    return dialogues[0]


def _longest(cases: Sequence[_Columns]) -> list[int]:
    """Return the positions of the cases that are not a prefix of another, in order; the first of equal cases."""
    keys = [
        [(speaker or "", text) for speaker, text in zip(c["speakers"], c["utterances"], strict=True)] for c in cases
    ]
    # In sorted order, the extensions of a dialogue follow it directly, so comparing neighbours is enough.
    order = sorted(range(len(cases)), key=lambda position: (keys[position], -position))
    after = [*(keys[position] for position in order[1:]), None]
    pairs = zip(order, after, strict=True)
    return sorted(
        position for position, later in pairs if later is None or later[: len(keys[position])] != keys[position]
    )


def _sniff(source: Source) -> Evidence:
    value = source.json_or_none
    first = value[0] if isinstance(value, list) and value else value
    utterances = first.get("utterances") if isinstance(first, dict) else None
    if not (isinstance(utterances, list) and utterances and isinstance(utterances[0], str)):
        return NO_EVIDENCE
    return Evidence(0.9, "a list `utterances` of texts")


READER = Reader(
    "efr",
    (".json",),
    _sniff,
    read_efr,
    title="Emotion-flip corpora (MELD-FR, MaSaC)",
    example="""[{"speakers": ["Ana", "Ben", "Ana"],
  "utterances": ["You are late.", "The train stood.", "Again!"],
  "emotions": ["neutral", "sadness", "anger"],
  "triggers": [0, 1, 0]}]
""",
)
