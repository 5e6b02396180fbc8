"""One stage by itself: its final weights, early stopping, its files, and a full disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from tiny import make_model, make_tokenizer
from tiny_runs import make_cases, make_recipe, one_stage
from transformers import Trainer

from fliptrace.core.errors import RunError
from fliptrace.core.files import Json, read_json, write_json
from fliptrace.curate.teaching import answer_instructions
from fliptrace.models.chat_template import ChatFormat
from fliptrace.prompts.views import Layout, training_view
from fliptrace.training.batching import Rows
from fliptrace.training.examples import Example, collate, padded_width, tokenize
from fliptrace.training.local import StageJob, is_exhausted, train_stage
from fliptrace.training.losses import completion_loss
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.schedule import plan
from fliptrace.training.step_folders import WHOLE, keep_steps, newest_step

CHAT = ChatFormat.of(make_tokenizer())


def make_examples() -> tuple[Example, ...]:
    views = [training_view(case, Layout("window", window=2, max_words=6)) for case in make_cases(16)]
    return tokenize(answer_instructions(views), CHAT, 10_000).examples


EXAMPLES = make_examples()


def make_job(steps: Path, *, epochs: float = 2, **tuning: object) -> StageJob:
    """Per epoch: four batches of about four examples, and two evaluations, each with a checkpoint."""
    widest = padded_width(max(map(len, EXAMPLES)))
    settings: Json = {"batch_tokens": 4 * widest, "evals_per_epoch": 2, "patience": 9} | tuning
    recipe = make_recipe(stages=one_stage(epochs), tuning=settings)
    batching = Rows(EXAMPLES, recipe.tuning.batch_tokens, pad_id=0)
    schedule = plan(recipe.stages[0], recipe.tuning, batching, 7)
    return StageJob(recipe.stages[0], recipe.tuning, batching, schedule, 7, steps)


@dataclass
class Scripted(TrainingObserver):
    """Returns scripted F1 scores, and keeps the weights at each evaluation and all that is reported."""

    model: Any
    scores: Iterator[float]
    weights: list[dict[str, torch.Tensor]] = field(default_factory=list)
    rows: list[Json] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    resumed_from: list[int] = field(default_factory=list)

    def evaluate(self) -> float:
        assert not self.model.training
        self.weights.append({name: weight.clone() for name, weight in self.model.state_dict().items()})
        return next(self.scores)

    def resumed(self, step: int) -> None:
        self.resumed_from.append(step)

    def stepped(self, step: int, num_steps: int) -> None:
        self.steps.append(step)

    def logged(self, row: Json) -> None:
        self.rows.append(row)


def run(job: StageJob, *scores: float) -> Scripted:
    model = make_model("llama", CHAT.tokenizer)
    script = Scripted(model, iter(scores))
    train_stage(model, job, script.evaluate, script)
    return script


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize(
    "scores, best",
    [((0.1, 0.9, 0.2, 0.3), 1), ((0.1, 0.2, 0.3, 0.4), 3), ((0.4, 0.3, 0.2, 0.1), 0), ((0.1, 0.5, 0.5, 0.2), 2)],
)
def test_a_stage_ends_in_the_weights_best_on_val_of_equals_the_later(
    scores: tuple[float, ...], best: int, tmp_path: Path
) -> None:
    script = run(make_job(tmp_path), *scores)
    assert len(script.weights) == 4
    assert same(script.model.state_dict(), script.weights[best])
    assert not same(script.weights[0], script.weights[1])


@dataclass
class Poisoned(Scripted):
    """The same, and its weights become NaN at the end of a step."""

    at_step: int = 0

    def stepped(self, step: int, num_steps: int) -> None:
        if step == self.at_step:
            next(self.model.parameters()).data.fill_(float("nan"))


@pytest.mark.parametrize(
    ("at_step", "message"),
    [(3, "the loss is nan at step 4 of 8, so training has diverged; expected a lower learning_rate, a longer warm-up"),
     (8, r"[a-z_.]+ holds NaN or infinity after step 8, so training has diverged")],
)  # fmt: skip
def test_a_stage_whose_numbers_are_lost_ends_and_names_the_step(at_step: int, message: str, tmp_path: Path) -> None:
    model = make_model("llama", CHAT.tokenizer)
    script = Poisoned(model, iter((0.1, 0.2, 0.3, 0.4)), at_step=at_step)
    with pytest.raises(RunError, match=f"^stage chain: {message}"):
        train_stage(model, make_job(tmp_path), script.evaluate, script)


def test_a_stage_is_kept_whose_best_weights_are_from_before_they_were_lost(tmp_path: Path) -> None:
    model = make_model("llama", CHAT.tokenizer)
    script = Poisoned(model, iter((0.1, 0.9, 0.3, 0.4)), at_step=8)
    train_stage(model, make_job(tmp_path), script.evaluate, script)
    assert same(model.state_dict(), script.weights[1])


@pytest.mark.parametrize(
    "patience, scores, num_evaluations",
    [(1, (0.5, 0.4), 2), (2, (0.5, 0.6, 0.6, 0.6), 4), (2, (0.5, 0.4, 0.4), 3), (3, (0.5, 0.4, 0.4, 0.6), 4)],
)
def test_patience_counts_evaluations_without_a_better_one(
    patience: int, scores: tuple[float, ...], num_evaluations: int, tmp_path: Path
) -> None:
    script = run(make_job(tmp_path, patience=patience), *scores)
    assert len(script.weights) == num_evaluations
    assert script.steps[-1] == 2 * num_evaluations


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), max_size=8), st.integers(1, 4))
def test_a_stage_is_exhausted_where_the_last_evaluations_brought_nothing(scores: list[float], patience: int) -> None:
    log = [row for score in scores for row in ({"loss": 1.0}, {"eval_trigger_f1": score})]
    num_before = len(scores) - patience
    expected = num_before > 0 and max(scores[:num_before]) >= max(scores)
    assert is_exhausted(log, patience) == expected


@given(st.integers(1, 6), st.floats(0.2, 4), st.floats(0.2, 5), st.integers(1, 4))
def test_a_plan_ends_on_an_evaluation(num_batches: int, epochs: float, evals: float, accumulate: int) -> None:
    recipe = make_recipe(
        stages=one_stage(epochs), tuning={"evals_per_epoch": evals, "accumulate": accumulate, "batch_tokens": 10}
    )
    batching = Rows([Example((1,) * 10, 5)] * num_batches, batch_tokens=10, pad_id=0)
    schedule = plan(recipe.stages[0], recipe.tuning, batching, seed=0)
    assert schedule.num_steps >= 1 and schedule.eval_every >= 1
    assert schedule.num_steps % schedule.eval_every == 0
    assert len(schedule.batches) <= schedule.num_steps * accumulate


def test_the_best_and_the_newest_step_are_kept(tmp_path: Path) -> None:
    run(make_job(tmp_path), 0.1, 0.9, 0.2, 0.3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-4", "checkpoint-8"]
    assert all((path / WHOLE).exists() for path in tmp_path.iterdir())


def test_a_step_loses_its_mark_before_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (2, 4, 6):
        (tmp_path / f"checkpoint-{number}").mkdir()
        (tmp_path / f"checkpoint-{number}" / WHOLE).touch()
    removed: list[Path] = []
    monkeypatch.setattr(shutil, "rmtree", lambda folder: removed.append(folder))
    keep_steps(tmp_path / "checkpoint-6", tmp_path / "checkpoint-2")
    assert removed == [tmp_path / "checkpoint-4"]
    assert not (tmp_path / "checkpoint-4" / WHOLE).exists()


def test_half_a_step_is_removed_and_the_one_before_used(tmp_path: Path) -> None:
    run(make_job(tmp_path), 0.1, 0.9, 0.2, 0.3)
    (tmp_path / "checkpoint-8" / WHOLE).unlink()
    assert newest_step(tmp_path) == tmp_path / "checkpoint-4"
    assert not (tmp_path / "checkpoint-8").exists()


def test_no_step_is_no_place_to_go_on_from(tmp_path: Path) -> None:
    assert newest_step(tmp_path / "none") is None
    (tmp_path / "checkpoint-2").mkdir()
    assert newest_step(tmp_path) is None


def test_a_moved_step_finds_the_best_beside_it(tmp_path: Path) -> None:
    run(make_job(tmp_path / "old"), 0.1, 0.9, 0.2, 0.3)
    (tmp_path / "old").rename(tmp_path / "new")
    newest = newest_step(tmp_path / "new")
    assert newest == tmp_path / "new" / "checkpoint-8"
    state = read_json(newest / "trainer_state.json")
    assert state["best_model_checkpoint"] == str(tmp_path / "new" / "checkpoint-4")


def full(calls: int, error: Exception, original: Callable[..., Any]) -> Callable[..., Any]:
    """Raise `error` at the given call, when part of the step's files are written."""
    counted = iter(range(1, 100))

    def save(*args: Any, **kwargs: Any) -> Any:
        if next(counted) == calls:
            raise error
        return original(*args, **kwargs)

    return save


