"""A tree of stages: several share one parent, and a control takes the steps of another stage."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_runs import Recorder, make_cases, make_data, make_recipe, make_table

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json
from fliptrace.models.checkpoints import Checkpoint
from fliptrace.training.recipe import parse_recipe
from fliptrace.training.stage_splits import stage_cases
from fliptrace.training.stage_tree import lineage, named, needed_for, num_opened, parent_of
from fliptrace.training.stages import train

TREE: list[Json] = [
    {"name": "answer", "mixture": {"answer": 1}, "epochs": 1},
    {"name": "chain", "mixture": {"answer": 1}, "epochs": 1, "parent": "base"},
    {"name": "feedback", "mixture": {"answer": 1, "feedback": 1}, "epochs": 1},
    {"name": "more", "mixture": {"answer": 1}, "steps_of": "feedback", "parent": "chain"},
]


def test_a_stage_goes_on_from_the_one_before_or_the_one_it_names() -> None:
    stages = make_recipe(stages=TREE).stages
    parents = [parent_of(stages, stage) for stage in stages]
    assert [parent and parent.name for parent in parents] == [None, None, "chain", "chain"]
    assert [stage.name for stage in lineage(stages, named(stages, "more"))] == ["more", "chain"]


def test_what_must_be_trained_first_is_the_lineage_and_what_gives_the_steps() -> None:
    stages = make_recipe(stages=TREE).stages
    assert [stage.name for stage in needed_for(stages, ["more"])] == ["chain", "feedback", "more"]
    assert [stage.name for stage in needed_for(stages, ["answer"])] == ["answer"]


def test_a_control_is_taught_the_same_labels_as_the_stage_it_controls() -> None:
    recipe = make_recipe(stages=TREE)
    answer, chain, feedback, more = stage_cases(recipe, make_cases(40))
    assert answer == chain
    assert more.taught == feedback.taught
    assert len(feedback.taught) > len(chain.taught)
    assert feedback.answered and not more.answered
    assert [num_opened(recipe.stages, stage) for stage in recipe.stages] == [0, 0, 1, 1]


def test_in_sample_own_answers_are_to_as_many_groups_that_the_parent_was_taught() -> None:
    stages = [*TREE[:3], TREE[2] | {"name": "in-sample", "parent": "chain", "own_answers": "in-sample"}]
    _, chain, held_out, in_sample = stage_cases(make_recipe(stages=stages), make_cases(40))
    groups = [{case.group for case in cases} for cases in (held_out.answered, in_sample.answered)]
    assert len(groups[0]) == len(groups[1])
    taught_before = {case.group for case in chain.taught}
    assert groups[0].isdisjoint(taught_before)
    assert groups[1] <= taught_before
    assert held_out.taught == in_sample.taught


def test_a_greater_share_of_the_groups_holds_the_smaller_one() -> None:
    stages = [TREE[0] | {"name": f"s{share}", "share": share / 4, "parent": "base"} for share in (1, 2, 4)]
    taught = [{case.group for case in c.taught} for c in stage_cases(make_recipe(stages=stages), make_cases(40))]
    assert taught[0] < taught[1] < taught[2]
    assert [len(groups) for groups in taught] == [5, 10, 20]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parent": "later"}, "stage 'more': parent is 'later'; expected one of base, answer, chain, feedback"),
        ({"steps_of": "base"}, "stage 'more': steps_of is 'base'; expected one of answer, chain, feedback"),
        ({"epochs": 1}, "stages.3: a stage takes exactly one of epochs and steps_of"),
        ({"mixture": {"feedback": 1}, "parent": "base"}, "stages: 'more' has no trained parent"),
    ],
)
def test_a_stage_from_nowhere_is_refused(change: Json, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_recipe(make_table(stages=[*TREE[:3], TREE[3] | change]), "x.toml")
    assert message in str(caught.value)


def test_an_evaluation_after_an_unknown_stage_is_refused() -> None:
    with pytest.raises(InputError, match="evaluation 'late': after has 'chian'; expected stages of chain"):
        parse_recipe(make_table(evaluations={"late": {"after": ["chian"]}}), "x.toml")


def test_unset_keys_leave_the_hash_of_an_older_recipe_unchanged() -> None:
    stage = make_recipe().to_json()["stages"][0]
    assert {"parent", "steps_of", "share", "own_answers", "feedback_level"}.isdisjoint(stage)
    assert make_recipe(stages=TREE).to_json()["stages"][1]["parent"] == "base"


def test_a_tree_is_trained_as_it_is_laid_out_and_only_what_is_wanted(tmp_path: Path) -> None:
    recipe = make_recipe(stages=TREE, evaluations={"greedy": {"max_new_tokens": 8, "after": ["chain", "more"]}})
    scores = train(recipe, make_data(), tmp_path, Recorder(), only=["more"])
    assert list(scores) == ["chain", "feedback", "more"]
    assert ["greedy" in of_stage for of_stage in scores.values()] == [True, False, True]
    more, feedback = Checkpoint.read(tmp_path / "4-more"), Checkpoint.read(tmp_path / "3-feedback")
    assert more is not None and feedback is not None
    assert more.parent == feedback.parent == "2-chain/checkpoint"
    costs = [read_json(tmp_path / place / "cost.json")["num_steps"] for place in ("3-feedback", "4-more")]
    assert costs[0] == costs[1]
    assert not (tmp_path / "1-answer").exists()
    assert list(train(recipe, make_data(), tmp_path, Recorder())) == ["answer", "chain", "feedback", "more"]
