"""The result of a job: as JSON, as a table, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from fliptrace.analysis.schema import AnalysisDocument
from fliptrace.server.service import Service
from fliptrace.server.storage.jobs import Job
from fliptrace.server.storage.tables import JobState
from fliptrace.server.web.access import NamedJob, RunningService
from fliptrace.server.web.problems import ApiError, described, no_such_job
from fliptrace.server.workers.tasks import RenderTask

# The page of an analysis allows its own script by hash (analysis/page.py). The sandbox gives it an origin of its own,
# so that nothing in it could reach the API with the reader's cookie.
_SANDBOX = "sandbox allow-scripts; connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

router = APIRouter(tags=["results"])


@router.get("/jobs/{id}/result", response_model=AnalysisDocument, responses=described(401, 404, 409, 422))
async def show_result(job: NamedJob, service: RunningService) -> Response:
    """The result as `fliptrace analyze --json` prints it; docs/analysis.schema.json is its schema."""
    return Response(await document_of(service, job), media_type="application/json")


@router.get(
    "/jobs/{id}/result.csv",
    response_class=Response,
    responses=described(401, 404, 409, 422, ok={"content": {"text/csv": {}}, "description": "One row per utterance"}),
)
async def show_table(job: NamedJob, service: RunningService) -> Response:
    """The result as a table with one row per utterance; docs/analyze.md describes its columns."""
    text = await _render(service, job, "csv")
    name = quote(f"{stem(job.name)}.csv")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/jobs/{id}/page",
    response_class=Response,
    responses=described(401, 404, 409, 422, ok={"content": {"text/html": {}}, "description": "A page of one file"}),
)
async def show_page(job: NamedJob, service: RunningService) -> Response:
    """The result as a page to click through, in one file that needs no network."""
    text = await _render(service, job, "page")
    return Response(text.encode(), media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _SANDBOX})


async def document_of(service: Service, job: Job) -> str:
    """The result of a job as JSON text; ApiError if it has none."""
    document = await run_in_threadpool(service.store.document, job.id)
    if document is None and job.state is JobState.DONE:  # deleted meanwhile
        raise no_such_job(job.id)
    if document is None:
        raise ApiError(409, "not_done", f"job {job.id} is {job.state.value}; expected DONE")
    return document


def done_jobs(service: Service, ids: Sequence[str]) -> list[Job]:
    """The jobs of these ids, in this order; ApiError if one is not there or not done."""
    return [_done_job(service, id) for id in dict.fromkeys(ids)]


def _done_job(service: Service, id: str) -> Job:
    job = service.store.get(id)
    if job is None:
        raise no_such_job(id)
    if job.state is not JobState.DONE:
        raise ApiError(409, "not_done", f"job {job.id} is {job.state.value}; expected DONE")
    return job


def stem(name: str) -> str:
    """The name of a file without its ending.

    >>> stem("calls.monday.vtt"), stem("pasted")
    ('calls.monday', 'pasted')
    """
    return name.rpartition(".")[0] or name


async def _render(service: Service, job: Job, form: Literal["csv", "page"]) -> str:
    return str(await service.short_tasks.run(RenderTask(await document_of(service, job), form)))
