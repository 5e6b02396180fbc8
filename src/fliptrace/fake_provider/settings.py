"""What a fake provider honours, what goes wrong with it, how its jobs go. Values only; nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fliptrace.core.errors import InputError

# dropped: the connection is closed before any work; dropped_after: once the work is done and billed, before the reply.
FaultKind = Literal["429", "500", "dropped", "dropped_after", "truncated"]


@dataclass(frozen=True, slots=True)
class Faults:
    """What chat requests meet. Shares are of all requests, drawn by `seed` in the order in which they arrive.

    `latency_seconds` is how long a reply takes at least, the provider's own work included.
    `retry_after_seconds` goes with a 429 as `Retry-After`; None leaves that header out. A truncated reply is cut in
    half, its finish_reason "length".
    """

    latency_seconds: float = 0.0
    share_429: float = 0.0
    share_500: float = 0.0
    share_dropped: float = 0.0
    share_dropped_after: float = 0.0
    share_truncated: float = 0.0
    retry_after_seconds: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.latency_seconds < 0 or (self.retry_after_seconds or 0) < 0:
            raise InputError("faults", "a time below 0 seconds")
        if min(self.shares.values()) < 0 or sum(self.shares.values()) > 1:
            raise InputError("faults", f"shares of {self.shares}; expected none below 0, and 1 or less together")

    @property
    def shares(self) -> dict[FaultKind, float]:
        return {
            "429": self.share_429,
            "500": self.share_500,
            "dropped": self.share_dropped,
            "dropped_after": self.share_dropped_after,
            "truncated": self.share_truncated,
        }


@dataclass(frozen=True, slots=True)
class Honours:
    """What requests may ask for. What is not honoured is silently ignored, as `transformers serve` does it.

    Without `n` there is one choice, without `sampling` every reply is the greedy one. `end_in_logprobs`: the
    log-probabilities of a reply have an entry for its end. Fields in `refuses` are answered with a 400; so is
    `max_completion_tokens` where it is not honoured: then only `max_tokens` bounds a reply.
    """

    n: bool = True
    sampling: bool = True
    logprobs: bool = True
    end_in_logprobs: bool = True
    response_format: bool = True
    max_completion_tokens: bool = True
    refuses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class JobScript:
    """How fine-tuning jobs go: `step_seconds` is how long they validate, are queued and run, each.

    With 0 seconds a job is at its end when it is looked at after it was made. `fail_with` is what every job fails with
    halfway through its run.
    """

    step_seconds: float = 0.0
    fail_with: str | None = None

    def __post_init__(self) -> None:
        if self.step_seconds < 0:
            raise InputError("job script", f"{self.step_seconds} seconds a state; expected 0 or more")
