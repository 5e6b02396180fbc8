from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import openai
import pytest
from provider_clients import SCRIPT, ask, client_of, make_provider

from fliptrace.core.files import Json
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Faults


def get_ledger(client: openai.OpenAI) -> Json:
    ledger: Json = httpx2.get(str(client.base_url).replace("/v1/", "/ledger/calls")).json()
    return ledger


def test_what_was_worked_on_is_billed() -> None:
    with client_of(make_provider(SCRIPT)) as client:
        ask(client, "one two", n=2, seed=7)
        ledger = get_ledger(client)
    (billed,) = ledger["billed"]
    assert (billed["seed"], billed["num_choices"], billed["delivered"]) == (7, 2, True)
    assert (ledger["num_prompt_tokens"], ledger["num_completion_tokens"]) == (2, 4)
    assert ledger["arrivals"] == [billed["prompt_sha256"]]


def test_a_request_has_the_same_hash_whatever_its_seed_and_number_of_choices() -> None:
    with client_of(make_provider(SCRIPT)) as client:
        for fields in ({}, {"seed": 4}, {"n": 2}, {"temperature": 0.3}):
            ask(client, **fields)
        first, seeded, many, cooler = (one["request_sha256"] for one in get_ledger(client)["billed"])
    assert first == seeded == many != cooler


def test_what_failed_is_seen_and_not_billed() -> None:
    with client_of(make_provider(faults=Faults(share_500=1))) as client:
        with pytest.raises(openai.InternalServerError):
            ask(client)
        ledger = get_ledger(client)
    assert (ledger["num_requests"], ledger["faults"], ledger["billed"]) == (1, {"500": 1}, [])
    assert len(ledger["arrivals"]) == 1


def test_requests_under_way_at_once_are_counted() -> None:
    with client_of(make_provider(faults=Faults(latency_seconds=0.6))) as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ask(client), range(4)))
        assert get_ledger(client)["max_in_flight"] == 4


def test_a_client_that_is_gone_gets_nothing_and_is_billed() -> None:
    provider = make_provider(faults=Faults(latency_seconds=0.8))
    with client_of(provider) as client:
        with pytest.raises(openai.APITimeoutError):
            ask(client.with_options(timeout=0.4))
        deadline = time.monotonic() + 10
        while not provider.ledger.billed and time.monotonic() < deadline:
            time.sleep(0.02)
    assert [one.delivered for one in provider.ledger.billed] == [False]


def test_a_reset_forgets_and_needs_no_key() -> None:
    provider = make_provider(api_key="sk-other")
    provider.ledger.arrivals.append("0")
    provider.ledger.num_requests = 3
    with running(provider) as url:
        httpx2.post(url.replace("/v1", "/ledger/reset")).raise_for_status()
    assert (provider.ledger.num_requests, provider.ledger.arrivals) == (0, [])
