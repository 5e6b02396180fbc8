"""A Hugging Face decoder that answers: an own decoding loop on the stock forward pass and its KV cache.

Each prompt is prefilled once and its cache expanded to all its replies; prompts of like length share a batch; replies
that have ended leave it. Not here: loading (loading.py), the text of prompts (chat_template.py).
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, LinearAttentionCacheLayerMixin

from fliptrace.errors import InputError
from fliptrace.messages import Completion, Message
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.base import Choice, Decoding, Request
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.line_tokens import HeldReply, LineTokens, choose_legal
from fliptrace.models.local_scoring import ReplyWeigher

# Cached positions in one batch: 65,536 are 8 GiB for an 8B model with 8 KV heads in bf16, and 256 replies of 256
# tokens for a tiny one, beyond which two CPU cores gain nothing.
MAX_BATCH_TOKENS = 65_536
# Ended replies are dropped when they are this share of the batch: dropping copies the whole cache.
_DROP_SHARE = 0.25
# Prompt tokens in one forward pass. A 2.4M model on two cores prefilled 28,000 tokens in 1.1 to 1.4 s in passes of this
# size and in 2.8 to 3.8 s at once.
_PREFILL_TOKENS = 8_192
_DRAW_BLOCK = 32


@dataclass(frozen=True, slots=True)
class _Prompt:
    index: int
    key: str
    ids: list[int]
    line: AnswerLine | None


class LocalModel:
    """A ChatModel and a ReplyScorer on torch.

    `model` is a causal language model in eval mode, `name` what results call it.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str, *, max_batch_tokens: int = MAX_BATCH_TOKENS) -> None:
        for layer in DynamicCache(config=model.config).layers:
            if not isinstance(layer, DynamicLayer) or isinstance(layer, LinearAttentionCacheLayerMixin):
                raise InputError(
                    name, f"cache layer {type(layer).__name__}; wanted a decoder with attention throughout"
                )
        self.model = model
        self.chat_format = ChatFormat.of(tokenizer, model.generation_config)
        self.max_batch_tokens = max_batch_tokens
        self._name = name
        self._takes = frozenset(inspect.signature(model.forward).parameters)
        self._stop_ids = torch.tensor(sorted(self.chat_format.stop_ids), device=model.device)
        self._line_tokens = LineTokens(self.chat_format)
        self._weigher = ReplyWeigher(model, self.chat_format, name, self.context_length)

    @property
    def name(self) -> str:
        return self._name

    @property
    def context_length(self) -> int:
        """Tokens of prompt and reply together that the model can take in."""
        length: int = self.model.config.get_text_config().max_position_embeddings
        return length

    def num_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt that `messages` make."""
        return len(self.chat_format.encode_prompt(messages))

    def fits(self, messages: Sequence[Message], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the context."""
        return self.num_tokens(messages) + max_new_tokens <= self.context_length

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See ChatModel. InputError where a prompt leaves no room for `max_new_tokens`."""
        prompts = [
            _Prompt(index, request.key, self.chat_format.encode_prompt(request.messages), request.line)
            for index, request in enumerate(requests)
        ]
        self._check_lengths(prompts, decoding)
        replies: dict[int, tuple[Completion, ...]] = {}
        for batch in self._batches(prompts, decoding):
            written = self._decode(batch, decoding)
            rows = iter(zip(written.tokens.tolist(), written.held, strict=True))
            for prompt in batch:
                completions = (self._completion(len(prompt.ids), *next(rows)) for _ in range(decoding.num_replies))
                replies[prompt.index] = tuple(completions)
        return [replies[index] for index in range(len(requests))]

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        """See ReplyScorer. InputError where a prompt and its longest reply overrun the context."""
        return self._weigher.weigh(choices)

    def _check_lengths(self, prompts: Sequence[_Prompt], decoding: Decoding) -> None:
        room = self.context_length - decoding.max_new_tokens
        for prompt in prompts:
            if len(prompt.ids) > room:
                raise InputError(
                    f"{self.name}, request {prompt.key}",
                    f"a prompt of {len(prompt.ids)} tokens; wanted at most {room}, the context of "
                    f"{self.context_length} less {decoding.max_new_tokens} for the reply",
                )

    def _batches(self, prompts: Sequence[_Prompt], decoding: Decoding) -> Iterator[list[_Prompt]]:
        """Prompts of like length together, longest first; a batch never exceeds the budget but for a single prompt."""
        batch: list[_Prompt] = []
        for prompt in sorted(prompts, key=lambda prompt: -len(prompt.ids)):
            longest = len((batch or [prompt])[0].ids) + decoding.max_new_tokens
            if batch and (len(batch) + 1) * decoding.num_replies * longest > self.max_batch_tokens:
                yield batch
                batch = []
            batch.append(prompt)
        if batch:
            yield batch

    @torch.inference_mode()
    def _decode(self, batch: Sequence[_Prompt], decoding: Decoding) -> _Written:
        """The replies of a batch, those to one prompt side by side."""
        run = self._prefill(batch, decoding)
        tokens = torch.full((len(run.rows), decoding.max_new_tokens), -1, device=self.model.device)
        ended = torch.zeros(len(run.rows), dtype=torch.bool, device=self.model.device)
        for step in range(decoding.max_new_tokens):
            chosen = run.choose(step, decoding)
            tokens[run.rows, step] = chosen
            ended |= torch.isin(chosen, self._stop_ids)
            num_ended = int(ended.sum())
            if num_ended == len(ended) or step + 1 == decoding.max_new_tokens:
                break
            if num_ended >= _DROP_SHARE * len(ended):
                kept = torch.nonzero(~ended)[:, 0]
                run.keep(kept)
                chosen, ended = chosen[kept], ended[kept]
            run.logits = self._forward(
                chosen[:, None], run.mask[:, : run.width + step + 1], run.lengths[:, None] + step, run.cache
            )
        return _Written(tokens, run.held)

    def _prefill(self, batch: Sequence[_Prompt], decoding: Decoding) -> _Run:
        """Run the prompts once, padded on the left, and expand everything to the replies."""
        width, replies = max(len(prompt.ids) for prompt in batch), decoding.num_replies
        ids, mask = _pad_left([prompt.ids for prompt in batch], width, decoding.max_new_tokens)
        ids, mask = ids.to(self.model.device), mask.to(self.model.device)
        positions = (mask[:, :width].cumsum(-1) - 1).clamp(min=0)  # (prompts, width)
        caches, logits = [], []
        num_rows = max(1, _PREFILL_TOKENS // width)
        for start in range(0, len(batch), num_rows):
            rows = slice(start, start + num_rows)
            caches.append(DynamicCache(config=self.model.config))
            logits.append(self._forward(ids[rows], mask[rows, :width], positions[rows], caches[-1]))
        cache = _join(caches)
        cache.batch_repeat_interleave(replies)
        prompts = [(prompt, number) for prompt in batch for number in range(replies)]
        keys = [(prompt.key, number) for prompt, number in prompts]
        return _Run(
            cache=cache,
            logits=torch.cat(logits).repeat_interleave(replies, dim=0),
            mask=mask.repeat_interleave(replies, dim=0),
            lengths=(positions[:, -1] + 1).repeat_interleave(replies, dim=0),
            width=width,
            rows=torch.arange(len(keys), device=self.model.device),
            keys=keys,
            generators=[reply_generator(decoding.seed, *key) for key in keys] if decoding.kind == "sample" else [],
            held=[HeldReply(self._line_tokens, prompt.line) if prompt.line else None for prompt, _ in prompts],
        )

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache) -> Tensor:
        """Logits of the next token, (batch, vocab); the cache grows by the tokens given."""
        optional = {"position_ids": positions, "logits_to_keep": 1}
        named = {name: value for name, value in optional.items() if name in self._takes}
        output = self.model(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **named)
        logits: Tensor = output.logits[:, -1].float()
        return logits

    def _completion(self, num_prompt_tokens: int, row: list[int], held: HeldReply | None) -> Completion:
        """Cut a row of tokens at its end; the stop token counts as generated."""
        ends = (i for i, token in enumerate(row) if token in self.chat_format.stop_ids)
        end = next(ends, None)
        num_tokens = len(row) if end is None else end + 1
        text = self.chat_format.decode_reply(row[:num_tokens])
        prevented = tuple(held.prevented) if held else ()
        return Completion(text, num_prompt_tokens, num_tokens, "length" if end is None else "stop", prevented)


class _Written(NamedTuple):
    """Replies: tokens (replies, max_new_tokens), after a stop token whatever, -1 where never run; what held them."""

    tokens: Tensor
    held: list[HeldReply | None]


@dataclass(slots=True)
class _Run:
    """The replies of a batch still being written: row i of every tensor belongs to reply `rows[i]` of the batch."""

    cache: DynamicCache
    logits: Tensor  # (rows, vocab), of the next token
    mask: Tensor  # (rows, width + max_new_tokens), 0 on the padding
    lengths: Tensor  # (rows,), tokens of the prompt
    width: int  # of the longest prompt of the batch
    rows: Tensor  # (rows,)
    keys: list[tuple[str, int]]  # of every reply of the batch: request key, number of the reply
    generators: list[np.random.Generator]  # of every reply of the batch; none where greedy
    held: list[HeldReply | None]  # of every reply of the batch, to an answer line; None where it is free
    uniforms: Tensor | None = None  # (rows, _DRAW_BLOCK), the draws of this block of steps
    spares: dict[int, np.random.Generator] = field(default_factory=dict)  # of replies that were held back once

    def choose(self, step: int, decoding: Decoding) -> Tensor:
        """The next token of every row, (rows,)."""
        free = self._choose_freely(step, decoding)
        if not any(self.held):
            return free
        rows = self.rows.tolist()

        def again(logits: Tensor, blocked: list[int]) -> Tensor:
            return self._choose_again(logits, [rows[position] for position in blocked], decoding)

        return choose_legal([self.held[row] for row in rows], free, self.logits, again)

    def _choose_again(self, logits: Tensor, rows: list[int], decoding: Decoding) -> Tensor:
        """Tokens for these replies, (rows,), from numbers of their own: the free choice used up what was drawn."""
        if decoding.kind == "greedy":
            return logits.argmax(-1)
        for row in rows:
            if row not in self.spares:
                key, number = self.keys[row]
                self.spares[row] = reply_generator(decoding.seed, f"{key}/again", number)
        drawn = np.array([self.spares[row].random() for row in rows], dtype=np.float32)
        uniforms = torch.from_numpy(drawn).to(logits.device)
        return draw_tokens(logits, uniforms, decoding.temperature, decoding.top_p)

    def _choose_freely(self, step: int, decoding: Decoding) -> Tensor:
        if decoding.kind == "greedy":
            return self.logits.argmax(-1)
        if step % _DRAW_BLOCK == 0:
            block = np.stack([self.generators[row].random(_DRAW_BLOCK) for row in self.rows.tolist()])
            self.uniforms = torch.from_numpy(block.astype(np.float32)).to(self.logits.device)
        assert self.uniforms is not None
        return draw_tokens(self.logits, self.uniforms[:, step % _DRAW_BLOCK], decoding.temperature, decoding.top_p)

    def keep(self, kept: Tensor) -> None:
        """Go on with these rows only, (rows kept,)."""
        self.cache.batch_select_indices(kept)
        self.mask, self.lengths, self.rows = self.mask[kept], self.lengths[kept], self.rows[kept]
        if self.uniforms is not None:
            self.uniforms = self.uniforms[kept]


def _pad_left(prompts: Sequence[list[int]], width: int, max_new_tokens: int) -> tuple[Tensor, Tensor]:
    """ids (prompts, width) and attention mask (prompts, width + max_new_tokens), 0 on the padding."""
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.ones(len(prompts), width + max_new_tokens, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, : width - len(prompt)] = 0
    return ids, mask


def _join(caches: Sequence[DynamicCache]) -> DynamicCache:
    """Caches of equally wide prompts as one, batch after batch."""
    if len(caches) > 1:
        for index, layer in enumerate(caches[0].layers):
            layer.keys = torch.cat([cache.layers[index].keys for cache in caches])
            layer.values = torch.cat([cache.layers[index].values for cache in caches])
    return caches[0]


def reply_generator(seed: int, key: str, number: int) -> np.random.Generator:
    """The random numbers of one reply: they depend on nothing but seed, request key and number of the reply."""
    digest = hashlib.blake2b(f"{seed}\n{number}\n{key}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def draw_tokens(logits: Tensor, uniforms: Tensor, temperature: float, top_p: float) -> Tensor:
    """One token a row by inverse CDF: logits (rows, vocab) and uniforms in [0, 1] (rows,) to ids (rows,).

    Faster than torch.multinomial, and the draw belongs to the row whatever else is in the batch.
    """
    probabilities = torch.softmax(logits / temperature, dim=-1)
    if top_p < 1:
        probabilities = _nucleus(probabilities, top_p)
    cumulative = probabilities.cumsum(-1)  # (rows, vocab)
    total = cumulative[:, -1:]
    # Strictly below the total, so that the first token beyond the draw exists and has a probability.
    draws = torch.minimum(uniforms[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, draws, right=True)[:, 0]


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Zero outside the smallest set of likeliest tokens that reaches `top_p`, (rows, vocab)."""
    ordered, ids = probabilities.sort(dim=-1, descending=True)
    outside = ordered.cumsum(-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter(-1, ids, ordered.masked_fill(outside, 0.0))
