"""Prediction from bare text: files of the tasks `emotion` and `unified`, and flip cases under predicted emotions.

These are the second and third of the three experiments. The first, under gold emotions, is triggers.py alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import NEUTRAL
from fliptrace.core.files import Json, hash_json
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.core.messages import NUM_SHOWN
from fliptrace.corpora.longest_prefixes import LongestPrefix, distinct_longest_prefixes, find_longest_prefixes
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import EmotionLabels
from fliptrace.inference.seams import EmotionLabeler, TriggerDecoder
from fliptrace.inference.unified import UnifiedResult, predict_unified
from fliptrace.predictions.rows import EmotionPrediction
from fliptrace.predictions.unified_rows import GoldFlip, PredictedFlip, UnifiedPrediction
from fliptrace.predictions.writer import Written, write_predictions
from fliptrace.prompts.emotions import emotion_view, render_emotion_question

_DIALOGUES_AT_ONCE = 32  # between two syncs to disk


def predict_emotions_file(
    labeler: EmotionLabeler,
    prefixes: Sequence[LongestPrefix],
    config: InferenceConfig,
    path: Path,
    data: Json,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> Written[EmotionPrediction]:
    """Write the emotions of every dialogue, one row each. `config` is the one the labeler was chosen for.

    The other arguments and the errors are those of `predict_file`.
    """

    def make_rows(num_done: int) -> Iterator[EmotionPrediction]:
        rest = prefixes[num_done:]
        labelled = labeler.label([prefix.dialogue for prefix in rest])
        return (emotion_row(prefix, labels) for prefix, labels in zip(rest, labelled, strict=True))

    return write_predictions(
        path,
        _manifest("emotion", labeler.name, prefixes, config, data),
        EmotionPrediction.from_json,
        make_rows,
        summarise=lambda rows: {
            "num_unparsed": sum(row.num_unparsed for row in rows),
            "num_shortened": sum(row.num_shortened for row in rows),
        },
        rows_at_once=_DIALOGUES_AT_ONCE,
        on_progress=on_progress,
    )


def predict_unified_file(
    labeler: EmotionLabeler,
    decoder: TriggerDecoder,
    prefixes: Sequence[LongestPrefix],
    path: Path,
    data: Json,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> Written[UnifiedPrediction]:
    """Write emotions, flips and triggers of every dialogue, one row each; arguments and errors as in `predict_file`."""

    def make_rows(num_done: int) -> Iterator[UnifiedPrediction]:
        rest = prefixes[num_done:]
        unified = predict_unified(labeler, decoder, [prefix.dialogue for prefix in rest])
        return (unified_row(prefix, each) for prefix, each in zip(rest, unified, strict=True))

    return write_predictions(
        path,
        _manifest("unified", decoder.name, prefixes, decoder.config, data),
        UnifiedPrediction.from_json,
        make_rows,
        summarise=lambda rows: {
            "num_unparsed": sum(row.num_unparsed for row in rows),
            "num_shortened": sum(row.num_shortened for row in rows),
            "num_cut_cases": sum(flip.num_dropped > 0 for row in rows for flip in row.flips),
            "num_shortened_cases": sum(flip.num_shortened > 0 for row in rows for flip in row.flips),
        },
        rows_at_once=_DIALOGUES_AT_ONCE,
        on_progress=on_progress,
    )


class Relabelled(NamedTuple):
    """Cases under predicted emotions. The labels of `num_unparsed` utterances could not be parsed.

    `num_gold_pairs`: cases whose source and target keep their gold labels, since the model gave both the same label and
    no probabilities. `unparsed`: the first replies that could not be parsed. `num_shortened`: utterances that were
    labelled by their beginning.
    """

    cases: tuple[FlipCase, ...]
    num_unparsed: int
    num_gold_pairs: int
    unparsed: tuple[str, ...] = ()
    num_shortened: int = 0


def relabel_cases(labeler: EmotionLabeler, cases: Sequence[FlipCase]) -> Relabelled:
    """Every case under the emotions that the labeler gives its dialogue; flips and triggers stay.

    The flip from this source to this target is given, so the two take the likeliest pair of labels that differ. Every
    other utterance takes its likeliest label.
    """
    prefixes = distinct_longest_prefixes(cases)
    labelled = labeler.label(prefixes)
    by_prefix = {prefix.id: labels for prefix, labels in zip(prefixes, labelled, strict=True)}
    relabelled, num_gold_pairs = [], 0
    for case, prefix in zip(cases, find_longest_prefixes(cases), strict=True):
        pair = likeliest_pair(case, by_prefix[prefix.id])
        num_gold_pairs += pair is None
        relabelled.append(_relabel(case, by_prefix[prefix.id], pair or (case.flip.before, case.flip.after)))
    num_unparsed = sum(labels.num_unparsed for labels in by_prefix.values())
    unparsed = tuple(reply for labels in by_prefix.values() for reply in labels.unparsed)[:NUM_SHOWN]
    num_shortened = sum(labels.num_shortened for labels in by_prefix.values())
    return Relabelled(tuple(relabelled), num_unparsed, num_gold_pairs, unparsed, num_shortened)


def likeliest_pair(case: FlipCase, labels: EmotionLabels) -> tuple[str, str] | None:
    """The likeliest two different labels of source and target; None where they have the same and no probabilities."""
    source, target = case.flip.source, case.flip.target
    if labels.emotions[source] != labels.emotions[target]:
        return labels.emotions[source], labels.emotions[target]
    if labels.scores is None:
        return None
    names = case.dialogue.emotion_set.labels
    before, after = (dict(zip(names, labels.scores[i], strict=True)) for i in (source, target))
    pairs = [(a, b) for a in names for b in names if a != b]
    return max(pairs, key=lambda pair: before[pair[0]] * after[pair[1]])


def _relabel(case: FlipCase, labels: EmotionLabels, pair: tuple[str, str]) -> FlipCase:
    emotions = list(labels.emotions[: len(case.dialogue)])
    emotions[case.flip.source], emotions[case.flip.target] = pair
    flip = replace(case.flip, before=pair[0], after=pair[1])
    return replace(case, dialogue=case.dialogue.with_emotions(tuple(emotions)), flip=flip)


def emotion_row(prefix: LongestPrefix, labels: EmotionLabels) -> EmotionPrediction:
    """The row of one dialogue. Utterances that an earlier row holds too have no gold label here, so that they count
    once.
    """
    dialogue = prefix.dialogue
    gold = (None,) * prefix.counted_from + dialogue.emotions[prefix.counted_from :]
    return EmotionPrediction(
        dialogue.id,
        dialogue.group,
        dialogue.corpus,
        dialogue.split,
        dialogue.speakers,
        gold,
        labels.emotions,
        labels.num_unparsed,
        labels.unparsed,
        labels.num_shortened,
    )


def unified_row(prefix: LongestPrefix, unified: UnifiedResult) -> UnifiedPrediction:
    """The row of one dialogue: its gold labels, and everything that was found."""
    dialogue = prefix.dialogue
    return UnifiedPrediction(
        id=dialogue.id,
        group=dialogue.group,
        corpus=dialogue.corpus,
        split=dialogue.split,
        speakers=dialogue.speakers,
        gold=dialogue.emotions,
        emotions=unified.labels.emotions,
        gold_flips=_gold_flips(dialogue, prefix),
        flips=tuple(
            PredictedFlip(p.flip, p.vote, p.answers, p.num_dropped, p.remaining, p.num_shortened, found.probability)
            for found, p in zip(unified.flips, unified.predictions, strict=True)
        ),
        counted_from=prefix.counted_from,
        num_unparsed=unified.labels.num_unparsed,
        unparsed=unified.labels.unparsed,
        num_shortened=unified.labels.num_shortened,
        neutral=dialogue.emotion_set.neutral or NEUTRAL,
    )


def _gold_flips(dialogue: Dialogue, prefix: LongestPrefix) -> tuple[GoldFlip, ...]:
    asked = {case.flip.target: case for case in prefix.cases}
    return tuple(
        GoldFlip(flip, asked[flip.target].triggers, asked[flip.target].known_from)
        if flip.target in asked
        else GoldFlip(flip)
        for flip in find_flips(dialogue)
    )


def _manifest(task: str, model: str, prefixes: Sequence[LongestPrefix], config: InferenceConfig, data: Json) -> Json:
    """The hash is that of the questions about every utterance, before any truncation."""
    questions = (
        render_emotion_question(emotion_view(prefix.dialogue, index, config.layout))
        for prefix in prefixes
        for index in range(len(prefix.dialogue))
    )
    return {
        "task": task,
        "model": model,
        "inference": config.to_json(),
        "data": data,
        "num_dialogues": len(prefixes),
        "prompts_sha256": hash_json([[message.to_json() for message in question] for question in questions]),
    }
