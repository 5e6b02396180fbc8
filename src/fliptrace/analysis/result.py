"""The analysis of one dialogue, as users of the library hold it: its values, and the forms it can be written in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fliptrace.analysis.values import AnalysisValues

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Analysis(AnalysisValues):
    """One dialogue with an emotion for every utterance, and its flips in the order in which they land."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values, of the schema in docs/analysis.schema.json."""
        from fliptrace.analysis.schema import AnalysisDocument  # pydantic

        return AnalysisDocument.of(self).to_json()

    @classmethod
    def from_json(cls, value: object) -> Analysis:
        """The inverse of `to_json`; InputError where the value is none of that schema."""
        from fliptrace.analysis.schema import read_document

        values = read_document(value).analysis()
        return cls(**{field.name: getattr(values, field.name) for field in fields(values)})

    def to_html(self, path: str | Path) -> None:
        """Write the page: one file that needs no network."""
        from fliptrace.analysis.page import write_page

        write_page(self, Path(path))

    def to_csv(self, path: str | Path) -> None:
        """Write one row an utterance, for spreadsheets (docs/analyze.md says what the columns hold)."""
        from fliptrace.analysis.tables import write_csv

        write_csv(self, Path(path))

    def to_frame(self) -> pd.DataFrame:
        """The same rows as a pandas frame; MissingExtra where pandas is not installed."""
        from fliptrace.analysis.tables import to_frame

        return to_frame(self)
