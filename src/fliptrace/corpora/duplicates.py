"""Cases and dialogues that stand twice in a file: repeated as they are, or with other labels.

A case contains the earlier cases of its dialogue, which is no repetition, but their emotions must be the same. A
dialogue of one utterance, such as "Okay.", is no repetition either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.findings import Finding, FindingLog
from fliptrace.corpora.longest_prefixes import hash_prefixes

Member = TypeVar("Member", FlipCase, Dialogue)


def find_duplicates(file: EfrFile | ErcFile) -> tuple[Finding, ...]:
    """Warnings about what has the speakers and words of something earlier in the file, and whether labels differ."""
    log = FindingLog(file.path.name)
    if isinstance(file, EfrFile):
        for case, first in _repetitions(file.cases, [case.dialogue for case in file.cases]):
            said = _other_emotions(case.dialogue, first.dialogue) or _other_triggers(case, first)
            _warn(log, "case", case.id, first.id, said)
        for shorter, longer, difference in _contradicted(file.cases):
            message = f"has the speakers and words of the beginning of {longer.id}, but {difference}"
            log.warn(f"case {shorter.id}", "contradictory-emotions", message)
    else:
        for dialogue, earlier in _repetitions(file.dialogues, file.dialogues):
            _warn(log, "dialogue", dialogue.id, earlier.id, _other_emotions(dialogue, earlier))
    return log.findings


def _repetitions(members: Sequence[Member], dialogues: Sequence[Dialogue]) -> Iterator[tuple[Member, Member]]:
    """Members with the speakers and words of an earlier one, each with the first such."""
    first: dict[tuple[tuple[str, str], ...], Member] = {}
    for member, dialogue in zip(members, dialogues, strict=True):
        if len(dialogue) > 1:
            earlier = first.setdefault(tuple((u.speaker, u.text) for u in dialogue.utterances), member)
            if earlier is not member:
                yield member, earlier


def _contradicted(cases: Sequence[FlipCase]) -> Iterator[tuple[FlipCase, FlipCase, str]]:
    """Cases that a longer one begins with, but with other emotions: each with the first such and the difference."""
    versions: dict[bytes, list[FlipCase]] = {}
    for case in cases:
        *_, whole = hash_prefixes(case.dialogue)
        known = versions.setdefault(whole, [])
        if all(case.dialogue.emotions != other.dialogue.emotions for other in known):
            known.append(case)  # cases that are repeated as they are count once
    found: dict[str, tuple[FlipCase, FlipCase, str]] = {}
    for longer in cases:
        *beginnings, _ = hash_prefixes(longer.dialogue)
        for shorter in (case for beginning in beginnings for case in versions.get(beginning, ())):
            if shorter.id not in found and (difference := _other_emotions(shorter.dialogue, longer.dialogue)):
                found[shorter.id] = (shorter, longer, difference)
    yield from (found[case.id] for case in cases if case.id in found)


def _warn(log: FindingLog, what: str, id: str, first: str, difference: str) -> None:
    where, kind = f"{what} {id}", "contradictory-labels" if difference else f"duplicate-{what}"
    log.warn(where, kind, f"has the speakers and words of {first}{f', but {difference}' if difference else ''}")


def _other_emotions(dialogue: Dialogue, other: Dialogue) -> str:
    """The first utterance of both whose emotions differ, as the end of a sentence; "" if there is none."""
    for index, (here, there) in enumerate(zip(dialogue.emotions, other.emotions, strict=False)):
        if here is not None and there is not None and here != there:
            return f"utterance {index} is {here} here and {there} there"
    return ""


def _other_triggers(case: FlipCase, first: FlipCase) -> str:
    """How the triggers differ where both are known, as the end of a sentence; "" if they do not."""
    if case.triggers is None or first.triggers is None:
        return ""
    known_from = max(case.known_from, first.known_from)
    here, there = (sorted(i for i in each.triggers or () if i >= known_from) for each in (case, first))
    return "" if here == there else f"its triggers are {here or 'none'} here and {there or 'none'} there"
