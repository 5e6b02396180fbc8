"""Tokenize instructions into examples, run preflight checks, and form batches by token budget."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from fliptrace.core.errors import RunError
from fliptrace.core.messages import Instruction
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.trees.reply_tree import ReplyTree, batch_trees, grow_tree
from fliptrace.prompts.views import TruncatedView
from fliptrace.training.preflight import Preflight, count_beyond_reach, count_kinds, first_of_kinds

WIDTH_STEP = 16  # batch widths are multiples of it, because oneDNN compiles and keeps bf16 kernels for every new width
IGNORED = -100  # the label that cross entropy ignores (torch's default ignore_index)


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of prompt and completion. The loss covers the ids from `num_prompt_tokens` on."""

    ids: tuple[int, ...]
    num_prompt_tokens: int

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class SoftExample:
    """Several replies to one prompt as one sequence. Reply i gets `shares[i]` of the loss."""

    tree: ReplyTree
    shares: tuple[float, ...]

    def __len__(self) -> int:
        return self.tree.num_tokens

    @property
    def num_prompt_tokens(self) -> int:
        return len(self.tree.prompt)

    @classmethod
    def of(cls, example: Example | SoftExample) -> SoftExample:
        """Convert a plain example into a tree with a single reply; a soft example is returned unchanged."""
        if isinstance(example, SoftExample):
            return example
        start = example.num_prompt_tokens
        return cls(grow_tree(example.ids[:start], [example.ids[start:]]), (1.0,))


@dataclass(frozen=True, slots=True)
class Tokenized:
    """The examples of a stage, in the order of their instructions.

    `too_long` are the ids of the instructions that exceed the model's context. `beginnings` holds the beginning of the
    instruction of each example.
    """

    examples: tuple[Example | SoftExample, ...]
    too_long: tuple[str, ...]
    beginnings: tuple[tuple[str, ...], ...] = ()


def tokenize(instructions: Sequence[Instruction], chat: ChatFormat, context_length: int) -> Tokenized:
    """Tokenize prompts and completions separately, as generation does.

    Rows longer than the context are left out and listed in `too_long`.
    """
    examples: list[Example | SoftExample] = []
    beginnings: list[tuple[str, ...]] = []
    too_long: list[str] = []
    for instruction in instructions:
        example = _tokenize(instruction, chat)
        if len(example) > context_length:
            too_long.append(instruction.id)
        else:
            examples.append(example)
            beginnings.append(instruction.beginning)
    return Tokenized(tuple(examples), tuple(too_long), tuple(beginnings))


def _tokenize(instruction: Instruction, chat: ChatFormat) -> Example | SoftExample:
    prompt = chat.encode_prompt(instruction.prompt)
    if not instruction.soft:
        return Example((*prompt, *chat.encode_completion(instruction.completion)), len(prompt))
    replies = [chat.encode_completion(text) for text, _ in instruction.soft]
    return SoftExample(grow_tree(prompt, replies), tuple(share for _, share in instruction.soft))


def preflight(
    instructions: Sequence[Instruction],
    tokenized: Tokenized,
    truncated: Sequence[TruncatedView],
    chat: ChatFormat,
    stage: str,
) -> Preflight:
    """Run the checks before training. Raises RunError if there is nothing to train on."""
    if not tokenized.examples:
        raise RunError(
            f"stage {stage}",
            f"nothing left to train on: {len(instructions)} rows, {len(tokenized.too_long)} of them too long",
        )
    left_out = frozenset(tokenized.too_long)
    kept = [instruction for instruction in instructions if instruction.id not in left_out]
    firsts = first_of_kinds(kept)
    samples = {kind: chat.tokenizer.decode(chat.encode_completion(one.completion)) for kind, one in firsts.items()}
    lengths = [len(example) for example in tokenized.examples]
    return Preflight(
        num_rows=len(lengths),
        num_by_kind=count_kinds(kept),
        num_dropped=len(tokenized.too_long),
        num_tokens=sum(lengths),
        num_trained_tokens=sum(len(e) - e.num_prompt_tokens for e in tokenized.examples),
        longest=max(lengths),
        samples=samples,
        too_long=tokenized.too_long,
        num_cut_views=sum(each.num_dropped > 0 for each in truncated),
        num_dropped_utterances=sum(each.num_dropped for each in truncated),
        num_cut_triggers=sum(bool(each.lost_triggers) for each in truncated),
        num_beyond_reach=count_beyond_reach(kept, truncated),
    )


