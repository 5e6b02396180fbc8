"""What a run over many conversations writes of each: rows of three tables, and what is known of it being done.

Indices count from 0. docs/analyze.md describes the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from fliptrace.analysis.tables import table_rows
from fliptrace.analysis.values import AnalysisValues
from fliptrace.core.files import Json

TableName = Literal["utterances", "flips", "triggers"]

# Types are named as pyarrow's functions that make them.
TABLES: Final[Mapping[TableName, Mapping[str, str]]] = {
    "utterances": {
        "conversation": "string",
        "utterance": "int32",
        "speaker": "string",
        "start": "float64",
        "end": "float64",
        "text": "string",
        "emotion": "string",
        "probability": "float64",
        "uncertain": "bool_",
    },
    "flips": {
        "conversation": "string",
        "target": "int32",
        "speaker": "string",
        "source": "int32",
        "before": "string",
        "after": "string",
        "probability": "float64",
        "num_triggers": "int32",
        "reason": "string",
        "reason_by": "string",
    },
    "triggers": {
        "conversation": "string",
        "target": "int32",
        "utterance": "int32",
        "support": "float64",
        "with_it": "float64",
        "without_it": "float64",
    },
}


@dataclass(frozen=True, slots=True)
class Done:
    """One conversation, analyzed or failed. `sha256` is that of its content; `error` is "" if it did not fail."""

    id: str
    sha256: str
    error: str = ""
    tables: Mapping[TableName, list[Json]] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Everything but the tables."""
        return {"conversation": self.id, "sha256": self.sha256, "error": self.error}

    @classmethod
    def from_json(cls, row: Json) -> Done:
        return cls(row["conversation"], row["sha256"], row["error"])


def rows_of(conversation: str, analysis: AnalysisValues) -> dict[TableName, list[Json]]:
    """The rows of an analysis, by table."""
    tables: dict[TableName, Iterator[Json]] = {
        "utterances": _utterances(analysis),
        "flips": _flips(analysis),
        "triggers": _triggers(analysis),
    }
    return {name: [{"conversation": conversation, **row} for row in rows] for name, rows in tables.items()}


def _utterances(analysis: AnalysisValues) -> Iterator[Json]:
    for row in table_rows(analysis):
        yield {
            "utterance": row.index,
            "speaker": row.speaker,
            "start": row.start,
            "end": row.end,
            "text": row.text,
            "emotion": row.emotion,
            "probability": row.probability,
            "uncertain": row.uncertain,
        }


def _flips(analysis: AnalysisValues) -> Iterator[Json]:
    for found in analysis.flips:
        yield {
            "target": found.flip.target,
            "speaker": found.flip.speaker,
            "source": found.flip.source,
            "before": found.flip.before,
            "after": found.flip.after,
            "probability": found.probability,
            "num_triggers": len(found.triggers),
            "reason": found.reason,
            "reason_by": found.reason_by,
        }


def _triggers(analysis: AnalysisValues) -> Iterator[Json]:
    for found in analysis.flips:
        measured = {each.left_out: each for each in found.evidence}
        for index in sorted(found.triggers):
            evidence = measured.get(index)
            yield {
                "target": found.flip.target,
                "utterance": index,
                "support": found.support[index],
                "with_it": None if evidence is None else evidence.with_it,
                "without_it": None if evidence is None else evidence.without_it,
            }
