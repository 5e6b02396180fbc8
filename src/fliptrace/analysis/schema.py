"""The JSON form of an analysis: a documented, versioned format for other programs, written and read here.

The models here are its only definition. `fliptrace analyze --json` writes them, `Analysis.from_json` reads them, and
tools/write_schema.py makes docs/analysis.schema.json from them. Indices are 0-based positions of utterances.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip, find_flips, find_sources
from fliptrace.core.support import Support
from fliptrace.cues.values import UtteranceCues
from fliptrace.inference.evidence import Evidence
from fliptrace.inference.word_evidence import WordEvidence
from fliptrace.models.checkpoints import FlipShare

SCHEMA: Final = "fliptrace.analysis/1"  # the number goes up if an old reader would misread a new file


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TranscriptPart(_Part):
    id: str = Field(description="The transcript's name: its file name without the extension.")
    format: str = Field(description="The format it was read as (webvtt, srt, csv ...); empty if it was not a file.")
    notes: tuple[str, ...] = Field(description="What a reader should know about how the analysis was made.")


class EmotionSetPart(_Part):
    name: str
    labels: tuple[str, ...] = Field(description="All labels of the set, in order.")


class WordPart(_Part):
    start: int = Field(ge=0, description="The word's first character in `text`, from 0, in Unicode code points.")
    end: int = Field(ge=1, description="The character after its last one.")
    word: str = Field(description="These characters.")
    with_it: float = Field(ge=0, le=1, description="The probability of `emotion` with all words of the utterance.")
    without_it: float = Field(ge=0, le=1, description="The same probability without the word.")


class UtterancePart(_Part):
    index: int = Field(ge=0, description="Position in the transcript, from 0.")
    speaker: str
    text: str
    emotion: str = Field(description="What the words express: one of the emotion set's labels.")
    emotion_scores: dict[str, float] | None = Field(
        description="The model's probability of each label; null if the transcript gave the emotion or the model none."
    )
    uncertain: bool = Field(
        False,
        description="Whether the probability of `emotion`, still the likeliest label, is below `uncertain_below`, or "
        "the speaker is one of `unfamiliar_speakers`.",
    )
    words: tuple[WordPart, ...] = Field(
        (), description="Words that carry `emotion`, ascending; empty if there are none or they were not measured."
    )
    start: float | None = Field(description="Seconds from the beginning; null if the transcript has no times.")
    end: float | None
    cues: tuple[str, ...] = Field(
        description="What the transcript notes besides the words, such as: laughs, slams the door."
    )
    measured: MeasuredPart | None = Field(
        None, description="Cues from a recording or a table, which no model has read; null if nothing was measured."
    )


class MeasuredPart(_Part):
    values: dict[str, float] = Field(
        description="Values by name, such as loudness_db and pitch_hz (docs/cues.md); unreliable ones are absent."
    )
    words: tuple[str, ...] = Field(description="The same in words, such as: louder than usual. Not an emotion.")

    @classmethod
    def of(cls, cues: UtteranceCues) -> MeasuredPart:
        return cls(values=dict(cues.values), words=tuple(map(_text, cues.words)))


class SupportPart(_Part):
    index: int = Field(ge=0, description="An utterance at or before the flip's target.")
    support: float = Field(ge=0, le=1, description="The model's support for this utterance as a trigger.")


class EvidencePart(_Part):
    index: int = Field(ge=0, description="The utterance that was left out, before the flip's target.")
    with_it: float = Field(ge=0, le=1, description="The probability of `after` at the target, with all utterances.")
    without_it: float = Field(ge=0, le=1, description="The same probability without the utterance.")


class FlipSharePart(_Part):
    low: float = Field(ge=0, le=1, description="The lowest probability of these pairs.")
    high: float = Field(ge=0, le=1, description="Their probabilities are below this; or up to it, if it is 1.")
    num: int = Field(
        ge=1, description="The number of pairs of utterances in the model's val data with such a `probability`."
    )
    mean_probability: float = Field(ge=0, le=1, description="Their mean probability.")
    share_flips: float = Field(ge=0, le=1, description="The share of these pairs that are flips by their labels.")


class FlipPart(_Part):
    speaker: str
    source: int = Field(ge=0, description="The utterance at which the speaker's emotion was `before`.")
    target: int = Field(ge=1, description="The same speaker's next utterance, at which the emotion is `after`.")
    before: str
    after: str
    probability: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The probability that source and target express different emotions, by the model's calibrated "
        "probabilities; null if it gives none. `before` and `after` are the most probable pair of different labels.",
    )
    triggers: tuple[SupportPart, ...] = Field(description="The utterances named as triggers, ascending; may be empty.")
    candidates: tuple[SupportPart, ...] = Field(
        description="Every utterance with any support, named as a trigger or not, ascending."
    )
    reason: str = Field(description="One line. Numbers in square brackets refer to utterances, counted from 1.")
    reason_by: Literal["model", "template"] = Field(
        description="`model`: the model's own rationale. `template`: a sentence built from the decision."
    )
    evidence: tuple[EvidencePart, ...] = Field(
        (), description="What the model says without one of the utterances, ascending; empty if it was not measured."
    )
    consequences: tuple[int, ...] = Field(description="The targets of later flips that this flip's target triggered.")


class AnalysisDocument(_Part):
    """What fliptrace found in one transcript."""

    model_config = ConfigDict(title="An analysis by fliptrace")

    schema_: Literal["fliptrace.analysis/1"] = Field(SCHEMA, alias="schema")
    transcript: TranscriptPart
    model: str = Field(description="The model that named emotions and triggers.")
    threshold: float = Field(gt=0, le=1, description="An utterance with at least this support is named as a trigger.")
    flip_threshold: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Flips are reported from this probability; null: where the likeliest labels differ.",
    )
    uncertain_below: float | None = Field(
        None, gt=0, le=1, description="An emotion with a lower probability is uncertain; null: none is."
    )
    unfamiliar_speakers: tuple[str, ...] = Field(
        (), description="Speakers who mostly say words that the model was not trained on."
    )
    flip_shares: tuple[FlipSharePart, ...] = Field(
        (), description="How often flips with a certain `probability` were flips in the model's val data, ascending."
    )
    emotion_set: EmotionSetPart
    utterances: tuple[UtterancePart, ...] = Field(min_length=1)
    flips: tuple[FlipPart, ...] = Field(description="In the order of their targets.")

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
            flip_threshold=analysis.flip_threshold,
            uncertain_below=analysis.uncertain_below,
            unfamiliar_speakers=tuple(map(_text, analysis.unfamiliar_speakers)),
            flip_shares=tuple(FlipSharePart(**asdict(each)) for each in analysis.flip_shares),
            emotion_set=EmotionSetPart(name=labels.name, labels=labels.labels),
            utterances=tuple(_utterance_part(analysis, i, doubt) for i, doubt in enumerate(analysis.uncertain)),
            flips=tuple(_flip_part(found, later[found.flip]) for found in analysis.flips),
        )

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)

    def analysis(self) -> AnalysisValues:
        """Convert the document back, the inverse of `of`; InputError if its parts contradict each other."""
        try:
            emotion_set = EmotionSet(self.emotion_set.name, self.emotion_set.labels)
            utterances = tuple(
                Utterance(part.speaker, part.text, part.emotion, part.start, part.end, part.cues)
                for part in self.utterances
            )
            dialogue = Dialogue(self.transcript.id, self.transcript.id, utterances, emotion_set)
            flips = tuple(_found_flip(part, len(utterances)) for part in self.flips)
            self._check_flips(dialogue, flips)
            analysis = AnalysisValues(
                dialogue,
                tuple(part.emotion_scores for part in self.utterances),
                flips,
                self.model,
                self.threshold,
                self.transcript.notes,
                self.transcript.format,
                self.flip_threshold,
                self.uncertain_below,
                self.unfamiliar_speakers,
                tuple(word for part in self.utterances for word in _word_evidence(part)),
                tuple(FlipShare(**part.model_dump()) for part in self.flip_shares),
                self._measured(),
            )
            if analysis.uncertain != tuple(part.uncertain for part in self.utterances):
                raise ValueError("uncertain does not match emotion_scores, uncertain_below and unfamiliar_speakers")
            return analysis
        except (IndexError, ValueError) as error:
            raise InputError("analysis", str(error)) from error

    def _measured(self) -> tuple[UtteranceCues, ...]:
        """The measured cues of all utterances, or none; ValueError if only some utterances have them."""
        found = tuple(
            UtteranceCues(part.measured.values, part.measured.words) for part in self.utterances if part.measured
        )
        if len(found) not in (0, len(self.utterances)):
            raise ValueError("measured: only some utterances have it; expected all of them, or none")
        return found

    def _check_flips(self, dialogue: Dialogue, flips: tuple[FoundFlip, ...]) -> None:
        """ValueError if the flips cannot be those of the dialogue.

        Without probabilities they follow from the emotions. Flips that were reported for their probability have to lie
        between a speaker's consecutive utterances; whether all are there cannot be seen from rounded scores.
        """
        expected = find_flips(dialogue)
        if self.flip_threshold is None:
            if tuple(found.flip for found in flips) != expected:
                raise ValueError("flips do not match the emotions; expected one wherever a speaker's emotion changes")
            return
        sources = find_sources(dialogue)
        targets = [found.flip.target for found in flips]
        if targets != sorted(set(targets)):
            raise ValueError(f"flips have targets {targets}; expected each once, in ascending order")
        for flip, probability in ((found.flip, found.probability) for found in flips):
            place = f"the flip at {flip.target}"
            if probability is not None and probability < self.flip_threshold:
                raise ValueError(f"{place} has a probability of {probability}; expected {self.flip_threshold} or more")
            if flip in expected:
                continue
            if flip.speaker != dialogue.speakers[flip.target] or flip.source != sources[flip.target]:
                raise ValueError(f"{place} does not follow its speaker's previous utterance")
            if dialogue.emotions[flip.source] != dialogue.emotions[flip.target] or probability is None:
                raise ValueError(f"{place} does not match the emotions")
            if not {flip.before, flip.after} <= set(dialogue.emotion_set.labels):
                raise ValueError(f"{place} has unknown emotions: {flip.before}, {flip.after}")


def read_document(value: object) -> AnalysisDocument:
    """Check a JSON value and return it as a document; InputError names the first place that is wrong."""
    found = value.get("schema") if isinstance(value, dict) else None
    if found != SCHEMA:
        raise InputError("analysis", f"schema {found!r}; expected {SCHEMA!r}")
    try:
        return AnalysisDocument.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"analysis {'.'.join(map(str, first['loc']))}", first["msg"]) from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a document, for programs that are not written in Python."""
    schema = AnalysisDocument.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA} | schema


