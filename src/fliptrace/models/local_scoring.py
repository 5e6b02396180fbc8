"""How probable a Hugging Face decoder finds replies laid before it: a tree a choice (reply_tree.py), batches of trees.

A model whose attention takes no mask of ours weighs every reply in a sequence of its own. Not here: which replies are
worth asking about (exact.py), sampling (local.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fliptrace.errors import InputError
from fliptrace.models.base import Choice
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.reply_tree import ReplyTree, TreeBatch, batch_trees, grow_tree

# Tokens in one forward pass, padding included: a pass of this size keeps two CPU cores busy, and a mask of 16,384 x
# 1,024 positions is 64 MiB.
MAX_PASS_TOKENS = 16_384
# Logits in one forward pass: 256 MiB in fp32. It bounds the batch where the vocabulary is large.
_MAX_PASS_LOGITS = 64 * 2**20
# What the layers of a model may be for a tree to pass through them.
_LAYER_KINDS = {"full_attention", "sliding_attention"}
# Replies long enough that seeing each other's tokens moves them by nats.
_PROBE_PROMPT, _PROBE_REPLIES = (
    (5, 6, 7),
    ((8, 9, 10, 11, 12, 13, 14, 15), (8, 15, 14, 13, 12, 11, 10, 9), (16, 17) * 4),
)
# Rounding moves the log-probability of such a reply by some 1e-5 in fp32, and by tenths in bf16.
_PROBE_TOLERANCES = {torch.float32: 1e-3, torch.float64: 1e-3}
_LOOSE_TOLERANCE = 1.5


class _Job(NamedTuple):
    place: int  # among the choices
    tree: ReplyTree


class ReplyWeigher:
    """Weighs replies with one model. `name` stands in errors, `context_length` are the positions the model knows."""

    def __init__(
        self,
        model: Any,
        chat_format: ChatFormat,
        name: str,
        context_length: int,
        max_pass_tokens: int = MAX_PASS_TOKENS,
    ) -> None:
        self.model = model
        self.chat_format = chat_format
        self.name = name
        self.context_length = context_length
        self.max_pass_tokens = max_pass_tokens
        self._takes = frozenset(inspect.signature(model.forward).parameters)
        self._config = model.config.get_text_config()
        # Many prompts are asked about the same answers, and to split and join those takes as long as to weigh them.
        self._replies = lru_cache(1024)(self._grow_replies)

    def weigh(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        """See ReplyScorer.score_replies. InputError where a prompt and its longest reply overrun the context."""
        jobs = [_Job(index, self._grow(choice)) for index, choice in enumerate(choices)]
        if not jobs or self.takes_trees:
            return self._weigh_jobs(jobs)
        apart = [grow_tree(tree.prompt, [_tokens_of(reply)]) for _, tree in jobs for reply in tree.reads]
        weights = iter(self._weigh_jobs([_Job(index, tree) for index, tree in enumerate(apart)]))
        return [tuple(next(weights)[0] for _ in tree.reads) for _, tree in jobs]

    @cached_property
    def takes_trees(self) -> bool:
        """Whether this model's attention heeds a mask and positions of ours: known kinds of layers, and tried out."""
        if self._config._attn_implementation not in ("eager", "sdpa") or "position_ids" not in self._takes:
            return False
        if not set(self._layer_kinds) <= _LAYER_KINDS:
            return False
        try:
            together = self._log_probs([grow_tree(_PROBE_PROMPT, _PROBE_REPLIES)], as_tree=True)[0]
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
            return False  # a decoder that does not know such a mask fails in its own way
        trees = [grow_tree(_PROBE_PROMPT, [reply]) for reply in _PROBE_REPLIES]
        apart = [weight for (weight,) in self._log_probs(trees, as_tree=False)]
        return bool(
            np.abs(np.subtract(together, apart)).max() < _PROBE_TOLERANCES.get(self.model.dtype, _LOOSE_TOLERANCE)
        )

    @property
    def _layer_kinds(self) -> tuple[str, ...]:
        return tuple(getattr(self._config, "layer_types", None) or ())

    def _grow(self, choice: Choice) -> ReplyTree:
        opening, replies = self._replies(choice.opening, choice.replies)
        prompt = (*self.chat_format.encode_prompt(choice.messages), *opening)
        wanted = len(prompt) + max(map(len, replies.reads))
        if wanted > self.context_length:
            raise InputError(
                f"{self.name}, choice {choice.key}",
                f"prompt and longest reply take {wanted} tokens; wanted at most {self.context_length}, the context",
            )
        return replace(replies, prompt=prompt)

    def _grow_replies(self, opening: str, replies: tuple[str, ...]) -> tuple[list[int], ReplyTree]:
        """The tokens of the opening, and the tree of what follows it, as yet after no prompt."""
        head, tails = self.chat_format.encode_replies(opening, replies)
        return head, replace(grow_tree((0,), tails), prompt=())

    def _weigh_jobs(self, jobs: Sequence[_Job]) -> list[tuple[float, ...]]:
        weights: dict[int, tuple[float, ...]] = {}
        for batch in self._batches(jobs):
            summed = self._log_probs([job.tree for job in batch], as_tree=self.takes_trees)
            weights |= {job.place: weight for job, weight in zip(batch, summed, strict=True)}
        return [weights[index] for index in range(len(jobs))]

    def _batches(self, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
        """Trees of like width together, widest first; a batch never exceeds the budget but for a single tree."""
        batch: list[_Job] = []
        for job in sorted(jobs, key=lambda job: (-len(job.tree.prompt), -len(job.tree.tokens))):
            trees = [each.tree for each in (*batch, job)]
            num_nodes = max(len(tree.tokens) for tree in trees)
            width = len(trees[0].prompt) + num_nodes
            num_logits = len(trees) * (num_nodes + 1) * self._config.vocab_size
            if batch and (len(trees) * width > self.max_pass_tokens or num_logits > _MAX_PASS_LOGITS):
                yield batch
                batch = []
            batch.append(job)
        if batch:
            yield batch

    @torch.inference_mode()
    def _log_probs(self, trees: Sequence[ReplyTree], *, as_tree: bool) -> list[tuple[float, ...]]:
        """Of every reply of every tree. Not `as_tree`: each tree is one reply, and the model masks by itself."""
        batch = batch_trees(trees, self.chat_format.pad_id)
        ids, positions = self._to_device(batch.ids), self._to_device(batch.positions)
        named: dict[str, Any] = {"position_ids": positions, "logits_to_keep": batch.num_read}
        output = self.model(
            input_ids=ids,
            attention_mask=self._tree_mask(batch) if as_tree else self._to_device(_padding_mask(trees, batch)),
            use_cache=False,
            **{name: value for name, value in named.items() if name in self._takes},
        )
        # (trees, num_read, vocab) in fp32
        logits = output.logits[:, -batch.num_read :].float()
        return _sum_reads(trees, logits)

    def _tree_mask(self, batch: TreeBatch) -> Tensor | dict[str, Tensor]:
        """What is added to the attention's scores, (trees, 1, time, time); where kinds of layers differ, one a kind."""
        visible = self._to_device(batch.visible)
        kinds = dict.fromkeys(self._layer_kinds)
        window: int = getattr(self._config, "sliding_window", None) or self.context_length
        if "sliding_attention" not in kinds:  # without kinds all layers are of one: Mistral's slide, Llama's do not
            return self._additive(visible if kinds else _within(visible, batch, window))
        masks = {"full_attention": visible, "sliding_attention": _within(visible, batch, window)}
        return {kind: self._additive(masks[kind]) for kind in kinds}

    def _additive(self, visible: Tensor) -> Tensor:
        dtype = self.model.dtype
        mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
        return mask.masked_fill_(~visible, torch.finfo(dtype).min)[:, None]

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.model.device)


