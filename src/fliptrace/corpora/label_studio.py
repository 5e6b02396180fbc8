"""Reader for dialogues that were annotated in Label Studio, with tasks that analysis/label_studio.py wrote.

Regions of the control `emotion` label utterances; utterances without one are unlabelled. A flip is where a speaker's
emotion differs from that of their previous utterance. Relations lead from the regions of its triggers to that of its
target; a flip without one has no trigger. Predictions are not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.flips import find_flips
from fliptrace.corpora.columns import columns_fit, detect_emotion_set, read_utterances
from fliptrace.corpora.corpus_writer import LabelledDialogue
from fliptrace.corpora.findings import Finding, FindingLog, raise_first_error
from fliptrace.corpora.label_studio_tasks import SPEAKER, TEXT, Task, read_tasks
from fliptrace.corpora.own_emotions import own_emotion_set


class AnnotatedFile(NamedTuple):
    """The annotated dialogues of an export, in its order, and the warnings of reading them."""

    dialogues: tuple[LabelledDialogue, ...]
    emotion_set: EmotionSet
    warnings: tuple[Finding, ...]


def read_label_studio(path: Path, *, emotion_set: EmotionSet | None = None) -> AnnotatedFile:
    """Read the annotated dialogues of a JSON export; InputError names the task that is wrong.

    If None, `emotion_set` is the one that the tasks name, else the one declared beside the file (own_emotions.py), else
    detected from the labels.
    """
    log = FindingLog(path.name)
    tasks = read_tasks(path, log)
    labels = {region.label for task in tasks for region in task.regions if region.label is not None}
    known = emotion_set or _named_set(tasks) or own_emotion_set(path) or detect_emotion_set(labels)
    read = [_labelled(task, known, log) for task in tasks]
    raise_first_error(log.findings)
    return AnnotatedFile(tuple(each for each in read if each is not None), known, log.findings)


def _named_set(tasks: Sequence[Task]) -> EmotionSet | None:
    """The emotion set that the tasks name; None if they name none, InputError if they name several."""
    named = [(task, task.emotion_set) for task in tasks if task.emotion_set is not None]
    for task, emotion_set in named:
        first = named[0][1]
        if emotion_set.labels != first.labels:
            raise InputError(
                task.place,
                f"emotions {', '.join(emotion_set.labels)}; expected those of {named[0][0].where}: "
                f"{', '.join(first.labels)}",
            )
    return named[0][1] if named else None


def _labelled(task: Task, emotion_set: EmotionSet, log: FindingLog) -> LabelledDialogue | None:
    """The dialogue of a task with its emotions and triggers; None if an error was logged."""
    columns = {
        "speakers": [line.get(SPEAKER) for line in task.lines],
        "utterances": [line.get(TEXT) for line in task.lines],
        "emotions": _emotions(task),
    }
    if not columns_fit(columns, columns, task.where, log):
        return None
    utterances = read_utterances(columns, emotion_set, task.where, log)
    if utterances is None:
        return None
    dialogue = Dialogue(task.transcript, task.transcript, utterances, emotion_set)
    return LabelledDialogue(dialogue, _triggers(task, dialogue, log), {"task": task.where})


def _emotions(task: Task) -> list[str | None]:
    """The label of each utterance: that of the regions that hold any of its words."""
    found: dict[int, str] = {}
    for region in task.regions:
        for index in region.utterances if region.label is not None else ():
            if found.setdefault(index, region.label or "") != region.label:
                raise InputError(
                    f"{task.place} utterance {index}",
                    f"labelled {found[index]!r} and {region.label!r}; expected one emotion",
                )
    return [found.get(index) for index in range(len(task.lines))]


def _triggers(task: Task, dialogue: Dialogue, log: FindingLog) -> Mapping[int, frozenset[int]]:
    """The triggers of every flip, by its target. Relations that cannot be triggers of a flip are logged."""
    targets = [flip.target for flip in find_flips(dialogue)]
    named: dict[int, set[int]] = defaultdict(set)
    pairs = [
        (i, target) for each in task.relations for target in each.target.utterances for i in each.trigger.utterances
    ]
    for trigger, target in pairs:
        where = f"{task.where} utterance {target}"
        if trigger > target:
            log.warn(
                where,
                "trigger-after-target",
                f"a relation leads back to it from utterance {trigger}, left out; expected one from a trigger to the "
                "later utterance where the emotion flips",
            )
        elif target not in targets:
            log.warn(
                where,
                "no-flip",
                f"a relation leads to it from utterance {trigger}, but its emotion is not another one than its "
                "speaker's previous one, left out",
            )
        else:
            named[target].add(trigger)
    return {target: frozenset(named[target]) for target in targets}
