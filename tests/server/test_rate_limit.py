"""How often clients on other machines may ask: by address, whatever their headers say; this machine without limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from services import ADDRESS, inline_service
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from fliptrace.core.errors import InputError
from fliptrace.server.check import exposure
from fliptrace.server.settings import ServerSettings
from fliptrace.server.web.app import make_app

TOKEN = "correct horse battery staple"
JOBS = "/api/v1/jobs"


LimitedApp = Callable[..., ASGIApp]


@pytest.fixture
def limited_app(tmp_path: Path) -> Iterator[LimitedApp]:
    """Make the app of a service with these settings."""
    with ExitStack() as stack:
        yield lambda **settings: make_app(stack.enter_context(inline_service(tmp_path, **settings)))


def statuses(app: ASGIApp, address: str, num: int, headers: Mapping[str, str] | None = None) -> list[int]:
    client = TestClient(app, base_url=ADDRESS, client=(address, 50_000))
    return [client.get(JOBS, headers=headers).status_code for _ in range(num)]


def test_one_request_too_many_is_told_when_to_come_again(limited_app: LimitedApp) -> None:
    app = limited_app(rate=2)
    assert statuses(app, "10.1.2.3", 2) == [200, 200]
    refused = TestClient(app, base_url=ADDRESS, client=("10.1.2.3", 50_001)).get("/")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_after_a_minute_a_client_may_ask_again(limited_app: LimitedApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app, now = limited_app(rate=1), time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    assert statuses(app, "10.1.2.3", 2) == [200, 429]
    monkeypatch.setattr(time, "time", lambda: now + 60)
    assert statuses(app, "10.1.2.3", 2) == [200, 429]


def test_clients_are_told_apart_by_their_address_and_no_header_changes_it(limited_app: LimitedApp) -> None:
    app = limited_app(rate=1)
    assert [statuses(app, f"10.1.2.{last}", 1) for last in (3, 4)] == [[200], [200]]
    for header in ("x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"):
        assert statuses(app, "10.1.2.3", 1, {header: "127.0.0.1"}) == [429]
        assert statuses(app, "10.1.2.3", 1, {header: "10.9.9.9"}) == [429]


def test_all_addresses_of_one_network_in_ipv6_are_one_client(limited_app: LimitedApp) -> None:
    app = limited_app(rate=1)
    assert statuses(app, "2001:db8:1:2::1", 1) == [200]
    assert statuses(app, "2001:db8:1:2:ffff::9", 1) == [429]
    assert statuses(app, "2001:db8:1:3::1", 1) == [200]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_no_limit(address: str, limited_app: LimitedApp) -> None:
    assert statuses(limited_app(rate=1), address, 3) == [200] * 3


def test_conversations_have_a_limit_of_their_own(limited_app: LimitedApp) -> None:
    app = limited_app(rate=0, upload_rate=1)
    client = TestClient(app, base_url=ADDRESS, client=("10.1.2.3", 50_000))
    answers = [client.post("/api/v1/conversations", data={"sample": "call"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 429]
    assert "the limit of 1 per minute for conversations is used up" in answers[1].json()["message"]
    assert statuses(app, "10.1.2.3", 3) == [200] * 3


def test_pages_of_other_sites_cannot_use_up_the_requests_of_a_client(limited_app: LimitedApp) -> None:
    app = limited_app(rate=1)
    assert statuses(app, "10.1.2.3", 3, {"origin": "http://evil.example"}) == [403] * 3
    assert statuses(app, "10.1.2.3", 1) == [200]


def test_wrong_tokens_are_counted_so_that_none_is_guessed(limited_app: LimitedApp) -> None:
    app = limited_app(token=TOKEN, rate=2)
    assert statuses(app, "10.1.2.3", 4, {"authorization": "Bearer guess"}) == [401, 401, 429, 429]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"host": "127.0.0.1"}, "no limit on requests, as all clients are on this machine"),
        ({}, "each address may make 600 requests and hand in 60 conversations; behind a proxy all are one"),
        ({"rate": 5, "upload_rate": 0}, "may make 5 requests and hand in any number of conversations"),
        ({"rate": 0}, "may make any number of requests and hand in 60 conversations"),
    ],
)
def test_the_operator_is_told_the_limits(settings: dict[str, object], told: str) -> None:
    common: dict[str, object] = {"host": "0.0.0.0", "token": TOKEN}
    chosen = ServerSettings(Path("x"), **(common | settings))  # type: ignore[arg-type]
    assert len([line for line in exposure(chosen) if told in line]) == 1


@pytest.mark.parametrize(("name", "option"), [("rate", "--rate"), ("upload_rate", "--upload-rate")])
def test_a_negative_limit_is_refused(name: str, option: str) -> None:
    with pytest.raises(InputError, match=f"{option}: -1; expected 0, for no limit, or more"):
        ServerSettings(Path("x"), **{name: -1})  # type: ignore[arg-type]
