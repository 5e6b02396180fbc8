"""What the trigger head is told about the candidates of a flip."""

from __future__ import annotations

import pytest

from fliptrace.core.flips import Flip
from fliptrace.models.encoder.trigger_inputs import trigger_inputs

SPEAKERS = ("fay", "eve", "dan", "cy", "bo", "ana", "bo", "ana")


def test_speakers_are_numbered_from_the_target_backwards_and_the_last_number_is_for_all_others() -> None:
    inputs = trigger_inputs(SPEAKERS, [Flip("ana", 5, 7, "joy", "anger")], window=8)
    assert inputs.speakers.tolist() == [[3, 3, 3, 2, 1, 0, 1, 0]]


@pytest.mark.parametrize(("source", "zones"), [(5, [0, 0, 0, 0, 0, 1, 2, 3]), (2, [0, 0, 1, 2, 2, 2, 2, 3])])
def test_zones_say_where_a_candidate_lies(source: int, zones: list[int]) -> None:
    """0: before the source, 1: the source, 2: between, 3: the target."""
    flip = Flip("ana", source, 7, "joy", "anger")
    assert trigger_inputs(SPEAKERS, [flip], window=8).zones.tolist() == [zones]
