"""The HTTP clients of hosted models: every reply is bounded in time and bytes, from the host asked, and without keys.

Whatever a server sends passes through `_receive` before anything reads, stores or prints it. An InputError that is
raised here reaches the caller as the cause of an openai.APIConnectionError (errors.py).
"""

from __future__ import annotations

import asyncio
import zlib
from contextlib import ExitStack
from functools import partial
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

from fliptrace.core.errors import InputError
from fliptrace.models.hosted.keys import hide_keys_in_body

MAX_REPLY_BYTES = 50_000_000  # decompressed; 128 replies of 2,000 tokens with log-probabilities take about 40 MB
_CODINGS = {"gzip", "x-gzip", "deflate"}  # others would have to be decompressed before their size is known


class BoundedAsyncClient(DefaultAsyncHttpxClient):
    """A client whose requests end after `seconds`, redirects and the whole reply included."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            timeout=seconds,
            headers={"Accept-Encoding": "gzip, deflate"},
            event_hooks={"response": [_refuse_other_hosts]},
        )
        self._seconds = seconds

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        options["stream"] = True
        try:
            async with asyncio.timeout(self._seconds):
                return await _receive(await super().send(request, **options))
        except TimeoutError as error:
            raise httpx2.ReadTimeout(f"no whole reply in {self._seconds:g} seconds", request=request) from error


class BoundedClient(DefaultHttpxClient):
    """The same for blocking calls: they are made in an event loop of its own, where they can be ended at any moment."""

    def __init__(self, seconds: float) -> None:
        super().__init__(timeout=seconds, headers={"Accept-Encoding": "gzip, deflate"})
        self._asking = BoundedAsyncClient(seconds)
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        options.pop("auth", None)
        if self._portal is None:
            self._portal = self._stack.enter_context(start_blocking_portal())
        return self._portal.call(partial(self._asking.send, request, **options))

    def close(self) -> None:
        if self._portal is not None:
            self._portal.call(self._asking.aclose)
            self._portal.call(self._portal.stop, True)  # a request that was interrupted ends here
            self._stack.close()
            self._portal = None
        super().close()


async def _refuse_other_hosts(response: httpx2.Response) -> None:
    """InputError for a redirect to another host, which was not named by the user and would get prompts and key."""
    if not response.has_redirect_location:
        return
    asked = response.request.url
    target = asked.join(response.headers["location"])
    is_same_place = (target.scheme, target.host, target.port) == (asked.scheme, asked.host, asked.port)
    is_upgrade = target.scheme == "https" and target.host == asked.host and asked.port is target.port is None
    if not is_same_place and not is_upgrade:
        place = f"{target.scheme}://{target.netloc.decode('ascii', 'replace')}"
        raise InputError(
            _place(asked), f"redirects to {place}; nothing was sent there. If it is right, name that address"
        )


async def _receive(response: httpx2.Response) -> httpx2.Response:
    """Read a reply and return it decompressed and without keys; InputError if it is over MAX_REPLY_BYTES long."""
    try:
        body = await _read_body(response)
    finally:
        await response.aclose()
    kept = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    ]
    return httpx2.Response(
        response.status_code,
        headers=kept,
        content=hide_keys_in_body(body),
        request=response.request,
        extensions={"http_version": b"HTTP/1.1"},
        history=response.history,
    )


async def _read_body(response: httpx2.Response) -> bytes:
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    place = _place(response.request.url)
    if coding != "identity" and coding not in _CODINGS:
        raise InputError(place, f"sent a reply compressed as {coding[:20]!r}; expected gzip, deflate or none")
    unpack = None if coding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, as it says
    body = bytearray()
    async for chunk in response.aiter_raw():
        try:
            body += chunk if unpack is None else unpack.decompress(chunk, MAX_REPLY_BYTES + 1 - len(body))
        except zlib.error as error:
            raise httpx2.DecodingError(f"not {coding}: {error}", request=response.request) from error
        if len(body) > MAX_REPLY_BYTES:
            raise InputError(
                place, f"sent a reply of over {MAX_REPLY_BYTES // 1_000_000} MB; expected a chat completion"
            )
    return bytes(body)


def _place(url: httpx2.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"
