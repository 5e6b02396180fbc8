"""A chat model on a Hugging Face decoder: our own decoding loop around the stock forward pass.

Prompts on one dialogue share a prefix, which is prefilled once, and each prompt is prefilled once for all its replies
(models/trees/tree_decoder.py). Models whose attention does not support trees prefill each prompt separately
(kv_cache_decoder.py). Finished replies leave the batch. Not here: loading (loading.py), the text of prompts
(models/chat_template.py), the choice of the next token (sampling.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Completion, Message
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.base import Choice, Decoding, Form, Model, Request
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.architecture import context_length, require_attention
from fliptrace.models.local.constrained import ConstrainedReply, LineTokens
from fliptrace.models.local.forms import fill, first_tokens_differ, tokenize_form
from fliptrace.models.local.kv_cache_decoder import CachedReader
from fliptrace.models.local.sampling import Sampler
from fliptrace.models.local.scoring import MAX_PASS_LOGITS, ReplyLogprobScorer
from fliptrace.models.trees.attention import attending_to_trees
from fliptrace.models.trees.tree_decoder import TreeReader

# Cached positions per batch. 65,536 positions take 8 GiB for an 8B model with 8 KV heads in bf16. For a tiny model they
# are 256 replies of 256 tokens, beyond which two CPU cores gain nothing.
MAX_BATCH_TOKENS = 65_536
# Finished replies are dropped once they make up this share of the batch, since dropping copies the whole cache.
_DROP_SHARE = 0.25


class PromptReader(Protocol):
    """Runs the forward passes of a batch: prefills the prompts, then decodes one token per reply and step."""

    @staticmethod
    def order(prompt: Sequence[int]) -> Any:
        """Return the sort key of a prompt; neighbours in this order are batched together."""

    @staticmethod
    def num_cached(num_prompts: int, longest: int, num_replies: int, max_new_tokens: int) -> int:
        """Return the number of positions whose keys and values a batch caches."""

    def read(self, prompts: Sequence[Sequence[int]], num_replies: int, max_new_tokens: int) -> Tensor:
        """Prefill the prompts and return the logits of the first reply token, (prompts, vocab), in fp32."""

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token to every reply, tokens (replies,), and return the next logits, (replies, vocab), in fp32."""

    def keep(self, kept: Tensor) -> None:
        """Keep only these replies; `kept` are indices into the current replies, (replies kept,)."""


@dataclass(frozen=True, slots=True)
class _Prompt:
    index: int
    key: str
    ids: list[int]
    line: AnswerLine | None
    number: int  # of the first reply to this prompt