FULL = [
    OSError(28, "No space left on device"),
    RuntimeError("[enforce fail at inline_container.cc:858] unexpected pos 64 vs 0"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_full_disk_leaves_the_step_before_whole_and_a_later_run_goes_on(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = (0.1, 0.9, 0.2, 0.3)
    undisturbed = run(make_job(tmp_path / "undisturbed"), *scores)
    original = Trainer._save_optimizer_and_scheduler
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_save_optimizer_and_scheduler", full(3, error, original))
        with pytest.raises(RunError, match=r"checkpoint-6: could not be written \(.*free some space and run it again"):
            run(make_job(tmp_path / "full"), *scores)
    assert newest_step(tmp_path / "full") == tmp_path / "full" / "checkpoint-4"
    again = run(make_job(tmp_path / "full"), *scores[2:])
    assert (again.resumed_from, again.steps) == ([4], [5, 6, 7, 8])
    assert same(again.model.state_dict(), undisturbed.model.state_dict())
    assert again.rows == [row for row in undisturbed.rows if row["step"] > 4]


def test_errors_of_our_own_are_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Trainer._save_optimizer_and_scheduler
    monkeypatch.setattr(Trainer, "_save_optimizer_and_scheduler", full(1, AssertionError("ours"), original))
    with pytest.raises(AssertionError, match="ours"):
        run(make_job(tmp_path), 0.1)


def test_a_stage_that_had_stopped_takes_no_further_step(tmp_path: Path) -> None:
    stopped = run(make_job(tmp_path, patience=1), 0.9, 0.2)
    again = run(make_job(tmp_path, patience=1))
    assert (again.resumed_from, again.steps, again.rows) == ([4], [], [])
    assert same(again.model.state_dict(), stopped.weights[0])


def test_a_stage_that_was_through_takes_no_further_step(tmp_path: Path) -> None:
    through = run(make_job(tmp_path), 0.1, 0.9, 0.2, 0.3)
    again = run(make_job(tmp_path))
    assert (again.resumed_from, again.steps, again.rows) == ([8], [], [])
    assert same(again.model.state_dict(), through.weights[1])


def test_accumulated_batches_log_the_mean_loss_of_all_their_tokens(tmp_path: Path) -> None:
    """Neither the sum over the batches nor the mean of their means."""
    job = make_job(tmp_path, epochs=0.5, accumulate=2, learning_rate=1e-9, warmup_share=0.0, evals_per_epoch=1)
    [both] = [job.schedule.batches]
    assert len(both) == 2
    model = make_model("llama", CHAT.tokenizer)
    expected = completion_loss(model, collate([EXAMPLES[i] for batch in both for i in batch], 0)).item()
    [row] = [row for row in run(job, 0.5).rows if "loss" in row]
    assert row["loss"] == pytest.approx(expected, rel=1e-3)


def test_accumulated_halves_step_as_one_batch_of_both(tmp_path: Path) -> None:
    whole = make_job(tmp_path / "whole", epochs=1, batch_tokens=100_000, evals_per_epoch=1)
    num_half = -(-len(EXAMPLES) // 2) * padded_width(max(map(len, EXAMPLES)))
    halves = make_job(tmp_path / "halves", epochs=1, batch_tokens=num_half, accumulate=2, evals_per_epoch=1)
    for job, num_batches in ((whole, 1), (halves, 2)):
        batches = job.schedule.batches
        assert (len(batches), sum(map(len, batches))) == (num_batches, len(EXAMPLES))
    one, two = run(whole, 0.5), run(halves, 0.5)
    norms = [next(row["grad_norm"] for row in script.rows if "grad_norm" in row) for script in (one, two)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)


def test_a_constant_schedule_warms_up_all_the_same(tmp_path: Path) -> None:
    script = run(make_job(tmp_path, schedule="constant", warmup_share=0.5), 0.1, 0.2, 0.3, 0.4)
    rates = [row["learning_rate"] for row in script.rows if "learning_rate" in row]
    assert rates[0] == 0
    assert rates[-1] == 5e-3
    assert rates == sorted(rates)


def test_a_step_marked_by_hand_is_whole(tmp_path: Path) -> None:
    step = tmp_path / "checkpoint-2"
    write_json(step / "trainer_state.json", {"best_model_checkpoint": None})
    write_json(step / WHOLE, {"step": 2})
    assert newest_step(tmp_path) == step
