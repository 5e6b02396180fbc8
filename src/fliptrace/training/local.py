"""Train one stage locally, in one process, with Hugging Face Trainer.

To what all training shares (batch_trainer.py) this adds the loss on completions only, batches in halves, evaluations on
val, and early stopping on their trigger F1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from transformers import TrainerCallback, TrainerState

from fliptrace.core.errors import RunError
from fliptrace.core.files import Json
from fliptrace.models.local.loading import quiet
from fliptrace.training.batch_trainer import BatchTrainer, training_arguments
from fliptrace.training.batching import Batching
from fliptrace.training.compute import attend_to_batches, pick_device, uses_bf16
from fliptrace.training.losses import completion_loss, require_finite
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.packing.halves import Halves, count_labels, split
from fliptrace.training.recipe_tables import Stage, Tuning
from fliptrace.training.schedule import Schedule
from fliptrace.training.step_folders import TRAINER_STATE_NAME, newest_step, step_number


@dataclass(frozen=True, slots=True)
class StageJob:
    """Everything `train_stage` needs to know about a stage.

    `steps` is the folder for the state that a killed stage resumes from.
    """

    stage: Stage
    tuning: Tuning
    batching: Batching
    schedule: Schedule
    seed: int
    steps: Path


@dataclass(frozen=True, slots=True)
class StageCost:
    """The planned cost of a stage. `num_tokens` go through the model, without padding."""

    num_parameters: int
    num_trainable: int
    num_steps: int
    num_evals: int
    num_tokens: int
    num_trained_tokens: int


def count_cost(model: Any, job: StageJob) -> StageCost:
    schedule = job.schedule
    rows = [job.batching.examples[i] for batch in schedule.batches for i in batch]
    return StageCost(
        num_parameters=sum(weight.numel() for weight in model.parameters()),
        num_trainable=sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
        num_steps=schedule.num_steps,
        num_evals=schedule.num_evals,
        num_tokens=sum(map(job.batching.count_tokens, schedule.batches)),
        num_trained_tokens=sum(len(row) - row.num_prompt_tokens for row in rows),
    )


def train_stage(model: Any, job: StageJob, evaluate: Callable[[], float], observer: TrainingObserver) -> Any:
    """Train `model` in place and return it with the weights that were best on val. A killed stage resumes.

    `evaluate` returns the trigger F1 on val of the model in its current state. RunError if the loss or the weights are
    no numbers any more.
    """
    attend_to_batches(model, job.batching)
    trainer = _StageTrainer(
        job.schedule.batches,
        model=model,
        args=_arguments(job),
        train_dataset=range(len(job.batching.examples)),  # positions in the batching
        eval_dataset=[],  # unused, since `evaluate` is overridden, but Trainer requires it
        data_collator=job.batching.collate,
        callbacks=[_Report(observer, job), _StopEarly(job.tuning.patience)],
    )
    trainer.score_on_val, trainer.patience = evaluate, job.tuning.patience
    trainer.in_bf16, trainer.halves, trainer.place = uses_bf16(job.tuning), Halves(), f"stage {job.stage.name}"
    resume_from = newest_step(job.steps)
    observer.resumed(step_number(resume_from) if resume_from else 0)
    with quiet():
        if resume_from is not None and _had_stopped(trainer, resume_from):
            trainer._load_best_model()
        else:
            trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    _require_finite_weights(trainer.model, trainer.place, trainer.state.global_step)
    return trainer.model


def _require_finite_weights(model: Any, place: str, step: int) -> None:
    """RunError if the last step, after which no loss is computed, left weights that are no numbers."""
    for name, weight in model.named_parameters():
        if weight.requires_grad and not torch.isfinite(weight).all():
            raise RunError(
                place,
                f"{name} holds NaN or infinity after step {step:,}, so training has diverged; expected a lower "
                "learning_rate, a longer warm-up, or precision = 'fp32'",
            )


def _had_stopped(trainer: _StageTrainer, step: Path) -> bool:
    """Whether a stage was killed after its early stop; if so, restore its state. Trainer would take one more step."""
    state = TrainerState.load_from_json(str(step / TRAINER_STATE_NAME))
    if not is_exhausted(state.log_history, trainer.patience):
        return False
    trainer.state = state
    return True


class _StageTrainer(BatchTrainer):
    score_on_val: Callable[[], float]
    patience: int
    in_bf16: bool
    halves: Halves
    place: str  # in errors

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: int | torch.Tensor | None = None,
    ) -> torch.Tensor:
        # Trainer divides by the number of batches per step exactly when it passes no `num_items_in_batch`.
        # TrainingArguments.bf16 would wrap the model's forward permanently, also for evaluations on val.
        with torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.in_bf16):
            return completion_loss(model, inputs, num_items_in_batch)

    def training_step(
        self, model: Any, inputs: dict[str, torch.Tensor], num_items_in_batch: int | torch.Tensor | None = None
    ) -> torch.Tensor:
        """Loss and gradients of a batch, of its halves at the same time. RunError if the loss is no number."""
        step: Callable[..., torch.Tensor] = super().training_step
        first, *others = split(inputs)
        # An adapter's weights are fp32. PEFT would cast its inputs to fp32, and autocast would cast them back.
        with disable_input_dtype_casting(model, active=self.in_bf16):
            if others:
                num = count_labels(inputs)
                loss = self.halves.run(lambda: step(model, first, num), lambda: step(model, others[0], num))
            else:
                loss = step(model, first, num_items_in_batch)
        require_finite(loss, self.place, self.state.global_step + 1, self.state.max_steps)
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        self.model.eval()
        metrics = {"eval_trigger_f1": self.score_on_val()}
        self.model.train()
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Prefer the later of two equal steps: it has learned more that val does not test."""
        if metrics["eval_trigger_f1"] == self.state.best_metric:
            self.state.best_metric = None  # with no best metric, any step counts as better
        is_best: bool = super()._determine_best_metric(metrics, trial)
        return is_best


