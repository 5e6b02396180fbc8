"""Analyze a transcript: label emotions where it has none, find flips, name their triggers, give reasons.

The `Analysis` keeps everything the model was unsure of: the probability of every label, the support of every trigger,
and a note wherever a reply could not be parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from fliptrace.analysis.doubts import find_unfamiliar, notes_on_unfamiliar
from fliptrace.analysis.evidence import EvidenceFor, choose_evidence, find_words, notes_on_evidence, with_evidence
from fliptrace.analysis.rationales import NUM_RATIONALES, Decided, write_rationales
from fliptrace.analysis.reasons import give_reason, rationale_of
from fliptrace.analysis.result import Analysis
from fliptrace.analysis.values import FoundFlip
from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip, FlipCase
from fliptrace.core.messages import NUM_SHOWN, excerpt
from fliptrace.core.support import Support
from fliptrace.inference.config import InferenceConfig, resolve_config
from fliptrace.inference.emotions import LABEL_TOKENS, EmotionLabels, fallback_emotion, last_question_fits
from fliptrace.inference.flips import (
    DIGITS,
    Distribution,
    ProbableFlip,
    certain,
    find_probable_flips,
    has_labels,
    show_flip,
)
from fliptrace.inference.overlong import Shortened, shorten_overlong
from fliptrace.inference.seams import best_decoding, choose_decoder, choose_labeler
from fliptrace.inference.triggers import name_triggers
from fliptrace.models.base import ChatModel, Decoding, Model, ReplyScorer
from fliptrace.models.open_model import OpenModel
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.views import Layout
from fliptrace.transcripts.transcript import Transcript


class OnProgress(Protocol):
    """Called with the current step of an analysis, how many of its items are done, and how many there are."""

    def __call__(self, what: str, num_done: int, total: int) -> None: ...


def _no_progress(what: str, num_done: int, total: int) -> None:
    return


def analyze(
    dialogue: Dialogue | Transcript,
    model: OpenModel,
    *,
    threshold: float | None = None,
    min_flip_probability: float | None = None,
    decoding: Decoding | None = None,
    num_rationales: int = NUM_RATIONALES,
    evidence: EvidenceFor | None = None,
    on_progress: OnProgress = _no_progress,
) -> Analysis:
    """Find the flips of a dialogue and what triggered them.

    Emotions that the transcript gives are kept. An utterance is named as a trigger if its support reaches `threshold`;
    None takes the threshold chosen when the model was trained. A flip is reported from `min_flip_probability`; None
    takes the model's own, and if it has none, reports flips where the likeliest labels differ. If `decoding` is None, a
    model that gives probabilities is decoded exactly, any other greedily. A model that scores and also writes is asked
    for its own rationales of at most `num_rationales` flips, the surest ones. `evidence` says for which utterances it
    is measured what the model says without them; None chooses by the model. InputError if emotions are missing and the
    model reads no text, or if evidence is asked for that the model or the transcript cannot give.
    """
    transcript = Transcript(dialogue, "", ()) if isinstance(dialogue, Dialogue) else dialogue
    used = decoding or best_decoding(model.model)
    config = resolve_config(model.defaults, used, threshold=threshold, flip_threshold=min_flip_probability)
    measured = choose_evidence(evidence, transcript.dialogue, model.model)
    shown = _shorten(transcript.dialogue, model.model.text_reader, config.layout)
    labelled = _fill_emotions(shown.dialogue, model, config, on_progress)
    decided = _decide(labelled, model.model, config, num_rationales, on_progress)
    plain = _without_evidence(transcript, model, config, shown, labelled, decided)
    flips = with_evidence(plain.flips, shown.dialogue, labelled.scores, model.model, config, measured, on_progress)
    read = Shortened(labelled.dialogue, shown.cut)
    words = find_words(flips, read, labelled.scores, model.model, config, on_progress) if measured == "words" else ()
    notes = (*plain.notes, *notes_on_evidence(flips, model.model, config))
    return replace(plain, flips=flips, words=words, notes=notes)


def _shorten(dialogue: Dialogue, reader: ChatModel | ReplyScorer | None, layout: Layout) -> Shortened:
    """The dialogue as the model reads it: every utterance short enough for any question about it."""
    if reader is None:
        return Shortened(dialogue)
    fits = last_question_fits(lambda messages: reader.fits(messages, LABEL_TOKENS), layout)
    return shorten_overlong(dialogue, range(len(dialogue)), layout, fits)


class _LabelledDialogue(NamedTuple):
    """A dialogue with all its emotions, the label probabilities of those that the model chose, and notes on them.

    `distributions` are what flips are found from: unrounded, and with emotions that the transcript gives as certain.
    """

    dialogue: Dialogue
    scores: tuple[Mapping[str, float] | None, ...]
    distributions: tuple[Distribution | None, ...]
    notes: tuple[str, ...]


def _fill_emotions(
    dialogue: Dialogue, model: OpenModel, config: InferenceConfig, on_progress: OnProgress
) -> _LabelledDialogue:
    given, total = dialogue.emotions, len(dialogue)
    num_given = sum(emotion is not None for emotion in given)
    if num_given == total:
        notes = ("all emotions come from the transcript",)
        return _LabelledDialogue(dialogue, (None,) * total, _distributions(dialogue, None), notes)
    if not model.model.reads_text:
        raise InputError(
            dialogue.id,
            f"{total - num_given:,} of {total:,} utterances have no emotion, and {model.ref} reads no text; expected a "
            "transcript with emotions, or a model that labels them",
        )
    on_progress("emotions", 0, total)
    (labels,) = choose_labeler(model.model, config, in_turns=True).label([dialogue])
    on_progress("emotions", total, total)
    told = []
    if num_given:
        told.append(f"{num_given:,} of {total:,} emotions come from the transcript, the others from the model")
    if labels.num_unparsed:
        fallback = fallback_emotion(dialogue.emotion_set)
        told.append(
            f"{labels.num_unparsed:,} of {total:,} emotions: the reply could not be parsed; {fallback} is used. "
            f"{_first_replies(labels.unparsed)}"
        )
    if labels.num_shortened:
        told.append(f"{labels.num_shortened:,} of {total:,} emotions: the model read only the utterance's beginning")
    emotions = tuple(known or label for known, label in zip(given, labels.emotions, strict=True))
    scores, distributions = tuple(_scores(dialogue, labels)), _distributions(dialogue, labels)
    return _LabelledDialogue(dialogue.with_emotions(emotions), scores, distributions, tuple(told))


def _distributions(dialogue: Dialogue, labels: EmotionLabels | None) -> tuple[Distribution | None, ...]:
    """The distribution of each emotion, certain where the transcript gives it; None where the model only replied."""
    rows = None if labels is None else labels.scores
    return tuple(
        certain(known, dialogue.emotion_set) if known is not None else row
        for known, row in zip(dialogue.emotions, rows or (None,) * len(dialogue), strict=True)
    )


def _scores(dialogue: Dialogue, labels: EmotionLabels) -> Iterator[Mapping[str, float] | None]:
    """Yield one row per utterance; None if the transcript gave the emotion or the model gives no probabilities."""
    rows = labels.scores or (None,) * len(dialogue)
    for known, row in zip(dialogue.emotions, rows, strict=True):
        if known is not None or row is None:
            yield None
        else:
            yield {name: round(share, DIGITS) for name, share in zip(dialogue.emotion_set.labels, row, strict=True)}


@dataclass(frozen=True, slots=True)
class _DecidedFlip:
    """A flip with what an analysis keeps of its prediction, which is as long as the dialogue.

    `unparsed` is the first reply if no reply could be parsed; `was_shortened` and `was_cut` say that the model did not
    see all of it.
    """

    flip: Flip
    probability: float | None
    triggers: frozenset[int]
    support: Support
    rationale: str
    unparsed: str | None
    was_shortened: bool
    was_cut: bool

    @classmethod
    def of(cls, found: ProbableFlip, answered: Prediction, start: int, length: int, rationale: str) -> _DecidedFlip:
        """`start` is the utterance, of `length`, at which what the model was shown begins."""
        vote = answered.vote
        return cls(
            flip=found.flip,
            probability=found.probability,
            triggers=frozenset(start + i for i in vote.triggers),
            support=Support(length, {start + i: round(share, DIGITS) for i, share in enumerate(vote.support) if share}),
            rationale=rationale,
            unparsed=answered.answers[0].text if vote.is_unparsed else None,
            was_shortened=answered.num_shortened > 0,
            was_cut=answered.num_dropped > 0,
        )


def _decide(
    labelled: _LabelledDialogue, model: Model, config: InferenceConfig, num_rationales: int, on_progress: OnProgress
) -> list[_DecidedFlip]:
    """Find the flips and decode the triggers of every one, in the order of their targets."""
    dialogue = labelled.dialogue
    flips = find_probable_flips(dialogue, labelled.distributions, config.flip_threshold, config.same_label_odds)
    decoder = choose_decoder(model, config)
    starts = [_start(dialogue, flip, model, config) for flip, _ in flips]
    cases = [_case(dialogue, flip, start, model) for (flip, _), start in zip(flips, starts, strict=True)]
    decided, shown = [], []
    on_progress("flips", 0, len(flips))
    for found, start, case, answered in zip(flips, starts, cases, name_triggers(decoder, cases), strict=True):
        vote = answered.vote
        rationale = rationale_of(answered.answers, vote.triggers, case, config.layout, start)
        decided.append(_DecidedFlip.of(found, answered, start, len(dialogue), rationale))
        shown.append(Decided(case, start, vote.triggers, max(vote.support)))
        on_progress("flips", len(decided), len(flips))
    for place, rationale in write_rationales(model, config, shown, num_rationales).items():
        decided[place] = replace(decided[place], rationale=rationale)
    return decided


def _start(dialogue: Dialogue, flip: Flip, model: Model, config: InferenceConfig) -> int:
    """Return the first utterance to show to the model, so that cost does not grow with the square of the length.

    A DialogueReader reads the whole dialogue once, for all flips between its labels; for one between other labels, the
    part that its answer depends on. The window layout shows the last utterances. Of everything before them it only says
    how far back the source is.
    """
    if model.reader is not None:
        if has_labels(dialogue, flip):
            return 0
        return max(0, min(flip.source, flip.target - model.reader.window + 1) - model.reader.context)
    if config.layout.name != "window" or model.text_reader is None:
        return 0
    return max(0, min(flip.source, flip.target - config.layout.window + 1))


def _case(dialogue: Dialogue, flip: Flip, start: int, model: Model) -> FlipCase:
    """The case of a flip in what the model is shown."""
    name = f"{dialogue.id}/{flip.target}"
    if model.reader is not None and has_labels(dialogue, flip):
        return FlipCase(name, dialogue, flip)
    part = replace(dialogue, utterances=dialogue.utterances[start : flip.target + 1])
    if model.reader is not None:  # it tells dialogues apart by their names
        part = replace(part, id=name)
    moved = replace(flip, source=flip.source - start, target=flip.target - start)
    return FlipCase(name, show_flip(part, moved), moved)


def _without_evidence(
    transcript: Transcript,
    model: OpenModel,
    config: InferenceConfig,
    shown: Shortened,
    labelled: _LabelledDialogue,
    decided: Sequence[_DecidedFlip],
) -> Analysis:
    dialogue = transcript.dialogue.with_emotions(labelled.dialogue.emotions)
    unfamiliar = find_unfamiliar(dialogue, labelled.scores, model.model.words)
    notes = (*_notes_on_cut(shown.cut), *notes_on_unfamiliar(unfamiliar, dialogue), *_notes_on(decided, config))
    return Analysis(
        dialogue=dialogue,
        emotion_scores=labelled.scores,
        flips=tuple(_found_flips(dialogue, decided)),
        model=model.ref,
        threshold=config.threshold,
        notes=(*transcript.notes, *labelled.notes, *notes),
        format=transcript.format,
        flip_threshold=config.flip_threshold,
        uncertain_below=model.defaults.uncertain_below,
        unfamiliar_speakers=unfamiliar,
        flip_shares=model.defaults.flip_shares,
    )


def _found_flips(dialogue: Dialogue, decided: Sequence[_DecidedFlip]) -> Iterator[FoundFlip]:
    flips = {each.flip.target: each.flip for each in decided}
    for each in decided:
        reason = give_reason(dialogue, each.flip, each.triggers, each.support, flips, each.rationale)
        yield FoundFlip(each.flip, each.triggers, each.support, reason.text, reason.by, each.probability)


def _first_replies(replies: Sequence[str]) -> str:
    """The first of the replies that could not be parsed, on one line."""
    return f"The first replies: {' | '.join(excerpt(reply) or '(empty)' for reply in replies[:NUM_SHOWN])}"


def _notes_on_cut(cut: Sequence[int]) -> Iterator[str]:
    if cut:
        places = ", ".join(f"[{i + 1}]" for i in cut[:3]) + (", ..." if len(cut) > 3 else "")
        yield f"too long for the model, which read only the beginning: {len(cut):,} utterances ({places})"


def _notes_on(decided: Sequence[_DecidedFlip], config: InferenceConfig) -> Iterator[str]:
    num_unknown = sum(each.probability is None for each in decided)
    if config.flip_threshold is not None and num_unknown:
        yield (
            f"{num_unknown:,} of {len(decided):,} flips: the model gives no probabilities, so they are reported "
            f"wherever its labels differ, whatever the minimum of {config.flip_threshold}"
        )
    unparsed = [each.unparsed for each in decided if each.unparsed is not None]
    if unparsed:
        yield (
            f"{len(unparsed):,} of {len(decided):,} flips: no answer could be parsed, so no trigger is named. "
            f"{_first_replies(unparsed)}"
        )
    num_shortened = sum(each.was_shortened for each in decided)
    if num_shortened:
        yield f"{num_shortened:,} of {len(decided):,} flips: too long for the model, which read only its beginning"
    num_cut = sum(each.was_cut for each in decided)
    if num_cut:
        yield f"{num_cut:,} of {len(decided):,} flips: too long for the model, so it did not see the oldest utterances"
