"""Many conversations at once: emotions, flips and triggers by conversation, speaker and quarter, as JSON or a table.

Every result is counted in a short task, a few at a time, so that neither requests nor memory grow with the selection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from fliptrace.analysis.overview import CountedDialogue, Overview, make_overview
from fliptrace.analysis.overview_tables import OverviewTable, overview_csv
from fliptrace.analysis.tally import Tally
from fliptrace.core.files import Json
from fliptrace.server.service import Service
from fliptrace.server.storage.jobs import Job, JobFilter
from fliptrace.server.storage.tables import JobState
from fliptrace.server.web.access import RunningService
from fliptrace.server.web.jobs import ListQuery
from fliptrace.server.web.problems import ApiError, described
from fliptrace.server.web.results import done_jobs
from fliptrace.server.workers.tasks import TallyTask

_MAX_JOBS = 200
_MAX_UTTERANCES = 200_000  # of a selection, which takes ten seconds or so
_NUM_AT_A_TIME = 2  # as many as there are processes for short tasks

router = APIRouter(tags=["overview"])


class OverviewQuery(ListQuery):
    """A selection of conversations: by their ids, or as the list of jobs filters them."""

    job: list[str] = Field(
        default=[], max_length=_MAX_JOBS, description="Only these jobs, in this order, without any filter."
    )
    limit: int = Field(default=_MAX_JOBS, ge=1, le=_MAX_JOBS)


class OverviewTableQuery(OverviewQuery):
    table: OverviewTable = "conversations"


class OverviewValue(Overview):
    """What was found in a selection of conversations that are DONE, corrections applied."""

    num_left_out: int = Field(description="Jobs that fit the filter, but are not DONE.")
    next: int | None = Field(description="The `before` of the next selection; null if no older job fits the filter.")


class _Selection(NamedTuple):
    jobs: list[Job]
    num_left_out: int
    next: int | None


@router.get("/overview", responses=described(401, 404, 409, 422, 503))
async def show_overview(service: RunningService, query: Annotated[OverviewQuery, Query()]) -> OverviewValue:
    """Sum up to 200 conversations up. Without a `state`, those that are DONE; speakers of equal names are one."""
    return await _overview(service, query)


@router.get(
    "/overview.csv",
    response_class=Response,
    responses=described(
        401, 404, 409, 422, 503, ok={"content": {"text/csv": {}}, "description": "A table of the overview"}
    ),
)
async def show_overview_table(service: RunningService, query: Annotated[OverviewTableQuery, Query()]) -> Response:
    """The same as a table: a row per conversation, quarter, speaker, kind of flip, or pair of speakers."""
    text = await run_in_threadpool(overview_csv, await _overview(service, query), query.table)
    headers = {"Content-Disposition": f'attachment; filename="{query.table}.csv"'}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


async def _overview(service: Service, query: OverviewQuery) -> OverviewValue:
    selection = await run_in_threadpool(_select, service, query)
    num_utterances = sum(job.num_utterances for job in selection.jobs)
    if num_utterances > _MAX_UTTERANCES:
        message = (
            f"{num_utterances:,} utterances; expected at most {_MAX_UTTERANCES:,}: fewer conversations, by `limit`"
        )
        raise ApiError(413, "too_large", message)
    counted: dict[str, CountedDialogue] = {}
    waiting = iter(selection.jobs)
    counting = [asyncio.create_task(_count(service, waiting, counted)) for _ in range(_NUM_AT_A_TIME)]
    try:
        await asyncio.gather(*counting)
    finally:
        for task in counting:
            task.cancel()
    return await run_in_threadpool(_value, selection, counted)


def _select(service: Service, query: OverviewQuery) -> _Selection:
    """The jobs to sum up; ApiError if one of those named is not there or not done."""
    if query.job:
        if filters := query.model_fields_set - {"job", "table"}:
            message = f"both job and {', '.join(sorted(filters))}; expected either jobs or a filter"
            raise ApiError(422, "invalid_request", message)
        return _Selection(done_jobs(service, query.job), 0, None)
    states = tuple(query.state) or (JobState.DONE,)
    page = service.store.page(JobFilter(query.q, states, tuple(query.model), query.before), query.limit)
    done = [job for job in page.jobs if job.state is JobState.DONE]
    return _Selection(done, len(page.jobs) - len(done), page.next)


async def _count(service: Service, waiting: Iterator[Job], counted: dict[str, CountedDialogue]) -> None:
    """Count one job after the other, until none waits. One that was deleted meanwhile is passed over."""
    for job in waiting:
        document, corrections = await run_in_threadpool(_stored, service, job)
        if document is None:
            continue
        tally = await service.short_tasks.run(TallyTask(document, corrections))
        assert isinstance(tally, Tally)
        created_at = datetime.fromtimestamp(job.created_at, UTC)
        counted[job.id] = CountedDialogue(job.id, job.name, created_at, len(corrections), tally)


def _stored(service: Service, job: Job) -> tuple[str | None, list[Json]]:
    return service.store.document(job.id), service.store.corrections.standing(job)


def _value(selection: _Selection, counted: dict[str, CountedDialogue]) -> OverviewValue:
    overview = make_overview([counted[job.id] for job in selection.jobs if job.id in counted])
    return OverviewValue(**dict(overview), num_left_out=selection.num_left_out, next=selection.next)
