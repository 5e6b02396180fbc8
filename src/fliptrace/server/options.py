"""How a conversation is read and analyzed: the options of `fliptrace analyze`, as clients give them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EmotionSetName = Literal["masac8", "meld7"]


class AnalysisOptions(BaseModel):
    """The options of an analysis. What is not given is detected, or as chosen when the model was trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str | None = Field(
        default=None, max_length=50, description="The file's format; null: detected from the content."
    )
    part: str | None = Field(default=None, max_length=200, description="Which dialogue, if the file holds several.")
    speakers: tuple[str, ...] = Field(default=(), max_length=200, description="Names that certainly are speakers.")
    columns: dict[str, str] = Field(
        default_factory=dict, max_length=50, description="The file's own names of columns: speaker, text, start ..."
    )
    emotion_set: EmotionSetName = Field(default="masac8", description="The emotion labels; masac8 includes contempt.")
    threshold: float | None = Field(default=None, gt=0, le=1, description="Support that makes an utterance a trigger.")
    min_flip_probability: float | None = Field(
        default=None, gt=0, le=1, description="Report a flip from this probability that the speaker's emotion changed."
    )
    rationales: int = Field(
        default=20,
        ge=0,
        le=1_000,
        description="Rationales that a local model writes, of the surest flips; others are built.",
    )
    evidence: Literal["triggers", "all", "words", "none"] | None = Field(
        default=None,
        description="Measure how likely the new emotion is without an utterance: each trigger of the surest flips, or "
        "all candidates, or each trigger and each word of source and target; null: triggers where that is cheap.",
    )
