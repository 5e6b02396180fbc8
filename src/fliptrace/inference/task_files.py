"""Prediction from bare text: files of the tasks `emotion` and `unified`, and flip cases under predicted emotions.

These are the second and third of the three experiments; the first, under gold emotions, is triggers.py alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.files import Json, hash_json
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.corpora.longest_prefixes import LongestPrefix, distinct_longest_prefixes, find_longest_prefixes
from fliptrace.inference.emotions import EmotionLabels, check_reads_text, label_emotions
from fliptrace.inference.triggers import InferenceConfig, check_model
from fliptrace.inference.unified import UnifiedResult, predict_unified
from fliptrace.models.base import ChatModel, ReplyScorer, TriggerModel
from fliptrace.predictions.rows import EmotionPrediction
from fliptrace.predictions.unified_rows import GoldFlip, PredictedFlip, UnifiedPrediction
from fliptrace.predictions.writer import Written, write_predictions
from fliptrace.prompts.emotions import emotion_view, render_emotion_question

AnyModel = ChatModel | ReplyScorer | TriggerModel
_DIALOGUES_AT_ONCE = 32  # between two writes that are made sure of


def predict_emotions_file(
    model: AnyModel,
    prefixes: Sequence[LongestPrefix],
    config: InferenceConfig,
    path: Path,
    data: Json,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> Written[EmotionPrediction]:
    """Write the emotions of every dialogue, one row each; arguments and errors as in `predict_file`."""
    check_reads_text(model)

    def make_rows(num_done: int) -> Iterator[EmotionPrediction]:
        rest = prefixes[num_done:]
        dialogues, budget = [prefix.dialogue for prefix in rest], config.decoding.max_new_tokens
        labelled = label_emotions(model, dialogues, config.layout, budget, config.emotion_weights)
        return (emotion_row(prefix, labels) for prefix, labels in zip(rest, labelled, strict=True))

    return write_predictions(
        path,
        _manifest("emotion", model, prefixes, config, data),
        EmotionPrediction.from_json,
        make_rows,
        summarise=lambda rows: {"num_unparsed": sum(row.num_unparsed for row in rows)},
        rows_at_once=_DIALOGUES_AT_ONCE,
        on_progress=on_progress,
    )


def predict_unified_file(
    model: AnyModel,
    prefixes: Sequence[LongestPrefix],
    config: InferenceConfig,
    path: Path,
    data: Json,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> Written[UnifiedPrediction]:
    """Write emotions, flips and triggers of every dialogue, one row each; arguments and errors as in `predict_file`."""
    check_reads_text(model)
    check_model(model, config)

    def make_rows(num_done: int) -> Iterator[UnifiedPrediction]:
        rest = prefixes[num_done:]
        unified = predict_unified(model, [prefix.dialogue for prefix in rest], config)
        return (unified_row(prefix, each) for prefix, each in zip(rest, unified, strict=True))

    return write_predictions(
        path,
        _manifest("unified", model, prefixes, config, data),
        UnifiedPrediction.from_json,
        make_rows,
        summarise=lambda rows: {
            "num_unparsed": sum(row.num_unparsed for row in rows),
            "num_cut_cases": sum(flip.num_dropped > 0 for row in rows for flip in row.flips),
        },
        rows_at_once=_DIALOGUES_AT_ONCE,
        on_progress=on_progress,
    )


class Relabelled(NamedTuple):
    """Cases under predicted emotions; `num_unparsed` utterances got no label that could be read.

    `num_gold_pairs`: cases whose source and target keep their labels, since the model called them the same and gave no
    probabilities.
    """

    cases: tuple[FlipCase, ...]
    num_unparsed: int
    num_gold_pairs: int


def relabel_cases(model: AnyModel, cases: Sequence[FlipCase], config: InferenceConfig) -> Relabelled:
    """Every case under the emotions that the model gives its dialogue from bare text; flips and triggers stay.

    That a flip leads from this source to this target is given, so the labels of the two are the likeliest two that
    differ. Every other utterance has its likeliest label.
    """
    prefixes = distinct_longest_prefixes(cases)
    budget = config.decoding.max_new_tokens
    labelled = label_emotions(model, prefixes, config.layout, budget, config.emotion_weights)
    by_prefix = {prefix.id: labels for prefix, labels in zip(prefixes, labelled, strict=True)}
    relabelled, num_gold_pairs = [], 0
    for case, prefix in zip(cases, find_longest_prefixes(cases), strict=True):
        pair = likeliest_pair(case, by_prefix[prefix.id])
        num_gold_pairs += pair is None
        relabelled.append(_relabel(case, by_prefix[prefix.id], pair or (case.flip.before, case.flip.after)))
    num_unparsed = sum(labels.num_unparsed for labels in by_prefix.values())
    return Relabelled(tuple(relabelled), num_unparsed, num_gold_pairs)


def likeliest_pair(case: FlipCase, labels: EmotionLabels) -> tuple[str, str] | None:
    """The likeliest two different labels of source and target; None where they got the same and no probabilities."""
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
    """The row of one dialogue; what stands in an earlier row already has no gold here, so that it counts once."""
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
    )


def unified_row(prefix: LongestPrefix, unified: UnifiedResult) -> UnifiedPrediction:
    """The row of one dialogue: its labels, and all that was found."""
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
        flips=tuple(PredictedFlip(p.flip, p.vote, p.answers, p.num_dropped, p.remaining) for p in unified.predictions),
        counted_from=prefix.counted_from,
        num_unparsed=unified.labels.num_unparsed,
    )


def _gold_flips(dialogue: Dialogue, prefix: LongestPrefix) -> tuple[GoldFlip, ...]:
    asked = {case.flip.target: case for case in prefix.cases}
    return tuple(
        GoldFlip(flip, asked[flip.target].triggers, asked[flip.target].known_from)
        if flip.target in asked
        else GoldFlip(flip)
        for flip in find_flips(dialogue)
    )


def _manifest(
    task: str, model: AnyModel, prefixes: Sequence[LongestPrefix], config: InferenceConfig, data: Json
) -> Json:
    """The hash is of the questions for every emotion, before any cut."""
    questions = (
        render_emotion_question(emotion_view(prefix.dialogue, index, config.layout))
        for prefix in prefixes
        for index in range(len(prefix.dialogue))
    )
    return {
        "task": task,
        "model": model.name,
        "inference": asdict(config),
        "data": data,
        "num_dialogues": len(prefixes),
        "prompts_sha256": hash_json([[message.to_json() for message in question] for question in questions]),
    }
