"""A Hugging Face decoder reads a tree: the masks that each kind of layer wants, and the loss of the completions.

transformers takes a mask of four dimensions as it stands, and a dict of them where layers differ in kind. Whether a
model can be asked to is said in tree_support.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fliptrace.training.examples import IGNORED
from fliptrace.training.prefix_tree import sees

SLIDING = "sliding_attention"


@dataclass(frozen=True, slots=True)
class TreeAttention:
    """What one model's layers are told to see.

    `kinds` are transformers' names of the kinds of layers it tells apart, none where all are alike; `window` is how
    many positions its sliding layers see, the token's own with them. `added` is the dtype of a mask that is added to
    the scores, None for a mask of booleans.
    """

    kinds: tuple[str, ...]
    window: int | None
    added: torch.dtype | None

    @classmethod
    def of(cls, model: Any) -> TreeAttention:
        """Of a Hugging Face model or an adapter over one, as it is now: its attention may be switched later."""
        config = model.config.get_text_config()
        kinds = tuple(dict.fromkeys(getattr(config, "layer_types", None) or ()))
        # Eager attention adds whatever it is given: True would raise a score by 1, and hide nothing.
        added = model.dtype if config._attn_implementation == "eager" else None
        return cls(kinds, getattr(config, "sliding_window", None), added)

    def masks(self, positions: Tensor, ends: Tensor) -> Tensor | dict[str, Tensor]:
        """Masks of one row, (1, 1, time, time), from its `position_ids` and `ends`, (1, time)."""
        columns = torch.arange(ends.shape[1], device=ends.device)
        visible = sees(columns[:, None], columns, ends[0])  # (time, time)
        near = visible
        if self.window is not None:
            near = visible & (positions[0, :, None] - positions[0] < self.window)
        if SLIDING not in self.kinds:  # without kinds a window is every layer's: Mistral's slide, Llama's have none
            return self._mask(visible if self.kinds else near)
        return {kind: self._mask(near if kind == SLIDING else visible) for kind in self.kinds}

    def _mask(self, visible: Tensor) -> Tensor:
        if self.added is None:
            return visible[None, None]
        hidden = torch.finfo(self.added).min
        return torch.zeros_like(visible, dtype=self.added).masked_fill_(~visible, hidden)[None, None]


def tree_loss(
    model: Any, attention: TreeAttention, inputs: dict[str, Tensor], num_tokens: int | Tensor | None = None
) -> Tensor:
    """Mean cross entropy over the completions' tokens of a row of `collate_tree`; the LM head runs over those alone.

    `num_tokens` is what to divide by where several rows make one optimizer step: the tokens of all of them.
    """
    positions, labels = inputs["position_ids"], inputs["labels"]
    taught = (labels[0] != IGNORED).nonzero()[:, 0]
    logits = model(
        input_ids=inputs["input_ids"],
        position_ids=positions,
        attention_mask=attention.masks(positions, inputs["ends"]),
        logits_to_keep=taught - 1,
        use_cache=False,
    ).logits  # (1, taught, vocab)
    loss = cross_entropy(logits[0].float(), labels[0, taught], reduction="sum")
    return loss / (len(taught) if num_tokens is None else num_tokens)
