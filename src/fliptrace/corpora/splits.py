"""Splits and folds by group: no dialogue occurs in two splits, in whole or in part.

With a random split of MELD-FR cases, 95% of the held-out cases have their dialogue in train (docs/data.md).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fliptrace.corpora.groups import Member, assign_groups, group_of


def split_by_group(members: Iterable[Member], shares: Mapping[str, float], seed: int) -> dict[str, tuple[Member, ...]]:
    """Divide cases or dialogues into named splits of about the given shares; each split keeps the original order.

    Shares are relative: {"train": 4, "val": 1} holds out a fifth. Groups are found anew among the members; members that
    already carry the same group stay together. `seed` and the texts determine the order of the groups, and each group
    goes to the split that is furthest below its share. ValueError if there are fewer groups than splits.

    >>> from fliptrace.core.dialogue import Dialogue, Utterance
    >>> from fliptrace.core.emotion_sets import MELD7
    >>> calls = [Dialogue(str(i), "", (Utterance("Ana", f"caller number {i}"),), MELD7) for i in range(10)]
    >>> {name: len(part) for name, part in split_by_group(calls, {"train": 0.8, "val": 0.2}, seed=1).items()}
    {'train': 8, 'val': 2}
    """
    if not shares or any(share <= 0 for share in shares.values()):
        raise ValueError(f"shares {dict(shares)}: expected at least one, all above 0")
    members = tuple(members)
    groups = [group_of(member) for member in assign_groups(members, keep=True)]
    dealt = _deal(groups, shares, seed)
    return {name: tuple(m for m, group in zip(members, groups, strict=True) if dealt[group] == name) for name in shares}


def fold_by_group(members: Iterable[Member], num_folds: int, seed: int) -> tuple[tuple[Member, ...], ...]:
    """Divide cases or dialogues by group into `num_folds` folds of about the same size, for cross-validation."""
    if num_folds < 2:
        raise ValueError(f"{num_folds} folds: expected at least 2")
    return tuple(split_by_group(members, {str(fold): 1.0 for fold in range(num_folds)}, seed).values())


def _deal(groups: Sequence[str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Map every group to the name of its split."""
    sizes: dict[str, int] = defaultdict(int)
    for group in groups:
        sizes[group] += 1
    if len(sizes) < len(shares):
        raise ValueError(f"{len(sizes)} groups for {len(shares)} splits; expected at least one group per split")
    total = sum(shares.values())
    lacking = {name: len(groups) * share / total for name, share in shares.items()}
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed} {group}".encode()).digest())
    dealt: dict[str, str] = {}
    empty = set(shares)
    for num_left, group in zip(range(len(order), 0, -1), order, strict=True):
        candidates = [name for name in shares if name in empty] if num_left <= len(empty) else list(shares)
        name = max(candidates, key=lambda name: lacking[name])
        dealt[group] = name
        lacking[name] -= sizes[group]
        empty.discard(name)
    return dealt
