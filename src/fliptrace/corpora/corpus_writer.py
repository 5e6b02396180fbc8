"""Writes labelled dialogues as corpus files: whole dialogues with emotions (ERC), and a case for every flip (EFR).

Both are JSON lists with one object per line, as efr.py and masac_erc.py read them; the names are those of the sample
corpus. Emotions that those readers do not know are declared in `emotions.toml` beside the files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import MASAC8, MELD7, EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, write_text
from fliptrace.corpora.columns import OWN_EMOTIONS
from fliptrace.corpora.own_emotions import emotion_set_toml, own_emotion_set


@dataclass(frozen=True, slots=True)
class LabelledDialogue:
    """A dialogue with the triggers of its flips, by target; a flip that is not there is unlabelled.

    `origin` are fields of its objects in the files besides those of `corpus_entry`, which readers ignore.
    """

    dialogue: Dialogue
    triggers: Mapping[int, frozenset[int]]
    origin: Mapping[str, str]


class CorpusPaths(NamedTuple):
    """The files of a corpus; `emotions` declares its emotion set."""

    erc: Path
    efr: Path
    emotions: Path


def corpus_paths(out: Path) -> CorpusPaths:
    """The files to write: `erc.json` and `efr.json` in a folder, or FILE.json and FILE_erc.json for a JSON file.

    >>> corpus_paths(Path("calls_train.json")).erc.name, corpus_paths(Path("calls")).efr.as_posix()
    ('calls_train_erc.json', 'calls/efr.json')
    """
    if out.suffix == ".json":
        return CorpusPaths(out.with_name(f"{out.stem}_erc.json"), out, out.with_name(OWN_EMOTIONS))
    return CorpusPaths(out / "erc.json", out / "efr.json", out / OWN_EMOTIONS)


def write_corpus(dialogues: Sequence[LabelledDialogue], emotion_set: EmotionSet, paths: CorpusPaths) -> bool:
    """Write the files; returns whether emotions.toml was written, too.

    InputError, before anything is written, if emotions.toml is there and lacks labels of `emotion_set`, or if labels
    cannot be declared.
    """
    declaration = _declaration(emotion_set, paths)
    _write_entries(paths.erc, ({**each.origin, **corpus_entry(each.dialogue)} for each in dialogues))
    _write_entries(paths.efr, (entry for each in dialogues for entry in _cases(each)))
    if declaration:
        write_text(paths.emotions, declaration)
    return bool(declaration)


def corpus_entry(dialogue: Dialogue, num_utterances: int | None = None) -> Json:
    """The object of a dialogue in a corpus file, up to a number of utterances; None for all of them."""
    said = dialogue.utterances[:num_utterances]
    return {
        "dialogue": dialogue.id,
        "speakers": [utterance.speaker for utterance in said],
        "utterances": [utterance.text for utterance in said],
        "emotions": [utterance.emotion for utterance in said],
    }


def emotion_declaration(emotion_set: EmotionSet) -> str:
    """The text of emotions.toml that files with these emotions need beside them; "" if readers know the labels."""
    is_known = any(set(emotion_set.labels) == set(known.labels) for known in (MELD7, MASAC8))
    return "" if is_known else emotion_set_toml(emotion_set)


def trigger_flags(triggers: frozenset[int], target: int) -> list[int]:
    """The list `triggers` of a case: 1 for each trigger up to the target, 0 for other utterances.

    >>> trigger_flags(frozenset({1, 2}), target=3)
    [0, 1, 1, 0]
    """
    return [int(index in triggers) for index in range(target + 1)]


def _cases(labelled: LabelledDialogue) -> Iterator[Json]:
    """An object for every labelled flip: the dialogue up to its target."""
    for target, triggers in sorted(labelled.triggers.items()):
        entry = corpus_entry(labelled.dialogue, target + 1)
        yield {**labelled.origin, **entry, "triggers": trigger_flags(triggers, target)}


def _write_entries(path: Path, entries: Iterable[Json]) -> None:
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    write_text(path, f"[\n{lines}\n]\n")


def _declaration(emotion_set: EmotionSet, paths: CorpusPaths) -> str:
    """The text of emotions.toml; "" if it is not needed, or there already."""
    declared = own_emotion_set(paths.efr)
    if declared is None:
        return emotion_declaration(emotion_set)
    missing = [label for label in emotion_set.labels if label not in declared]
    if missing:
        raise InputError(
            paths.emotions, f"has no label {missing[0]!r}; expected those of the dialogues, or no such file there"
        )
    return ""
