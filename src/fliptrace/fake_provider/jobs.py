"""/v1/fine_tuning/jobs: create, list, show and cancel jobs; list their events and checkpoints."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from fliptrace.core.files import Json
from fliptrace.curate.training_file import MIN_ROWS, TrainingFile, read_training_file
from fliptrace.fake_provider.api_errors import ApiError, invalid, no_such, show
from fliptrace.fake_provider.body import body_as
from fliptrace.fake_provider.job_life import ORGANIZATION, Job, checkpoints, events, metrics
from fliptrace.fake_provider.job_request import JobRequest
from fliptrace.fake_provider.pages import Paging
from fliptrace.fake_provider.provider import FakeProvider, Provider

router = APIRouter(prefix="/fine_tuning/jobs")
_METADATA = re.compile(r"metadata\[(.+)\]")


async def _find(id: str, provider: Provider) -> Job:
    if id not in provider.jobs:
        raise no_such("fine-tuning job", id, param="fine_tuning_job_id")
    return provider.jobs[id]


_Found = Annotated[Job, Depends(_find)]


@router.post("")
async def create_job(asked: Annotated[JobRequest, body_as(JobRequest)], provider: Provider) -> Json:
    """Create a job. The response shows it validating its files, however short its states are.

    A job whose file has invalid content fails later.
    """
    provider.find_model(asked.model)
    _check_is_open(asked.model, provider)
    training = _read_file(asked.training_file, "training_file", provider)
    validation = _read_file(asked.validation_file, "validation_file", provider, 1) if asked.validation_file else None
    if asked.method.type != "supervised":
        raise invalid("method", f"found type {show(asked.method.type)}, expected 'supervised'")
    id = provider.new_id("ftjob", asked.training_file.encode())
    hyperparameters = asked.hyperparameters_for(training.num_rows)
    job = Job(id, asked, provider.clock(), provider.job_script, hyperparameters, training, validation)
    provider.jobs[id] = job
    return _to_json(job, 0.0)


@router.get("")
async def list_jobs(request: Request, provider: Provider, paging: Paging) -> Json:
    """List jobs, newest first. `metadata[key]=value` in the query keeps only the jobs with that metadata."""
    query = request.query_params.items()
    wanted = {match[1]: value for name, value in query if (match := _METADATA.fullmatch(name))}
    jobs = [job for job in reversed(provider.jobs.values()) if wanted.items() <= (job.asked.metadata or {}).items()]
    return paging.page([_to_json(job, job.age(provider.clock())) for job in jobs], 20)


@router.get("/{id}")
async def show_job(job: _Found, provider: Provider) -> Json:
    return _to_json(job, job.age(provider.clock()))


@router.post("/{id}/cancel")
async def cancel_job(job: _Found, provider: Provider) -> Json:
    age = job.age(provider.clock())
    status = job.status(age)
    if status in ("succeeded", "failed", "cancelled"):
        raise ApiError(f"Job has already completed: {job.id} has {status}.", code="job_completed")
    cancelled = replace(job, cancelled_age=age)
    provider.jobs[job.id] = cancelled
    return _to_json(cancelled, age)


@router.get("/{id}/events")
async def list_events(job: _Found, provider: Provider, paging: Paging) -> Json:
    """List the events of a job, newest first."""
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
        for number, event in enumerate(events(job, job.age(provider.clock())))
    ]
    return paging.page(found[::-1], 20)


@router.get("/{id}/checkpoints")
async def list_checkpoints(job: _Found, provider: Provider, paging: Paging) -> Json:
    """List the checkpoints of a job, newest first."""
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
        for one in checkpoints(job, job.age(provider.clock()))
    ]
    return paging.page(found[::-1], 10)


def _time(job: Job, age: float) -> int:
    return int(job.created_at + age * job.script.step_seconds)


def _check_is_open(model: str, provider: FakeProvider) -> None:
    text = provider.shutdown_date(model)
    today = datetime.fromtimestamp(provider.clock(), UTC).date()
    if text is not None and date.fromisoformat(text) <= today:
        message = f"The model {model} was shut down on {text}; no new jobs can be made on it."
        raise ApiError(message, param="model", code="model_not_available")


def _read_file(id: str, field: str, provider: FakeProvider, min_rows: int = MIN_ROWS) -> TrainingFile:
    if id not in provider.files:
        raise ApiError(f"Invalid {field}: no such file: {id}", param=field, code="file_not_found")
    return read_training_file(provider.files[id].content, field, min_rows)


def _to_json(job: Job, age: float) -> Json:
    status = job.status(age)
    is_over = status in ("succeeded", "failed", "cancelled")
    hyperparameters = job.hyperparameters.model_dump()
    trained = job.training.num_words * job.hyperparameters.n_epochs
    return {
        "object": "fine_tuning.job",
        "id": job.id,
        **job.asked.model_dump(include={"model", "training_file", "validation_file", "seed", "metadata"}),
        "created_at": int(job.created_at),
        "finished_at": _time(job, min(age, job.end_age)) if is_over else None,
        "estimated_finish": _time(job, job.end_age) if status == "running" else None,
        "fine_tuned_model": job.tuned_name if status == "succeeded" else None,
        "organization_id": ORGANIZATION,
        "result_files": [],
        "status": status,
        "error": job.problem if status == "failed" else None,
        "hyperparameters": hyperparameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "trained_tokens": trained if status == "succeeded" else None,
        "integrations": [],
        "user_provided_suffix": job.asked.suffix or None,
    }
