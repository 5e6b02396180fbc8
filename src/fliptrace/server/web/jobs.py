"""Jobs: listed and searched, looked at, cancelled, deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from fliptrace.server.storage.jobs import JobFilter
from fliptrace.server.storage.search_index import MAX_QUERY
from fliptrace.server.storage.tables import MAX_NUMBER, JobState
from fliptrace.server.web.access import NamedJob, RunningService
from fliptrace.server.web.problems import described, no_such_job
from fliptrace.server.web.schemas import JobList, JobValue

router = APIRouter(tags=["jobs"])


class ListQuery(BaseModel):
    """Which jobs to list, as a client asks for them."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(
        default="",
        max_length=MAX_QUERY,
        description='Words that must all occur, or begin so; `"two words"` in this order; `speaker:Ana`, '
        "`emotion:anger`, `flip:joy>fear`, `flip:fear`, `name:monday`. Finds jobs that are DONE.",
    )
    state: list[JobState] = Field(default=[], description="Only jobs in one of these states.")
    model: list[str] = Field(default=[], description="Only jobs of one of these models.")
    before: int | None = Field(default=None, ge=1, le=MAX_NUMBER, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/jobs", responses=described(401, 422))
def list_jobs(service: RunningService, query: Annotated[ListQuery, Query()]) -> JobList:
    """List jobs, the newest first, in pages."""
    wanted = JobFilter(query.q, tuple(query.state), tuple(query.model), query.before)
    page = service.store.page(wanted, query.limit)
    return JobList(jobs=[JobValue.of(job, service.changes.progress(job.id)) for job in page.jobs], next=page.next)


@router.get("/jobs/{id}", responses=described(401, 404, 422))
def show_job(job: NamedJob, service: RunningService) -> JobValue:
    """Show a job."""
    return JobValue.of(job, service.changes.progress(job.id))


@router.post("/jobs/{id}/cancel", responses=described(401, 404, 422))
def cancel_job(id: str, service: RunningService) -> JobValue:
    """Cancel a job that waits or runs. One that has ended stays as it is."""
    job = service.store.cancel(id)
    if job is None:
        raise no_such_job(id)
    service.supervisor.abandon(id)
    return JobValue.of(job, None)


@router.delete("/jobs/{id}", status_code=204, responses=described(401, 404, 422))
def delete_job(id: str, service: RunningService) -> None:
    """Delete a job in any state: its transcript, its result, its words in the index. It cannot be undone."""
    if not service.store.delete(id):
        raise no_such_job(id)
    service.supervisor.abandon(id)
