"""Settings of a service, checked on construction. Values only."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fliptrace.core.errors import InputError

MIN_TOKEN = 16  # characters; a token may be guessed over the network, as often as `rate` allows
MAX_ATTEMPTS = 3  # of a job, each ended by the death of its worker or of the server
_WILDCARDS = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a service runs.

    `models` are the models that clients may choose, by the name that they choose them by. `token` is what clients have
    to know, None for no token. `allowed_hosts` are further names by which clients may call the service. `queue` is the
    maximum number of jobs that wait. `keep_days` is the age at which ended jobs are deleted, None for never. `rate` and
    `upload_rate` are how many requests a client on another machine may make per minute, and how many conversations it
    may hand in, 0 for no limit.
    """

    data: Path
    models: Mapping[str, str] = field(default_factory=lambda: {"embedded": "embedded"})
    host: str = "127.0.0.1"
    port: int = 8090
    workers: int = 1
    queue: int = 1_000
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    keep_days: float | None = None
    device: str = "auto"
    rate: int = 600
    upload_rate: int = 60

    def __post_init__(self) -> None:
        if self.token is not None and (len(self.token) < MIN_TOKEN or not self.token.isascii()):
            raise InputError("token", f"{len(self.token)} characters; expected {MIN_TOKEN} or more, all of them ASCII")
        if self.token is None and not self.is_loopback:
            raise InputError(
                f"--host {self.host}", "other machines could read everything; expected a token: --token-file FILE"
            )
        if not self.models:
            raise InputError("--models", "no model; expected at least one")
        if self.keep_days is not None and not self.keep_days > 0:
            raise InputError("--keep-days", f"{self.keep_days:g}; expected more than 0")
        for option, limit in (("--rate", self.rate), ("--upload-rate", self.upload_rate)):
            if limit < 0:
                raise InputError(option, f"{limit}; expected 0, for no limit, or more")

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    def answers_to(self, name: str) -> bool:
        """Whether clients may call the service by this host name, which is what a request's Host header gives.

        An address in numbers cannot be rebound to another machine, as a name can.
        """
        if name.lower() in {host.lower() for host in (self.host, *self.allowed_hosts)}:
            return True
        return is_loopback(name) or (self.host in _WILDCARDS and _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host.lower() == "localhost" or not _is_address(host):
        return host.lower() == "localhost"
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:127.0.0.1, as a socket of both families names it
    return (mapped or address).is_loopback


def parse_models(text: str) -> dict[str, str]:
    """The models that --models lists, by the names that clients choose them by.

    >>> parse_models("embedded, calls=runs/best")
    {'embedded': 'embedded', 'calls': 'runs/best'}
    """
    models: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, ref = part.partition("=") if "=" in part.split("/")[0] else (part, "", part)
        if not name or not ref:
            raise InputError("--models", f"{part!r}; expected MODEL or NAME=MODEL, separated by commas")
        if name in models:
            raise InputError("--models", f"{name} is listed twice; expected NAME=MODEL with a name of its own")
        models[name] = ref
    return models


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
