"""The support of every utterance of a dialogue as a trigger of one flip, kept where there is any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import overload


@dataclass(frozen=True, slots=True, eq=False)
class Support(Sequence[float]):
    """`support[i]`, 0 to 1, is the support for utterance i; `shares` are those that are not 0, ascending by utterance.

    A flip of a long conversation has a few candidates near it. A tuple for each of its flips would grow with the square
    of the length.

    >>> support = Support.of((0, 0.75, 0))
    >>> support[1], len(support), dict(support.shares), support == (0, 0.75, 0)
    (0.75, 3, {1: 0.75}, True)
    """

    num_utterances: int
    shares: Mapping[int, float]

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in self.shares.values()):
            raise ValueError(f"support {dict(self.shares)}: expected shares from 0 to 1")
        if not all(0 <= i < self.num_utterances for i in self.shares):
            raise ValueError(f"support for {sorted(self.shares)}: expected positions below {self.num_utterances}")
        present = {i: self.shares[i] for i in sorted(self.shares) if self.shares[i]}
        object.__setattr__(self, "shares", MappingProxyType(present))

    @classmethod
    def of(cls, support: Iterable[float]) -> Support:
        if isinstance(support, Support):
            return support
        rows = tuple(support)
        return cls(len(rows), dict(enumerate(rows)))

    def __len__(self) -> int:
        return self.num_utterances

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...
    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        places = range(self.num_utterances)[index]
        return self.shares.get(places, 0.0) if isinstance(places, int) else tuple(map(self.__getitem__, places))

    def __iter__(self) -> Iterator[float]:
        return (self.shares.get(i, 0.0) for i in range(self.num_utterances))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))
