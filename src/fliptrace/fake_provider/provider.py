"""The fake provider itself: what it offers and how it behaves, and what it has been sent and has made so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fliptrace.fake_provider.api_errors import ApiError
from fliptrace.fake_provider.faults import FaultDraw
from fliptrace.fake_provider.ledger import Ledger
from fliptrace.fake_provider.settings import Faults, Honours, JobScript
from fliptrace.models.base import ChatModel


@dataclass(slots=True)
class FakeProvider:
    """`models` go by the names that requests use. `shutdown_dates`, YYYY-MM-DD by model, close them to new jobs.

    With an `api_key` every request has to bring it. `clock` tells seconds since 1970: jobs go by it.
    """

    models: Mapping[str, ChatModel]
    faults: Faults = field(default_factory=Faults)
    honours: Honours = field(default_factory=Honours)
    job_script: JobScript = field(default_factory=JobScript)
    shutdown_dates: Mapping[str, str] = field(default_factory=dict)
    api_key: str | None = None
    clock: Callable[[], float] = time.time

    ledger: Ledger = field(default_factory=Ledger, init=False)
    fault_draw: FaultDraw = field(init=False)
    model_lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    started_at: int = field(init=False)

    def __post_init__(self) -> None:
        self.fault_draw = FaultDraw(self.faults)
        self.started_at = int(self.clock())

    def find_model(self, name: str) -> ChatModel:
        """The model of that name; ApiError where there is none."""
        model = self.models.get(name)
        if model is None:
            message = f"The model `{name}` does not exist or you do not have access to it."
            raise ApiError(message, status=404, param="model", code="model_not_found")
        return model
