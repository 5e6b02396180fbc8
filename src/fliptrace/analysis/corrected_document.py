"""The JSON form of a corrected conversation, for pages and programs. Indices are 0-based positions of utterances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from fliptrace.analysis.corrections import CorrectedFlip, Correction, apply_corrections
from fliptrace.analysis.review_order import doubtfulness
from fliptrace.analysis.schema import EmotionSetPart
from fliptrace.analysis.values import AnalysisValues

SCHEMA: Final = "fliptrace.corrected/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorrectedUtterancePart(_Part):
    index: int
    speaker: str
    text: str
    emotion: str = Field(description="The corrected one, or else that of the analysis.")
    found_emotion: str = Field(description="That of the analysis.")
    is_corrected: bool = Field(description="Whether `emotion` was corrected, or confirmed.")
    doubt: float = Field(description="How unsure the model was of the emotion, or of the flip that lands here, 0 to 1.")


class FlipLabelsPart(_Part):
    speaker: str
    source: int
    target: int
    before: str
    after: str


class CorrectedFlipPart(FlipLabelsPart):
    triggers: tuple[int, ...] | None = Field(description="Ascending; null: unknown, for nobody named any.")
    is_found: bool = Field(description="Whether the analysis has a flip with this target too.")


class CorrectedDocument(_Part):
    """A conversation as people corrected it."""

    model_config = ConfigDict(title="A corrected conversation")

    schema_: Literal["fliptrace.corrected/1"] = Field(SCHEMA, alias="schema")
    id: str = Field(description="The transcript's name.")
    num_corrections: int = Field(description="Corrections that stand, without those that were taken back.")
    emotion_set: EmotionSetPart
    utterances: tuple[CorrectedUtterancePart, ...]
    flips: tuple[CorrectedFlipPart, ...] = Field(description="In the order of their targets.")
    addable_flips: tuple[FlipLabelsPart, ...] = Field(description="Further ones that a correction could add.")

    @classmethod
    def of(cls, analysis: AnalysisValues, corrections: Sequence[Correction]) -> CorrectedDocument:
        corrected = apply_corrections(analysis, corrections)
        rows = zip(corrected.dialogue.utterances, analysis.dialogue.emotions, doubtfulness(analysis), strict=True)
        found = {each.flip.target for each in analysis.flips}
        return cls(
            schema=SCHEMA,
            id=analysis.dialogue.id,
            num_corrections=len(corrections),
            emotion_set=EmotionSetPart.of(analysis.dialogue.emotion_set),
            utterances=tuple(
                CorrectedUtterancePart(
                    index=index,
                    speaker=utterance.speaker,
                    text=utterance.text,
                    emotion=utterance.emotion or "",
                    found_emotion=emotion or "",
                    is_corrected=index in corrected.corrected,
                    doubt=doubt,
                )
                for index, (utterance, emotion, doubt) in enumerate(rows)
            ),
            flips=tuple(_flip_part(each, is_found=each.flip.target in found) for each in corrected.flips),
            addable_flips=tuple(FlipLabelsPart(**asdict(flip)) for flip in corrected.addable),
        )


def _flip_part(corrected: CorrectedFlip, *, is_found: bool) -> CorrectedFlipPart:
    triggers = None if corrected.triggers is None else tuple(sorted(corrected.triggers))
    return CorrectedFlipPart(**asdict(corrected.flip), triggers=triggers, is_found=is_found)