def is_exhausted(log: Sequence[Json], patience: int) -> bool:
    """Whether the last `patience` evaluations in Trainer's history did not improve on the best before them."""
    scores = [row["eval_trigger_f1"] for row in log if "eval_trigger_f1" in row]
    return bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= patience


class _StopEarly(TrainerCallback):  # type: ignore[misc]
    """Stops after `patience` evaluations without improvement. Its only state is the trainer's saved history."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if is_exhausted(state.log_history, self.patience):
            control.should_training_stop = True


class _Report(TrainerCallback):  # type: ignore[misc]
    """Reports to the observer; saves and logs where the schedule says so."""

    def __init__(self, observer: TrainingObserver, job: StageJob) -> None:
        self.observer = observer
        self.job = job

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        schedule = self.job.schedule
        ends = state.global_step == schedule.num_steps
        control.should_save |= ends or state.global_step % schedule.save_every == 0
        if control.should_save or state.global_step % schedule.eval_every == 0:
            control.should_log = True  # a stage may resume from here and would lose the mean loss of the steps before
        self.observer.stepped(state.global_step, state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any, **_: Any) -> None:
        keys = ("loss", "learning_rate", "grad_norm", "eval_trigger_f1")
        row = {name: logs[name] for name in keys if name in logs}
        if row:
            self.observer.logged({"stage": self.job.stage.name, "step": state.global_step} | row)


def _arguments(job: StageJob) -> Any:
    tuning, schedule = job.tuning, job.schedule
    return training_arguments(
        job.steps,
        schedule.num_steps,
        warmup_share=tuning.warmup_share,
        device=pick_device(tuning.device),
        gradient_accumulation_steps=tuning.accumulate,
        learning_rate=job.stage.learning_rate or tuning.learning_rate,
        lr_scheduler_type="constant_with_warmup" if tuning.schedule == "constant" else tuning.schedule,
        weight_decay=tuning.weight_decay,
        max_grad_norm=tuning.max_grad_norm,
        seed=job.seed,
        logging_steps=max(1, schedule.eval_every // 5),
        eval_strategy="steps" if schedule.num_evals else "no",
        eval_steps=schedule.eval_every,
        save_strategy="steps",
        save_steps=schedule.eval_every,
        load_best_model_at_end=schedule.num_evals > 0,
        metric_for_best_model="trigger_f1",
        greater_is_better=True,
    )
