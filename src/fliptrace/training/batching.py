"""How the examples of a stage come together in batches: each in a row of its own, or as trees of what they share.

Both draw all batches before the start, so that a resumed stage sees the same ones. Not here: how a tree is laid out
(training/packing/prefix_tree.py), nor what is made of the loss (local.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from fliptrace.training.examples import Example, SoftExample, Tokenized, collate, make_batches
from fliptrace.training.packing.prefix_tree import count_tokens
from fliptrace.training.packing.tree_batches import Bundle, bundle_examples, collate_tree, make_tree_batches


class Batching(Protocol):
    """Examples by their place in the stage, in batches that as rows take `batch_tokens` at most, padding included. One
    that is longer is a batch of its own.
    """

    @property
    def examples(self) -> Sequence[Example | SoftExample]: ...

    def draw(self, epochs: float, seed: int) -> list[list[int]]:
        """All batches in order; more epochs only add to them."""

    def collate(self, batch: Sequence[int]) -> dict[str, Tensor]:
        """What `completion_loss` takes."""

    def count_tokens(self, batch: Sequence[int]) -> int:
        """Those that go through the model, padding not counted."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Side by side, those of like length together."""

    examples: Sequence[Example | SoftExample]
    batch_tokens: int
    pad_id: int

    def draw(self, epochs: float, seed: int) -> list[list[int]]:
        return make_batches([len(example) for example in self.examples], self.batch_tokens, epochs, seed)

    def collate(self, batch: Sequence[int]) -> dict[str, Tensor]:
        return collate([self.examples[place] for place in batch], self.pad_id)

    def count_tokens(self, batch: Sequence[int]) -> int:
        return sum(len(self.examples[place]) for place in batch)


@dataclass(frozen=True, slots=True)
class Trees:
    """Those of a dialogue together, what they share once."""

    examples: Sequence[Example]
    bundles: Sequence[Bundle]
    batch_tokens: int
    pad_id: int

    @classmethod
    def of(cls, tokenized: Tokenized, batch_tokens: int, pad_id: int) -> Trees:
        """Of examples without soft targets, as recipes that pack make them."""
        plain = [example for example in tokenized.examples if isinstance(example, Example)]
        assert len(plain) == len(tokenized.examples) == len(tokenized.beginnings)
        return cls(plain, bundle_examples(plain, tokenized.beginnings, batch_tokens), batch_tokens, pad_id)

    def draw(self, epochs: float, seed: int) -> list[list[int]]:
        return make_tree_batches(self.bundles, self.batch_tokens, epochs, seed)

    def collate(self, batch: Sequence[int]) -> dict[str, Tensor]:
        return collate_tree([self.examples[place] for place in batch], self.pad_id)

    def count_tokens(self, batch: Sequence[int]) -> int:
        return count_tokens([self.examples[place] for place in batch])

    @property
    def probe_examples(self) -> list[Example]:
        """The examples that tell most of whether a model can read trees: a dialogue of several, the longest."""

        def length(bundle: Bundle) -> tuple[bool, int]:
            return len(bundle.members) > 1, max(len(self.examples[place]) for place in bundle.members)

        return [self.examples[place] for place in max(self.bundles, key=length).members]
