"""Group the examples of a stage into batches: one row per example, or prefix trees that share tokens.

Both kinds draw all batches before training starts, so that a resumed stage sees the same ones. The layout of a tree is
in training/packing/prefix_tree.py, the loss in losses.py.
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
    """The batches of a stage. A batch lists examples by their position in the stage.

    A batch takes at most `batch_tokens` tokens, counted as rows, padding included. A longer example gets its own batch.
    """

    @property
    def examples(self) -> Sequence[Example | SoftExample]: ...

    def draw(self, epochs: float, seed: int) -> list[list[int]]:
        """All batches in order. More epochs only append batches."""

    def collate(self, batch: Sequence[int]) -> dict[str, Tensor]:
        """The input tensors of `completion_loss`."""

    def count_tokens(self, batch: Sequence[int]) -> int:
        """The tokens that go through the model, without padding."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Batches of padded rows, grouped by length."""

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
    """Batches of prefix trees: examples of one dialogue stay together, and shared tokens are stored once."""

    examples: Sequence[Example]
    bundles: Sequence[Bundle]
    budget: int
    pad_id: int

    @classmethod
    def of(cls, tokenized: Tokenized, batch_tokens: int, pad_id: int, tree_tokens: int | None = None) -> Trees:
        """Bundle the examples of a stage. None may have soft targets, as `Recipe.packs` ensures.

        A batch takes at most `tree_tokens`, each shared token counted once; None: at most `batch_tokens` as rows.
        """
        plain = [example for example in tokenized.examples if isinstance(example, Example)]
        assert len(plain) == len(tokenized.examples) == len(tokenized.beginnings)
        budget = tree_tokens or batch_tokens
        bundles = bundle_examples(plain, tokenized.beginnings, budget, as_tree=tree_tokens is not None)
        return cls(plain, bundles, budget, pad_id)

    def draw(self, epochs: float, seed: int) -> list[list[int]]:
        return make_tree_batches(self.bundles, self.budget, epochs, seed)

    def collate(self, batch: Sequence[int]) -> dict[str, Tensor]:
        return collate_tree([self.examples[place] for place in batch], self.pad_id)

    def count_tokens(self, batch: Sequence[int]) -> int:
        return count_tokens([self.examples[place] for place in batch])

    @property
    def probe_examples(self) -> list[Example]:
        """The best examples to test tree support with: the longest dialogue that has more than one example."""

        def length(bundle: Bundle) -> tuple[bool, int]:
            return len(bundle.members) > 1, max(len(self.examples[place]) for place in bundle.members)

        return [self.examples[place] for place in max(self.bundles, key=length).members]
