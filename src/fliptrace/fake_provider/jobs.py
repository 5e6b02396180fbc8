"""/v1/fine_tuning/jobs: create, list, show and cancel jobs; list their events and checkpoints."""

from __future__ import annotations

import re
from dataclasses import replace

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fliptrace.core.files import Json
from fliptrace.fake_provider.api_errors import ApiError, no_such
from fliptrace.fake_provider.gate import read_object
from fliptrace.fake_provider.job_life import ORGANIZATION, Job, checkpoints, events, metrics
from fliptrace.fake_provider.job_request import read_job
from fliptrace.fake_provider.pages import page
from fliptrace.fake_provider.provider import FakeProvider

_METADATA = re.compile(r"metadata\[(.+)\]")


async def create_job(request: Request) -> Response:
    """Create a job. The response shows it validating its files, however short its states are."""
    provider: FakeProvider = request.app.state.provider
    job = read_job(await read_object(request), provider)
    provider.jobs[job.id] = job
    return JSONResponse(_to_json(job, 0.0))


async def list_jobs(request: Request) -> Response:
    """List jobs, newest first. `metadata[key]=value` in the query keeps only the jobs with that metadata."""
    provider: FakeProvider = request.app.state.provider
    now, metadata = provider.clock(), _metadata_filter(request.query_params)
    jobs = [job for job in reversed(provider.jobs.values()) if metadata.items() <= dict(job.metadata or {}).items()]
    return page([_to_json(job, job.age(now)) for job in jobs], request.query_params, 20)


async def show_job(request: Request) -> Response:
    job = _find(request)
    return JSONResponse(_to_json(job, _age(request, job)))


async def cancel_job(request: Request) -> Response:
    job = _find(request)
    age = _age(request, job)
    status = job.status(age)
    if status in ("succeeded", "failed", "cancelled"):
        raise ApiError(f"Job has already completed: {job.id} has {status}.", code="job_completed")
    cancelled = replace(job, cancelled_age=age)
    request.app.state.provider.jobs[job.id] = cancelled
    return JSONResponse(_to_json(cancelled, age))


async def list_events(request: Request) -> Response:
    """List the events of a job, newest first."""
    job = _find(request)
    found = [
        {
            "object": "fine_tuning.job.event",
            "id": f"ftevent-{job.id.removeprefix('ftjob-')}-{number}",
            "created_at": _time(job, event.age),
            "level": event.level,
            "message": event.message,
            "type": "message" if event.data is None else "metrics",
            "data": event.data or {},
        }
        for number, event in enumerate(events(job, _age(request, job)))
    ]
    return page(found[::-1], request.query_params, 20)


async def list_checkpoints(request: Request) -> Response:
    """List the checkpoints of a job, newest first."""
    job = _find(request)
    found = [
        {
            "object": "fine_tuning.job.checkpoint",
            "id": f"ftckpt-{job.id.removeprefix('ftjob-')}-{one.step}",
            "created_at": _time(job, one.age),
            "fine_tuned_model_checkpoint": one.name,
            "fine_tuning_job_id": job.id,
            "step_number": one.step,
            "metrics": metrics(job, one.step),
        }
        for one in checkpoints(job, _age(request, job))
    ]
    return page(found[::-1], request.query_params, 10)


def _find(request: Request) -> Job:
    provider: FakeProvider = request.app.state.provider
    id = request.path_params["id"]
    if id not in provider.jobs:
        raise no_such("fine-tuning job", id, param="fine_tuning_job_id")
    return provider.jobs[id]


def _age(request: Request, job: Job) -> float:
    provider: FakeProvider = request.app.state.provider
    return job.age(provider.clock())


def _metadata_filter(query: QueryParams) -> dict[str, str]:
    return {match[1]: value for name, value in query.items() if (match := _METADATA.fullmatch(name))}


def _time(job: Job, age: float) -> int:
    return int(job.created_at + age * job.script.step_seconds)


def _to_json(job: Job, age: float) -> Json:
    status = job.status(age)
    is_over = status in ("succeeded", "failed", "cancelled")
    problem = job.problem if status == "failed" else None
    hyperparameters = job.hyperparameters._asdict()
    trained = job.training.num_words * job.hyperparameters.n_epochs
    return {
        "object": "fine_tuning.job",
        "id": job.id,
        "model": job.model,
        "created_at": int(job.created_at),
        "finished_at": _time(job, min(age, job.end_age)) if is_over else None,
        "estimated_finish": _time(job, job.end_age) if status == "running" else None,
        "fine_tuned_model": job.tuned_name if status == "succeeded" else None,
        "organization_id": ORGANIZATION,
        "result_files": [],
        "status": status,
        "error": problem and {"code": problem.code, "message": problem.message, "param": problem.param},
        "training_file": job.training_id,
        "validation_file": job.validation_id,
        "hyperparameters": hyperparameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "trained_tokens": trained if status == "succeeded" else None,
        "seed": job.seed,
        "metadata": job.metadata,
        "integrations": [],
        "user_provided_suffix": job.suffix or None,
    }
