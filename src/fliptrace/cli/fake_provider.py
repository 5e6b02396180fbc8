"""The command `fliptrace fake-provider`: a hosted provider on this machine, to rehearse against."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from fliptrace.cli.console import done, note
from fliptrace.cli.extras import require
from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    from fliptrace.models.base import Model

EPILOG = """**Examples**

- `fliptrace fake-provider` answers every prompt at once, with guesses.

- `fliptrace predict http://127.0.0.1:8089/v1#fake-1 sample:test --out p.jsonl`, in another terminal, predicts with it.

- `fliptrace fake-provider --latency-ms 300 --fail-429 0.1 --retry-after 1 --drop 0.02` behaves like a busy provider.

- `curl http://127.0.0.1:8089/ledger` shows what it would have billed.

If FLIPTRACE_FAKE_KEY is set, requests must bring that key.
"""


def fake_provider(
    model: Annotated[
        str | None,
        typer.Argument(help="scripted:FILE, or a folder of a chat model. Default: guesses.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(help="The name of the model in requests.")] = "fake-1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1.")] = 8089,
    latency_ms: Annotated[float, typer.Option(min=0, help="Minimum latency of every answer.")] = 0.0,
    fail_429: Annotated[float, typer.Option(min=0, max=1, help="Share answered with: too many requests.")] = 0.0,
    fail_500: Annotated[float, typer.Option(min=0, max=1, help="Share answered with a server error.")] = 0.0,
    drop: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share dropped before anything is billed."),
    ] = 0.0,
    drop_after: Annotated[float, typer.Option(min=0, max=1, help="Share dropped after billing.")] = 0.0,
    truncate: Annotated[float, typer.Option(min=0, max=1, help="Share of replies cut in half.")] = 0.0,
    retry_after: Annotated[
        float | None, typer.Option(min=0, help="Seconds that a 429 asks to wait. Default: not stated.")
    ] = None,
    no_n: Annotated[bool, typer.Option("--no-n", help="Return one choice, however many are asked for.")] = False,
    no_sampling: Annotated[bool, typer.Option("--no-sampling", help="Reply greedily at any temperature.")] = False,
    no_logprobs: Annotated[bool, typer.Option("--no-logprobs", help="Return no log-probabilities.")] = False,
    no_format: Annotated[bool, typer.Option("--no-format", help="Ignore JSON schemas; reply in plain text.")] = False,
    fail_job: Annotated[str | None, typer.Option(help="The error of every job.", show_default=False)] = None,
    job_seconds: Annotated[float, typer.Option(min=0, help="Seconds that a job stays in each state.")] = 1.0,
    shutdown_date: Annotated[
        list[str] | None,
        typer.Option(help="NAME=YYYY-MM-DD: from then on, no new jobs.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 0,
) -> None:
    """Serve an OpenAI-compatible provider on this machine to rehearse against: chat, files, fine-tuning jobs.

    It costs nothing and learns nothing: its default model guesses, and its jobs make models that repeat their training
    rows. Everything is kept in memory and is gone when it stops.
    """
    require("fake-provider", "hosted", "fastapi", "uvicorn", "multipart")
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
    """The dates that --shutdown-date gives, by model.

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


def _open_model(ref: str | None) -> Model:
    from fliptrace.fake_provider.answers import PlausibleModel
    from fliptrace.models.open_model import open_model

    if ref is None:
        return PlausibleModel().as_model()
    opened = open_model(ref)
    opened.require_chat("model")
    return opened.model
