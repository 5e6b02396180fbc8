"""Which cases a stage learns from, and which unseen cases its parent answers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st
from tiny_runs import make_cases, make_recipe, one_stage

from fliptrace.core.errors import RunError
from fliptrace.training.stage_splits import StageCases, stage_cases

KINDS = st.sampled_from(["answer", "feedback", "self-evaluation"])


@st.composite
def stage_splits(draw: st.DrawFn) -> tuple[list[StageCases], list[bool]]:
    """The cases of the stages of a random recipe, and which of the stages need own answers."""
    kinds = ["answer", *draw(st.lists(KINDS, max_size=4))]
    stages = [{"name": f"s{i}", "mixture": {kind: 1}, "epochs": 1} for i, kind in enumerate(kinds)]
    held_out = draw(st.floats(0.05, 0.95))
    recipe = make_recipe(stages=stages, seed=draw(st.integers(0, 9)), curate={"held_out": held_out})
    cases = make_cases(draw(st.integers(1, 40)), num_cases_a_group=draw(st.integers(1, 5)))
    try:
        return stage_cases(recipe, cases), [stage.needs_own_answers for stage in recipe.stages]
    except RunError:  # too few groups for the number of parts
        assume(False)
        raise AssertionError from None


@given(stage_splits())
def test_a_parent_answers_no_group_that_any_earlier_stage_was_taught(
    split: tuple[list[StageCases], list[bool]],
) -> None:
    stages, needs = split
    for number, stage in enumerate(stages):
        assert bool(stage.answered) == needs[number]
        taught_before = {case.group for earlier in stages[:number] for case in earlier.taught}
        assert taught_before.isdisjoint(case.group for case in stage.answered)


@given(stage_splits())
def test_answered_cases_are_taught_from_then_on_and_no_case_twice_a_part(
    split: tuple[list[StageCases], list[bool]],
) -> None:
    stages, _ = split
    answered = [case.id for stage in stages for case in stage.answered]
    assert len(answered) == len(set(answered))
    for number, stage in enumerate(stages):
        for later in stages[number:]:
            assert {case.id for case in stage.answered} <= {case.id for case in later.taught}


@given(stage_splits())
def test_the_last_stage_is_taught_every_case_once_in_order(split: tuple[list[StageCases], list[bool]]) -> None:
    stages, _ = split
    ids = [int(case.id.partition("#")[2]) for case in stages[-1].taught]
    assert ids == list(range(len(ids)))
    for earlier, later in pairwise(stages):
        assert {case.id for case in earlier.taught} <= {case.id for case in later.taught}


def test_nothing_is_held_out_where_no_stage_needs_own_answers() -> None:
    cases = make_cases(10)
    for held_out in (0, 0.5):
        recipe = make_recipe(stages=one_stage(answer=1), curate={"held_out": held_out})
        assert stage_cases(recipe, cases) == [StageCases(cases, ())]


def test_the_held_out_share_is_of_groups() -> None:
    cases = make_cases(40)  # 20 groups of 2
    first, second, third = stage_cases(make_recipe(curate={"held_out": 0.4}), cases)
    assert [len(stage.taught) for stage in (first, second, third)] == [24, 32, 40]
    assert [len(stage.answered) for stage in (first, second, third)] == [0, 8, 8]


def test_another_seed_holds_out_other_groups() -> None:
    cases = make_cases(40)
    answered = {tuple(c.id for c in stage_cases(make_recipe(seed=seed), cases)[1].answered) for seed in range(4)}
    assert len(answered) > 1
