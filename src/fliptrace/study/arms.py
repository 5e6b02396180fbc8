"""The arms of a study: the models that it trains and compares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arm:
    """A model of the study: a stage in the tree of stages that trained it.

    `parent` is the arm it was trained on from, None for the untuned base. `control` is the arm it must beat to have
    helped: as many more steps from the same parent, without what is new in it. `note`: what it is, in one sentence.
    `is_extended`: beside the method itself, one of its variations.
    """

    name: str
    title: str
    parent: str | None = None
    control: str | None = None
    note: str = ""
    is_extended: bool = False
