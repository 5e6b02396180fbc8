"""Leaks: evaluation dialogues that also occur, in whole or in part, in the training files.

MaSaC's official split is by flip: 385 of 389 val cases share a group with train. Of the 46 val dialogues of its emotion
task, 45 occur in the EFR train file with their emotions; looking them up gives a weighted F1 of 0.957 (docs/data.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.groups import Member, assign_groups_across, group_of, shared_groups


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The overlap of an evaluation set with a training set, counted in cases or dialogues."""

    num_shared_groups: int
    num_leaking_train: int
    num_train: int
    num_touched: int
    num_evaluation: int

    @property
    def is_clean(self) -> bool:
        return self.num_shared_groups == 0

    def __str__(self) -> str:
        """One line to print next to a score.

        >>> print(LeakReport(2, 40, 4711, 385, 389))
        385 of 389 evaluation cases share 2 groups of dialogues with 40 of 4,711 training cases
        """
        groups = f"{self.num_shared_groups:,} group{'s' * (self.num_shared_groups != 1)} of dialogues"
        return (
            f"{self.num_touched:,} of {self.num_evaluation:,} evaluation cases share {groups} "
            f"with {self.num_leaking_train:,} of {self.num_train:,} training cases"
        )


def find_leaks(train: Iterable[Dialogue | FlipCase], evaluation: Iterable[Dialogue | FlipCase]) -> LeakReport:
    """Find the overlap of two sets. Groups are assigned across both; members of an existing group stay together."""
    train, evaluation = assign_groups_across([tuple(train), tuple(evaluation)], keep=True)
    shared = shared_groups(train, evaluation)
    return LeakReport(len(shared.groups), shared.num_left, len(train), shared.num_right, len(evaluation))


def drop_leaks(train: Iterable[Member], evaluation: Iterable[Dialogue | FlipCase]) -> tuple[Member, ...]:
    """Return the training cases or dialogues that do not overlap with the evaluation set, unchanged."""
    train, evaluation = tuple(train), tuple(evaluation)
    both: list[tuple[Dialogue | FlipCase, ...]] = [train, evaluation]
    train_again, evaluation_again = assign_groups_across(both, keep=True)
    groups = {group_of(member) for member in evaluation_again}
    return tuple(m for m, again in zip(train, train_again, strict=True) if group_of(again) not in groups)
