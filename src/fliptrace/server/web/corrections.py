"""Corrections of a result: listed, made, taken back; the corrected conversation. exports.py makes files of these.

A correction is checked before it is kept, but not in one transaction: what another person does in between can only make
it void, and a void correction does nothing (analysis/corrections.py).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.concurrency import run_in_threadpool

from fliptrace.analysis.corrected_document import CorrectedDocument
from fliptrace.core.errors import InputError
from fliptrace.server.storage.correction_store import NotTheLast
from fliptrace.server.storage.tables import MAX_NUMBER
from fliptrace.server.web.access import NamedJob, RunningService
from fliptrace.server.web.problems import ApiError, described, no_such_job
from fliptrace.server.web.results import document_of
from fliptrace.server.web.schemas import CorrectionList, CorrectionValue, NewCorrection
from fliptrace.server.workers.tasks import CheckTask, CorrectTask

_Number = Annotated[int, Path(ge=1, le=MAX_NUMBER)]

router = APIRouter(tags=["corrections"])


@router.get("/jobs/{id}/corrections", responses=described(401, 404, 422))
def list_corrections(job: NamedJob, service: RunningService) -> CorrectionList:
    """List all corrections of a conversation, the oldest first, also those that were taken back."""
    return CorrectionList(corrections=[CorrectionValue.of(kept) for kept in service.store.corrections.history(job)])


@router.post("/jobs/{id}/corrections", status_code=201, responses=described(400, 401, 404, 409, 422, 503))
async def add_correction(job: NamedJob, new: NewCorrection, service: RunningService) -> CorrectionValue:
    """Correct an emotion, a flip or a trigger. The last word on each counts; the result itself stays as it is."""
    value = new.correction.model_dump(mode="json")
    document = await document_of(service, job)
    standing = await run_in_threadpool(service.store.corrections.standing, job)
    try:
        await service.short_tasks.run(CheckTask(document, standing, value))
    except InputError as error:
        raise ApiError(422, "correction_impossible", str(error)) from error
    kept = await run_in_threadpool(service.store.corrections.add, job, value, new.author)
    if kept is None:
        raise no_such_job(job.id)
    return CorrectionValue.of(kept)


@router.post("/jobs/{id}/corrections/{number}/undo", responses=described(401, 404, 409, 422))
def undo_correction(job: NamedJob, number: _Number, service: RunningService) -> CorrectionValue:
    """Take back the last correction that stands, named by its number. It stays in the list."""
    try:
        kept = service.store.corrections.undo(job, number)
    except NotTheLast as error:
        message = f"correction {number} is not the last one that stands; expected that one"
        raise ApiError(409, "not_the_last", message) from error
    if kept is None:
        raise ApiError(404, "not_found", f"job {job.id} has no correction {number}; expected a number of its list")
    return CorrectionValue.of(kept)


@router.get("/jobs/{id}/corrected", response_model=CorrectedDocument, responses=described(401, 404, 409, 422, 503))
async def show_corrected(job: NamedJob, service: RunningService) -> Response:
    """The conversation with its corrections applied. Without any, it is as the analysis says."""
    document = await document_of(service, job)
    standing = await run_in_threadpool(service.store.corrections.standing, job)
    text = str(await service.short_tasks.run(CorrectTask(document, standing)))
    return Response(text, media_type="application/json")
