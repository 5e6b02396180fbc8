"""POST /conversations: a transcript is read at once, so that what is wrong with it is told, and analyzed later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Header, Response, UploadFile
from pydantic import Json
from starlette.concurrency import run_in_threadpool

from fliptrace.server.options import AnalysisOptions
from fliptrace.server.service import Service
from fliptrace.server.storage.jobs import Job, KeyUsedOtherwise, NewJob, QueueFull, Submitted
from fliptrace.server.web.access import RunningService, UploadPlaces
from fliptrace.server.web.problems import ApiError, described
from fliptrace.server.web.schemas import JobValue
from fliptrace.server.workers.tasks import ReadTask
from fliptrace.transcripts.bundled import BUNDLED
from fliptrace.transcripts.decode import MAX_BYTES

_PASTED = "pasted"
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

router = APIRouter(tags=["conversations"])


@router.post(
    "/conversations",
    status_code=202,
    responses=described(400, 401, 422, 503, ok={"model": JobValue, "description": "It came before with this key"}),
)
async def submit_conversation(
    service: RunningService,
    uploads: UploadPlaces,
    response: Response,
    file: Annotated[UploadFile | None, File(description="A transcript, in any format of `fliptrace formats`.")] = None,
    text: Annotated[str | None, Form(description="The transcript as text, up to 2 MB, instead of a file.")] = None,
    sample: Annotated[Literal["call", "hindi-english"] | None, Form(description="A bundled one, instead.")] = None,
    name: Annotated[str | None, Form(max_length=200, description="What to call it. Default: the file's name.")] = None,
    model: Annotated[str | None, Form(max_length=200, description="One of the service. Default: the first.")] = None,
    options: Annotated[Json[AnalysisOptions] | None, Form(description="AnalysisOptions as JSON.")] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> JobValue:
    """Hand in a conversation, as exactly one of `file`, `text` and `sample`, and get the job that analyzes it.

    With a header `Idempotency-Key` the same request may be sent again: it gets the same job.
    """
    if (file is not None) + (text is not None) + (sample is not None) != 1:
        raise ApiError(422, "invalid_request", "expected exactly one of file, text and sample")
    chosen = model or next(iter(service.settings.models))
    if chosen not in service.settings.models:
        listed = ", ".join(service.settings.models)
        raise ApiError(422, "model_not_listed", f"model {chosen!r} is not offered here; expected one of {listed}")
    async with uploads:
        own_name, content = await _content(file, text, sample)
        called = display_name(name or own_name)
        if len(content) > MAX_BYTES:
            raise ApiError(413, "too_large", f"{called}: over {MAX_BYTES // 1_000_000} MB; expected one dialogue")
        wanted = options or AnalysisOptions()
        new = NewJob(called, content, chosen, wanted.model_dump(mode="json"), idempotency_key)
        job, is_new = await _submit(service, new, wanted)
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return JobValue.of(job, service.changes.progress(job.id))


def display_name(name: str) -> str:
    """The last part of a name that a client gives, fit to be shown. It is never used as a path.

    >>> display_name("C:\\\\calls\\\\monday.vtt"), display_name("../../etc/passwd"), display_name("\\x1b/")
    ('monday.vtt', 'passwd', 'transcript')
    """
    last = re.split(r"[/\\]", name)[-1]
    return _UNFIT.sub("", last).strip()[:200] or "transcript"


async def _content(file: UploadFile | None, text: str | None, sample: str | None) -> tuple[str, bytes]:
    if sample is not None:
        return BUNDLED[sample].name, await run_in_threadpool(BUNDLED[sample].read_bytes)
    if text is not None:
        return _PASTED, text.encode(errors="surrogatepass")
    assert file is not None
    return file.filename or _PASTED, await file.read()


async def _submit(service: Service, new: NewJob, options: AnalysisOptions) -> Submitted:
    """Queue a conversation if it can be read; InputError or ApiError if it is refused."""
    known = await run_in_threadpool(_known, service, new)
    if known is not None:
        return Submitted(known, is_new=False)
    num_utterances = await service.short_tasks.run(ReadTask(new.name, new.content, options))
    assert isinstance(num_utterances, int)
    return await run_in_threadpool(_queue, service, new, num_utterances)


def _known(service: Service, new: NewJob) -> Job | None:
    """The job that this request has already; ApiError if there can be none, before the transcript is read."""
    with _refusals(service):
        known = service.store.known(new)
        if known is None and service.store.is_full(service.settings.queue):
            raise QueueFull
    return known


def _queue(service: Service, new: NewJob, num_utterances: int) -> Submitted:
    with _refusals(service):
        submitted = service.store.submit(new, num_utterances, service.settings.queue)
    service.supervisor.wake()
    return submitted


@contextmanager
def _refusals(service: Service) -> Iterator[None]:
    """Turn refusals of the store into errors of the API."""
    try:
        yield
    except QueueFull as error:
        seconds = service.store.retry_after(service.settings.workers)
        message = f"{service.settings.queue:,} jobs wait; expected another attempt in {seconds} seconds"
        raise ApiError(429, "queue_full", message, {"Retry-After": str(seconds)}) from error
    except KeyUsedOtherwise as error:
        message = "Idempotency-Key came before with another request; expected a new key for a new request"
        raise ApiError(422, "key_used_otherwise", message) from error
