"""Self-consistency: many answers to one question, one vote an utterance.

Source: Wang et al., "Self-consistency improves chain of thought reasoning in language models" (2023), here over sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vote:
    """`support[i]` is the share, 0 to 1, of the valid answers that name utterance i; all 0 where none was valid."""

    triggers: frozenset[int]
    support: tuple[float, ...]
    num_valid: int
    num_samples: int

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in self.support):
            raise ValueError(f"support {list(self.support)}: wanted shares from 0 to 1")
        if not all(0 <= i < len(self.support) for i in self.triggers):
            raise ValueError(f"triggers {sorted(self.triggers)}, but support for {len(self.support)} utterances")
        if not 0 <= self.num_valid <= self.num_samples:
            raise ValueError(f"{self.num_valid} valid answers of {self.num_samples}")

    @property
    def is_unparsed(self) -> bool:
        """No answer could be read: the empty set stands for it, and it is counted."""
        return self.num_valid == 0


def vote(answers: Iterable[frozenset[int] | None], num_utterances: int, threshold: float = 0.5) -> Vote:
    """Name the utterances that at least `threshold` of the valid answers name. None is an unparsed answer: no vote.

    >>> vote([frozenset({1}), frozenset({1, 2}), None], num_utterances=3).support
    (0.0, 1.0, 0.5)
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold {threshold}: wanted more than 0 and at most 1")
    samples = list(answers)
    valid = [sample for sample in samples if sample is not None]
    support = tuple(sum(i in sample for sample in valid) / max(len(valid), 1) for i in range(num_utterances))
    named = frozenset(i for i, share in enumerate(support) if share >= threshold)
    return Vote(named, support, len(valid), len(samples))
