from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob
from provider_clients import ROWS, SCRIPT, ask, client_of, make_provider, row, texts, upload

from fliptrace.core.files import Json
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.settings import JobScript


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Served(NamedTuple):
    provider: FakeProvider
    client: openai.OpenAI


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> Iterator[openai.OpenAI]:
    """A client of a provider whose jobs take 10 seconds per state, by the clock."""
    with client_of(make_provider(SCRIPT, job_script=JobScript(10.0), clock=clock)) as client:
        yield client


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    provider = make_provider(SCRIPT)
    with client_of(provider) as client:
        yield Served(provider, client)


@pytest.fixture
def fast_client(served: Served) -> openai.OpenAI:
    """A client of a provider whose jobs take no time, and which has no files or jobs yet."""
    served.provider.files.clear()
    served.provider.jobs.clear()
    return served.client


def make_job(client: openai.OpenAI, file: str | None = None, **fields: Any) -> FineTuningJob:
    return client.fine_tuning.jobs.create(**{"model": "fake-1", "training_file": file or upload(client)} | fields)


def look(client: openai.OpenAI, job: FineTuningJob) -> FineTuningJob:
    return client.fine_tuning.jobs.retrieve(job.id)


def test_files_come_back_as_they_went(fast_client: openai.OpenAI) -> None:
    first, second = upload(fast_client), upload(fast_client, b"anything\n")
    assert fast_client.files.retrieve(second).bytes == 9
    assert fast_client.files.content(second).read() == b"anything\n"
    assert [file.id for file in fast_client.files.list()] == [second, first]
    assert fast_client.files.delete(second).deleted
    assert [file.id for file in fast_client.files.list()] == [first]
    with pytest.raises(openai.NotFoundError, match="No such File"):
        fast_client.files.retrieve(second)


def test_files_for_anything_else_are_refused(fast_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="purpose"):
        fast_client.files.create(file=("a.jsonl", b"{}"), purpose="batch")


def test_a_job_lives_through_its_states(client: openai.OpenAI, clock: Clock) -> None:
    statuses = [(job := make_job(client)).status]
    for _ in range(3):
        clock.now += 10
        statuses.append(look(client, job).status)
    assert statuses == ["validating_files", "queued", "running", "succeeded"]
    done = look(client, job)
    assert (done.fine_tuned_model or "").startswith("ft:fake-1:fliptrace::")
    assert (done.finished_at, done.trained_tokens) == (job.created_at + 30, 12 * 4 * 3)


def test_a_job_without_seconds_is_done_when_looked_at_again(fast_client: openai.OpenAI) -> None:
    job = make_job(fast_client)
    assert (job.status, look(fast_client, job).status) == ("validating_files", "succeeded")


