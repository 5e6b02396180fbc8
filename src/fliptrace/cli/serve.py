"""The command `fliptrace serve`: analyses for a team, in a browser tab and over HTTP."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import console, done, note
from fliptrace.cli.extras import require
from fliptrace.cli.option_groups import OptionGroup
from fliptrace.core.errors import InputError
from fliptrace.core.files import read_text

_TOKEN = "FLIPTRACE_SERVE_TOKEN"

EPILOG = """**Examples**

- `fliptrace serve` serves this machine at http://127.0.0.1:8090; open it in a browser and drop in a transcript.

- `curl -F file=@call.vtt http://127.0.0.1:8090/api/v1/conversations` hands one in; the answer is a job with its id.

- `curl http://127.0.0.1:8090/api/v1/jobs/ID/result` fetches its result; `result.csv` and `page` are its other forms.

- `fliptrace serve --host 0.0.0.0 --token-file token.txt --allow-host calls.example.org` serves a team.

- `fliptrace serve --models embedded,best=runs/best --workers 4` offers two models to choose from, on four cores.

- `fliptrace serve --check` prints what would be exposed, kept and sent, and exits.

**Operation**

The API describes itself at /api/v1/openapi.json. The log goes to stderr, one JSON object per line, without a word of
any transcript. /healthz answers 200 while the service works.

SIGTERM and Ctrl-C end it within seconds. What was running goes back to the queue, as it does after a crash, and is
analyzed when the service starts again.

Everything lies in --data, in fliptrace.sqlite. Back it up with `sqlite3 fliptrace.sqlite ".backup copy.sqlite"`, or
copy the folder while the service is stopped. To restore: stop the service, put the copy in its place, delete the files
that end in -wal and -shm, start. A newer fliptrace migrates the database when it starts.

There is no TLS: let a proxy (nginx, Caddy) add it and pass on the Host header.
"""


@dataclass(frozen=True, slots=True)
class Rates(OptionGroup):
    """How much a client on another machine may ask."""

    rate: Annotated[
        int, typer.Option(min=0, help="Requests per minute of a client on another machine; 0: no limit.")
    ] = 600
    upload_rate: Annotated[int, typer.Option(min=0, help="Conversations per minute of such a client.")] = 60


def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8090,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Analyses at a time, each in its process.")] = 1,
    data: Annotated[Path, typer.Option(help="Folder of jobs and results, closed to other users.")] = Path(
        "fliptrace-data"
    ),
    models: Annotated[
        str, typer.Option(help="Models that clients may choose: MODEL or NAME=MODEL, by commas; the first is default.")
    ] = "embedded",
    queue: Annotated[int, typer.Option(min=1, help="Jobs that may wait; more are answered with 429.")] = 1_000,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the token that clients need. Default: ${_TOKEN}.", show_default=False),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name that clients call the service by; may be repeated.", show_default=False),
    ] = None,
    keep_days: Annotated[
        float | None, typer.Option(help="Delete jobs so long after they ended. Default: never.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; the embedded model runs on the CPU.")] = "auto",
    rates: Rates,
    check: Annotated[bool, typer.Option("--check", help="Print what would be exposed, and exit.")] = False,
) -> None:
    """Serve analyses: drop a conversation into a browser tab, or post it over HTTP, and find results again.

    A job is queued, analyzed by a worker process, and kept with its result until it is deleted; all results can be
    searched. A worker or the server may be killed at any moment: no job is lost.
    """
    require("serve", "serve", "fastapi", "uvicorn", "multipart", "sqlalchemy", "alembic", "limits")
    from fliptrace.server.check import exposure
    from fliptrace.server.serve import serve_forever
    from fliptrace.server.settings import ServerSettings, parse_models

    settings = ServerSettings(
        data=data,
        models=parse_models(models),
        host=host,
        port=port,
        workers=workers,
        queue=queue,
        token=_token(token_file),
        allowed_hosts=tuple(allow_host or ()),
        keep_days=keep_days,
        device=device,
        rate=rates.rate,
        upload_rate=rates.upload_rate,
    )
    if check:
        for line in exposure(settings):
            note(line)
        return
    is_watched = console.is_terminal  # else stderr holds the log alone
    serve_forever(settings, lambda url: note(f"{url} answers until Ctrl-C") if is_watched else None)
    if is_watched:
        done("stopped")


def _token(file: Path | None) -> str | None:
    """The token in a file, else in the environment; None if there is neither."""
    if file is None:
        return os.environ.get(_TOKEN, "").strip() or None
    token = read_text(file).strip()
    if not token:
        raise InputError(file, "empty; expected a token")
    return token
