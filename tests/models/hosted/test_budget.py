"""Prices, and a budget that enforces its limit."""

from __future__ import annotations

import pytest
from genai_prices import Usage, calc_price
from hosted_models import make_provider, messages, open_fake, requests
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.core.errors import InputError, RunError
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Faults
from fliptrace.models.base import Decoding
from fliptrace.models.hosted.budget import Budget, Price, count_about, count_at_most, find_price, parse_price
from fliptrace.models.hosted.provider import Provider, find_provider


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.4/1.6", Price(0.4, 1.6)), ("0/0", Price(0, 0)), (" 2 / 8 ", Price(2, 8)), ("1e-3/1", Price(0.001, 1))],
)
def test_a_price_is_two_numbers(text: str, expected: Price) -> None:
    assert parse_price(text) == expected


@pytest.mark.parametrize(
    "text", ["", "1", "1/", "/1", "1/2/3", "a/b", "-1/1", "1/-1", "inf/1", "1/inf", "nan/1", "1/nan", "nan/nan"]
)
def test_anything_else_is_no_price(text: str) -> None:
    with pytest.raises(InputError, match="expected dollars per million tokens"):
        parse_price(text)


def test_a_price_is_of_a_million_tokens() -> None:
    assert Price(0.5, 2).of(1_000_000, 500_000) == 1.5


@pytest.mark.parametrize("name", ["gpt-4o-mini", "gpt-4.1-mini", "gpt-5.4"])
def test_the_price_of_an_openai_model_is_the_published_one_of_short_prompts(name: str) -> None:
    published = calc_price(Usage(input_tokens=1000, output_tokens=1000), name, provider_id="openai")
    expected = (float(published.input_price) * 1000, float(published.output_price) * 1000)
    found = find_price(find_provider(f"openai:{name}", {}))
    assert found is not None
    assert tuple(found) == pytest.approx(expected)


@pytest.mark.parametrize(
    "provider",
    [
        find_provider("http://localhost:8000/v1#gpt-4.1-mini", {}),
        find_provider("openai:ft:gpt-4.1-mini-2025-04-14:org::a1", {}),
        find_provider("openai:no-such-model", {}),
        find_provider("openai:gpt-4.1-mini", {"OPENAI_BASE_URL": "http://localhost:8000/v1"}),
        find_provider("azure:my-deployment", {"AZURE_OPENAI_ENDPOINT": "https://mine"}),
    ],
    ids=lambda provider: provider.ref,
)
def test_no_price_is_known_of_others(provider: Provider) -> None:
    assert find_price(provider) is None


@pytest.mark.parametrize("text", ["", "Hello", "Kya baat hai, यार", "half an emoji \ud83d"])
def test_an_estimate_is_below_the_bound_whatever_the_text(text: str) -> None:
    assert 0 < count_about(messages(text)) < count_at_most(messages(text))


def test_what_is_reserved_and_not_paid_is_free_again() -> None:
    budget = Budget(limit=1.0)
    for _ in range(3):
        budget.release(budget.set_aside(0.9, "a call"))
    assert budget.dollars == 0


def test_a_call_that_might_pass_the_limit_does_not_begin() -> None:
    budget = Budget(limit=1.0)
    budget.pay(400_000, 100_000, Price(1, 1))
    budget.set_aside(0.4, "a call")
    with pytest.raises(RunError, match=r"--max-cost: .*continues from there"):
        budget.set_aside(0.2, "the next call")


def test_without_a_price_nothing_is_said_of_dollars() -> None:
    budget = Budget()
    budget.pay(100, 10, None)
    assert (budget.spent.num_calls, budget.spent.num_prompt_tokens, budget.spent.num_tokens) == (1, 100, 10)
    assert budget.spent.dollars is None


@given(
    limit=st.integers(0, 20),
    calls=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 1), st.integers(0, 4)), max_size=30),
)
def test_spent_and_reserved_never_pass_the_limit(limit: int, calls: list[tuple[int, int, float, int]]) -> None:
    """Calls begin one after another. Each ends some calls later and costs a share of its maximum."""
    budget, price = Budget(limit=float(limit)), Price(1_000_000, 1_000_000)
    under_way: list[tuple[int, float, int, int]] = []
    for now, (num_prompt, num_reply, share, length) in enumerate(calls):
        for end, reserved, prompt, reply in [one for one in under_way if one[0] <= now]:
            budget.release(reserved)
            budget.pay(prompt, reply, price)
            under_way.remove((end, reserved, prompt, reply))
        try:
            reserved = budget.set_aside(price.of(num_prompt, num_reply), "a call")
        except RunError:
            continue
        under_way.append((now + length, reserved, int(share * num_prompt), int(share * num_reply)))
        assert budget.dollars + sum(one[1] for one in under_way) <= limit


def test_calls_under_way_at_once_do_not_pass_the_limit_together() -> None:
    provider = make_provider(faults=Faults(latency_seconds=0.02))
    price = Price(1, 1000)
    with running(provider) as url:
        model = open_fake(url, concurrency=16, price=price)
        assert model.capabilities.returns_n
        spent = model.budget.dollars
        model.budget.limit = spent + 0.06  # enough for some of the 40 replies, of at most 10 tokens each
        provider.ledger.reset()
        with pytest.raises(RunError, match="--max-cost"):
            model.complete(requests(*map(str, range(40))), Decoding(max_new_tokens=10))
    billed = sum(price.of(one.num_prompt_tokens, one.num_completion_tokens) for one in provider.ledger.billed)
    assert 0 < billed <= 0.06
    assert model.budget.dollars - spent == pytest.approx(billed)
