"""What a service would expose with its settings, in words, for the operator to read before it starts."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from fliptrace.models.hosted.provider import is_hosted
from fliptrace.server.settings import ServerSettings


def exposure(settings: ServerSettings) -> Iterator[str]:
    """Yield one sentence for each thing that a service shows, keeps or sends."""
    who = "only programs and people on this machine" if settings.is_loopback else "other machines too"
    yield f"http://{settings.host}:{settings.port}: {who} can connect"
    if settings.allowed_hosts:
        yield f"also called {', '.join(settings.allowed_hosts)}"
    if settings.token is not None:
        yield "every request needs the token, but /healthz and the form of /login"
    else:
        yield "no token: every user of this machine can read, hand in and delete conversations"
    if not settings.is_loopback:
        yield "no encryption: put a proxy with TLS in front, and name it with --allow-host"
    yield _limits(settings)
    for name, ref in settings.models.items():
        where = "each transcript is sent to its provider" if is_hosted(ref) else "runs here"
        yield f"model {name}: {ref if ref != name else 'as named'}; {where}"
    yield _folder(settings)
    kept = "until they are deleted" if settings.keep_days is None else f"for {settings.keep_days:g} days"
    yield f"results are kept {kept}; uploads until their analysis ends"
    yield f"at most {settings.queue:,} jobs wait, {settings.workers} run at a time; nothing else leaves this machine"


def _limits(settings: ServerSettings) -> str:
    if settings.is_loopback:
        return "no limit on requests, as all clients are on this machine"
    requests = f"{settings.rate:,} requests" if settings.rate else "any number of requests"
    uploads = f"{settings.upload_rate:,}" if settings.upload_rate else "any number of"
    each = f"each address may make {requests} and hand in {uploads} conversations"
    return f"per minute, {each}; behind a proxy all are one"


def _folder(settings: ServerSettings) -> str:
    folder = settings.data.resolve()
    if not folder.exists():
        return f"data folder {folder}: will be made, for its owner only"
    mode = stat.S_IMODE(folder.stat().st_mode)
    note = "" if mode == 0o700 else ", and will be closed to other users (0700)"
    return f"data folder {folder}: mode {mode:04o}{note}"