def _utterance_part(analysis: AnalysisValues, index: int, uncertain: bool) -> UtterancePart:
    utterance, scores = analysis.dialogue.utterances[index], analysis.emotion_scores[index]
    text = _text(utterance.text)
    return UtterancePart(
        index=index,
        speaker=_text(utterance.speaker),
        text=text,
        emotion=utterance.emotion or "",
        emotion_scores=None if scores is None else dict(scores),
        uncertain=uncertain,
        words=tuple(
            WordPart(
                start=each.start,
                end=each.end,
                word=text[each.start : each.end],
                with_it=each.with_it,
                without_it=each.without_it,
            )
            for each in analysis.words_in(index)
        ),
        start=utterance.start,
        end=utterance.end,
        cues=tuple(map(_text, utterance.cues)),
        measured=MeasuredPart.of(analysis.measured[index]) if analysis.measured else None,
    )


def _word_evidence(part: UtterancePart) -> Iterator[WordEvidence]:
    for each in part.words:
        if part.text[each.start : each.end] != each.word:
            raise ValueError(f"utterance {part.index} does not have {each.word!r} at {each.start} to {each.end}")
        yield WordEvidence(part.index, each.start, each.end, each.with_it, each.without_it)


def _flip_part(found: FoundFlip, later: tuple[Flip, ...]) -> FlipPart:
    flip = found.flip
    return FlipPart(
        speaker=_text(flip.speaker),
        source=flip.source,
        target=flip.target,
        before=flip.before,
        after=flip.after,
        probability=found.probability,
        triggers=tuple(SupportPart(index=i, support=found.support[i]) for i in sorted(found.triggers)),
        candidates=tuple(SupportPart(index=i, support=share) for i, share in found.candidates.items() if share),
        reason=_text(found.reason),
        reason_by=found.reason_by,
        evidence=tuple(
            EvidencePart(index=each.left_out, with_it=each.with_it, without_it=each.without_it)
            for each in found.evidence
        ),
        consequences=tuple(flip.target for flip in later),
    )


def _found_flip(part: FlipPart, num_utterances: int) -> FoundFlip:
    return FoundFlip(
        Flip(part.speaker, part.source, part.target, part.before, part.after),
        frozenset(trigger.index for trigger in part.triggers),
        Support(num_utterances, {candidate.index: candidate.support for candidate in part.candidates}),
        part.reason,
        part.reason_by,
        part.probability,
        tuple(Evidence(each.index, each.with_it, each.without_it) for each in part.evidence),
    )


def _text(text: str) -> str:
    """Replace lone surrogates (half an emoji), which JSON transcripts may contain and UTF-8 may not, by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
