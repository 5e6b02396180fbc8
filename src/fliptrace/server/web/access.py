"""What routes get from the app: the service, a place for an upload in memory, the job that a path names."""

from __future__ import annotations

from asyncio import Semaphore
from typing import Annotated

from fastapi import Depends, Request

from fliptrace.server.service import Service
from fliptrace.server.storage.jobs import Job
from fliptrace.server.web.problems import no_such_job


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


RunningService = Annotated[Service, Depends(_service)]


def _uploads(request: Request) -> Semaphore:
    uploads: Semaphore = request.app.state.uploads
    return uploads


UploadPlaces = Annotated[Semaphore, Depends(_uploads)]


def _job(id: str, service: RunningService) -> Job:
    job = service.store.get(id)
    if job is None:
        raise no_such_job(id)
    return job


NamedJob = Annotated[Job, Depends(_job)]
