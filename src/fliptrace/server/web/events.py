"""Progress as server-sent events: of one job until it ends, or of all jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from fliptrace.server.service import Service
from fliptrace.server.web.access import NamedJob, RunningService
from fliptrace.server.web.problems import described
from fliptrace.server.web.schemas import DeletedJob, JobValue

router = APIRouter(tags=["events"])


@router.get(
    "/jobs/{id}/events",
    response_class=EventSourceResponse,
    responses=described(401, 404, 422, media_type="application/json"),
)
async def follow_job(job: NamedJob, service: RunningService) -> AsyncIterator[ServerSentEvent]:
    """Events `job` with the job, now and at each change, until it has ended; `deleted` if it is deleted."""
    with service.changes.listening(job.id) as changed:
        event = await _event(service, job.id)
        yield event
        while isinstance(event.data, JobValue) and not event.data.state.has_ended:
            if await anext(changed, None) is None:
                return
            event = await _event(service, job.id)
            yield event


@router.get("/events", response_class=EventSourceResponse, responses=described(401, media_type="application/json"))
async def follow_jobs(service: RunningService) -> AsyncIterator[ServerSentEvent]:
    """Events `job` with each job that changes, and `deleted`, from now on. A job that changes often may skip some."""
    with service.changes.listening() as changed:
        yield ServerSentEvent(event="listening", data={})
        async for id in changed:
            yield await _event(service, id)


async def _event(service: Service, id: str) -> ServerSentEvent:
    job = await run_in_threadpool(service.store.get, id)
    if job is None:
        return ServerSentEvent(event="deleted", data=DeletedJob(id=id))
    return ServerSentEvent(event="job", data=JobValue.of(job, service.changes.progress(id)))
