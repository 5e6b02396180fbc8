"""Group the examples of a stage into batches: one row per example, or prefix trees that share tokens.

Both kinds draw all batches before training starts, so that a resumed stage sees the same ones. The layout of a tree is
in training/packing/prefix_tree.py, the loss in losses.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from fliptrace.training.examples import Example, SoftExample, Tokenized, collate, make_batches
from fliptrace.training.packing.halves import join
from fliptrace.training.packing.prefix_tree import count_tokens
from fliptrace.training.packing.tree_batches import Bundle, bundle_examples, collate_tree, make_tree_batches

_NUM_PROBED = 3  # examples besides the longest one


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
    """Batches of prefix trees: examples of one dialogue stay together, and shared tokens are stored once.

    A batch is one row; `in_halves` two, each with its part of the dialogues, unless there is only one (halves.py).
    """

    examples: Sequence[Example]
    bundles: Sequence[Bundle]
    budget: int
    pad_id: int
    bundle_of: Mapping[int, int]  # by example
    in_halves: bool = False

    @classmethod
    def of(
        cls,
        tokenized: Tokenized,
        batch_tokens: int,
        pad_id: int,
        tree_tokens: int | None = None,
        *,
        in_halves: bool = False,
    ) -> Trees:
        """Bundle the examples of a stage. None may have soft targets, as `Recipe.packs` ensures.

        A batch takes at most `tree_tokens`, each shared token counted once; None: at most `batch_tokens` as rows.
        """
        plain = [example for example in tokenized.examples if isinstance(example, Example)]
        assert len(plain) == len(tokenized.examples) == len(tokenized.beginnings)
        budget = tree_tokens or batch_tokens
        bundles = bundle_examples(plain, tokenized.beginnings, budget, as_tree=tree_tokens is not None)
        bundle_of = {place: number for number, bundle in enumerate(bundles) for place in bundle.members}
        return cls(plain, bundles, budget, pad_id, bundle_of, in_halves)

    def draw(self, epochs: float, seed: int) -> list[list[int]]:
        return make_tree_batches(self.bundles, self.budget, epochs, seed)

    def collate(self, batch: Sequence[int]) -> dict[str, Tensor]:
        return join([collate_tree([self.examples[place] for place in row], self.pad_id) for row in self._rows(batch)])

    def count_tokens(self, batch: Sequence[int]) -> int:
        return sum(count_tokens([self.examples[place] for place in row]) for row in self._rows(batch))

    def _rows(self, batch: Sequence[int]) -> list[list[int]]:
        """The batch; in halves, the dialogues dealt out to two rows, the largest first, each to the smaller row."""
        if not self.in_halves:
            return [list(batch)]
        chosen = [self.bundles[number] for number in dict.fromkeys(self.bundle_of[place] for place in batch)]
        rows: tuple[list[int], list[int]] = ([], [])
        filled = [0, 0]
        for bundle in sorted(chosen, key=lambda bundle: -bundle.size):
            smaller = int(filled[1] < filled[0])
            rows[smaller].extend(bundle.members)
            filled[smaller] += bundle.size
        return [row for row in rows if row]

    @property
    def probe_examples(self) -> list[Example]:
        """The best examples to test tree support with: of the longest dialogue that has more than one, the longest and
        a few others, since the test reads each as a row of its own.
        """

        def length(bundle: Bundle) -> tuple[bool, int]:
            return len(bundle.members) > 1, max(len(self.examples[place]) for place in bundle.members)

        members = [self.examples[place] for place in max(self.bundles, key=length).members]
        longest = max(members, key=len)
        others = [member for member in members if member is not longest]
        return [longest, *others[:: max(1, len(others) // _NUM_PROBED)][:_NUM_PROBED]]