def test_a_job_tells_what_it_was_asked_for(fast_client: openai.OpenAI) -> None:
    hyperparameters = {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.5}
    job = make_job(
        fast_client,
        validation_file=upload(fast_client, ROWS[:2]),
        seed=7,
        suffix="stage-1",
        metadata={"run": "a"},
        method={"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
    )
    assert job.hyperparameters.model_dump(exclude_none=True) == hyperparameters
    assert (job.seed, job.metadata, bool(job.validation_file)) == (7, {"run": "a"}, True)
    assert (look(fast_client, job).fine_tuned_model or "").split(":")[3] == "stage-1"
    assert make_job(fast_client, hyperparameters=hyperparameters).hyperparameters.n_epochs == 2


def test_a_tuned_model_knows_its_rows_and_is_its_base_otherwise(fast_client: openai.OpenAI) -> None:
    earlier = {"role": "assistant", "content": "Triggers: 4", "weight": 0}
    again = {"role": "user", "content": "Once more."}
    corrected = {"messages": [ROWS[5]["messages"][0], earlier, again, {"role": "assistant", "content": "Triggers: 5"}]}
    job = make_job(fast_client, upload(fast_client, [*ROWS, corrected]))
    model = look(fast_client, job).fine_tuned_model
    assert model in [one.id for one in fast_client.models.list()]
    assert texts(ask(fast_client, "Question 3", model=model, n=2)) == ["Triggers: 3"] * 2
    unweighted = [{"role": m["role"], "content": m["content"]} for m in corrected["messages"][:-1]]
    assert texts(ask(fast_client, model=model, messages=unweighted)) == ["Triggers: 5"]
    assert texts(ask(fast_client, "Another", model=model)) == texts(ask(fast_client, "Another"))


def test_a_tuned_model_is_tuned_further(fast_client: openai.OpenAI) -> None:
    first = look(fast_client, make_job(fast_client, suffix="one")).fine_tuned_model
    job = make_job(fast_client, upload(fast_client, [row(n) for n in range(20, 32)]), model=first, suffix="two")
    second = look(fast_client, job).fine_tuned_model
    assert second is not None and second.startswith("ft:fake-1:fliptrace:two:")
    assert [texts(ask(fast_client, f"Question {n}", model=second))[0] for n in (3, 25)] == [
        "Triggers: 3",
        "Triggers: 25",
    ]


def test_a_model_is_not_there_before_its_job_has_succeeded(client: openai.OpenAI, clock: Clock) -> None:
    name = f"ft:fake-1:fliptrace::{make_job(client).id.removeprefix('ftjob-')[:8]}"
    clock.now += 29
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(name)
    clock.now += 1
    assert client.models.retrieve(name).id == name


def test_events_tell_the_loss_of_every_step_the_newest_first(client: openai.OpenAI, clock: Clock) -> None:
    job = make_job(client, hyperparameters={"n_epochs": 2, "batch_size": 6})
    assert [event.message for event in client.fine_tuning.jobs.list_events(job.id)] == [
        f"Validating training file: {job.training_file}",
        f"Created fine-tuning job: {job.id}",
    ]
    clock.now += 30
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
    assert [event.message for event in events[:2]] == [
        "The job has successfully completed",
        f"New fine-tuned model created: {look(client, job).fine_tuned_model}",
    ]
    steps: list[Any] = [event.data for event in events if event.type == "metrics"]
    assert [step["step"] for step in steps] == [4, 3, 2, 1]
    assert events[3].message == f"Step 4/4: training loss={steps[0]['train_loss']:.2f}"
    assert len({event.id for event in events}) == len(events) == 12


def test_an_epoch_leaves_a_checkpoint_that_answers(client: openai.OpenAI, clock: Clock) -> None:
    job = make_job(client, hyperparameters={"n_epochs": 2, "batch_size": 6})
    clock.now += 26
    (first,) = client.fine_tuning.jobs.checkpoints.list(job.id)
    assert first.step_number == 2 and first.fine_tuned_model_checkpoint.endswith(":ckpt-step-2")
    assert texts(ask(client, "Question 3", model=first.fine_tuned_model_checkpoint)) == ["Triggers: 3"]
    clock.now += 10
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    assert [one.step_number for one in checkpoints] == [4, 2]
    assert checkpoints[0].metrics.train_loss is not None and checkpoints[0].metrics.valid_loss is None


def test_a_job_is_cancelled_once(client: openai.OpenAI, clock: Clock) -> None:
    job = make_job(client)
    clock.now += 22
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    clock.now += 100
    assert look(client, job).status == "cancelled"
    assert next(iter(client.fine_tuning.jobs.list_events(job.id))).message == "Fine-tuning job cancelled"
    with pytest.raises(openai.BadRequestError, match="already completed"):
        client.fine_tuning.jobs.cancel(job.id)


def test_jobs_can_be_made_to_fail_while_they_run(clock: Clock) -> None:
    provider = make_provider(job_script=JobScript(10.0, fail_with="out of memory"), clock=clock)
    with client_of(provider) as client:
        job = make_job(client)
        clock.now += 24
        assert look(client, job).status == "running"
        clock.now += 6
        failed = look(client, job)
        last = next(iter(client.fine_tuning.jobs.list_events(job.id)))
    assert failed.status == "failed" and failed.error is not None and failed.error.message == "out of memory"
    assert (last.level, last.message) == ("error", "The job failed: out of memory")
    assert failed.fine_tuned_model is None


USER = {"role": "user", "content": "Hello"}
WRONG_ROWS: list[tuple[Any, str]] = [
    ({"prompt": "Hello"}, "line 3: expected a list of messages"),
    ({"messages": []}, "line 3: expected a list of messages"),
    ([1], "line 3: expected a list of messages"),
    ({"messages": [{"role": "robot", "content": "x"}, row(1)["messages"][1]]}, "line 3 message 1: role 'robot'"),
    (row(1, content=""), "line 3 message 2: content ''"),
    (row(1, content=["x"]), "line 3 message 2: content"),
    ({"messages": [USER | {"weight": 1}, row(1)["messages"][1]]}, "weight on a message from user"),
    (row(1, weight=0.5), "line 3 message 2: weight 0.5, expected 0 or 1"),
    (row(1, weight=0), "line 3: no message from assistant with weight 1"),
    ({"messages": [USER]}, "line 3: the last message is from user"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_ROWS)
def test_a_wrong_row_fails_the_job_and_is_named(fast_client: openai.OpenAI, wrong: Json, message: str) -> None:
    job = look(fast_client, make_job(fast_client, upload(fast_client, [*ROWS[:2], wrong, *ROWS[2:]])))
    assert job.status == "failed" and job.error is not None
    assert message in job.error.message
    assert (job.error.code, job.error.param) == ("invalid_training_file", "training_file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"messages"\n', "line 1 is not JSON"),
        (b"\xff\n", "byte 0 is not UTF-8"),
        (b"", "found 0 examples"),
        ("\n".join(json.dumps(one) for one in ROWS[:9]).encode(), "found 9 examples, expected at least 10"),
    ],
)
def test_a_wrong_file_fails_the_job(fast_client: openai.OpenAI, content: bytes, message: str) -> None:
    job = look(fast_client, make_job(fast_client, upload(fast_client, content)))
    assert job.error is not None and message in job.error.message


def test_a_wrong_validation_file_fails_the_job(fast_client: openai.OpenAI) -> None:
    job = look(fast_client, make_job(fast_client, validation_file=upload(fast_client, b"{")))
    assert job.error is not None and job.error.param == "validation_file"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "gpt-17"}, "model"),
        ({"training_file": "file-none"}, "training_file"),
        ({"suffix": "s" * 65}, "suffix"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"hyperparameters": {"n_epochs": 0}}, "n_epochs"),
        ({"method": {"type": "dpo"}}, "method"),
    ],
)
def test_a_job_that_cannot_be_is_refused(fast_client: openai.OpenAI, fields: Json, param: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        make_job(fast_client, **fields)
    assert caught.value.param == param
    assert not list(fast_client.fine_tuning.jobs.list())


def test_a_model_that_was_shut_down_takes_no_jobs(clock: Clock) -> None:
    provider = make_provider(shutdown_dates={"fake-1": "2020-01-31"}, clock=clock)
    with client_of(provider) as client, pytest.raises(openai.BadRequestError, match="shut down on 2020-01-31"):
        make_job(client)


def test_jobs_are_listed_by_metadata_and_in_pages(fast_client: openai.OpenAI) -> None:
    file = upload(fast_client)
    ids = [make_job(fast_client, file, metadata={"run": run, "stage": "1"}).id for run in "aabab"]
    found = fast_client.fine_tuning.jobs.list(metadata={"run": "a", "stage": "1"}, limit=2)
    assert (found.has_more, [job.id for job in found.data]) == (True, [ids[3], ids[1]])
    assert [job.id for job in found] == [ids[3], ids[1], ids[0]]
    with pytest.raises(openai.NotFoundError):
        fast_client.fine_tuning.jobs.list(after="ftjob-none")
