"""What the units of an encoder's training are made of."""

from __future__ import annotations

from dataclasses import replace

from tiny_runs import make_case

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.training.encoder.units import make_units


def test_the_flips_of_a_dialogue_that_stands_in_a_file_too_are_taught_with_its_emotions() -> None:
    case = make_case(0)
    end = Utterance(case.flip.speaker, "well then", case.flip.after)
    longer = Dialogue("file#1", "group", (*case.dialogue.utterances, end), case.dialogue.emotion_set, "file")
    (unit,) = make_units([case], {"file": [longer]}, {"file": 1}, 4, seed=0)
    assert unit.texts == tuple(each.text for each in longer.utterances) and unit.teaches_emotions
    assert unit.inputs.targets.tolist() == [case.flip.target]


def test_a_case_whose_labels_are_others_is_a_unit_that_teaches_no_emotions() -> None:
    case = make_case(0)
    other = replace(case.dialogue, utterances=case.dialogue.with_emotions((None,) * len(case.dialogue)).utterances)
    units = make_units([case], {"file": [other]}, {"file": 1}, 4, seed=0)
    assert [(unit.teaches_emotions, len(unit.inputs.targets)) for unit in units] == [(False, 1), (True, 0)]


def test_a_dialogue_that_is_drawn_twice_has_its_flips_once() -> None:
    case = make_case(0)
    units = make_units([case], {"file": [case.dialogue]}, {"file": 2}, 4, seed=0)
    assert [(unit.teaches_emotions, len(unit.inputs.targets)) for unit in units] == [(True, 1), (True, 0)]
