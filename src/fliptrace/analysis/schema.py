"""An analysis as JSON: the documented, versioned form that programs read, and the way back.

The models here are the one source of it: `fliptrace analyze --json` writes them, `Analysis.from_json` reads them, and
docs/analysis.schema.json is made from them (tools/write_schema.py). Indices are 0-based positions of utterances.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip, find_flips

SCHEMA: Final = "fliptrace.analysis/1"  # the number goes up where an old reader would read a new file wrongly


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TranscriptPart(_Part):
    id: str = Field(description="The transcript's name, that of its file without the ending.")
    format: str = Field(description="What it was read as (webvtt, srt, csv ...); empty where it was no file.")
    notes: tuple[str, ...] = Field(description="What a reader should know of how the analysis came about.")


class EmotionSetPart(_Part):
    name: str
    labels: tuple[str, ...] = Field(description="All labels there are, in order.")


class UtterancePart(_Part):
    index: int = Field(ge=0, description="Position in the transcript, from 0.")
    speaker: str
    text: str
    emotion: str = Field(description="One of the emotion set's labels: what the words express.")
    emotion_scores: dict[str, float] | None = Field(
        description="The model's probability of each label; null where the transcript gave it."
    )
    start: float | None = Field(description="Seconds from the beginning; null where the transcript has no times.")
    end: float | None
    cues: tuple[str, ...] = Field(description="What the transcript notes beside the words: laughs, slams the door.")


class SupportPart(_Part):
    index: int = Field(ge=0, description="An utterance at or before the flip's target.")
    support: float = Field(ge=0, le=1, description="How far the model holds it for a trigger.")


class FlipPart(_Part):
    speaker: str
    source: int = Field(ge=0, description="Where the speaker's emotion was `before`.")
    target: int = Field(ge=1, description="Where it is `after`: the same speaker's next utterance.")
    before: str
    after: str
    triggers: tuple[SupportPart, ...] = Field(description="The utterances named as triggers, ascending; may be none.")
    candidates: tuple[SupportPart, ...] = Field(
        description="Every utterance with any support, named or not, ascending."
    )
    reason: str = Field(description="One line. A number in square brackets there counts utterances from 1.")
    reason_by: Literal["model", "template"] = Field(
        description="`model`: the model's own rationale. `template`: a sentence built from what was decided."
    )
    consequences: tuple[int, ...] = Field(description="The targets of later flips that this flip's target triggered.")


class AnalysisDocument(_Part):
    """What fliptrace found in one transcript."""

    model_config = ConfigDict(title="An analysis by fliptrace")

    schema_: Literal["fliptrace.analysis/1"] = Field(SCHEMA, alias="schema")
    transcript: TranscriptPart
    model: str = Field(description="The model that named emotions and triggers.")
    threshold: float = Field(gt=0, le=1, description="The support from which on an utterance is named a trigger.")
    emotion_set: EmotionSetPart
    utterances: tuple[UtterancePart, ...] = Field(min_length=1)
    flips: tuple[FlipPart, ...] = Field(description="In the order they land.")

    @classmethod
    def of(cls, analysis: AnalysisValues) -> AnalysisDocument:
        dialogue, later = analysis.dialogue, analysis.consequences
        labels = dialogue.emotion_set
        return cls(
            schema=SCHEMA,
            transcript=TranscriptPart(
                id=_text(dialogue.id), format=analysis.format, notes=tuple(map(_text, analysis.notes))
            ),
            model=_text(analysis.model),
            threshold=analysis.threshold,
            emotion_set=EmotionSetPart(name=labels.name, labels=labels.labels),
            utterances=tuple(
                _utterance_part(i, utterance, scores)
                for i, (utterance, scores) in enumerate(zip(dialogue.utterances, analysis.emotion_scores, strict=True))
            ),
            flips=tuple(_flip_part(found, later[found.flip]) for found in analysis.flips),
        )

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)

    def analysis(self) -> AnalysisValues:
        """The inverse of `of`; InputError where the parts do not go together."""
        try:
            emotion_set = EmotionSet(self.emotion_set.name, self.emotion_set.labels)
            utterances = tuple(
                Utterance(part.speaker, part.text, part.emotion, part.start, part.end, part.cues)
                for part in self.utterances
            )
            dialogue = Dialogue(self.transcript.id, self.transcript.id, utterances, emotion_set)
            flips = tuple(_found_flip(part, len(utterances)) for part in self.flips)
            if tuple(found.flip for found in flips) != find_flips(dialogue):
                raise ValueError("its flips are not those of its emotions")
            scores = tuple(part.emotion_scores for part in self.utterances)
            notes, format = self.transcript.notes, self.transcript.format
            return AnalysisValues(dialogue, scores, flips, self.model, self.threshold, notes, format)
        except (IndexError, ValueError) as error:
            raise InputError("analysis", str(error)) from error


def read_document(value: object) -> AnalysisDocument:
    """A JSON value as a document; InputError names the first place that is wrong."""
    found = value.get("schema") if isinstance(value, dict) else None
    if found != SCHEMA:
        raise InputError("analysis", f"schema {found!r}; expected {SCHEMA!r}")
    try:
        return AnalysisDocument.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"analysis {'.'.join(map(str, first['loc']))}", first["msg"]) from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a document, for those who read one without Python."""
    schema = AnalysisDocument.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA} | schema


def _utterance_part(index: int, utterance: Utterance, scores: Any) -> UtterancePart:
    return UtterancePart(
        index=index,
        speaker=_text(utterance.speaker),
        text=_text(utterance.text),
        emotion=utterance.emotion or "",
        emotion_scores=None if scores is None else dict(scores),
        start=utterance.start,
        end=utterance.end,
        cues=tuple(map(_text, utterance.cues)),
    )


def _flip_part(found: FoundFlip, later: tuple[Flip, ...]) -> FlipPart:
    flip = found.flip
    return FlipPart(
        speaker=_text(flip.speaker),
        source=flip.source,
        target=flip.target,
        before=flip.before,
        after=flip.after,
        triggers=tuple(SupportPart(index=i, support=found.support[i]) for i in sorted(found.triggers)),
        candidates=tuple(SupportPart(index=i, support=share) for i, share in enumerate(found.support) if share),
        reason=_text(found.reason),
        reason_by=found.reason_by,
        consequences=tuple(flip.target for flip in later),
    )


def _found_flip(part: FlipPart, num_utterances: int) -> FoundFlip:
    support = [0.0] * num_utterances
    for candidate in part.candidates:
        support[candidate.index] = candidate.support
    return FoundFlip(
        Flip(part.speaker, part.source, part.target, part.before, part.after),
        frozenset(trigger.index for trigger in part.triggers),
        tuple(support),
        part.reason,
        part.reason_by,
    )


def _text(text: str) -> str:
    """Half an emoji, which a JSON transcript may hold and UTF-8 may not, becomes the sign for what cannot be shown."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
