"""Longest prefixes: the most complete version of each dialogue in an EFR file.

EFR cases are prefixes of dialogues, which are not published as a whole. The 35,000 utterance rows of MELD-FR train are
8,641 distinct ones, so emotions are scored once per longest prefix, and triggers once per flip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase


def find_longest_prefixes(cases: Sequence[FlipCase]) -> tuple[Dialogue, ...]:
    """Return, for each case in order, the longest dialogue among the cases that begins with the whole of its dialogue.

    If the cases continue it in different ways, one of them is chosen, independently of the order of the cases.
    """
    keys = [_key(case.dialogue) for case in cases]
    # In sorted order, the extensions of a dialogue follow it directly. Going backwards, comparing neighbours is enough.
    order = sorted(range(len(cases)), key=lambda index: keys[index], reverse=True)
    longest_prefix_of = dict.fromkeys(order, 0)
    for later, index in zip([None, *order], order, strict=False):
        begins = later is not None and keys[later][: len(keys[index])] == keys[index]
        longest_prefix_of[index] = longest_prefix_of[later] if later is not None and begins else index
    return tuple(cases[longest_prefix_of[index]].dialogue for index in range(len(cases)))


@dataclass(frozen=True, slots=True)
class LongestPrefix:
    """A longest prefix with the cases of its flips.

    `cases` has one case for each target. Utterances before `counted_from` are also the beginning of an earlier longest
    prefix and are counted there; `counted_from` is 0 if there are none.
    """

    dialogue: Dialogue
    cases: tuple[FlipCase, ...] = ()
    counted_from: int = 0


def collect_longest_prefixes(cases: Sequence[FlipCase]) -> tuple[LongestPrefix, ...]:
    """Return each longest prefix once, in the order of its first case.

    If several cases have the same flip, the one whose labels are known furthest back is kept, or the first of equals.
    """
    dialogues = distinct_longest_prefixes(cases)
    owners: dict[bytes, int] = {}
    counted_from = []
    for owner, dialogue in enumerate(dialogues):
        prefixes = list(_prefixes(dialogue))
        counted_from.append(sum(prefix in owners for prefix in prefixes))
        owners |= {prefix: owner for prefix in prefixes if prefix not in owners}
    cases_by_target: list[dict[int, FlipCase]] = [{} for _ in dialogues]
    for case in sorted(cases, key=lambda case: case.known_from):
        *_, whole = _prefixes(case.dialogue)
        cases_by_target[owners[whole]].setdefault(case.flip.target, case)
    return tuple(
        LongestPrefix(dialogue, tuple(by_target[target] for target in sorted(by_target)), first)
        for dialogue, by_target, first in zip(dialogues, cases_by_target, counted_from, strict=True)
    )


def distinct_longest_prefixes(cases: Sequence[FlipCase]) -> tuple[Dialogue, ...]:
    """Return the dialogues of `find_longest_prefixes`, each once, in the order of their first cases."""
    return tuple({prefix.id: prefix for prefix in find_longest_prefixes(cases)}.values())


def hash_prefixes(dialogue: Dialogue) -> Iterator[bytes]:
    """Yield a hash of the speakers and words of every prefix of a dialogue, shortest first."""
    return _hashes((u.speaker, u.text) for u in dialogue.utterances)


def _key(dialogue: Dialogue) -> tuple[tuple[str, str, str], ...]:
    return tuple((u.speaker, u.text, u.emotion or "") for u in dialogue.utterances)


def _prefixes(dialogue: Dialogue) -> Iterator[bytes]:
    """Yield a hash of every prefix of a dialogue with its emotions, shortest first."""
    return _hashes(_key(dialogue))


def _hashes(said: Iterable[tuple[str, ...]]) -> Iterator[bytes]:
    so_far = hashlib.sha256()
    for each in said:
        so_far.update(repr(each).encode("utf-8", "surrogatepass"))
        yield so_far.digest()
