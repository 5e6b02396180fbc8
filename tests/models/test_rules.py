from __future__ import annotations

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7, EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.models.base import Model
from fliptrace.models.rules import RULES, find_rule


def last_flip(*lines: tuple[str, str]) -> FlipCase:
    """The case of the last flip in a dialogue; each line is the speaker and emotion of one utterance."""
    dialogue = Dialogue("d", "d", tuple(Utterance(s, "...", e) for s, e in lines), MELD7)
    return FlipCase("d", dialogue, find_flips(dialogue)[-1])


ANSWERED = last_flip(("Ana", "neutral"), ("Ben", "anger"), ("Ana", "fear"))
TALKS_ON = last_flip(("Ben", "joy"), ("Ana", "neutral"), ("Ana", "fear"))
CALMS_DOWN = last_flip(("Ben", "joy"), ("Ana", "fear"), ("Ana", "neutral"))


@pytest.mark.parametrize(
    ("name", "case", "triggers"),
    [
        ("previous", ANSWERED, {1}),
        ("previous", TALKS_ON, {1}),
        ("previous", CALMS_DOWN, {1}),
        ("previous-or-self", ANSWERED, {1}),
        ("previous-or-self", TALKS_ON, {2}),
        ("previous-or-self", CALMS_DOWN, {2}),
        ("previous-plus-self", ANSWERED, {1}),
        ("previous-plus-self", TALKS_ON, {1, 2}),
        ("previous-plus-self", CALMS_DOWN, {1}),
    ],
)
def test_a_rule_looks_at_who_spoke_before_the_target(name: str, case: FlipCase, triggers: set[int]) -> None:
    assert find_rule(name).name_triggers(case) == triggers


def test_the_neutral_label_of_a_set_of_ones_own_is_not_its_name_but_its_role() -> None:
    own = EmotionSet("own", ("calm", "neutral", "tense"), neutral="calm")
    rule = find_rule("previous-plus-self")
    for last, triggers in (("calm", {1}), ("neutral", {1, 2})):
        lines = (("Ben", "tense"), ("Ana", "tense"), ("Ana", last))
        dialogue = Dialogue("d", "d", tuple(Utterance(s, "...", e) for s, e in lines), own)
        assert rule.name_triggers(FlipCase("d", dialogue, find_flips(dialogue)[-1])) == triggers


def test_every_rule_is_a_trigger_model_under_its_name_on_the_command_line() -> None:
    assert all(rule.as_model() == Model(rule.name, rule=rule) for rule in RULES.values())
    assert [rule.name for rule in RULES.values()] == [f"rule:{name}" for name in RULES]
    assert len(RULES) == 3


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("prevoius", "previous"), ("previous_or_self", "previous-or-self"), ("plus-self", "previous-plus-self")],
)
def test_an_unknown_rule_is_refused_with_the_nearest_name(wrong: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f"rule:{wrong}: no such rule; did you mean rule:{nearest}\\?"):
        find_rule(wrong)
