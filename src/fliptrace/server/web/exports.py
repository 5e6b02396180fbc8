"""GET /corrected/erc and /corrected/efr: corrected conversations as a file to train on and to score against.

Readers of corpora find emotions that are not MELD's or MaSaC's in `emotions.toml` beside a file, so a file with such
emotions comes in an archive with its emotions.toml.
"""

from __future__ import annotations

import io
from typing import Annotated, Literal
from urllib.parse import quote
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from fliptrace.core.errors import InputError
from fliptrace.corpora.columns import OWN_EMOTIONS
from fliptrace.server.service import Service
from fliptrace.server.storage.jobs import Job
from fliptrace.server.web.access import RunningService
from fliptrace.server.web.problems import ApiError, described
from fliptrace.server.web.results import document_of, done_jobs, stem
from fliptrace.server.workers.tasks import Exported, ExportTask

Layout = Literal["erc", "efr"]
_MAX_CHARACTERS = 200_000_000  # of one file, which is put together in memory
_MAX_NAMED = 200  # jobs in a query
_FILE = {"content": {"application/json": {}, "application/zip": {}}, "description": "A corpus file, or an archive"}

router = APIRouter(tags=["corrections"])


@router.get("/corrected/{layout}", response_class=Response, responses=described(401, 404, 409, 422, 503, ok=_FILE))
async def export_corrected(
    layout: Layout,
    service: RunningService,
    job: Annotated[
        list[str] | None,
        Query(max_length=_MAX_NAMED, description="Only these jobs. Default: all that have corrections."),
    ] = None,
) -> Response:
    """Corrected conversations as a file for `fliptrace train`, `predict` and `score`: `erc` emotions, `efr` flips.

    What nobody corrected counts as the analysis has it. An ERC file has no place for flips that were added or removed.
    With emotions of your own it is a ZIP archive of the file and its `emotions.toml`; all jobs must have the same ones.
    """
    jobs = await run_in_threadpool(_jobs, service, job or [])
    parts: list[Exported] = []
    size = 0
    for each in jobs:
        parts.append(await _export(service, each, layout))
        size += len(parts[-1].entries)
        if size > _MAX_CHARACTERS:
            raise ApiError(413, "too_large", f"over {_MAX_CHARACTERS:,} characters; expected fewer jobs: `job`")
    found = [part for part in parts if part.entries]
    if not found:
        what = "flips in these conversations" if jobs else "corrections"
        raise ApiError(409, "nothing_to_export", f"there are no {what}; expected some")
    if len({part.emotions for part in found}) > 1:
        raise ApiError(409, "emotions_differ", "the jobs have different emotions; expected jobs with the same: `job`")
    name = f"{stem(jobs[0].name) if len(jobs) == 1 else 'corrected'}_{layout}"
    entries = ",\n".join(part.entries for part in found)
    return await run_in_threadpool(_answer, name, f"[\n{entries}\n]\n", found[0].emotions)


def _answer(name: str, content: str, emotions: str) -> Response:
    """The file, or, if it has emotions of its own, an archive with it and their declaration."""
    if not emotions:
        return Response(content.encode(), media_type="application/json", headers=_called(f"{name}.json"))
    archive = io.BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as file:
        file.writestr(f"{name}.json", content)
        file.writestr(OWN_EMOTIONS, emotions)
    return Response(archive.getvalue(), media_type="application/zip", headers=_called(f"{name}.zip"))


def _called(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}


def _jobs(service: Service, ids: list[str]) -> list[Job]:
    """The jobs to export; ApiError if one of those named is not there or not done."""
    done_jobs(service, ids)
    return service.store.corrections.corrected_jobs(ids)


async def _export(service: Service, job: Job, layout: Layout) -> Exported:
    document = await document_of(service, job)
    standing = await run_in_threadpool(service.store.corrections.standing, job)
    try:
        exported = await service.short_tasks.run(ExportTask(document, standing, layout))
    except InputError as error:
        raise ApiError(413, "too_large", str(error)) from error
    assert isinstance(exported, Exported)
    return exported
