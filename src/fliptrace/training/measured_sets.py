"""The evaluation sets of a finished model: the val cases and dialogues of a recipe, and those that it holds out.

Every set carries a report of what it shares with the training data, to be printed next to its scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.files import hash_json
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.detect import read_corpus
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.groups import assign_groups_across
from fliptrace.corpora.leaks import LeakReport, drop_leaks, find_leaks
from fliptrace.corpora.longest_prefixes import LongestPrefix, collect_longest_prefixes
from fliptrace.training.data import DataRecipe, TrainingData

HELD_OUT = "held-out dialogues"


@dataclass(frozen=True, slots=True)
class CaseSet:
    """Flip cases under one name.

    `leaks` reports what their dialogues share with the training cases, `emotion_leaks` what they share with all
    training data, emotion files included.
    """

    name: str
    cases: tuple[FlipCase, ...]
    leaks: LeakReport
    emotion_leaks: LeakReport

    @property
    def prefixes(self) -> tuple[LongestPrefix, ...]:
        return collect_longest_prefixes(self.cases)

    @property
    def sha256(self) -> str:
        """The hash of the cases' content, triggers included."""
        return _hash((case.id, case.dialogue, sorted(case.triggers or ())) for case in self.cases)


@dataclass(frozen=True, slots=True)
class DialogueSet:
    """Dialogues with an emotion for each utterance, in the file's own emotion set."""

    name: str
    dialogues: tuple[Dialogue, ...]
    leaks: LeakReport

    @property
    def prefixes(self) -> tuple[LongestPrefix, ...]:
        return tuple(map(LongestPrefix, self.dialogues))

    @property
    def sha256(self) -> str:
        return _hash((dialogue.id, dialogue, []) for dialogue in self.dialogues)


@dataclass(frozen=True, slots=True)
class MeasuredSets:
    """All evaluation sets of a recipe.

    `val` also chooses the threshold. `held_out` are the cases whose dialogues appear in no training data, if any.
    """

    val: tuple[CaseSet, ...]
    held_out: CaseSet | None
    emotions: tuple[DialogueSet, ...]

    @property
    def cases(self) -> tuple[CaseSet, ...]:
        return (*self.val, *([self.held_out] if self.held_out else []))


def collect_sets(recipe: DataRecipe, data: TrainingData, root: Path | None, limit: int | None = None) -> MeasuredSets:
    """Collect the sets of a recipe, at most the first `limit` cases or dialogues of each.

    Cases are grouped as in training.
    """
    part = recipe.data
    refs = (*part.train, *part.val)
    read = [read_efr(locate_ref(ref, root)).cases for ref in refs]
    cases = dict(zip(refs, assign_groups_across(read), strict=True))
    taught: list[Dialogue | FlipCase] = [*data.train, *_dialogues(data.emotions)]

    def case_set(name: str, members: Sequence[FlipCase]) -> CaseSet:
        kept = tuple(members[:limit])
        return CaseSet(name, kept, find_leaks(data.train, kept), find_leaks(taught, kept))

    held_out = _held_out(recipe, [case for ref in refs for case in cases[ref]], taught, root)
    return MeasuredSets(
        tuple(case_set(ref, cases[ref]) for ref in part.val),
        case_set(HELD_OUT, held_out) if held_out else None,
        tuple(
            DialogueSet(ref, dialogues[:limit], find_leaks(taught, dialogues[:limit]))
            for ref, dialogues in data.emotion_val.items()
        ),
    )


def _held_out(
    recipe: DataRecipe, cases: Sequence[FlipCase], taught: Sequence[Dialogue | FlipCase], root: Path | None
) -> tuple[FlipCase, ...]:
    """The cases that overlap with what the recipe holds out, except those that overlap with any training data."""
    members = [member for ref in recipe.data.hold_out for member in read_corpus(locate_ref(ref, root)).members]
    if not members:
        return ()
    others = {case.id for case in drop_leaks(cases, members)}
    return drop_leaks([case for case in cases if case.id not in others], taught)


def _dialogues(by_file: Mapping[str, Sequence[Dialogue]]) -> Iterable[Dialogue]:
    return (dialogue for dialogues in by_file.values() for dialogue in dialogues)


def _hash(rows: Iterable[tuple[str, Dialogue, list[int]]]) -> str:
    return hash_json(
        [
            [name, triggers, [[u.speaker, u.text, u.emotion] for u in dialogue.utterances]]
            for name, dialogue, triggers in rows
        ]
    )
