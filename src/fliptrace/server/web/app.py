"""The service as a web app: its routers, the gate before them, its errors, its OpenAPI description."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from fliptrace.core.emotion_sets import MASAC8, MELD7
from fliptrace.core.errors import InputError
from fliptrace.core.files import versions
from fliptrace.server.service import Service
from fliptrace.server.web import (
    conversations,
    corrections,
    events,
    exports,
    jobs,
    overview,
    pages,
    problems,
    results,
    tokens,
)
from fliptrace.server.web.access import RunningService
from fliptrace.server.web.gate import Gate
from fliptrace.server.web.problems import ApiError, described
from fliptrace.server.web.schemas import Choices, Health
from fliptrace.server.workers.child import ChildDied, TaskCrashed
from fliptrace.transcripts.bundled import BUNDLED
from fliptrace.transcripts.decode import MAX_BYTES
from fliptrace.transcripts.format_names import FORMAT_NAMES

API = "/api/v1"
_MAX_BODY = MAX_BYTES + 100_000  # a transcript, and the other fields of the form
_MAX_TEXT = 2_000_000  # bytes of a field that is no file, which is held in memory; a day of talk takes half of it
_NUM_UPLOADS = 4  # transcripts in memory at a time; others wait on disk
_DESCRIPTION = """
Finds in conversations where a speaker's emotion flips, which utterances triggered it, and why.

`POST /api/v1/conversations` takes a transcript and answers with a job. A job is QUEUED, RUNNING, then DONE, FAILED or
CANCELLED; `/api/v1/jobs/{id}/events` tells how far it is. Its result is the document of `fliptrace analyze --json`.
It is never changed: corrections by people are kept beside it, and applied in `/api/v1/jobs/{id}/corrected` and in the
corpus files of `/api/v1/corrected`, and counted in `/api/v1/overview`, which sums many conversations up.

- **Token.** If the service has one: `Authorization: Bearer TOKEN`. Browsers log in at `/login`.
- **429** means that the queue is full, or that your address made too many requests in a minute: wait as long as
  `Retry-After` says. With an `Idempotency-Key` a request may be sent again without making a second job.
- **Errors** are objects with `code`, for programs, and `message`, for people.
- **Backup.** Everything lies in one SQLite file of the data folder, fliptrace.sqlite. While the service runs, copy it
  with `sqlite3 fliptrace.sqlite ".backup copy.sqlite"`; restore it while the service is stopped, and delete the files
  that end in -wal and -shm first.
- **Deletion** removes a transcript from the database, its log and the index at once; backups are yours to delete.
"""

_api = APIRouter(prefix=API)
for _part in (conversations, jobs, events, results, corrections, exports, overview):
    _api.include_router(_part.router)


@_api.get("/choices", tags=["service"], responses=described(401))
def show_choices(service: RunningService) -> Choices:
    """What may be chosen, and the limits of the service."""
    settings = service.settings
    return Choices(
        version=versions()["fliptrace"],
        models=list(settings.models),
        formats=list(FORMAT_NAMES),
        emotion_sets=[MASAC8.name, MELD7.name],
        samples=list(BUNDLED),
        max_bytes=MAX_BYTES,
        keep_days=settings.keep_days,
        has_token=settings.token is not None,
    )


_health = APIRouter(tags=["service"])


@_health.get("/healthz", responses={**described(), 503: {"model": Health}})
def show_health(service: RunningService, response: Response) -> Health:
    """Whether the database answers and a worker lives. Needs no token."""
    service.store.num_by_state()
    if service.supervisor.num_alive:
        return Health(status="ok")
    response.status_code = 503
    return Health(status="no workers")


def make_app(service: Service) -> ASGIApp:
    """The whole app: the gate stands before everything, errors included."""
    return Gate(make_api(service), service.settings, _MAX_BODY)


def make_api(service: Service) -> FastAPI:
    @asynccontextmanager
    async def attach(_: FastAPI) -> AsyncIterator[None]:
        service.changes.attach()
        yield

    app = FastAPI(
        title="fliptrace serve",
        version=versions()["fliptrace"],
        description=_DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=attach,
        max_body_size=_MAX_BODY,
        form_limits={"max_files": 1, "max_fields": 20, "max_part_size": _MAX_TEXT},
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        exception_handlers={
            ApiError: problems.answer_api_error,
            InputError: problems.answer_input_error,
            ChildDied: problems.answer_task_error,
            TaskCrashed: problems.answer_task_error,
            RequestValidationError: problems.answer_validation_error,
            HTTPException: problems.answer_http_error,
            Exception: problems.answer_bug,
        },
    )
    app.state.service = service
    app.state.uploads = Semaphore(_NUM_UPLOADS)
    for router in (_api, _health, tokens.router, pages.router):
        app.include_router(router)
    return app
