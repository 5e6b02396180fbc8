"""What a hostile server may do to a client: echo the key, drip, flood, compress, redirect, lie about tokens."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from hosted_models import LittleServer, Said, error, messages, open_fake, requests, said, serving

from fliptrace.core.errors import InputError
from fliptrace.models.base import Decoding
from fliptrace.models.hosted.budget import Budget, Price, count_about
from fliptrace.models.hosted.client import Caller, CallSettings, retry_blocking
from fliptrace.models.hosted.keys import hide_keys, hide_keys_in_body
from fliptrace.models.hosted.provider import find_provider
from fliptrace.models.hosted.response import ChatReply

SECRET = "sk-Secret-AbCdEfGh0123456789xyz"
HIDDEN = "<FLIPTRACE_API_KEY>"


def call(url: str, *, timeout_seconds: float = 20, budget: Budget | None = None, price: Price | None = None) -> Any:
    settings = CallSettings(1, timeout_seconds, max_attempts=1)

    async def connected() -> ChatReply:
        provider = find_provider(f"{url}#m", {})
        async with provider.connect(timeout_seconds) as client:
            caller = Caller(provider, client, settings, budget or Budget(), price)
            return await caller.call(messages("Hello"), {"max_tokens": 10})

    return asyncio.run(connected())


def list_models(url: str, timeout_seconds: float = 20) -> list[str]:
    """Make a blocking call."""
    provider = find_provider(f"{url}#m", {})
    with provider.connect_blocking(timeout_seconds) as client:
        return [model.id for model in retry_blocking(provider, lambda: list(client.models.list()), num_attempts=1)]


@contextmanager
def sending(chunks: Iterator[bytes], pause_seconds: float = 0.0) -> Iterator[str]:
    """A server that answers any request with these bytes, as slowly as told, until the client hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    for chunk in chunks:
                        connection.sendall(chunk)
                        time.sleep(pause_seconds)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread.join(5.0)
        assert not thread.is_alive(), "the client has not hung up"


ECHOES = {
    "as it is": f"Your key is {SECRET}.",
    "in a header's form": f"Bearer {SECRET}",
    "in lower case": SECRET.lower(),
    "in capitals": SECRET.upper(),
    "reversed": SECRET[::-1],
    "in blanks": " ".join(SECRET),
    "on two lines": f"{SECRET[:14]}\n{SECRET[14:]}",
    "in halves": f"first {SECRET[:15]}, then {SECRET[15:]}",
    "without its beginning": SECRET[9:],
    "with invisible signs": "\u200b".join(SECRET),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=list(ECHOES))
def test_no_form_of_a_key_is_left_in_a_text(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET)
    hidden = hide_keys(echo)
    assert HIDDEN in hidden
    left = [sign.lower() for sign in hidden.replace(HIDDEN, " ") if sign.isalnum()]
    assert not {SECRET.replace("-", "").lower()[i : i + 8] for i in range(22)} & {
        "".join(left[i : i + 8]) for i in range(len(left))
    }


def test_other_text_around_a_key_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET)
    assert hide_keys(f"Nein, »{SECRET.lower()}« gilt nicht: 0123") == f"Nein, »{HIDDEN}« gilt nicht: 0123"


def test_a_body_without_a_key_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET)
    body = b'{"created": 1700000000, "content":  "Triggers: none"}'
    assert hide_keys_in_body(body) is body


def test_a_key_in_escapes_of_json_is_hidden_and_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET)
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in SECRET)
    body = f'{{"created": 123456789, "{SECRET}": ["{escaped}"]}}'
    assert json.loads(hide_keys_in_body(body.encode())) == {"created": 123456789, HIDDEN: [HIDDEN]}


def test_a_placeholder_for_a_key_is_no_secret_in_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", "none")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    body = b'{"content": "caf\\u00e9: Triggers: none"}'
    assert json.loads(hide_keys_in_body(body)) == {"content": "café: Triggers: none"}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=list(ECHOES))
