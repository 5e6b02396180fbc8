"""How conversations are read and analyzed, as one value that can be sent to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.files import Json

if TYPE_CHECKING:
    from fliptrace.analysis.evidence import EvidenceFor


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """The options of `read_transcript`, `open_model` and `analyze`."""

    model: str = "embedded"
    device: str = "auto"
    format: str | None = None
    columns: Mapping[str, str] | None = None
    speakers: tuple[str, ...] = ()
    emotion_set: EmotionSet | None = None
    threshold: float | None = None
    min_flip_probability: float | None = None
    num_rationales: int = 20
    evidence: EvidenceFor | None = None

    def to_json(self) -> Json:
        emotion_set = self.emotion_set and {"name": self.emotion_set.name, "labels": list(self.emotion_set.labels)}
        return {**asdict(self), "speakers": list(self.speakers), "emotion_set": emotion_set}
