"""The preflight checks of a stage: counts and sample texts of what it will train on. Needs no tokenizer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from fliptrace.core.files import Json
from fliptrace.core.messages import Instruction
from fliptrace.curate.teaching import is_within_reach
from fliptrace.prompts.views import TruncatedView


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a stage will train on: counts, and one decoded completion of each kind in `samples`.

    `too_long` are the ids of the omitted rows. `num_cut_views` counts views that lost their oldest utterances to the
    model's context; `num_cut_triggers` of them lost a trigger. `num_beyond_reach` counts views with a trigger that no
    rationale can name, because it lies beyond the candidates; they have no rationale. `packed` tells whether examples
    are trained as prefix trees; `not_packed` is the reason if they are not although the recipe asks for it.
    """

    num_rows: int
    num_by_kind: dict[str, int]
    num_dropped: int
    num_tokens: int
    num_trained_tokens: int
    longest: int
    samples: dict[str, str]
    too_long: tuple[str, ...] = ()
    num_cut_views: int = 0
    num_dropped_utterances: int = 0
    num_cut_triggers: int = 0
    num_beyond_reach: int = 0
    packed: bool = False
    not_packed: str | None = None

    def to_json(self) -> Json:
        table = asdict(self)
        later = ("packed", "not_packed", "num_cut_triggers", "num_beyond_reach")
        return {key: value for key, value in table.items() if value or key not in later}


def count_kinds(instructions: Iterable[Instruction]) -> dict[str, int]:
    return dict(sorted(Counter(instruction.kind for instruction in instructions).items()))


def first_of_kinds(instructions: Iterable[Instruction]) -> dict[str, Instruction]:
    """The first of each kind, in the order in which the kinds appear."""
    firsts: dict[str, Instruction] = {}
    for instruction in instructions:
        firsts.setdefault(instruction.kind, instruction)
    return firsts


def count_beyond_reach(instructions: Iterable[Instruction], truncated: Iterable[TruncatedView]) -> int:
    """How many views have no rationale because a trigger lies beyond its reach; 0 if no rationales are taught."""
    if all(instruction.kind != "chain" for instruction in instructions):
        return 0
    return sum(not is_within_reach(each.view) for each in truncated)
