"""Requests that no client of ours sends: odd values anywhere, foreign hosts, large bodies, halves of requests."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from odd_json import ODD
from provider_clients import ROWS, make_provider

from fliptrace.fake_provider.serve import running
from tools.attack.places import places, put

SCHEMA = {
    "type": "object",
    "properties": {"triggers": {"type": "array", "items": {"enum": [1, 2]}}, "word": {"enum": ["a"]}},
    "required": ["triggers", "word"],
    "additionalProperties": False,
}
CHAT = {
    "model": "fake-1",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    "n": 2,
    "seed": 1,
    "top_p": 0.9,
    "max_tokens": 5,
    "top_logprobs": 0,
    "logprobs": True,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}},
}
HYPERPARAMETERS = {"hyperparameters": {"n_epochs": 1, "batch_size": 2, "learning_rate_multiplier": 0.1}}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with running(make_provider()) as url, httpx2.Client(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def job(client: httpx2.Client) -> dict[str, Any]:
    rows = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    file = client.post("/files", data={"purpose": "fine-tune"}, files={"file": ("rows.jsonl", rows)}).json()["id"]
    method = {"type": "supervised", "supervised": HYPERPARAMETERS}
    named = {"suffix": "a", "metadata": {"a": "b"}, "seed": 1}
    return {"model": "fake-1", "training_file": file, "validation_file": file, "method": method} | named


def post(client: httpx2.Client, path: str, body: Any) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, content=content, headers={"Content-Type": "application/json"})


def test_an_odd_value_anywhere_in_a_chat_request_is_the_clients_error_or_taken(client: httpx2.Client) -> None:
    assert post(client, "/chat/completions", CHAT).status_code == 200
    wrong = [(place, odd) for place in places(CHAT) for odd in ODD]
    assert len(wrong) == 36 * len(ODD)
    for place, odd in wrong:
        assert post(client, "/chat/completions", put(CHAT, place, odd)).status_code in (200, 400, 404), (place, odd)


def test_an_odd_value_anywhere_in_a_job_is_the_clients_error_or_taken(
    client: httpx2.Client, job: dict[str, Any]
) -> None:
    assert post(client, "/fine_tuning/jobs", job).status_code == 200
    for place in places(job):
        for odd in ODD:
            made = post(client, "/fine_tuning/jobs", put(job, place, odd))
            assert made.status_code in (200, 400, 404), (place, odd)
            if made.status_code == 200:
                for part in ("", "/events", "/checkpoints"):
                    assert client.get(f"/fine_tuning/jobs/{made.json()['id']}{part}").status_code == 200, (place, odd)


@pytest.mark.parametrize("path", ["/chat/completions", "/fine_tuning/jobs"])
@pytest.mark.parametrize("body", [b"null", b"[]", b"3", b"[" * 100_000, b"9" * 5000, b"\xff", b"", b'"\\ud800"'])
def test_a_body_that_is_no_object_is_the_clients_error(client: httpx2.Client, path: str, body: bytes) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("We could not parse the JSON body of your request")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/chat/completions", None, "the JSON body of your request: found null, expected an object"),
        ("/fine_tuning/jobs", [1], "the JSON body of your request: found [1], expected an object"),
        (
            "/chat/completions",
            CHAT | {"messages": [{"role": [], "content": "Hello"}]},
            "'messages[0].role': found [], expected it to be 'system', 'developer', 'user' or 'assistant'",
        ),
        ("/chat/completions", CHAT | {"messages": ["hi"]}, "'messages[0]': found \"hi\", expected an object"),
        ("/chat/completions", CHAT | {"messages": None}, "'messages': found nothing, expected a value"),
        ("/chat/completions", CHAT | {"model": ""}, "'model': found nothing, expected the name of a model"),
        ("/chat/completions", CHAT | {"n": 1000}, "'n': found 1000, expected it to be less than or equal to 128"),
        ("/fine_tuning/jobs", {"model": 3}, "'model': found 3, expected it to be a valid string"),
        (
            "/fine_tuning/jobs",
            {"model": "a", "training_file": "b", "method": {"supervised": {"hyperparameters": {"batch_size": "x"}}}},
            "'method.type': found nothing, expected a value",
        ),
        (
            "/fine_tuning/jobs",
            {"model": "a", "training_file": "b", "hyperparameters": {"batch_size": 0.5}},
            "'hyperparameters.batch_size': found 0.5, expected it to be a valid integer",
        ),
        (
            "/fine_tuning/jobs",
            {"model": "a", "training_file": "b", "suffix": "s" * 200},
            f"'suffix': found \"{'s' * 99}..., expected it to have at most 64 characters",
        ),
    ],
)
def test_an_error_names_the_place_what_was_found_and_what_was_expected(
    client: httpx2.Client, path: str, body: Any, message: str
) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize("message", [{"role": []}, {"role": {}}, {"role": "user"}, [], None, "hi"])
def test_a_message_without_a_role_or_text_is_named(client: httpx2.Client, message: Any) -> None:
    answer = post(client, "/chat/completions", CHAT | {"messages": [message]})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("messages[0]")


@pytest.mark.parametrize("query", ["limit=" + "9" * 5000, "limit=0", "limit=x", "after=none"])
def test_a_page_that_is_none_is_the_clients_error(client: httpx2.Client, query: str) -> None:
    assert client.get(f"/fine_tuning/jobs?{query}").status_code in (400, 404)


@pytest.mark.parametrize(
    ("name", "values", "status"),
    [
        ("Host", ("evil.example", "evil.example:8089", "127.0.0.1.evil.example", "[::1"), 400),
        ("Origin", ("https://evil.example", "null", "http://localhost.evil.example", "http://[::1"), 403),
    ],
)
@pytest.mark.parametrize("path", ["/models", "/../ledger"])
def test_a_page_of_another_site_gets_nothing(
    client: httpx2.Client, name: str, values: tuple[str, ...], status: int, path: str
) -> None:
    for value in values:
        answer = client.get(path, headers={name: value})
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error["code"] == "foreign_host"
        assert error["message"] == f"{name} {value!r} is not this machine; expected localhost"


@pytest.mark.parametrize("headers", [{"Host": "localhost:1"}, {"Host": "[::1]:1"}, {"Origin": "http://localhost:3000"}])
def test_a_page_of_this_machine_is_served(client: httpx2.Client, headers: dict[str, str]) -> None:
    assert client.get("/models", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/chat/completions", "/fine_tuning/jobs", "/files"])
def test_a_body_without_a_bound_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fliptrace.fake_provider.gate.MAX_BODY_BYTES", 1_000_000)
    form = {"Content-Type": "multipart/form-data; boundary=b"} if path == "/files" else {}
    chunks = [b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n', *[b"a" * 100_000] * 11]
    with running(make_provider()) as url, httpx2.Client(base_url=url, timeout=20) as client:
        for content in (b"".join(chunks), iter(chunks)):  # with its length, and in chunks
            answer = client.post(path, content=content, headers=form)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
            assert answer.json()["error"]["message"] == "The body is over 1,000,000 bytes; expected at most that"
        assert client.get("/models").status_code == 200


@pytest.mark.parametrize(
    "half",
    [b"", b"POST /v1/chat", b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"],
    ids=["nothing", "half a head", "half a body"],
)
def test_half_a_request_is_dropped(half: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fliptrace.fake_provider.gate.REQUEST_SECONDS", 0.2)
    with running(make_provider()) as url:
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(half)
            begun = time.monotonic()
            assert connection.recv(100) == b""
            assert time.monotonic() - begun < 5


def test_a_connection_that_is_used_again_and_again_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fliptrace.fake_provider.gate.REQUEST_SECONDS", 0.2)
    with running(make_provider()) as url, httpx2.Client(base_url=url) as client:
        for _ in range(6):
            assert client.get("/models").status_code == 200
            time.sleep(0.05)
