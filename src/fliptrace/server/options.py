"""How a conversation is read and analyzed: the options of `fliptrace analyze`, as clients give them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fliptrace.core.emotion_sets import EMOTION_SETS, EmotionSet
from fliptrace.corpora.own_emotions import declared_emotion_set

EmotionSetName = Literal["masac8", "meld7"]


class OwnEmotions(BaseModel):
    """Emotions of one's own, as a file `emotions.toml` declares them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: tuple[str, ...] = Field(max_length=100, description="Two or more words in lower case.")
    neutral: str | None = Field(default=None, max_length=40, description="The label of utterances without emotion.")
    map: dict[str, str] = Field(default_factory=dict, max_length=200, description="What labels are called in the file.")

    @model_validator(mode="after")
    def _check(self) -> OwnEmotions:
        self.emotion_set()
        return self

    def emotion_set(self) -> EmotionSet:
        """The set itself; InputError if these cannot be labels."""
        table = {"labels": list(self.labels), "neutral": self.neutral, "map": self.map}
        return declared_emotion_set(table, "emotions", "own")


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
    emotions: OwnEmotions | None = Field(
        default=None, description="Your own labels instead, for a model that knows them or a file that has them."
    )
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

    def chosen_emotions(self) -> EmotionSet:
        return EMOTION_SETS[self.emotion_set] if self.emotions is None else self.emotions.emotion_set()
