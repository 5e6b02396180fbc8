"""The fake provider itself: what it offers and how it behaves, and what it has been sent and has made so far."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Literal

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from fliptrace.core.errors import InputError
from fliptrace.fake_provider.api_errors import ApiError
from fliptrace.fake_provider.faults import FaultDraw
from fliptrace.fake_provider.job_life import Job, checkpoints
from fliptrace.fake_provider.ledger import Ledger
from fliptrace.fake_provider.settings import Faults, Honours, JobScript
from fliptrace.fake_provider.tuned import TunedModel
from fliptrace.models.base import Model


class StoredFile(BaseModel):
    """A file that was uploaded, as it is shown; `created_at` in seconds since 1970."""

    id: str
    object: Literal["file"] = "file"
    num_bytes: int = Field(serialization_alias="bytes")
    created_at: int
    filename: str
    purpose: Literal["fine-tune"] = "fine-tune"
    status: Literal["processed"] = "processed"
    status_details: None = None
    expires_at: None = None
    content: bytes = Field(exclude=True)


@dataclass(slots=True)
class FakeProvider:
    """What a provider holds: models that reply, files, jobs, and what it has billed.

    `models` are keyed by the names that requests use. From its `shutdown_dates` entry (YYYY-MM-DD) on, a model takes no
    new jobs. If there is an `api_key`, every request must bring it. `clock` gives seconds since 1970; jobs run by it.
    """

    models: Mapping[str, Model]
    faults: Faults = field(default_factory=Faults)
    honours: Honours = field(default_factory=Honours)
    job_script: JobScript = field(default_factory=JobScript)
    shutdown_dates: Mapping[str, str] = field(default_factory=dict)
    api_key: str | None = None
    clock: Callable[[], float] = time.time

    ledger: Ledger = field(default_factory=Ledger, init=False)
    files: dict[str, StoredFile] = field(default_factory=dict, init=False)
    jobs: dict[str, Job] = field(default_factory=dict, init=False)
    fault_draw: FaultDraw = field(init=False)
    model_thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1), init=False)
    started_at: int = field(init=False)
    _num_ids: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.fault_draw = FaultDraw(self.faults)
        self.started_at = int(self.clock())
        for name, text in self.shutdown_dates.items():
            try:
                date.fromisoformat(text)
            except ValueError as error:
                raise InputError(f"shutdown date of {name}", f"{text!r}; expected YYYY-MM-DD") from error

    def new_id(self, kind: str, content: bytes) -> str:
        """A unique id; the same things made in the same order get the same ids."""
        self._num_ids += 1
        return f"{kind}-{hashlib.sha256(b'%d %s' % (self._num_ids, content)).hexdigest()[:16]}"

    def find_model(self, name: str) -> Model:
        """The model of that name, which a job may have made or saved; ApiError if there is none."""
        if name in self.models:
            return self.models[name]
        job = self._makers().get(name)
        if job is None:
            message = f"The model `{name}` does not exist or you do not have access to it."
            raise ApiError(message, status=404, param="model", code="model_not_found")
        base = self.find_model(job.asked.model)
        return replace(base, name=name, chat=TunedModel(name, base.writer, job.training.by_heart))

    def tuned_names(self) -> list[str]:
        """The names of the models of jobs that have succeeded, without their checkpoints."""
        return [name for name, job in self._makers().items() if name == job.tuned_name]

    def shutdown_date(self, name: str) -> str | None:
        """The shutdown date of the model, or of the model it was tuned from."""
        base = name.split(":")[1] if name.startswith("ft:") else name
        return self.shutdown_dates.get(name, self.shutdown_dates.get(base))

    def _makers(self) -> dict[str, Job]:
        """The jobs by the names of the models that they have made and saved so far."""
        made = dict[str, Job]()
        for job in self.jobs.values():
            age = job.age(self.clock())
            made |= {checkpoint.name: job for checkpoint in checkpoints(job, age)}
            made |= {job.tuned_name: job} if job.status(age) == "succeeded" else {}
        return made


async def _provider_of(request: Request) -> FakeProvider:
    found: FakeProvider = request.app.state.provider
    return found


Provider = Annotated[FakeProvider, Depends(_provider_of)]  # a parameter of a route