def make_batches(lengths: Sequence[int], batch_tokens: int, epochs: float, seed: int) -> list[list[int]]:
    """Return all batches of a stage in order, as positions of examples of similar length.

    A batch has at most `batch_tokens` tokens, padding included; a longer example gets its own batch. Every epoch uses
    each example once, in newly drawn batches; a fractional last epoch is cut short.
    """
    batches: list[list[int]] = []
    whole, rest = divmod(epochs, 1)
    for epoch in range(int(whole) + (rest > 0)):
        of_epoch = list(_epoch(lengths, batch_tokens, random.Random(f"{seed}/{epoch}")))
        last = epoch == int(whole)
        batches += of_epoch[: max(1, round(len(of_epoch) * rest))] if last else of_epoch
    return batches


def _epoch(lengths: Sequence[int], batch_tokens: int, rng: random.Random) -> Iterator[list[int]]:
    widths = [padded_width(length) for length in lengths]
    order = sorted(range(len(widths)), key=lambda i: (widths[i], rng.random()))
    batches: list[list[int]] = [[]]
    for i in order:  # ascending, so the last one added is the longest of its batch
        if batches[-1] and (len(batches[-1]) + 1) * widths[i] > batch_tokens:
            batches.append([])
        batches[-1].append(i)
    rng.shuffle(batches)
    return iter(batches)


def padded_width(length: int) -> int:
    """The width of a batch whose longest example has this length.

    >>> padded_width(33)
    48
    """
    return -(-length // WIDTH_STEP) * WIDTH_STEP


def collate(examples: Sequence[Example | SoftExample], pad_id: int) -> dict[str, torch.Tensor]:
    """Collate rows, padded on the left, so that completions end together and the LM head can skip the prompts.

    Returns input_ids, attention_mask, position_ids and labels (not yet shifted), each (batch, time). If any example is
    soft, returns what `collate_soft` returns.
    """
    if any(isinstance(example, SoftExample) for example in examples):
        return collate_soft([SoftExample.of(example) for example in examples], pad_id)
    plain = [example for example in examples if isinstance(example, Example)]
    return _collate_plain(plain, pad_id)


def collate_soft(examples: Sequence[SoftExample], pad_id: int) -> dict[str, torch.Tensor]:
    """Collate soft examples, one tree per row.

    Returns input_ids and position_ids: (batch, time); attention_mask: (batch, 1, time, time), added to the attention
    scores; targets: (targets, 3), each a row, a column among the logits and a token; shares: (targets,), of the loss;
    num_read: the number of last columns whose logits are needed.
    """
    trees = [example.tree for example in examples]
    batch = batch_trees(trees, pad_id, WIDTH_STEP)
    shares: dict[tuple[int, int, int], float] = defaultdict(float)
    for row, example in enumerate(examples):
        for reads, share in zip(example.tree.reads, example.shares, strict=True):
            for read in reads:
                shares[row, read.node + 1, read.token] += share
    hides = ~torch.from_numpy(batch.visible)[:, None]  # (batch, 1, time, time)
    return {
        "input_ids": torch.from_numpy(batch.ids),
        "position_ids": torch.from_numpy(batch.positions),
        "attention_mask": torch.zeros(hides.shape).masked_fill(hides, torch.finfo(torch.float32).min),
        "targets": torch.tensor(list(shares)),
        "shares": torch.tensor(list(shares.values())),
        "num_read": torch.tensor(batch.num_read),
    }


def _collate_plain(examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    width = padded_width(max(map(len, examples)))
    ids = torch.full((len(examples), width), pad_id)  # (batch, time)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for row, example in enumerate(examples):
        ids[row, width - len(example) :] = torch.tensor(example.ids)
        mask[row, width - len(example) :] = 1
        start = width - len(example) + example.num_prompt_tokens
        labels[row, start:] = ids[row, start:]
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "labels": labels}
