"""The chat requests that a fake provider received and billed, and how many were in flight at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from fliptrace.core.files import Json
from fliptrace.fake_provider.settings import FaultKind


@dataclass(frozen=True, slots=True)
class Billed:
    """A chat request that was worked on.

    `request_sha256` is the hash of model, messages and parameters, `prompt_sha256` that of the messages alone. Choice i
    is reply number `seed` + i. `delivered` says that the response was sent while the client was still connected.
    """

    request_sha256: str
    prompt_sha256: str
    seed: int
    num_choices: int
    num_prompt_tokens: int
    num_completion_tokens: int
    delivered: bool


@dataclass(slots=True)
class Ledger:
    """Counts of chat requests since the start or the last reset. `arrivals` holds hashes of messages, in order."""

    num_requests: int = 0
    num_in_flight: int = 0
    max_in_flight: int = 0
    faults: Counter[FaultKind] = field(default_factory=Counter)
    arrivals: list[str] = field(default_factory=list)
    billed: list[Billed] = field(default_factory=list)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a request as in flight until the block ends."""
        self.num_requests += 1
        self.num_in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.num_in_flight)
        try:
            yield
        finally:
            self.num_in_flight -= 1

    def reset(self) -> None:
        self.num_requests, self.max_in_flight = 0, self.num_in_flight
        self.faults.clear()
        self.arrivals.clear()
        self.billed.clear()

    def to_json(self) -> Json:
        return {
            "num_requests": self.num_requests,
            "max_in_flight": self.max_in_flight,
            "faults": dict(self.faults),
            "num_prompt_tokens": sum(one.num_prompt_tokens for one in self.billed),
            "num_completion_tokens": sum(one.num_completion_tokens for one in self.billed),
            "num_billed": len(self.billed),
        }

    def calls_to_json(self) -> Json:
        """Return the sums of `to_json` and every single call."""
        return self.to_json() | {"arrivals": self.arrivals, "billed": [asdict(one) for one in self.billed]}
