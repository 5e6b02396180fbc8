"""Batches of units for torch: every distinct text once, and what of it each utterance, flip and candidate takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fliptrace.models.encoder.trigger_inputs import join, move
from fliptrace.training.encoder.units import UNKNOWN, Unit
from fliptrace.training.examples import WIDTH_STEP


def collate(units: Sequence[Unit], text_ids: Sequence[Sequence[int]], numbers: dict[str, int]) -> dict[str, Tensor]:
    """Build a batch. `text_ids` are the token ids of every text of the training data, by their `numbers`.

    texts: (distinct,), the numbers of the texts in the batch; ids, mask: (distinct, time). says: (dialogues,
    utterances), positions among the distinct texts. speakers, labels: (dialogues, utterances); labels are UNKNOWN after
    a dialogue's end. teaches: (dialogues,), whether emotions are in the loss. is_trigger, is_known: (flips, window).
    The arrays of TriggerInputs count in utterances of all dialogues, padding included.
    """
    texts = sorted({numbers[text] for unit in units for text in unit.texts})
    position = {text: place for place, text in enumerate(texts)}
    longest = max(len(unit.texts) for unit in units)
    says = _rows([[position[numbers[text]] for text in unit.texts] for unit in units], longest, 0)
    inputs = join([move(unit.inputs, place * longest) for place, unit in enumerate(units)])
    arrays: dict[str, Any] = {
        "texts": np.array(texts),
        **_padded([text_ids[text] for text in texts]),
        "says": says,
        "speakers": _rows([unit.speakers for unit in units], longest, -1),
        "labels": _rows([unit.labels for unit in units], longest, UNKNOWN),
        "teaches": np.array([unit.teaches_emotions for unit in units]),
        "is_trigger": np.concatenate([unit.is_trigger for unit in units]),
        "is_known": np.concatenate([unit.is_known for unit in units]),
        **{f"trigger_{name}": array for name, array in inputs._asdict().items()},
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _rows(rows: Sequence[Sequence[int] | NDArray[np.int64]], width: int, fill: int) -> NDArray[np.int64]:
    table = np.full((len(rows), width), fill, dtype=np.int64)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return table


def _padded(rows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    width = -(-max(map(len, rows)) // WIDTH_STEP) * WIDTH_STEP
    mask = _rows([[1] * len(row) for row in rows], width, 0)
    return {"ids": _rows(rows, width, 0), "mask": mask}


def draw_batches(units: Sequence[Unit], num_utterances: int, epochs: int, seed: int) -> list[list[int]]:
    """Draw batches of about `num_utterances` utterances, padding included, from units of similar length."""
    generator = np.random.default_rng(seed)
    batches: list[list[int]] = []
    for _ in range(epochs):
        lengths = np.array([len(unit.texts) for unit in units]) * np.exp(generator.normal(0, 0.2, len(units)))
        epoch: list[list[int]] = [[]]
        longest = 0
        for place in np.argsort(lengths).tolist():
            longest = max(longest, len(units[place].texts))
            if epoch[-1] and (len(epoch[-1]) + 1) * longest > num_utterances:
                epoch.append([])
                longest = len(units[place].texts)
            epoch[-1].append(place)
        generator.shuffle(epoch)
        batches += epoch
    return batches
