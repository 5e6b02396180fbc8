"""Which token comes next in each of many replies: random numbers of their own, answer lines kept to what is legal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from fliptrace.models.base import Decoding
from fliptrace.models.local.constrained import ConstrainedReply, choose_legal

_DRAW_BLOCK = 32
_STRETCH = 256  # of a vocabulary: about the root of usual sizes


@dataclass(slots=True)
class Sampler:
    """Chooses for the replies that go on: row i belongs to reply `rows[i]`."""

    decoding: Decoding
    keys: Sequence[tuple[str, int]]  # of every reply: request key, number of the reply
    held: Sequence[ConstrainedReply | None]  # of every reply, to an answer line; None where it is free
    rows: Tensor  # (rows,)
    generators: list[np.random.Generator] = field(init=False)  # of every reply; none where greedy
    uniforms: Tensor | None = None  # (rows, _DRAW_BLOCK), the draws of this block of steps
    spares: dict[int, np.random.Generator] = field(default_factory=dict)  # of replies that were held back once

    def __post_init__(self) -> None:
        sampled = self.keys if self.decoding.kind == "sample" else ()
        self.generators = [reply_generator(self.decoding.seed, key, number) for key, number in sampled]

    def choose(self, logits: Tensor, step: int) -> Tensor:
        """The next token of every row, (rows,), from logits (rows, vocab)."""
        free = self._choose_freely(logits, step)
        if not any(self.held):
            return free
        rows = self.rows.tolist()

        def again(logits: Tensor, blocked: list[int]) -> Tensor:
            return self._choose_again(logits, [rows[position] for position in blocked])

        return choose_legal([self.held[row] for row in rows], free, logits, again)

    def keep(self, kept: Tensor) -> None:
        """Go on with these rows only, (rows kept,)."""
        self.rows = self.rows[kept]
        if self.uniforms is not None:
            self.uniforms = self.uniforms[kept]

    def _choose_freely(self, logits: Tensor, step: int) -> Tensor:
        if self.decoding.kind == "greedy":
            return logits.argmax(-1)
        if step % _DRAW_BLOCK == 0:
            block = np.stack([self.generators[row].random(_DRAW_BLOCK) for row in self.rows.tolist()])
            self.uniforms = torch.from_numpy(block.astype(np.float32)).to(logits.device)
        assert self.uniforms is not None
        return draw_tokens(logits, self.uniforms[:, step % _DRAW_BLOCK], self.decoding.temperature, self.decoding.top_p)

    def _choose_again(self, logits: Tensor, rows: list[int]) -> Tensor:
        """Tokens for these replies, (rows,), from numbers of their own: the free choice used up what was drawn."""
        if self.decoding.kind == "greedy":
            return logits.argmax(-1)
        for row in rows:
            if row not in self.spares:
                key, number = self.keys[row]
                self.spares[row] = reply_generator(self.decoding.seed, f"{key}/again", number)
        drawn = np.array([self.spares[row].random() for row in rows], dtype=np.float32)
        uniforms = torch.from_numpy(drawn).to(logits.device)
        return draw_tokens(logits, uniforms, self.decoding.temperature, self.decoding.top_p)


def reply_generator(seed: int, key: str, number: int) -> np.random.Generator:
    """The random numbers of one reply: they depend on nothing but seed, request key and number of the reply."""
    digest = hashlib.blake2b(f"{seed}\n{number}\n{key}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def draw_tokens(logits: Tensor, uniforms: Tensor, temperature: float, top_p: float) -> Tensor:
    """One token a row by inverse CDF: logits (rows, vocab) and uniforms in [0, 1] (rows,) to ids (rows,).

    Faster than torch.multinomial, and the draw belongs to the row whatever else is in the batch.
    """
    probabilities = torch.softmax(logits if temperature == 1 else logits / temperature, dim=-1)
    if top_p < 1:
        probabilities = _nucleus(probabilities, top_p)
    # First a stretch of the vocabulary, then a token in it: sums are made faster than running sums.
    sums = _sum_stretches(probabilities)
    draws = uniforms * sums.sum(-1)
    stretch = _draw(sums, draws)
    rest = draws - (sums.cumsum(-1) - sums).gather(-1, stretch[:, None])[:, 0]
    columns = stretch[:, None] * _STRETCH + torch.arange(_STRETCH, device=logits.device)
    inside = columns < probabilities.shape[1]
    shares = probabilities.gather(-1, columns.clamp(max=probabilities.shape[1] - 1)) * inside
    return stretch * _STRETCH + _draw(shares, rest)


def _sum_stretches(probabilities: Tensor) -> Tensor:
    """(rows, stretches); the last may be shorter."""
    whole = probabilities.shape[1] // _STRETCH * _STRETCH
    sums = probabilities[:, :whole].reshape(len(probabilities), whole // _STRETCH, _STRETCH).sum(-1)
    return torch.cat([sums, probabilities[:, whole:].sum(-1, keepdim=True)], dim=-1)


def _draw(shares: Tensor, draws: Tensor) -> Tensor:
    """The first column whose running sum goes beyond the draw, (rows,), or the last with a share."""
    cumulative = shares.cumsum(-1)  # (rows, columns)
    total = cumulative[:, -1]
    # Strictly below the total, so that the first column beyond the draw exists and has a share.
    below = torch.minimum(draws.clamp(min=0), torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, below[:, None], right=True)[:, 0]


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Zero outside the smallest set of likeliest tokens that reaches `top_p`, (rows, vocab)."""
    ordered, ids = probabilities.sort(dim=-1, descending=True)
    outside = ordered.cumsum(-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter(-1, ids, ordered.masked_fill(outside, 0.0))
