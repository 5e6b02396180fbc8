from __future__ import annotations

import time

import openai
import pytest
from provider_clients import SCRIPT, ask, client_of, make_provider

from fliptrace.core.errors import InputError
from fliptrace.fake_provider.faults import FaultDraw
from fliptrace.fake_provider.settings import FaultKind, Faults


@pytest.mark.parametrize(("seconds", "header"), [(2.5, "2.5"), (3, "3"), (None, None)])
def test_a_429_may_tell_how_long_to_wait(seconds: float | None, header: str | None) -> None:
    provider = make_provider(faults=Faults(share_429=1, retry_after_seconds=seconds))
    with client_of(provider) as client, pytest.raises(openai.RateLimitError) as caught:
        ask(client)
    assert caught.value.response.headers.get("Retry-After") == header
    assert caught.value.code == "rate_limit_exceeded"


def test_a_500_is_one() -> None:
    with client_of(make_provider(faults=Faults(share_500=1))) as client, pytest.raises(openai.InternalServerError):
        ask(client)


@pytest.mark.parametrize(("share", "num_billed"), [("share_dropped", 0), ("share_dropped_after", 1)])
def test_a_dropped_connection_is_a_connection_error_and_prints_nothing(
    share: str, num_billed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    provider = make_provider(faults=Faults(**{share: 1}))
    with client_of(provider) as client, pytest.raises(openai.APIConnectionError):
        ask(client)
    assert [one.delivered for one in provider.ledger.billed] == [False] * num_billed
    assert capfd.readouterr() == ("", "")


def test_a_truncated_reply_is_half_of_it() -> None:
    with client_of(make_provider(SCRIPT, faults=Faults(share_truncated=1))) as client:
        choice = ask(client).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Trigg", "length")


def test_latency_is_waited_for() -> None:
    with client_of(make_provider(faults=Faults(latency_seconds=0.1))) as client:
        start = time.perf_counter()
        ask(client)
    assert time.perf_counter() - start >= 0.1


def test_faults_are_as_frequent_as_their_shares_and_the_same_for_a_seed() -> None:
    faults = Faults(share_429=0.2, share_500=0.1, share_dropped=0.05, seed=4)
    one, other = FaultDraw(faults), FaultDraw(faults)
    drawn = [one.next() for _ in range(4000)]
    assert drawn == [other.next() for _ in range(4000)]
    expected: dict[FaultKind | None, float] = {"429": 0.2, "500": 0.1, "dropped": 0.05, "truncated": 0.0, None: 0.65}
    for kind, share in expected.items():
        assert drawn.count(kind) / 4000 == pytest.approx(share, abs=0.03)


def test_shares_of_more_than_all_requests_are_refused() -> None:
    with pytest.raises(InputError, match="1 or less together"):
        Faults(share_429=0.7, share_500=0.7)