class LocalModel:
    """A ChatModel and a ReplyScorer on torch.

    `model` is a causal language model in eval mode; `name` identifies it in results. InputError if a layer of the model
    is not attention (state-space or linear-attention layers).
    """

    def __init__(self, model: Any, tokenizer: Any, name: str, *, max_batch_tokens: int = MAX_BATCH_TOKENS) -> None:
        require_attention(model.config, name)
        self.model = model
        self.chat_format = ChatFormat.of(tokenizer, model.generation_config)
        self.max_batch_tokens = max_batch_tokens
        self._name = name
        self._stop_ids = torch.tensor(sorted(self.chat_format.stop_ids), device=model.device)
        self._line_tokens = LineTokens(self.chat_format)
        self._scorer = ReplyLogprobScorer(model, self.chat_format, name, self.context_length)

    @property
    def name(self) -> str:
        return self._name

    @property
    def context_length(self) -> int:
        """The maximum number of tokens of prompt and reply together."""
        return context_length(self.model.config, self.chat_format.tokenizer)

    def num_tokens(self, messages: Sequence[Message]) -> int:
        """Return the number of tokens of the prompt for `messages`."""
        return len(self.chat_format.encode_prompt(messages))

    def as_model(self) -> Model:
        return Model(self.name, chat=self, scorer=self, forms=self)

    def fits(self, messages: Sequence[Message], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of `max_new_tokens` fit the context."""
        return self.num_tokens(messages) + max_new_tokens <= self.context_length

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See ChatModel. InputError if a prompt leaves no room for `max_new_tokens`."""
        prompts = [
            _Prompt(index, request.key, self.chat_format.encode_prompt(request.messages), request.line, request.number)
            for index, request in enumerate(requests)
        ]
        self._check_lengths(prompts, decoding.max_new_tokens)
        replies: dict[int, tuple[Completion, ...]] = {}
        for batch in self._batches(prompts, decoding.num_replies, decoding.max_new_tokens):
            written = self._write(batch, decoding)
            rows = iter(zip(written.tokens.tolist(), written.held, strict=True))
            for prompt in batch:
                completions = (self._completion(len(prompt.ids), *next(rows)) for _ in range(decoding.num_replies))
                replies[prompt.index] = tuple(completions)
        return [replies[index] for index in range(len(requests))]

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        """See ReplyScorer. InputError if a prompt and its longest reply exceed the context."""
        return self._scorer.score(choices)

    def can_fill(self, options: tuple[str, ...]) -> bool:
        """See FormFiller."""
        return first_tokens_differ(self.chat_format, options)

    def fill_forms(self, forms: Sequence[Form]) -> list[tuple[tuple[float, ...], ...]]:
        """See FormFiller. InputError if prompt and form exceed the context."""
        tokenized = [tokenize_form(form, self.chat_format) for form in forms]
        longest = max((each.max_new_tokens for each in tokenized), default=1)
        prompts = [_Prompt(i, form.key, tokenized[i].prompt, None, 0) for i, form in enumerate(forms)]
        self._check_lengths(prompts, longest)
        filled: dict[int, tuple[tuple[float, ...], ...]] = {}
        for batch in self._batches(prompts, 1, longest):
            with self._reader() as reader:
                found = fill([tokenized[prompt.index] for prompt in batch], reader, self.model.device)
            filled |= {prompt.index: each for prompt, each in zip(batch, found, strict=True)}
        return [filled[index] for index in range(len(forms))]

    @cached_property
    def _reader_type(self) -> type[TreeReader | CachedReader]:
        return TreeReader if self._scorer.takes_trees else CachedReader

    @contextmanager
    def _reader(self) -> Iterator[PromptReader]:
        if self._reader_type is CachedReader:
            yield CachedReader(self.model)
        else:
            with attending_to_trees(self.model):
                yield TreeReader(self.model)

    def _check_lengths(self, prompts: Sequence[_Prompt], max_new_tokens: int) -> None:
        room = self.context_length - max_new_tokens
        for prompt in prompts:
            if len(prompt.ids) > room:
                raise InputError(
                    f"{self.name}, request {prompt.key}",
                    f"a prompt of {len(prompt.ids)} tokens; expected at most {room}, the context of "
                    f"{self.context_length} less {max_new_tokens} for the reply",
                )

    def _batches(self, prompts: Sequence[_Prompt], num_replies: int, max_new_tokens: int) -> Iterator[list[_Prompt]]:
        """Yield batches of neighbouring prompts; only a batch of a single prompt may exceed the budget."""
        batch: list[_Prompt] = []
        longest = 0
        for prompt in sorted(prompts, key=lambda prompt: self._reader_type.order(prompt.ids)):
            longest = max(longest, len(prompt.ids))
            num_cached = self._reader_type.num_cached(len(batch) + 1, longest, num_replies, max_new_tokens)
            num_logits = (len(batch) + 1) * num_replies * self.model.config.get_text_config().vocab_size
            if batch and (num_cached > self.max_batch_tokens or num_logits > MAX_PASS_LOGITS):
                yield batch
                batch, longest = [], len(prompt.ids)
            batch.append(prompt)
        if batch:
            yield batch

    @torch.inference_mode()
    def _write(self, batch: Sequence[_Prompt], decoding: Decoding) -> _Written:
        """Decode the replies of a batch; replies to the same prompt are adjacent."""
        with self._reader() as reader:
            logits = reader.read([prompt.ids for prompt in batch], decoding.num_replies, decoding.max_new_tokens)
            logits = logits.repeat_interleave(decoding.num_replies, dim=0)
            sampler = self._sampler(batch, decoding)
            tokens = torch.full((len(sampler.rows), decoding.max_new_tokens), -1, device=self.model.device)
            ended = torch.zeros(len(sampler.rows), dtype=torch.bool, device=self.model.device)
            for step in range(decoding.max_new_tokens):
                chosen = sampler.choose(logits, step)
                tokens[sampler.rows, step] = chosen
                ended |= torch.isin(chosen, self._stop_ids)
                num_ended = int(ended.sum())
                if num_ended == len(ended) or step + 1 == decoding.max_new_tokens:
                    break
                if num_ended >= _DROP_SHARE * len(ended):
                    kept = torch.nonzero(~ended)[:, 0]
                    reader.keep(kept)
                    sampler.keep(kept)
                    chosen, ended = chosen[kept], ended[kept]
                logits = reader.step(chosen)
        return _Written(tokens, sampler.held)

    def _sampler(self, batch: Sequence[_Prompt], decoding: Decoding) -> Sampler:
        replies = [(prompt, number) for prompt in batch for number in range(decoding.num_replies)]
        return Sampler(
            decoding,
            keys=[(prompt.key, prompt.number + number) for prompt, number in replies],
            held=[ConstrainedReply(self._line_tokens, prompt.line) if prompt.line else None for prompt, _ in replies],
            rows=torch.arange(len(replies), device=self.model.device),
        )

    def _completion(self, num_prompt_tokens: int, row: list[int], held: ConstrainedReply | None) -> Completion:
        """Make a completion from a row of tokens, cut after its stop token, which counts as generated."""
        ends = (i for i, token in enumerate(row) if token in self.chat_format.stop_ids)
        end = next(ends, None)
        num_tokens = len(row) if end is None else end + 1
        text = self.chat_format.decode_reply(row[:num_tokens])
        prevented = tuple(held.prevented) if held else ()
        return Completion(text, num_prompt_tokens, num_tokens, "length" if end is None else "stop", prevented)


class _Written(NamedTuple):
    """Decoded replies and their constraints.

    tokens: (replies, max_new_tokens). What follows a stop token is undefined; steps that were not run hold -1.
    """

    tokens: Tensor
    held: Sequence[ConstrainedReply | None]
