"""The arms of bench/train.py: TRL's SFTTrainer as a user sets it up, and our loop with and without prefix trees.

All arms take the same examples in optimizer steps of about 32, clip gradients and use fused AdamW, as Hugging Face's
Trainer does by default. The learning rate is 0, so that every round does the same work and has the same loss.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from measuring import Open, multiply_rate
from peft.helpers import disable_input_dtype_casting
from torch import Tensor, nn
from transformers import PrinterCallback, TrainerCallback

from fliptrace.core.messages import Instruction
from fliptrace.curate.instructions import to_row
from fliptrace.models.local.loading import load_causal_lm, load_tokenizer, quiet
from fliptrace.training.base import lora_config, with_new_adapter
from fliptrace.training.batching import Batching, Rows, Trees
from fliptrace.training.compute import attend_to_batches
from fliptrace.training.examples import IGNORED, Tokenized
from fliptrace.training.losses import completion_loss
from fliptrace.training.packing.halves import Halves, count_labels, split
from fliptrace.training.packing.support import why_not_packed
from fliptrace.training.recipe_tables import Tuning

STEP_EXAMPLES = 32
_TRL_BATCH = 8
_HALVES = Halves()
# Tokens in a pack: TRL's default. Packs are longer where an example is longer, or it would be cut.
_PACK_TOKENS = 1_024


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """The work of every arm; `row_tokens` and `tree_tokens` are the token budgets of a forward pass of our own arms.

    With a `lora_rank`, all arms freeze the weights and train an adapter.
    """

    folder: Path
    instructions: tuple[Instruction, ...]
    tokenized: Tokenized
    seed: int
    row_tokens: int
    tree_tokens: int
    lora_rank: int | None = None

    @property
    def tuning(self) -> Tuning:
        return Tuning(method="lora", learning_rate=1e-4, lora_rank=self.lora_rank or 16)


class TrainingRound(NamedTuple):
    """One measured round.

    `num_run` counts the tokens that went through the model, padding included; `loss` is the mean over all labels.
    """

    seconds: float
    loss: float
    num_run: int
    num_steps: int
    flops_a_second: float


def _open_rows(job: TrainingJob, *, bf16: bool = False) -> partial[TrainingRound]:
    model, pad_id = _load(job, bf16=bf16)
    return _open_own(model, Rows(job.tokenized.examples, job.row_tokens, pad_id), job, bf16=bf16)


def _open_tree(job: TrainingJob, *, bf16: bool = False, in_halves: bool = False) -> partial[TrainingRound]:
    model, pad_id = _load(job, bf16=bf16)
    trees = Trees.of(job.tokenized, job.tree_tokens, pad_id, in_halves=in_halves)
    objection = why_not_packed(model, trees.probe_examples, trees.pad_id)
    assert objection is None, objection
    return _open_own(model, trees, job, bf16=bf16)


def _open_own(model: Any, batching: Rows | Trees, job: TrainingJob, *, bf16: bool) -> partial[TrainingRound]:
    attend_to_batches(model, batching)
    return partial(_train, model, batching, job.seed, bf16=bf16)


class _Loaded(NamedTuple):
    model: Any
    pad_id: int


def _load(job: TrainingJob, *, bf16: bool) -> _Loaded:
    """A frozen base is bf16 where bf16 is computed, as in training/base.py."""
    folder = str(job.folder)
    model = load_causal_lm(folder, "bf16" if bf16 and job.lora_rank is not None else "fp32")
    if job.lora_rank is not None:
        model = with_new_adapter(model, job.tuning, job.seed)
    return _Loaded(model, load_tokenizer(folder).pad_token_id)


def _train(model: Any, batching: Batching, seed: int, *, bf16: bool) -> TrainingRound:
    steps = list(_in_steps(batching.draw(1, seed)))
    optimizer = torch.optim.AdamW(
        [w for w in model.parameters() if w.requires_grad], lr=0.0, weight_decay=0.0, fused=True
    )
    model.train()
    rate = multiply_rate(torch.bfloat16 if bf16 else torch.float32)
    losses, num_run = [], 0
    began = time.perf_counter()
    for step in steps:
        batches = [batching.collate(batch) for batch in step]
        num_labels = sum(map(count_labels, batches))
        with disable_input_dtype_casting(model, active=bf16):
            losses.append(num_labels * _step(model, batches, num_labels, optimizer, bf16=bf16))
        num_run += sum(row["input_ids"].numel() for batch in batches for row in split(batch))
    seconds = time.perf_counter() - began
    return TrainingRound(seconds, sum(losses) / _num_labels(batching.examples), num_run, len(steps), rate)


def _in_steps(batches: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
    """Group batches into optimizer steps of at least STEP_EXAMPLES examples; the last step may have fewer."""
    step: list[Sequence[int]] = []
    for batch in batches:
        step.append(batch)
        if sum(map(len, step)) >= STEP_EXAMPLES:
            yield step
            step = []
    if step:
        yield step


def _step(
    model: Any,
    batches: Sequence[dict[str, Tensor]],
    num_labels: int,
    optimizer: torch.optim.Optimizer,
    *,
    bf16: bool,
) -> float:
    def backward(row: dict[str, Tensor]) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            of_row = completion_loss(model, row, num_labels)
        of_row.backward()  # type: ignore[no-untyped-call]
        return of_row.detach()

    loss = 0.0
    for batch in batches:
        first, *others = split(batch)
        of_batch = _HALVES.run(partial(backward, first), partial(backward, others[0])) if others else backward(first)
        loss += of_batch.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss


def _num_labels(examples: Sequence[Any]) -> int:
    return sum(len(example) - example.num_prompt_tokens for example in examples)


def _open_trl(job: TrainingJob, *, bf16: bool = False, packing: bool = False) -> partial[TrainingRound]:
    import datasets  # type: ignore[import-untyped]

    datasets.disable_progress_bars()
    logging.getLogger("trl").setLevel(logging.ERROR)  # with packing it warns about SDPA; we compare losses
    return partial(_train_by_trl, job, bf16=bf16, packing=packing)


def _train_by_trl(job: TrainingJob, *, bf16: bool, packing: bool) -> TrainingRound:
    """Train once with a new trainer: one that is started twice wraps its model twice in autocast."""
    rate = multiply_rate(torch.bfloat16 if bf16 else torch.float32)
    with TemporaryDirectory() as folder, quiet():
        trainer = _make_trainer(job, Path(folder), bf16=bf16, packing=packing)
        _check_tokens(trainer.train_dataset, job.tokenized)
        trainer.data_collator = counter = _CountingCollator(trainer.data_collator)
        trainer.add_callback(watch := _Watch())
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    labels = counter.labels_a_step(trainer.args.gradient_accumulation_steps)
    loss = sum(loss * num for loss, num in zip(losses, labels, strict=True)) / sum(labels)
    del trainer
    gc.collect()  # it has reference cycles, and would stay in memory during the next round
    return TrainingRound(watch.seconds, loss, sum(counter.tokens), len(losses), rate)


def _make_trainer(job: TrainingJob, folder: Path, *, bf16: bool, packing: bool) -> Any:
    """Make a trainer as TRL documents it, without gradient checkpointing (slower) and without cutting examples."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]

    longest = max(map(len, job.tokenized.examples))
    batch = _TRL_BATCH if not packing else 1  # the packs of a batch become one row, whose mask grows quadratically
    config = SFTConfig(
        output_dir=str(folder),
        packing=packing,
        max_length=max(_PACK_TOKENS, longest),
        completion_only_loss=True,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=_packs_a_step(job, longest) if packing else STEP_EXAMPLES // batch,
        gradient_checkpointing=False,
        bf16=bf16,
        use_cpu=True,
        learning_rate=0.0,
        num_train_epochs=1,
        seed=job.seed,
        logging_steps=1,
        save_strategy="no",
        eval_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    rows = [to_row(instruction) for instruction in job.instructions]
    dataset = Dataset.from_list([{"prompt": row["prompt"], "completion": row["completion"]} for row in rows])
    loaded = load_causal_lm(str(job.folder), "fp32")
    tokenizer = load_tokenizer(str(job.folder))
    adapter = None if job.lora_rank is None else lora_config(job.tuning)
    return SFTTrainer(loaded, config, train_dataset=dataset, processing_class=tokenizer, peft_config=adapter)


def _packs_a_step(job: TrainingJob, longest: int) -> int:
    num_tokens = sum(map(len, job.tokenized.examples)) / len(job.tokenized.examples)
    return max(1, round(STEP_EXAMPLES * num_tokens / max(_PACK_TOKENS, longest)))


def _check_tokens(dataset: Any, tokenized: Tokenized) -> None:
    """Assert that TRL trains on the same tokens and labels as we do."""
    theirs = []
    for row in dataset:
        start = 0
        for length in row.get("seq_lengths") or [len(row["input_ids"])]:
            ids, labels = (row[name][start : start + length] for name in ("input_ids", "labels"))
            theirs.append((tuple(ids), sum(label == IGNORED for label in labels)))
            start += length
    ours = [(example.ids, example.num_prompt_tokens) for example in tokenized.examples]  # type: ignore[union-attr]
    assert sorted(theirs) == sorted(ours), "TRL trains on other tokens or labels than our arms"


class _CountingCollator:
    """A wrapper of a collator that counts the tokens and labels of every batch."""

    def __init__(self, collate: Any) -> None:
        self.collate = collate
        self.tokens: list[int] = []
        self._labels: list[int] = []

    def __call__(self, rows: Any) -> Mapping[str, Tensor]:
        batch: Mapping[str, Tensor] = self.collate(rows)
        self.tokens.append(batch["input_ids"].numel())
        self._labels.append(int((batch["labels"] != IGNORED).sum()))
        return batch

    def labels_a_step(self, accumulate: int) -> list[int]:
        starts = range(0, len(self._labels), accumulate)
        return [sum(self._labels[start : start + accumulate]) for start in starts]


class _Watch(TrainerCallback):  # type: ignore[misc]
    """A callback that times the training alone, from the first batch to the last step."""

    seconds = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.began = time.perf_counter()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.perf_counter() - self.began


ARMS: Mapping[str, Callable[..., Callable[[], TrainingRound]]] = {
    "trl padded": _open_trl,
    "trl padded bf16": partial(_open_trl, bf16=True),
    "trl packing": partial(_open_trl, packing=True),
    "rows": _open_rows,
    "rows bf16": partial(_open_rows, bf16=True),
    "trie": _open_tree,
    "trie bf16": partial(_open_tree, bf16=True),
    "trie halves bf16": partial(_open_tree, bf16=True, in_halves=True),
}


def open_arms(names: Sequence[str], job: TrainingJob) -> dict[str, Open[TrainingRound]]:
    return {name: partial(ARMS[name], job) for name in names}