def _within(visible: Tensor, batch: TreeBatch, window: int) -> Tensor:
    """What is visible and less than `window` positions back, as sliding layers see it, (trees, time, time)."""
    positions = torch.from_numpy(batch.positions).to(visible.device)
    return visible & (positions[:, :, None] - positions[:, None, :] < window)


def _padding_mask(trees: Sequence[ReplyTree], batch: TreeBatch) -> NDArray[np.int64]:
    """1 on the tokens of single replies, 0 on the padding, (trees, time): what the reply's last node sees."""
    last_of_prompt = batch.ids.shape[1] - batch.num_read
    rows = [batch.visible[row, last_of_prompt + len(tree.tokens)] for row, tree in enumerate(trees)]
    return np.stack(rows).astype(np.int64)


def _sum_reads(trees: Sequence[ReplyTree], logits: Tensor) -> list[tuple[float, ...]]:
    """As reply_tree.sum_reads, for a batch and on the device: only what is read leaves it."""
    reads = [
        (row, read.node + 1, read.token) for row, tree in enumerate(trees) for reply in tree.reads for read in reply
    ]
    rows, columns, tokens = torch.tensor(reads, device=logits.device).T
    normalisers = logits.logsumexp(-1)  # (trees, num_read)
    read = iter((logits[rows, columns, tokens] - normalisers[rows, columns]).double().tolist())
    return [tuple(sum(next(read) for _ in reply) for reply in tree.reads) for tree in trees]


def _tokens_of(reply: Sequence[Any]) -> list[int]:
    return [read.token for read in reply]
