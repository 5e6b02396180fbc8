"""How many requests a client may make per minute, by the address that its connection comes from.

No header is believed, since anybody can write X-Forwarded-For: behind a proxy all clients are one. Clients on this
machine have no limit.
"""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import Scope

from fliptrace.server.settings import is_loopback
from fliptrace.server.web.problems import ApiError

UPLOAD_PATH = "/api/v1/conversations"
_IPV6_NETWORK = 64  # bits; one household or server is given all addresses that share them


class RateLimit:
    """The limits of a service; 0 for none. A minute begins with a client's first request in it."""

    def __init__(self, requests: int, uploads: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._requests = requests
        self._uploads = uploads

    async def check(self, scope: Scope) -> None:
        """Count a request; ApiError if it is one too many."""
        address = (scope.get("client") or ("localhost",))[0]  # no address: a socket of this machine
        if is_loopback(address):
            return
        client = client_key(address)
        await self._count(client, self._requests, "requests")
        if scope["method"] == "POST" and scope["path"] == UPLOAD_PATH:
            await self._count(client, self._uploads, "conversations")

    async def _count(self, client: str, limit: int, what: str) -> None:
        if not limit:
            return
        per_minute = RateLimitItemPerMinute(limit)
        if await self._limiter.hit(per_minute, what, client):
            return
        window = await self._limiter.get_window_stats(per_minute, what, client)
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        message = f"the limit of {limit:,} per minute for {what} is used up; expected the next in {seconds} seconds"
        raise ApiError(429, "too_many_requests", message, {"Retry-After": str(seconds)})


def client_key(address: str) -> str:
    """What clients are told apart by: the address, or its network in IPv6, where one client has many addresses.

    >>> client_key("10.1.2.3"), client_key("::ffff:10.1.2.3"), client_key("2001:db8:1:2:3:4:5:6")
    ('10.1.2.3', '10.1.2.3', '2001:db8:1:2::')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _IPV6_NETWORK), strict=False).network_address)
