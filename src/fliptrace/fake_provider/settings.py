"""Settings of a fake provider: the features it honours, its faults, the course of its jobs. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from fliptrace.core.errors import InputError

# dropped: the connection closes before any work; dropped_after: it closes after the work is billed, before the reply.
FaultKind = Literal["429", "500", "dropped", "dropped_after", "truncated"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults of chat requests.

    Shares are fractions of all requests; the faults are drawn by `seed` in the order of arrival. `latency_seconds` is
    the minimum time of a reply, the provider's own work included. `retry_after_seconds` is sent with a 429 as
    `Retry-After`; None omits that header. A truncated reply is cut in half and has finish_reason "length".
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
            raise InputError("faults", "found a time below 0 seconds; expected 0 or more")
        if min(self.shares.values()) < 0 or sum(self.shares.values()) > 1:
            raise InputError("faults", f"shares of {self.shares}; expected none below 0, and 1 or less together")

    @property
    def shares(self) -> dict[FaultKind, float]:
        return {kind: getattr(self, f"share_{kind}") for kind in get_args(FaultKind)}


@dataclass(frozen=True, slots=True)
class Honours:
    """The features that requests can use. Others are silently ignored, as `transformers serve` does.

    Without `n` there is one choice; without `sampling` every reply is the greedy one. `end_in_logprobs` gives the end
    of a reply an entry among its log-probabilities. Fields in `refuses` are answered with HTTP 400. So is
    `max_completion_tokens` where it is not honoured; then only `max_tokens` limits a reply.
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
    """The course of fine-tuning jobs.

    `step_seconds` is the duration of each state: validating, queued, running. With 0 seconds a job has ended when it is
    first retrieved after its creation. `fail_with` is the error that every job fails with halfway through its run.
    """

    step_seconds: float = 0.0
    fail_with: str | None = None

    def __post_init__(self) -> None:
        if self.step_seconds < 0:
            raise InputError("job script", f"{self.step_seconds} seconds a state; expected 0 or more")
