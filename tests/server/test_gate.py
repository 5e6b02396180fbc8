"""The gate: who may ask, from where; the token; what answers tell browsers; what the log holds."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from services import client_of, inline_service, submit
from starlette.testclient import TestClient

from fliptrace.core.errors import InputError
from fliptrace.server.logs import configure_logs, log
from fliptrace.server.settings import ServerSettings

TOKEN = "correct horse battery staple"
JOBS = "/api/v1/jobs"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service with a token, which it does not send."""
    with inline_service(tmp_path / "data", token=TOKEN) as service, client_of(service) as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost", "LOCALHOST:1", "[::1]:8090", "127.0.0.2"])
def test_this_machine_may_ask_by_all_its_names(client: TestClient, host: str) -> None:
    assert client.get(JOBS, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "localhost.evil.example", "192.168.1.5", "", "[::1", "127.0.0.1@evil"]
)
def test_a_foreign_host_is_refused_everywhere(client: TestClient, host: str) -> None:
    for path in (JOBS, "/", "/healthz", "/static/app.js", "/nothing"):
        answer = client.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_host")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:3000"},  # another program of this machine
        {"origin": "http://localhost:8090"},  # another name, so another site
        {"origin": "null"},  # a sandboxed page, such as that of a result
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
)
def test_pages_of_other_sites_can_neither_read_nor_write(client: TestClient, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/api/v1/conversations"), ("GET", JOBS), ("DELETE", f"{JOBS}/x"), ("POST", "/login")):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


def test_the_own_page_may_ask_and_other_sites_may_link_here(client: TestClient) -> None:
    own = {"origin": "http://127.0.0.1:8090", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
    assert client.post("/api/v1/conversations", data={"sample": "call"}, headers=own).status_code == 202
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=link).status_code == 200
    assert client.post("/api/v1/conversations", data={"sample": "call"}, headers=link).status_code == 403


def test_a_service_for_others_answers_to_its_names_and_to_addresses_alone() -> None:
    settings = ServerSettings(Path("x"), host="0.0.0.0", token=TOKEN, allowed_hosts=("calls.example.org",))
    assert all(map(settings.answers_to, ("calls.example.org", "Calls.Example.org", "10.1.2.3", "::1", "localhost")))
    assert not any(map(settings.answers_to, ("evil.example", "example.org", "10.1.2.3.evil.example")))
    with pytest.raises(InputError, match="expected a token"):
        ServerSettings(Path("x"), host="10.1.2.3")


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer", f"Bearer {TOKEN}x", "Bearer zürich"]
)
def test_without_the_token_nothing_is_told(locked: TestClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization.encode()}
    for path in (JOBS, "/api/v1/openapi.json", "/api/v1/events", f"{JOBS}/x/page", "/static/app.js", "/nothing"):
        answer = locked.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert locked.post("/api/v1/conversations", data={"sample": "call"}, headers=headers).status_code == 401
    assert locked.get("/healthz", headers=headers).json() == {"status": "ok"}


def test_programs_bring_the_token_as_bearer(locked: TestClient) -> None:
    locked.headers["authorization"] = f"Bearer {TOKEN}"
    submit(locked)
    assert locked.get("/api/v1/choices").json()["has_token"]


def test_browsers_sign_in_by_a_form_and_out_again(locked: TestClient) -> None:
    assert locked.get("/", follow_redirects=False).headers["location"] == "/login"
    wrong = locked.post("/login", data={"token": "wrong"})
    assert (wrong.status_code, "not the token" in wrong.text, len(locked.cookies)) == (401, True, 0)
    right = locked.post("/login", data={"token": TOKEN}, follow_redirects=False)
    cookie = right.headers["set-cookie"]
    assert right.headers["location"] == "/"
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert locked.get(JOBS).status_code == 200
    locked.post("/logout")
    assert locked.get(JOBS).status_code == 401
    assert locked.get(JOBS, headers={"cookie": f"fliptrace={TOKEN}"}).status_code == 401


def test_without_a_token_there_is_nothing_to_sign_in_to(client: TestClient) -> None:
    assert client.post("/login", data={"token": ""}).status_code == 401


def test_answers_forbid_scripts_frames_and_loads_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/login", "/static/app.js", JOBS, "/nothing", "/docs"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
        assert "access-control-allow-origin" not in headers
    page = client.get("/").text
    assert "<script>" not in page and " style=" not in page and "//" not in page


def test_a_result_is_shown_in_a_sandbox_with_an_origin_of_its_own(client: TestClient) -> None:
    job = submit(client)
    client.app._app.state.service.supervisor.run_all()  # type: ignore[attr-defined]
    policy = client.get(f"{JOBS}/{job['id']}/page").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy and "connect-src 'none'" in policy


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/", "/static/..%2fapp.py"])
def test_there_is_nothing_but_what_is_needed(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_log_is_json_without_words_of_transcripts_or_queries(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # as fake-provider does
    configure_logs()
    try:
        job = submit(client)
        client.get(f"{JOBS}?q=zucchini")
        client.post("/api/v1/conversations", files={"file": ("zucchini.vtt", b"WEBVTT\n\nzucchini")})
        logging.getLogger("uvicorn.error").error("failed", exc_info=ValueError("zucchini"))
        log("an event", num=1)
    finally:
        for name in ("fliptrace.server", "uvicorn"):
            logging.getLogger(name).handlers = []
            logging.getLogger(name).propagate = True
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == 5
    assert {"time", "level", "event"} <= set(lines[0])
    assert (lines[0]["event"], lines[0]["path"], lines[0]["status"]) == ("request", "/api/v1/conversations", 202)
    assert lines[1]["path"] == JOBS
    assert (lines[3]["error"], lines[4]["num"]) == ("ValueError", 1)
    assert "zucchini" not in json.dumps(lines) and job["id"] not in json.dumps(lines[:2])
