"""The arms of a study: the models that it trains and compares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arm:
    """A model of the study: a stage in the tree of stages.

    `parent` is the arm whose training it continues, None for the untuned base. `control` is the arm it must beat to
    count as helpful: equally many steps from the same parent, without what is new in this arm. `note` describes the arm
    in one sentence. `is_extended` marks a variation of the method.
    """

    name: str
    title: str
    parent: str | None = None
    control: str | None = None
    note: str = ""
    is_extended: bool = False
