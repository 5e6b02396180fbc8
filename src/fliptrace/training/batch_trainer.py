"""Hugging Face Trainer, on batches that are drawn before training starts: what all training with it shares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from fliptrace.core.files import write_json
from fliptrace.training.runs import saving
from fliptrace.training.step_folders import WHOLE, keep_steps


class BatchTrainer(Trainer):  # type: ignore[misc]
    """Takes the batches in their order; each lists positions in `train_dataset`. Step folders are complete or removed.

    It keeps the newest step folder and, if the model is evaluated, the best one.
    """

    control: Any
    state: Any

    def __init__(self, batches: list[list[int]], **settings: Any) -> None:
        super().__init__(**settings)
        self.remove_callback(PrinterCallback)  # it prints to stdout, which is for results
        self.batches = batches

    def get_train_dataloader(self) -> Any:
        loader = DataLoader(self.train_dataset, batch_sampler=self.batches, collate_fn=self.data_collator)
        return self.accelerator.prepare(loader)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        with saving(folder):
            super()._save_checkpoint(model, trial)
            write_json(folder / WHOLE, {"step": self.state.global_step})
        keep_steps(folder, Path(self.state.best_model_checkpoint or folder))


class StepReport(TrainerCallback):  # type: ignore[misc]
    """Calls `on_step` after each step, with the number of steps done and of all."""

    def __init__(self, on_step: Callable[[int, int], None]) -> None:
        self.on_step = on_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.on_step(state.global_step, state.max_steps)


def training_arguments(folder: Path, num_steps: int, *, warmup_share: float, device: str, **settings: Any) -> Any:
    """The arguments of a Trainer that prints nothing. `settings` are further fields of TrainingArguments."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=num_steps,
        warmup_steps=round(warmup_share * num_steps),
        use_cpu=device == "cpu",
        remove_unused_columns=False,
        report_to=[],
        disable_tqdm=True,
        **settings,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # with more, Trainer would split our batches by nn.DataParallel
    return arguments