def test_no_file_holds_a_key_that_a_server_echoes(echo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET)
    server = LittleServer(lambda body: said(*[f"{echo}\nTriggers: 1"] * body.get("n", 1), model=echo))
    with serving(server) as url:
        model = open_fake(url, answers=tmp_path / "answers")
        [[completion]] = model.complete(requests("Hello"), Decoding())
    assert completion.text == f"{hide_keys(echo)}\nTriggers: 1"
    assert hide_keys(text := (tmp_path / "answers").read_text(encoding="utf-8")) == text
    assert hide_keys(told := str(model.capabilities)) == told


def test_a_key_goes_no_further_than_the_host_it_was_given_for() -> None:
    other = LittleServer()
    with serving(other) as elsewhere:
        port = elsewhere.split(":")[2].removesuffix("/v1")
        target = f"http://localhost:{port}/v1/chat/completions"
        server = LittleServer(lambda _: Said(307, {}, {"Location": target}))
        server.models = Said(307, {}, {"Location": target})
        with serving(server) as url:
            for make_call in (call, list_models):
                with pytest.raises(InputError, match=f"redirects to http://localhost:{port}; nothing was sent there"):
                    make_call(url)
    assert len(server.bodies) == 1  # not retried
    assert other.bodies == []


def test_a_redirect_on_the_same_host_is_followed() -> None:
    server = LittleServer()
    server.one_after_the_other(Said(307, {}, {"Location": "/v1/chat/completions?again=1"}), said("Good day"))
    with serving(server) as url:
        assert call(url).choices[0].text == "Good day"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("make_call", [call, list_models])
@pytest.mark.parametrize("head", [HEAD, HEAD + b"Content-Length: 9999\r\n\r\n"], ids=["in the head", "in the body"])
def test_a_server_that_drips_is_left_when_the_time_is_up(make_call: Any, head: bytes) -> None:
    begun = time.monotonic()
    drips = iter([head, *repeat(b"a", 1000)])
    with sending(drips, 0.02) as url, pytest.raises(InputError, match="no reply in time"):
        make_call(url, timeout_seconds=0.3)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("make_call", [call, list_models])
def test_an_endless_reply_is_refused(make_call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fliptrace.models.hosted.http_client.MAX_REPLY_BYTES", 1_000_000)
    flood = iter([HEAD + b"\r\n", *repeat(b" " * 65536, 10_000)])
    with sending(flood) as url, pytest.raises(InputError, match="sent a reply of over 1 MB"):
        make_call(url)


def test_a_compressed_reply_is_bounded_by_what_it_unpacks_to() -> None:
    server = LittleServer(lambda _: Said(200, gzip.compress(bytes(60_000_000)), {"Content-Encoding": "gzip"}))
    with serving(server) as url, pytest.raises(InputError, match="sent a reply of over 50 MB"):
        call(url)


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_reply_is_read(coding: str, pack: Any) -> None:
    body = pack(json.dumps(said("Good day").body).encode())
    with serving(LittleServer(lambda _: Said(200, body, {"Content-Encoding": coding}))) as url:
        assert call(url).choices[0].text == "Good day"


def test_a_compression_that_was_not_offered_is_refused() -> None:
    with (
        serving(LittleServer(lambda _: Said(200, b"abc", {"Content-Encoding": "br"}))) as url,
        pytest.raises(InputError, match="compressed as 'br'; expected gzip, deflate or none"),
    ):
        call(url)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1_000_000, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": -5},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
        {"prompt_tokens": float("nan"), "completion_tokens": 1},
        {"prompt_tokens": 10**400, "completion_tokens": 1},
        {"prompt_tokens": "many"},
        [1, 2],
        "none",
    ],
)
def test_usage_that_cannot_be_true_is_paid_as_estimated(usage: Any) -> None:
    budget = Budget()
    with serving(LittleServer(lambda _: said("Good day", usage=usage))) as url:
        call(url, budget=budget, price=Price(1, 1))
    assert budget.spent.num_prompt_tokens == count_about(messages("Hello"))
    assert budget.dollars > 0


def test_an_error_of_a_server_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET)
    with serving(LittleServer(lambda _: error(400, f"no: {SECRET[::-1]}"))) as url, pytest.raises(InputError) as caught:
        call(url)
    assert str(caught.value).endswith(f"HTTP 400: no: {HIDDEN}")
