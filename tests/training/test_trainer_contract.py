"""One contract for both trainers: local and hosted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hosted_runs import hosted_recipe, make_provider, make_trainer
from tiny_runs import GREEDY_ONLY, Recorder, make_data, make_recipe, one_stage

from fliptrace.core.errors import RunError
from fliptrace.core.messages import Message
from fliptrace.curate.teaching import answer_instructions
from fliptrace.fake_provider.serve import running
from fliptrace.models.base import Decoding, Request
from fliptrace.models.checkpoints import Checkpoint, InferenceDefaults
from fliptrace.prompts.views import TruncatedView, View
from fliptrace.training.instruction_builder import InstructionBuilder
from fliptrace.training.local_trainer import LocalTrainer
from fliptrace.training.recipe import Recipe
from fliptrace.training.stages import train
from fliptrace.training.trainer import CHECKPOINT, PREFLIGHT, StageData, StagePlace, Trainer

TWO = [*one_stage(1, answer=1), one_stage(1, answer=1)[0] | {"name": "again"}]
PROMPT = (Message("user", "Which utterances triggered this flip?"),)


@dataclass(frozen=True)
class Kind:
    """A recipe, and a function that makes a trainer for a run of it."""

    recipe: Recipe
    make: Callable[[Path], Trainer]


@pytest.fixture(params=["local", "hosted"], scope="module")
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    parts: dict[str, Any] = {"stages": TWO, "evaluations": GREEDY_ONLY}
    if request.param == "local":
        recipe = make_recipe(**parts)
        yield Kind(recipe, lambda run: LocalTrainer(recipe))
        return
    with running(make_provider()) as url:
        recipe = hosted_recipe(url, **parts)
        yield Kind(recipe, lambda run: make_trainer(recipe, run))


def make_stage_data(recipe: Recipe, num_cases: int = 20) -> StageData:
    views = [View(case, recipe.layout) for case in make_data().train[:num_cases]]
    truncated = [TruncatedView(view, 0) for view in views]
    return StageData(answer_instructions(views), truncated, InferenceDefaults(recipe.layout), lambda model: 0.5)


def teach(kind: Kind, run: Path, stage_data: StageData, observer: Recorder | None = None) -> tuple[Trainer, Path]:
    trainer = kind.make(run)
    base = trainer.make_base(InstructionBuilder(kind.recipe).texts(make_data().train), run / "base")
    place = StagePlace(kind.recipe.stages[0], 1, run / "1-chain")
    trainer.begin(place, base).train(stage_data, observer or Recorder())
    return trainer, place.checkpoint


def test_a_parent_is_asked_before_it_is_trained_on(kind: Kind, tmp_path: Path) -> None:
    trainer = kind.make(tmp_path)
    base = trainer.make_base(InstructionBuilder(kind.recipe).texts(make_data().train), tmp_path / "base")
    trainee = trainer.begin(StagePlace(kind.recipe.stages[0], 1, tmp_path / "1-chain"), base).trainee
    assert trainee.name
    assert 0 < trainee.num_tokens(PROMPT) < trainee.context_length
    (replies,) = trainee.complete([Request("a", PROMPT)], Decoding(max_new_tokens=4))
    assert len(replies) == 1


def test_training_leaves_a_checkpoint_with_inference_defaults(kind: Kind, tmp_path: Path) -> None:
    recorder = Recorder()
    trainer, checkpoint = teach(kind, tmp_path, make_stage_data(kind.recipe), recorder)
    assert checkpoint == tmp_path / "1-chain" / CHECKPOINT
    assert InferenceDefaults.read(checkpoint) == InferenceDefaults(kind.recipe.layout)
    model = trainer.open(checkpoint)
    assert len(model.writer.complete([Request("a", PROMPT)], Decoding(max_new_tokens=4))) == 1


def test_preflight_checks_are_reported_and_written_first(kind: Kind, tmp_path: Path) -> None:
    recorder = Recorder()
    teach(kind, tmp_path, make_stage_data(kind.recipe), recorder)
    (checks,) = recorder.preflights
    assert (checks.num_rows, checks.num_by_kind) == (20, {"answer": 20})
    assert 0 < checks.num_trained_tokens < checks.num_tokens
    assert list(checks.samples) == ["answer"]
    assert (tmp_path / "1-chain" / PREFLIGHT).exists()


def test_steps_and_losses_are_reported(kind: Kind, tmp_path: Path) -> None:
    recorder = Recorder()
    teach(kind, tmp_path, make_stage_data(kind.recipe), recorder)
    assert [row["loss"] for row in recorder.rows if "loss" in row]
    assert all(1 <= step <= num_steps for step, num_steps in recorder.of("step"))
    assert recorder.of("step")[-1][0] == recorder.of("step")[-1][1]


def test_a_stage_that_was_stopped_goes_on_to_the_end(kind: Kind, tmp_path: Path) -> None:
    class Stopped(Recorder):
        def stepped(self, step: int, num_steps: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach(kind, tmp_path, make_stage_data(kind.recipe), Stopped())
    assert not (tmp_path / "1-chain" / CHECKPOINT).exists()
    recorder = Recorder()
    _, checkpoint = teach(kind, tmp_path, make_stage_data(kind.recipe), recorder)
    assert checkpoint.exists()
    assert recorder.of("step")[-1][0] == recorder.of("step")[-1][1]


def test_nothing_to_train_on_is_refused(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="stage chain: nothing left to train on"):
        teach(kind, tmp_path, make_stage_data(kind.recipe, num_cases=0))
    assert not (tmp_path / "1-chain" / CHECKPOINT).exists()


def test_stages_follow_each_other_and_are_not_done_twice(kind: Kind, tmp_path: Path) -> None:
    for _ in range(2):
        recorder = Recorder()
        train(kind.recipe, make_data(), tmp_path, recorder, trainer=kind.make(tmp_path))
    parents = [Checkpoint.read(tmp_path / name) for name in ("1-chain", "2-again")]
    assert [done and done.ref for done in parents] == ["1-chain/checkpoint", "2-again/checkpoint"]
    assert parents[1] is not None and parents[1].parent == "1-chain/checkpoint"
    assert recorder.preflights == []
