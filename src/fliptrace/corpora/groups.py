"""Groups of overlapping dialogues and cases, which splits and bootstrap samples must keep together.

Two dialogues belong to the same group if they share a run of two consecutive utterances (normalised text, together at
least 6 words). Union-find makes this relation transitive over all dialogues given. Without the limit of 6 words, stock
greetings would join everything; the longest common prefix would miss 31-42% of MaSaC's overlaps (docs/data.md).

A dialogue too short to contain such a run joins the dialogues that begin with all of it, speakers included: an EFR case
of two short lines joins the longer cases of its dialogue. A dialogue of one utterance joins only its exact duplicates.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase

MIN_RUN_WORDS = 6

Member = TypeVar("Member", bound=Dialogue | FlipCase)


@dataclass(frozen=True, slots=True)
class SharedGroups:
    """The groups present on both sides, and the number of cases or dialogues of each side in these groups."""

    groups: frozenset[str]
    num_left: int
    num_right: int


@lru_cache(maxsize=1 << 16)
def normalise_text(text: str) -> str:
    """Remove case, punctuation and extra blanks, so that two transcriptions of the same line compare equal.

    >>> normalise_text("Well…  I’m NOT going!")
    'well im not going'
    """
    plain = re.sub(r"['’‘`´]", "", text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
    if plain.isascii():
        return " ".join(re.findall(r"[a-z0-9]+", plain))
    # Combining marks (category M) are part of Devanagari words, but \w does not match them.
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain).split())


def long_runs(dialogue: Dialogue) -> tuple[str, ...]:
    """Return the runs of two utterances that are long enough to join dialogues, each as two normalised lines."""
    lines = [normalise_text(utterance.text) for utterance in dialogue.utterances]
    return tuple(f"{a}\n{b}" for a, b in pairwise(lines) if _num_words(a) + _num_words(b) >= MIN_RUN_WORDS)


def find_groups(members: Iterable[Dialogue | FlipCase], *, keep: bool = False) -> tuple[str, ...]:
    """Return the group of each case or dialogue, in order, with groups formed among all those given.

    A group is named after the smallest hash among its runs and openings, so its name depends on the texts, not on ids
    or order. With `keep`, members that already carry the same group stay together ("" means no group).
    """
    members = tuple(members)
    keys = _overlap_keys([dialogue_of(member) for member in members])
    kept = [(f"kept\t{group}",) if keep and (group := group_of(member)) else () for member in members]
    roots = _join((*own, *old) for own, old in zip(keys, kept, strict=True))
    names: dict[str, str] = {}
    for own in keys:
        for key in own:
            name = _short_hash(key)
            names[roots[key]] = min(name, names.get(roots[key], name))
    return tuple(f"g-{names[roots[own[0]]]}" for own in keys)


def assign_groups(members: Iterable[Member], *, keep: bool = False) -> tuple[Member, ...]:
    """Return the same cases or dialogues, in the same order, with their groups set by `find_groups`."""
    members = tuple(members)
    groups = find_groups(members, keep=keep)
    return tuple(with_group(member, group) for member, group in zip(members, groups, strict=True))


def assign_groups_across(files: Sequence[Sequence[Member]], *, keep: bool = False) -> tuple[tuple[Member, ...], ...]:
    """Assign groups across several files together; returns one tuple per file, in order."""
    regrouped = iter(assign_groups([member for members in files for member in members], keep=keep))
    return tuple(tuple(next(regrouped) for _ in members) for members in files)


def shared_groups(left: Iterable[Member], right: Iterable[Member]) -> SharedGroups:
    """Return the groups that two files share. Groups must have been assigned across both files together."""
    left_groups, right_groups = [group_of(m) for m in left], [group_of(m) for m in right]
    common = frozenset(left_groups) & frozenset(right_groups)
    return SharedGroups(common, sum(g in common for g in left_groups), sum(g in common for g in right_groups))


def dialogue_of(member: Dialogue | FlipCase) -> Dialogue:
    return member.dialogue if isinstance(member, FlipCase) else member


def group_of(member: Dialogue | FlipCase) -> str:
    return dialogue_of(member).group


def with_group(member: Member, group: str) -> Member:
    if isinstance(member, FlipCase):
        return replace(member, dialogue=replace(member.dialogue, group=group))
    return replace(member, group=group)


def _overlap_keys(dialogues: Sequence[Dialogue]) -> list[tuple[str, ...]]:
    """Return at least one key per dialogue: its long runs, and its openings that equal a whole short dialogue."""
    runs = [long_runs(dialogue) for dialogue in dialogues]
    short = {_opening(d, len(d)): len(d) for d, own in zip(dialogues, runs, strict=True) if not own}
    lengths = sorted(set(short.values()))

    def openings(dialogue: Dialogue) -> list[str]:
        fitting = [n for n in lengths if n == len(dialogue) or 1 < n < len(dialogue)]
        return [opening for n in fitting if (opening := _opening(dialogue, n)) in short]

    return [(*own, *openings(dialogue)) for dialogue, own in zip(dialogues, runs, strict=True)]


def _opening(dialogue: Dialogue, num_utterances: int) -> str:
    lines = dialogue.utterances[:num_utterances]
    return "opening\t" + "\n".join(f"{normalise_text(u.speaker)}: {normalise_text(u.text)}" for u in lines)


@lru_cache(maxsize=1 << 16)
def _short_hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:12]


@lru_cache(maxsize=1 << 16)
def _num_words(normalised: str) -> int:
    return len(normalised.split())


def _join(key_sets: Iterable[Sequence[str]]) -> Mapping[str, str]:
    """Union-find: map every key to the representative of its set. All keys of one member are in the same set."""
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        root = key
        while (up := parent.setdefault(root, root)) != root:
            root = up
        while parent[key] != root:
            parent[key], key = root, parent[key]
        return root

    for keys in key_sets:
        root = find(keys[0])
        for key in keys[1:]:
            parent[find(key)] = root
    return {key: find(key) for key in list(parent)}
