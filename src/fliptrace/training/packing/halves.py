"""Computes a step on a CPU in two halves of its dialogues at the same time, each on its half of the cores.

The products of a small model are too small to be shared among cores: at 135M weights two cores are 1.5 times as fast as
one, and two halves 1.8 times (docs/results.md). The gradients of the halves add up, and a sum of two does not depend on
their order, so a step is the same whichever half is ready first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from fliptrace.training.examples import IGNORED

LEAST_WEIGHTS = 30_000_000  # in a smaller model the interpreter, which runs one thread at a time, is what takes time
_SWITCH_SECONDS = 5e-5
_SECOND = "second."  # before the names of the second row's tensors


def gains_from_halves(model: Any, accumulate: int) -> bool:
    """Whether a model is faster in halves. Over several batches a step the order of sums would differ."""
    on_cores = model.device.type == "cpu" and torch.get_num_threads() > 1
    return on_cores and accumulate == 1 and model.num_parameters() >= LEAST_WEIGHTS


def join(rows: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """One batch from one or two rows."""
    first, *others = rows
    return first | {f"{_SECOND}{name}": tensor for row in others for name, tensor in row.items()}


def split(batch: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The rows of a batch; the inverse of `join`."""
    first = {name: tensor for name, tensor in batch.items() if not name.startswith(_SECOND)}
    second = {name.removeprefix(_SECOND): tensor for name, tensor in batch.items() if name.startswith(_SECOND)}
    return [first, second] if second else [first]


def count_labels(batch: dict[str, Tensor]) -> int:
    return sum(int((row["labels"] != IGNORED).sum()) for row in split(batch))


class Halves:
    """Runs two callables at the same time, each on half of the threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)

    def run(self, first: Callable[[], Tensor], second: Callable[[], Tensor]) -> Tensor:
        """The sum of both results. Both end before an error of one is raised."""
        with _half_of_the_threads() as num_threads:

            def beside() -> Tensor:
                torch.set_num_threads(num_threads)  # it holds for the thread that calls it
                return second()

            running = self._pool.submit(beside)
            try:
                result = first()
            finally:
                running.exception()
            return result + running.result()


@contextmanager
def _half_of_the_threads() -> Iterator[int]:
    """Give each half its threads, and let them take turns in the interpreter at once: an operation takes less than a
    millisecond, and by default one thread waits for the other for five.
    """
    before, interval = torch.get_num_threads(), sys.getswitchinterval()
    half = max(1, before // 2)
    torch.set_num_threads(half)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield half
    finally:
        torch.set_num_threads(before)
        sys.setswitchinterval(interval)
