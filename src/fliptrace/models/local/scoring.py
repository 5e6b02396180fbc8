"""Scores given replies with a Hugging Face decoder: computes the log-probability of each reply after its prompt.

Prompts and replies form one tree (models/trees/token_tree.py). A model whose attention does not support trees scores
every reply as a separate sequence. Not here: the choice of replies to score (inference/exact_voting.py), sampling
(model.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models.base import Choice
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.trees.attention import attending_to_trees, read_tree, why_no_trees
from fliptrace.models.trees.prefill_attention import PrefillAttention, widen
from fliptrace.models.trees.reply_tree import ROOT, ReplyTree, TreeBatch, batch_trees, grow_tree
from fliptrace.models.trees.token_tree import Branch, lay_out, num_shared

# Tokens per forward pass, padding included. A pass of this size keeps two CPU cores busy.
MAX_PASS_TOKENS = 16_384
# Logits per forward pass, 256 MiB in fp32. This bounds the batch if the vocabulary is large.
MAX_PASS_LOGITS = 64 * 2**20
# If a model ignored the tree mask, so that these replies saw each other, their scores would change by nats. They are
# ordinary words, because rounding in bf16 changes the scores of tokens that nobody writes by nats too.
_PROBE_PROMPT = (Message("user", "Which colour is the sky, and which is the grass?"),)
_PROBE_REPLIES = ("Blue and green.", "Blue is the sky, and the grass is green.", "Green is the grass.")
# Rounding changes the log-probability of such a reply by about 1e-5 in fp32 and by tenths of a nat in bf16.
_PROBE_TOLERANCES = {torch.float32: 1e-3, torch.float64: 1e-3}
_LOOSE_TOLERANCE = 1.5


class _Job(NamedTuple):
    place: int  # index of its choice
    tree: ReplyTree


class ReplyLogprobScorer:
    """Scores replies with one model.

    `name` identifies the model in errors, `context_length` is its maximum number of tokens, and `max_pass_tokens` is
    the budget of a forward pass.
    """

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
        self._parameters = frozenset(inspect.signature(model.forward).parameters)
        self._config = model.config.get_text_config()
        # Many prompts have the same candidate replies, whose tokenization and tree take as long as scoring them.
        self._replies = lru_cache(1024)(self._grow_replies)

    def score(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        """See ReplyScorer.score_replies. InputError if a prompt and its longest reply exceed the context."""
        jobs = [_Job(index, self._grow(choice)) for index, choice in enumerate(choices)]
        if not jobs or self.takes_trees:
            return self._score_jobs(jobs)
        separate = [grow_tree(tree.prompt, [_tokens_of(reply)]) for _, tree in jobs for reply in tree.reads]
        scores = iter(self._score_jobs([_Job(index, tree) for index, tree in enumerate(separate)]))
        return [tuple(next(scores)[0] for _ in tree.reads) for _, tree in jobs]

    @cached_property
    def takes_trees(self) -> bool:
        """Whether this model's attention supports trees, by its architecture and by a trial run."""
        if why_no_trees(self.model) is not None:
            return False
        opening, replies = self.chat_format.encode_replies("", _PROBE_REPLIES)
        prompt = [*self.chat_format.encode_prompt(_PROBE_PROMPT), *opening]
        try:
            together = self._score_tree([grow_tree(prompt, replies)])[0]
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
            return False  # decoders without tree support fail with various errors
        separate = self._score_separately([grow_tree(prompt, [reply]) for reply in replies])
        differences = np.abs(np.subtract(together, [score for (score,) in separate]))
        return bool(differences.max() < _PROBE_TOLERANCES.get(self.model.dtype, _LOOSE_TOLERANCE))

    def _grow(self, choice: Choice) -> ReplyTree:
        opening, replies = self._replies(choice.opening, choice.replies)
        prompt = (*self.chat_format.encode_prompt(choice.messages), *opening)
        needed = len(prompt) + max(map(len, replies.reads))
        if needed > self.context_length:
            raise InputError(
                f"{self.name}, choice {choice.key}",
                f"prompt and longest reply take {needed} tokens; expected at most {self.context_length}, the context",
            )
        return replace(replies, prompt=prompt)

    def _grow_replies(self, opening: str, replies: tuple[str, ...]) -> tuple[list[int], ReplyTree]:
        """Return the tokens of the opening and the tree of the replies after it; its prompt is still empty."""
        head, tails = self.chat_format.encode_replies(opening, replies)
        return head, replace(grow_tree((0,), tails), prompt=())

    def _score_jobs(self, jobs: Sequence[_Job]) -> list[tuple[float, ...]]:
        scores: dict[int, tuple[float, ...]] = {}
        score, batches = (
            (self._score_tree, self._tree_batches)
            if self.takes_trees
            else (self._score_separately, self._padded_batches)
        )
        for batch in batches(jobs):
            of_batch = score([job.tree for job in batch])
            scores |= {job.place: of_job for job, of_job in zip(batch, of_batch, strict=True)}
        return [scores[index] for index in range(len(jobs))]

    def _tree_batches(self, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
        """Yield batches that keep prompts on one dialogue together; only a single prompt may exceed the budget."""
        batch: list[_Job] = []
        num_tokens = num_read = 0
        for job in sorted(jobs, key=lambda job: job.tree.prompt):
            shared = num_shared(batch[-1].tree.prompt, job.tree.prompt) if batch else 0
            num_tokens += job.tree.num_tokens - shared
            num_read += len(job.tree.tokens) + 1
            too_many = num_tokens > self.max_pass_tokens or num_read * self._config.vocab_size > MAX_PASS_LOGITS
            if batch and too_many:
                yield batch
                batch, num_tokens, num_read = [], job.tree.num_tokens, len(job.tree.tokens) + 1
            batch.append(job)
        if batch:
            yield batch

    def _padded_batches(self, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
        """Yield batches of trees grouped by width, widest first; only a single tree may exceed the budget."""
        batch: list[_Job] = []
        for job in sorted(jobs, key=lambda job: (-len(job.tree.prompt), -len(job.tree.tokens))):
            trees = [each.tree for each in (*batch, job)]
            num_nodes = max(len(tree.tokens) for tree in trees)
            width = len(trees[0].prompt) + num_nodes
            num_logits = len(trees) * (num_nodes + 1) * self._config.vocab_size
            if batch and (len(trees) * width > self.max_pass_tokens or num_logits > MAX_PASS_LOGITS):
                yield batch
                batch = []
            batch.append(job)
        if batch:
            yield batch

    @torch.inference_mode()
    def _score_tree(self, trees: Sequence[ReplyTree]) -> list[tuple[float, ...]]:
        """Score all trees in one row, as one token tree."""
        branches = [_branch_of(tree) for tree in trees]
        narrow, _, starts = lay_out(branches)
        tree = widen(narrow, self.model.device)
        ids, positions = self._to_device(tree.ids), self._to_device(tree.positions)
        tails = zip(starts, branches, strict=True)
        read = [np.arange(start, start + len(branch.tail)) for start, branch in tails]
        row = PrefillAttention(tree, self.model.device)
        with attending_to_trees(self.model):
            logits = read_tree(self.model, ids, positions, row, self._to_device(np.concatenate(read)))
        return _sum_reads(trees, [0, *accumulate(map(len, read))], logits.float())

    @torch.inference_mode()
    def _score_separately(self, trees: Sequence[ReplyTree]) -> list[tuple[float, ...]]:
        """Score trees of a single reply, one per padded row; the model builds its own mask."""
        batch = batch_trees(trees, self.chat_format.pad_id)
        named: dict[str, Any] = {"position_ids": self._to_device(batch.positions), "logits_to_keep": batch.num_read}
        output = self.model(
            input_ids=self._to_device(batch.ids),
            attention_mask=self._to_device(_padding_mask(trees, batch)),
            use_cache=False,
            **{name: value for name, value in named.items() if name in self._parameters},
        )
        logits = output.logits[:, -batch.num_read :].flatten(0, 1)  # (trees x num_read, vocab)
        return _sum_reads(trees, range(0, len(logits), batch.num_read), logits.float())

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.model.device)


def _branch_of(tree: ReplyTree) -> Branch:
    """Make a branch whose tail starts with the last prompt token, because it predicts the first reply tokens."""
    parents = (ROOT, *(parent + 1 for parent in tree.parents))
    return Branch(tree.prompt[:-1], (tree.prompt[-1], *tree.tokens), parents)


def _padding_mask(trees: Sequence[ReplyTree], batch: TreeBatch) -> NDArray[np.int64]:
    """Return 1 on tokens and 0 on padding, (trees, time), for trees of a single reply: what its last node sees."""
    last_of_prompt = batch.ids.shape[1] - batch.num_read
    rows = [batch.visible[row, last_of_prompt + len(tree.tokens)] for row, tree in enumerate(trees)]
    return np.stack(rows).astype(np.int64)


def _sum_reads(trees: Sequence[ReplyTree], firsts: Sequence[int], logits: Tensor) -> list[tuple[float, ...]]:
    """Return the log-probability of every reply of every tree, summed on the device.

    logits: (rows, vocab). `firsts` holds, for every tree, the row of the logits after its prompt. Only the
    log-probabilities of reply tokens are copied from the device.
    """
    reads = [
        (first + read.node + 1, read.token)
        for first, tree in zip(firsts, trees, strict=False)
        for reply in tree.reads
        for read in reply
    ]
    rows, tokens = torch.tensor(reads, device=logits.device).T
    normalisers = logits.logsumexp(-1)  # (rows,)
    read = iter((logits[rows, tokens] - normalisers[rows]).double().tolist())
    return [tuple(sum(next(read) for _ in reply) for reply in tree.reads) for tree in trees]


def _tokens_of(reply: Sequence[Any]) -> list[int]:
    return [read.token for read in reply]
