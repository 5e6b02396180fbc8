"""Chooses the next token of each reply in a batch: greedy or sampled, free or constrained to legal answer lines."""

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
_STRETCH = 256  # tokens of the vocabulary per stretch: about the square root of common vocabulary sizes


@dataclass(slots=True)
class Sampler:
    """Chooses the next token of every unfinished reply; row i belongs to reply `rows[i]`."""

    decoding: Decoding
    keys: Sequence[tuple[str, int]]  # request key and reply number of every reply
    held: Sequence[ConstrainedReply | None]  # constraint of every reply; None if it is free
    rows: Tensor  # (rows,)
    generators: list[np.random.Generator] = field(init=False)  # one per reply; empty for greedy decoding
    uniforms: Tensor | None = None  # (rows, _DRAW_BLOCK), random numbers for this block of steps
    spares: dict[int, np.random.Generator] = field(default_factory=dict)  # of replies that had a choice prevented

    def __post_init__(self) -> None:
        sampled = self.keys if self.decoding.kind == "sample" else ()
        self.generators = [reply_generator(self.decoding.seed, key, number) for key, number in sampled]

    def choose(self, logits: Tensor, step: int) -> Tensor:
        """Return the next token of every row, (rows,), given logits (rows, vocab)."""
        free = self._choose_freely(logits, step)
        if not any(self.held):
            return free
        rows = self.rows.tolist()

        def again(logits: Tensor, blocked: list[int]) -> Tensor:
            return self._choose_again(logits, [rows[position] for position in blocked])

        return choose_legal([self.held[row] for row in rows], free, logits, again)

    def keep(self, kept: Tensor) -> None:
        """Keep only these rows; `kept` are row indices, (rows kept,)."""
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
        """Choose tokens for these replies, (rows,), with separate random numbers: the free choice used up its own."""
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
    """Return the random generator of one reply, which depends only on seed, request key and reply number."""
    digest = hashlib.blake2b(f"{seed}\n{number}\n{key}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def draw_tokens(logits: Tensor, uniforms: Tensor, temperature: float, top_p: float) -> Tensor:
    """Draw one token id per row, (rows,), by inverse CDF from logits (rows, vocab) and uniforms in [0, 1], (rows,).

    This is faster than torch.multinomial, and the draw of a row does not depend on the rest of the batch.
    """
    probabilities = torch.softmax(logits if temperature == 1 else logits / temperature, dim=-1)
    if top_p < 1:
        probabilities = _nucleus(probabilities, top_p)
    # Draw a stretch of the vocabulary first, then a token in it: sums are faster than cumulative sums.
    sums = _sum_stretches(probabilities)
    draws = uniforms * sums.sum(-1)
    stretch = _draw(sums, draws)
    rest = draws - (sums.cumsum(-1) - sums).gather(-1, stretch[:, None])[:, 0]
    columns = stretch[:, None] * _STRETCH + torch.arange(_STRETCH, device=logits.device)
    inside = columns < probabilities.shape[1]
    shares = probabilities.gather(-1, columns.clamp(max=probabilities.shape[1] - 1)) * inside
    return stretch * _STRETCH + _draw(shares, rest)


def _sum_stretches(probabilities: Tensor) -> Tensor:
    """Sum the probabilities of each stretch, (rows, stretches); the last stretch may be shorter."""
    whole = probabilities.shape[1] // _STRETCH * _STRETCH
    sums = probabilities[:, :whole].reshape(len(probabilities), whole // _STRETCH, _STRETCH).sum(-1)
    return torch.cat([sums, probabilities[:, whole:].sum(-1, keepdim=True)], dim=-1)


def _draw(shares: Tensor, draws: Tensor) -> Tensor:
    """Return the first column whose cumulative sum exceeds the draw, (rows,), or else the last nonzero column."""
    cumulative = shares.cumsum(-1)  # (rows, columns)
    total = cumulative[:, -1]
    # Strictly below the total, so that such a column exists and is nonzero.
    below = torch.minimum(draws.clamp(min=0), torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulative, below[:, None], right=True)[:, 0]


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Set to zero all but the smallest set of likeliest tokens whose sum reaches `top_p`, (rows, vocab)."""
    ordered, ids = probabilities.sort(dim=-1, descending=True)
    outside = ordered.cumsum(-1) - ordered >= top_p
    return torch.zeros_like(probabilities).scatter(-1, ids, ordered.masked_fill(outside, 0.0))
