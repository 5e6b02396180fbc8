"""A single call: when it is retried, after how long, and what a failure reports."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import openai
import pytest
import stamina
from hosted_models import LittleServer, Said, error, make_provider, messages, said, serving
from openai.types.chat import ChatCompletion

from fliptrace.core.errors import InputError, RunError
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import FaultKind, Faults
from fliptrace.models.hosted.budget import Budget, Price
from fliptrace.models.hosted.client import Caller, CallSettings, retry_blocking
from fliptrace.models.hosted.errors import Filtered, NoSuchModel, Refused, how_to_go_on
from fliptrace.models.hosted.provider import find_provider
from fliptrace.models.hosted.response import ChatReply

SECRET = "sk-secret-" + "0123456789" * 4


@pytest.fixture
def server() -> LittleServer:
    return LittleServer()


def call(
    url: str,
    *,
    max_attempts: int = 8,
    timeout_seconds: float = 20,
    budget: Budget | None = None,
    price: Price | None = None,
    **parameters: Any,
) -> ChatReply:
    settings = CallSettings(8, timeout_seconds, max_attempts)

    async def connected() -> ChatReply:
        provider = find_provider(f"{url}#fake-1", {})
        async with provider.connect(settings.timeout_seconds) as client:
            return await Caller(provider, client, settings, budget or Budget(), price).call(
                messages("Hello"), parameters
            )

    return asyncio.run(connected())


def error_of(server: LittleServer, answer: Said) -> openai.APIError:
    """Return the error that the client raises for an answer."""
    server.one_after_the_other(answer)
    with (
        serving(server) as url,
        find_provider(f"{url}#fake-1", {}).connect_blocking(5.0) as client,
        pytest.raises(openai.APIError) as caught,
    ):
        client.chat.completions.create(model="fake-1", messages=[{"role": "user", "content": "Hello"}])
    return caught.value


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_an_error_that_passes_is_asked_again(server: LittleServer, status: int) -> None:
    server.one_after_the_other(error(status), error(status), said("Good day"))
    with serving(server) as url:
        reply = call(url)
    assert (reply.choices[0].message.content, len(server.bodies)) == ("Good day", 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_an_error_that_lasts_is_not_asked_again(server: LittleServer, status: int) -> None:
    server.one_after_the_other(error(status, "no such thing"), said("Good day"))
    with serving(server) as url, pytest.raises(InputError, match=f"#fake-1: HTTP {status}: no such thing"):
        call(url)
    assert len(server.bodies) == 1


def test_a_connection_that_breaks_is_asked_again(server: LittleServer) -> None:
    server.one_after_the_other(Said(0), said("Good day"))
    with stamina.set_testing(True, attempts=8, cap=True), serving(server) as url:
        assert call(url).choices[0].message.content == "Good day"


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached"])
def test_a_429_for_want_of_money_is_not_asked_again(server: LittleServer, code: str) -> None:
    server.one_after_the_other(error(429, "check your plan", code), said("Good day"))
    with serving(server) as url, pytest.raises(InputError, match="HTTP 429: check your plan"):
        call(url)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("faults", "kind", "complaint"),
    [
        (Faults(share_429=1), "429", "HTTP 429: Rate limit reached"),
        (Faults(share_500=1), "500", "HTTP 500: The server had an error"),
        (Faults(share_dropped=1), "dropped", "cannot be reached at http"),
    ],
    ids=["429", "500", "dropped"],
)
def test_attempts_run_out(faults: Faults, kind: FaultKind, complaint: str) -> None:
    provider = make_provider(faults=faults)
    with (
        stamina.set_testing(True, attempts=3, cap=True),
        running(provider) as url,
        pytest.raises(InputError, match=complaint),
    ):
        call(url, max_attempts=5)
    assert provider.ledger.faults[kind] == 3


def test_a_call_that_takes_too_long_is_given_up_and_made_again(server: LittleServer) -> None:
    def answer(_: Any) -> Said:
        time.sleep(0.4)
        return said("Good day")

    server.answer = answer
    with (
        stamina.set_testing(True, attempts=2, cap=True),
        serving(server) as url,
        pytest.raises(InputError, match="no reply in time after several attempts; a longer --timeout may help"),
    ):
        call(url, timeout_seconds=0.1)
    assert len(server.bodies) == 2


def test_what_a_429_asks_for_is_waited(server: LittleServer) -> None:
    # Without the header the wait is at most 0.2 seconds: 0.1 and as much jitter.
    server.one_after_the_other(error(429, Retry_After="1.5"), said("Good day"))
    with serving(server) as url:
        start = time.perf_counter()
        call(url)
    assert time.perf_counter() - start >= 1.5


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("0.05", timedelta(seconds=0.05)),
        ("7", timedelta(seconds=7)),
        ("3600", timedelta(minutes=10)),
        ("1e15", timedelta(minutes=10)),
        ("inf", timedelta(minutes=10)),
        ("nan", True),
        ("soon", True),
        ("", True),
    ],
)
def test_how_long_to_wait_is_told_in_seconds(server: LittleServer, asked: str, expected: timedelta | bool) -> None:
    assert how_to_go_on(error_of(server, error(429, Retry_After=asked))) == expected


def test_or_by_a_date(server: LittleServer) -> None:
    asked = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    found = how_to_go_on(error_of(server, error(503, Retry_After=asked)))
    assert isinstance(found, timedelta)
    assert timedelta(seconds=50) < found <= timedelta(seconds=60)


def test_a_date_that_has_passed_asks_for_no_wait_of_its_own(server: LittleServer) -> None:
    asked = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert how_to_go_on(error_of(server, error(429, Retry_After=asked))) is True


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(400, None, Refused), (422, None, Refused), (400, "content_filter", Filtered), (404, None, NoSuchModel)],
)
def test_errors_are_told_apart(server: LittleServer, status: int, code: str | None, kind: type[InputError]) -> None:
    server.one_after_the_other(error(status, code=code))
    with serving(server) as url, pytest.raises(InputError) as caught:
        call(url)
    assert type(caught.value) is kind


def test_a_refused_field_is_named() -> None:
    with running(make_provider()) as url, pytest.raises(Refused) as caught:
        call(url, temperature=7)
    assert caught.value.field == "temperature"


@pytest.mark.parametrize("status", [401, 403])
def test_where_the_key_is_wrong_the_environment_is_named(server: LittleServer, status: int) -> None:
    server.one_after_the_other(error(status))
    with serving(server) as url, pytest.raises(InputError, match="is the key in the environment the right one"):
        call(url)


@pytest.mark.parametrize("num_before", [0, 480])
@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("as_html", [True, False])
def test_no_part_of_a_key_that_a_server_repeats_is_told(
    server: LittleServer, num_before: int, status: int, as_html: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET)

    def echo(_: Any) -> Said:
        text = "x" * num_before + server.headers[-1]["authorization"]
        return Said(status, text) if as_html else error(status, text)

    server.answer = echo
    with stamina.set_testing(True, attempts=1), serving(server) as url, pytest.raises(InputError) as caught:
        call(url)
    assert SECRET[:8] not in str(caught.value)


def failed(**error: Any) -> Said:
    """Make an error that comes with HTTP 200."""
    return Said(200, {"error": error}, {"Retry-After": "0.01"})


PASSING = [
    failed(message="slow down", code=429),
    failed(message="slow down", code="429"),
    failed(message="slow down", code="rate_limit_exceeded"),
    failed(message="busy", type="overloaded_error"),
    failed(message="busy", code=None, type="server_error"),
    Said(200, {"object": "error", "message": "busy", "type": "InternalServerError", "code": 503}),
    said("", choices=[{"message": {"content": ""}, "finish_reason": "error", "error": {"message": "x", "code": 502}}]),
]


@pytest.mark.parametrize("answer", PASSING, ids=lambda answer: str(answer.body)[:60])
def test_an_error_that_comes_with_http_200_is_asked_again_as_its_code_deserves(
    server: LittleServer, answer: Said
) -> None:
    server.one_after_the_other(answer, answer, said("Good day"))
    budget = Budget()
    with serving(server) as url:
        reply = call(url, budget=budget)
    assert (reply.choices[0].text, len(server.bodies)) == ("Good day", 3)
    assert (budget.num_calls, budget.num_retries) == (1, 2)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (failed(message="out of luck"), InputError, "HTTP 200: out of luck"),
        (Said(200, {"error": "out of luck"}), InputError, "HTTP 200: out of luck"),
        (failed(message="pay first", code="insufficient_quota"), InputError, "HTTP 429: pay first"),
        (failed(message="no such model", code=404), NoSuchModel, "HTTP 404: no such model"),
        (failed(message="no n", code=400, param="n"), Refused, "HTTP 400: no n"),
        (failed(message="who?", code=401), InputError, "HTTP 401: who.*is the key in the environment the right one"),
        (Said(200, {"object": "error", "message": "too long", "code": 400}), Refused, "HTTP 400: too long"),
    ],
)
def test_an_error_that_comes_with_http_200_and_lasts_is_told_in_its_words(
    server: LittleServer, answer: Said, kind: type[InputError], message: str
) -> None:
    server.one_after_the_other(answer, said("Good day"))
    with serving(server) as url, pytest.raises(InputError, match=f"#fake-1: {message}") as caught:
        call(url)
    assert type(caught.value) is kind and "/v1" not in str(caught.value).replace(url, "")
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Triggers: 2"}], "Triggers: 2"),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Triggers: 1"}]},
                {"type": "text", "text": "Trig"},
                {"type": "text", "text": "gers: 2"},
            ],
            "Triggers: 2",
        ),
        ([{"type": "reasoning", "text": "Triggers: 1"}, {"type": "output_text", "text": "Triggers: 2"}], "Triggers: 2"),
        (["Triggers: 2"], "Triggers: 2"),
        ([{"type": "thinking", "thinking": "Triggers: 1"}], ""),
        ([], ""),
    ],
)
def test_of_a_content_in_parts_the_text_is_read(server: LittleServer, content: Any, text: str) -> None:
    server.one_after_the_other(said("", choices=[{"message": {"content": content}, "finish_reason": "stop"}]))
    with serving(server) as url:
        assert call(url).choices[0].text == text


def test_a_completion_without_choices_is_paid_and_refused(server: LittleServer) -> None:
    server.one_after_the_other(said())
    budget = Budget()
    with serving(server) as url, pytest.raises(RunError, match="#fake-1: answered a request with no replies"):
        call(url, budget=budget)
    assert budget.num_prompt_tokens == 10


@pytest.mark.parametrize(
    "answer",
    [
        Said(200, "<html>Welcome to the chat</html>"),
        Said(200, {"error": {"message": "out of luck"}}),
        Said(200, {"object": "chat.completion", "choices": None}),
        Said(200, []),
    ],
    ids=["a page", "an error", "no choices", "a list"],
)
def test_what_is_no_chat_completion_is_an_error_that_names_the_model(server: LittleServer, answer: Said) -> None:
    server.one_after_the_other(answer)
    with serving(server) as url, pytest.raises(InputError, match="#fake-1: "):
        call(url)


def test_a_call_is_paid_as_the_provider_counts() -> None:
    budget = Budget()
    with running(make_provider()) as url:
        reply = call(url, budget=budget, price=Price(1_000_000, 10_000_000))
    assert reply.usage is not None
    assert budget.spent.dollars == reply.usage.prompt_tokens + 10 * reply.usage.completion_tokens


def test_a_call_of_which_no_tokens_are_told_is_paid_as_estimated(server: LittleServer) -> None:
    server.one_after_the_other(said("Good day to you", usage=None))
    budget = Budget()
    with serving(server) as url:
        call(url, budget=budget)
    assert budget.spent.num_calls == 1
    assert budget.spent.num_prompt_tokens > 0 < budget.spent.num_tokens


def test_a_call_that_fails_costs_nothing_and_frees_what_was_reserved(server: LittleServer) -> None:
    server.one_after_the_other(error(400))
    budget = Budget(limit=0.01)
    with serving(server) as url:
        for _ in range(3):
            with pytest.raises(Refused):
                call(url, budget=budget, price=Price(1, 1), max_completion_tokens=9000)
    assert budget.dollars == 0


def test_a_call_that_is_too_dear_is_not_made(server: LittleServer) -> None:
    with serving(server) as url, pytest.raises(RunError, match="--max-cost"):
        call(url, budget=Budget(limit=0.001), price=Price(1, 1), n=3, max_completion_tokens=500)
    assert server.bodies == []


def test_calls_made_again_are_counted_and_others_are_not(server: LittleServer) -> None:
    budget = Budget()
    server.one_after_the_other(error(429), error(429), said("Good day"))
    with serving(server) as url:
        call(url, budget=budget)
        server.one_after_the_other(error(404))
        with pytest.raises(InputError):
            call(url, budget=budget)
        server.one_after_the_other(error(500))
        with pytest.raises(InputError):
            call(url, budget=budget, max_attempts=2)
    assert budget.spent.num_retries == 2 + 0 + 1


def test_one_call_that_blocks_is_made_again_too(server: LittleServer) -> None:
    server.one_after_the_other(error(503), said("Good day"))
    with serving(server) as url:
        provider = find_provider(f"{url}#fake-1", {})
        with provider.connect_blocking(5.0) as client:

            def ask() -> ChatCompletion:
                return client.chat.completions.create(
                    model="fake-1", messages=[{"role": "user", "content": "Hello"}], stream=False
                )

            assert retry_blocking(provider, ask).choices[0].message.content == "Good day"


@pytest.mark.parametrize("settings", [(0, 1.0, 1), (1, 0.0, 1), (1, float("nan"), 1), (1, 1.0, 0)])
def test_settings_that_ask_nothing_are_refused(settings: tuple[int, float, int]) -> None:
    with pytest.raises(InputError, match="expected"):
        CallSettings(*settings)
