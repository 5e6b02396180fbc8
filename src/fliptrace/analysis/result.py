"""The analysis of one dialogue, as users of the library get it: its values, and methods that write them to files."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fliptrace.analysis.values import AnalysisValues

if TYPE_CHECKING:
    import pandas as pd

    from fliptrace.cues.values import Cues


@dataclass(frozen=True, slots=True)
class Analysis(AnalysisValues):
    """One dialogue with an emotion for every utterance, and its flips in the order of their targets."""

    def with_cues(self, cues: Cues) -> Analysis:
        """Return the same analysis with cues beside the words. Emotions, flips and triggers stay as they are."""
        return replace(self, measured=cues.utterances, notes=(*self.notes, *cues.notes))

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON values; docs/analysis.schema.json is their schema."""
        from fliptrace.analysis.schema import AnalysisDocument  # pydantic

        return AnalysisDocument.of(self).to_json()

    @classmethod
    def from_json(cls, value: object) -> Analysis:
        """Read what `to_json` returned; InputError if the value does not match the schema."""
        from fliptrace.analysis.schema import read_document

        values = read_document(value).analysis()
        return cls(**{field.name: getattr(values, field.name) for field in fields(values)})

    def to_html(self, path: str | Path, recording: str | Path | None = None) -> bool:
        """Write the HTML page, one file that needs no network. Return whether it plays the recording.

        A recording in the folder of the page or below it is linked; any other is put into the page, up to 8 MB.
        """
        from fliptrace.analysis.page import write_page

        return write_page(self, Path(path), None if recording is None else Path(recording))

    def to_csv(self, path: str | Path) -> None:
        """Write a table for spreadsheets, one row per utterance. docs/analyze.md describes its columns."""
        from fliptrace.analysis.tables import write_csv

        write_csv(self, Path(path))

    def to_frame(self) -> pd.DataFrame:
        """Return the same rows as a pandas frame; MissingExtra if pandas is not installed."""
        from fliptrace.analysis.tables import to_frame

        return to_frame(self)
