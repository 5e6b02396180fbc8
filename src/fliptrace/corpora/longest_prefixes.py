"""EFR cases are prefixes of dialogues that nobody wrote down whole; a trunk is the longest prefix there is.

35,000 utterance rows of MELD-FR train are 8,641 distinct ones: emotions are scored once a trunk, triggers once a flip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase


def find_longest_prefixes(cases: Sequence[FlipCase]) -> tuple[Dialogue, ...]:
    """For each case, in order, a longest dialogue among the cases that begins with all of the case's own.

    Where cases go on differently after it, one of them is chosen, the same one whatever the order of the cases.
    """
    keys = [_key(case.dialogue) for case in cases]
    # Sorted, all that begin with a dialogue stand right behind it, so backwards one look at the neighbour is enough.
    order = sorted(range(len(cases)), key=lambda index: keys[index], reverse=True)
    longest_prefix_of = dict.fromkeys(order, 0)
    for later, index in zip([None, *order], order, strict=False):
        begins = later is not None and keys[later][: len(keys[index])] == keys[index]
        longest_prefix_of[index] = longest_prefix_of[later] if later is not None and begins else index
    return tuple(cases[longest_prefix_of[index]].dialogue for index in range(len(cases)))


@dataclass(frozen=True, slots=True)
class LongestPrefix:
    """A dialogue to be read whole, and what is known of its flips.

    `cases`: those that ask for a flip of it, each target once. Utterances before `counted_from`, 0 if there are none,
    begin an earlier trunk as well, and count there.
    """

    dialogue: Dialogue
    cases: tuple[FlipCase, ...] = ()
    counted_from: int = 0


def collect_longest_prefixes(cases: Sequence[FlipCase]) -> tuple[LongestPrefix, ...]:
    """Every trunk of these cases once, in the order of its first case.

    A flip that several cases ask for goes with the one whose labels are known furthest back, the first of equals.
    """
    dialogues = distinct_longest_prefixes(cases)
    owners: dict[bytes, int] = {}
    counted_from = []
    for owner, dialogue in enumerate(dialogues):
        prefixes = list(_prefixes(dialogue))
        counted_from.append(sum(prefix in owners for prefix in prefixes))
        owners |= {prefix: owner for prefix in prefixes if prefix not in owners}
    asked: list[dict[int, FlipCase]] = [{} for _ in dialogues]
    for case in sorted(cases, key=lambda case: case.known_from):
        *_, whole = _prefixes(case.dialogue)
        asked[owners[whole]].setdefault(case.flip.target, case)
    return tuple(
        LongestPrefix(dialogue, tuple(by_target[target] for target in sorted(by_target)), first)
        for dialogue, by_target, first in zip(dialogues, asked, counted_from, strict=True)
    )


def distinct_longest_prefixes(cases: Sequence[FlipCase]) -> tuple[Dialogue, ...]:
    """The dialogues of `find_longest_prefixes`, each once, in the order of their first cases."""
    return tuple({prefix.id: prefix for prefix in find_longest_prefixes(cases)}.values())


def _key(dialogue: Dialogue) -> tuple[tuple[str, str, str], ...]:
    return tuple((u.speaker, u.text, u.emotion or "") for u in dialogue.utterances)


def _prefixes(dialogue: Dialogue) -> Iterator[bytes]:
    """A hash of every beginning of a dialogue, the shortest first."""
    so_far = hashlib.sha256()
    for said in _key(dialogue):
        so_far.update(repr(said).encode("utf-8", "surrogatepass"))
        yield so_far.digest()
