"""The command of those who rehearse: `fliptrace fake-provider`, a provider on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from fliptrace.cli.console import done, note
from fliptrace.cli.train import require
from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    from fliptrace.models.base import ChatModel

EPILOG = """**Examples**

- `fliptrace fake-provider` answers every prompt of ours with guesses, at once.

- `fliptrace predict http://127.0.0.1:8089/v1#fake-1 sample:test --out p.jsonl` asks it, from another terminal.

- `fliptrace fake-provider --latency-ms 300 --fail-429 0.1 --retry-after 1 --drop 0.02` behaves as a busy one.

- `curl http://127.0.0.1:8089/ledger` tells what it would have billed.

With FLIPTRACE_FAKE_KEY set, requests have to bring that key.
"""


def fake_provider(
    model: Annotated[
        str | None,
        typer.Argument(help="scripted:FILE, or a folder of a chat model. Default: guesses.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(help="What the model goes by in requests.")] = "fake-1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1, and nowhere else.")] = 8089,
    latency_ms: Annotated[float, typer.Option(min=0, help="That every answer takes at least.")] = 0.0,
    fail_429: Annotated[float, typer.Option(min=0, max=1, help="Share of requests: too many of them.")] = 0.0,
    fail_500: Annotated[float, typer.Option(min=0, max=1, help="Share: the server had an error.")] = 0.0,
    drop: Annotated[float, typer.Option(min=0, max=1, help="Share: the connection closes, nothing billed.")] = 0.0,
    drop_after: Annotated[float, typer.Option(min=0, max=1, help="Share: it closes once all is billed.")] = 0.0,
    truncate: Annotated[float, typer.Option(min=0, max=1, help="Share: the reply is cut in half.")] = 0.0,
    retry_after: Annotated[
        float | None, typer.Option(min=0, help="Seconds that a 429 asks to wait. Default: it says nothing.")
    ] = None,
    no_n: Annotated[bool, typer.Option("--no-n", help="One choice, however many are asked for.")] = False,
    no_sampling: Annotated[bool, typer.Option("--no-sampling", help="Greedy, whatever the temperature.")] = False,
    no_logprobs: Annotated[bool, typer.Option("--no-logprobs", help="No log-probabilities.")] = False,
    no_format: Annotated[bool, typer.Option("--no-format", help="Plain replies, whatever the schema.")] = False,
    fail_job: Annotated[str | None, typer.Option(help="What every job fails with.", show_default=False)] = None,
    job_seconds: Annotated[float, typer.Option(min=0, help="How long a job validates, queues, runs, each.")] = 1.0,
    shutdown_date: Annotated[
        list[str] | None, typer.Option(help="NAME=YYYY-MM-DD: no new jobs from then on.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what goes wrong.")] = 0,
) -> None:
    """Serve an OpenAI-compatible provider on this machine to rehearse against: chat, files, fine-tuning jobs.

    It costs nothing and learns nothing: its default model guesses, its jobs make models that know their rows by heart.
    Everything is in memory, and gone when it stops.
    """
    require("fake-provider", "hosted", "starlette", "uvicorn", "multipart")
    from fliptrace.fake_provider.provider import FakeProvider
    from fliptrace.fake_provider.serve import serve_forever
    from fliptrace.fake_provider.settings import Faults, Honours, JobScript

    provider = FakeProvider(
        {name: _open_model(model)},
        Faults(latency_ms / 1000, fail_429, fail_500, drop, drop_after, truncate, retry_after, seed),
        Honours(n=not no_n, sampling=not no_sampling, logprobs=not no_logprobs, response_format=not no_format),
        JobScript(job_seconds, fail_job),
        parse_shutdown_dates(shutdown_date or ()),
        os.environ.get("FLIPTRACE_FAKE_KEY") or None,
    )
    serve_forever(provider, port, lambda url: note(f"{url}#{name} answers until Ctrl-C"))
    done(f"stopped after {provider.ledger.num_requests:,} chat requests")


def parse_shutdown_dates(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """What --shutdown-date says, by model.

    >>> parse_shutdown_dates(["fake-1=2030-01-31"])
    {'fake-1': '2030-01-31'}
    """
    dates = {}
    for text in texts:
        name, equals, day = text.rpartition("=")
        if not (name and equals and day):
            raise InputError("--shutdown-date", f"{text!r}; expected NAME=YYYY-MM-DD")
        dates[name] = day
    return dates


def _open_model(ref: str | None) -> ChatModel:
    from fliptrace.fake_provider.answers import PlausibleModel
    from fliptrace.models.base import ChatModel
    from fliptrace.models.open_model import open_model

    if ref is None:
        return PlausibleModel()
    model = open_model(ref).model
    if not isinstance(model, ChatModel):
        raise InputError(ref, "writes no words; expected a model one can talk to")
    return model
