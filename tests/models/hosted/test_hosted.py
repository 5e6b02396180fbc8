"""A hosted model as a whole: which requests are sent, in which order, and what is stored and not paid for twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import stamina
from hosted_models import (
    LittleServer,
    Said,
    Told,
    error,
    key_of,
    make_provider,
    messages,
    open_fake,
    reply_rows,
    requests,
    said,
    serving,
    text_of,
    well_behaved,
)

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json
from fliptrace.core.messages import Completion
from fliptrace.fake_provider.answers import PlausibleModel
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Faults, Honours
from fliptrace.models.base import Decoding, Model, Request
from fliptrace.models.hosted.budget import Price
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import find_provider

GREEDY = Decoding()
FIVE, TEN = Decoding("sample", 5), Decoding("sample", 10)


@pytest.fixture
def server() -> LittleServer:
    return LittleServer()


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    return tmp_path / "p.jsonl.answers"


def texts(rows: Sequence[Sequence[Completion]]) -> list[list[str]]:
    return [[reply.text for reply in row] for row in rows]


def num_replies(provider: FakeProvider) -> int:
    return sum(one.num_choices for one in provider.ledger.billed)


def probed(url: str, provider: FakeProvider | LittleServer, **settings: Any) -> HostedModel:
    """Return a model that has probed its server, and clear what the server recorded of it."""
    model = open_fake(url, **settings)
    assert model.capabilities
    if isinstance(provider, FakeProvider):
        provider.ledger.reset()
    else:
        provider.bodies.clear()
    return model


def test_it_is_a_chat_model_that_keeps_and_scores_its_own_replies() -> None:
    model = open_fake("http://localhost:1/v1")
    assert model.as_model() == Model(model.name, chat=model, sampler=model, keeps_replies=True)


@pytest.mark.parametrize("honours", [Honours(), Honours(n=False)], ids=["n", "no n"])
@pytest.mark.parametrize("decoding", [GREEDY, FIVE, replace(FIVE, seed=7)], ids=["greedy", "samples", "another seed"])
def test_replies_are_the_models_in_the_order_of_the_requests(honours: Honours, decoding: Decoding) -> None:
    asked = requests("three", "one", "two")
    with running(make_provider(honours=honours)) as url:
        found = open_fake(url).complete(asked, decoding)
    numbered = [replace(one, number=0 if decoding.kind == "greedy" else decoding.seed) for one in asked]
    assert texts(found) == texts(PlausibleModel().complete(numbered, decoding))


def test_nothing_asked_is_nothing_answered() -> None:
    provider = make_provider()
    with running(provider) as url:
        assert probed(url, provider).complete([], GREEDY) == []
    assert provider.ledger.num_requests == 0


@dataclass(frozen=True)
class LooksAtFile:
    """A model that counts the replies in a file whenever it is called."""

    path: Path
    counts: list[int] = field(default_factory=list)
    name: str = "looks"

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        self.counts.append(len(reply_rows(self.path)) if self.path.exists() else 0)
        return PlausibleModel().complete(requests, decoding)

    def fits(self, messages: Any, max_new_tokens: int) -> bool:
        return True


@pytest.mark.parametrize("decoding", [GREEDY, replace(FIVE, num_samples=2)], ids=["greedy", "samples"])
def test_a_reply_is_on_disk_before_the_next_is_asked_for(answers: Path, decoding: Decoding) -> None:
    looks = LooksAtFile(answers)
    provider = make_provider(looks, honours=Honours(n=False))
    with running(provider) as url:
        model = probed(url, provider, answers=answers, concurrency=1)
        looks.counts.clear()
        model.complete(requests(*"abcde"), decoding)
    assert looks.counts == list(range(5 * decoding.num_replies))


def test_going_on_asks_for_what_is_missing_alone(answers: Path) -> None:
    provider = make_provider()
    with running(provider) as url:
        first = probed(url, provider, answers=answers).complete(requests(*"abcd"), GREEDY)
        provider.ledger.reset()
        then = open_fake(url, answers=answers).complete(requests(*"eabcdf"), GREEDY)
    assert sorted(provider.ledger.arrivals) == sorted(map(key_of, "ef"))
    assert then[1:5] == first


@pytest.mark.parametrize("num_bytes", [1, 2, 30])
def test_a_row_that_a_kill_cut_short_is_asked_for_again_once(answers: Path, num_bytes: int) -> None:
    provider = make_provider()
    with running(provider) as url:
        whole = probed(url, provider, answers=answers, concurrency=1).complete(requests(*"abcd"), GREEDY)
        answers.write_bytes(answers.read_bytes()[:-num_bytes])
        arrivals = []
        for _ in range(2):
            provider.ledger.reset()
            assert open_fake(url, answers=answers).complete(requests(*"abcd"), GREEDY) == whole
            arrivals.append(list(provider.ledger.arrivals))
    assert arrivals == [[] if num_bytes == 1 else [key_of("d")], []]


def test_equal_requests_are_paid_once() -> None:
    provider = make_provider()
    with running(provider) as url:
        found = probed(url, provider).complete(requests("same", "other", "same"), FIVE)
    assert found[0] == found[2]
    assert num_replies(provider) == 10


def test_more_samples_go_on_where_those_before_ended(answers: Path) -> None:
    provider = make_provider()
    with running(provider) as url:
        five = probed(url, provider, answers=answers).complete(requests("a"), FIVE)
        ten = open_fake(url, answers=answers).complete(requests("a"), TEN)
    assert [(one.seed, one.num_choices) for one in provider.ledger.billed] == [(0, 5), (5, 5)]
    assert ten[0][:5] == five[0]


def test_waves_of_samples_are_those_of_one_wave() -> None:
    provider = make_provider()
    with running(provider) as url:
        model = probed(url, provider)
        waves = [model.complete([replace(requests("a")[0], number=number)], FIVE)[0] for number in (0, 5)]
        assert model.complete(requests("a"), TEN) == [waves[0] + waves[1]]
    assert num_replies(provider) == 10


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"temperature": 0.9}, {"top_p": 0.5}, {"max_new_tokens": 9}],
    ids=lambda changed: next(iter(changed)),
)
def test_samples_drawn_otherwise_are_asked_for_anew(answers: Path, changed: Json) -> None:
    provider = make_provider()
    with running(provider) as url:
        model = probed(url, provider, answers=answers)
        model.complete(requests("a"), FIVE)
        model.complete(requests("a"), replace(FIVE, **changed))
    assert num_replies(provider) == 10


@pytest.mark.parametrize(
    ("name", "settings"), [("fake-2", {}), ("fake-1", {"more": {"reasoning_effort": "low"}})], ids=["model", "body"]
)
def test_another_model_or_body_is_asked_anew(answers: Path, name: str, settings: Json) -> None:
    provider = make_provider()
    with running(provider) as url:
        probed(url, provider, answers=answers).complete(requests("a"), GREEDY)
        probed(url, provider, name=name, answers=answers, **settings).complete(requests("a"), GREEDY)
        assert num_replies(provider) == 1


@pytest.mark.parametrize("changed", [{"seed": 1}, {"temperature": 0.9}, {"num_samples": 4}, {"constrain": False}])
def test_what_greedy_decoding_ignores_asks_for_nothing_anew(changed: Json) -> None:
    provider = make_provider()
    with running(provider) as url:
        model = probed(url, provider)
        model.complete(requests("a"), GREEDY)
        model.complete(requests("a"), replace(GREEDY, **changed))
    assert num_replies(provider) == 1


def test_requests_arrive_by_dialogue_and_what_they_share_first() -> None:
    provider = make_provider()
    asked = ["two\nB: no", "one\nA: hi\nB: ho", "two", "one\nA: hi", "one"]
    with running(provider) as url:
        probed(url, provider, concurrency=1).complete(requests(*asked), GREEDY)
    assert provider.ledger.arrivals == [
        key_of(text) for text in ("one", "one\nA: hi", "one\nA: hi\nB: ho", "two", "two\nB: no")
    ]


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("share_429", [0.0, 0.3])
def test_no_more_requests_are_under_way_than_wanted(concurrency: int, share_429: float) -> None:
    faults = Faults(latency_seconds=0.01, share_429=share_429, retry_after_seconds=0.01, seed=1)
    provider = make_provider(faults=faults)
    with running(provider) as url:
        probed(url, provider, concurrency=concurrency).complete(requests(*map(str, range(20))), GREEDY)
    assert provider.ledger.max_in_flight == concurrency


def test_a_request_that_waits_holds_no_place(server: LittleServer) -> None:
    with serving(server) as url:
        model = probed(url, server, concurrency=1)
        waits = [error(429, Retry_After="0.2")]
        server.answer = lambda body: waits.pop() if waits else well_behaved(body)
        model.complete(requests("a", "b"), GREEDY)
    assert server.asked == ["a", "b", "a"]


def test_faults_of_every_kind_change_no_reply(answers: Path) -> None:
    faults = Faults(share_429=0.15, share_500=0.15, share_dropped=0.1, share_dropped_after=0.1, seed=2)
    asked = requests(*map(str, range(30)))
    with running(make_provider()) as url:
        expected = open_fake(url).complete(asked, FIVE)
    with stamina.set_testing(True, attempts=20, cap=True), running(make_provider(faults=faults)) as url:
        model = open_fake(url, answers=answers, max_attempts=20)
        assert model.complete(asked, FIVE) == expected
    assert model.budget.spent.num_retries > 5
    assert len(reply_rows(answers)) == 150


def test_after_the_first_fatal_error_no_request_begins_and_those_under_way_are_kept(
    server: LittleServer, answers: Path
) -> None:
    def answer(body: Json) -> Said:
        if text_of(body) == "a":
            return error(404, "gone")
        time.sleep(0.3)
        return well_behaved(body)

    with serving(server) as url:
        model = probed(url, server, concurrency=2, answers=answers)
        server.answer = answer
        with pytest.raises(InputError, match="HTTP 404: gone"):
            model.complete(requests(*"abcdef"), GREEDY)
    assert sorted(server.asked) == ["a", "b"]
    assert [row["reply"]["text"] for row in reply_rows(answers)] == ["b 0"]


def test_a_fatal_error_is_told_without_waiting_for_what_would_be_asked_again(server: LittleServer) -> None:
    def answer(body: Json) -> Said:
        return error(429, Retry_After="2.5") if text_of(body) == "a" else error(404, "gone")

    with serving(server) as url:
        model = probed(url, server, concurrency=1)
        server.answer = answer
        with pytest.raises(InputError, match="HTTP 404: gone"):
            model.complete(requests(*"ab"), GREEDY)
    assert server.asked.count("a") == 1


def test_it_can_be_asked_where_an_event_loop_is_running() -> None:
    async def in_a_notebook(url: str) -> list[tuple[Completion, ...]]:
        return open_fake(url).complete(requests("a"), GREEDY)

    with running(make_provider()) as url:
        assert asyncio.run(in_a_notebook(url)) == PlausibleModel().complete(requests("a"), GREEDY)


def test_a_filtered_prompt_has_an_empty_answer_and_the_others_theirs(server: LittleServer, answers: Path) -> None:
    def answer(body: Json) -> Said:
        filtered = error(400, "The prompt triggered the content management policy", "content_filter")
        return filtered if text_of(body) == "b" else well_behaved(body)

    with serving(server) as url:
        model = probed(url, server, answers=answers)
        server.answer = answer
        found = model.complete(requests(*"abc"), replace(FIVE, num_samples=2))
        server.bodies.clear()
        assert open_fake(url, answers=answers).complete(requests(*"abc"), replace(FIVE, num_samples=2)) == found
    assert texts(found) == [["a 0", "a 1"], ["", ""], ["c 0", "c 1"]]
    assert server.bodies == []


def test_a_reply_without_content_is_empty(server: LittleServer) -> None:
    with serving(server) as url:
        model = probed(url, server)
        server.answer = lambda _: said(None)
        assert texts(model.complete(requests("a"), GREEDY)) == [[""]]


def test_replies_that_are_missing_are_asked_for_again_and_none_is_lost(server: LittleServer, answers: Path) -> None:
    with serving(server) as url:
        model = probed(url, server, answers=answers)
        numbers = iter(range(9))
        server.answer = lambda _: said(f"reply {next(numbers)}")
        (replies,) = model.complete(requests("a"), FIVE)
    assert [reply.text for reply in replies] == [f"reply {number}" for number in range(5)]
    assert [body.get("n", 1) for body in server.bodies[-5:]] == [5, 4, 3, 2, 1]
    assert [body["seed"] for body in server.bodies[-5:]] == [0, 1, 2, 3, 4]
    assert len(reply_rows(answers)) == 5


def test_an_answer_without_a_reply_ends_the_run(server: LittleServer) -> None:
    with serving(server) as url:
        model = probed(url, server)
        server.answer = lambda _: Said(200, {"choices": []})
        with pytest.raises(RunError, match="answered a request with no replies"):
            model.complete(requests("a"), FIVE)


@pytest.mark.parametrize(
    "answer",
    [Said(200, "<html>Welcome to the chat</html>"), Said(200, {"error": {"message": "out of luck"}})],
    ids=["a page", "an error"],
)
def test_an_address_that_is_no_chat_is_an_input_error(server: LittleServer, answer: Said) -> None:
    server.one_after_the_other(answer)
    with serving(server) as url, pytest.raises(InputError, match="#fake-1: "):
        open_fake(url).complete(requests("a"), GREEDY)


def test_a_model_that_there_is_not_is_an_input_error() -> None:
    complaint = r"HTTP 404: The model `nope` does not exist.* Available models: fake-1, fake-2"
    with running(make_provider()) as url, pytest.raises(InputError, match=complaint):
        open_fake(url, "nope").complete(requests("a"), GREEDY)


@pytest.mark.parametrize("text", ["half an emoji \ud83d", "\x00", "\u202eup\u2028", ""], ids=ascii)
def test_any_text_can_be_asked_about(text: str, answers: Path) -> None:
    with running(make_provider()) as url:
        found = open_fake(url, answers=answers).complete([Request("a", messages(f"Dialogue {text}"))], GREEDY)
    assert found[0][0].text.startswith("ok ")


def test_the_estimate_counts_what_is_to_be_asked_alone(answers: Path) -> None:
    told = Told()
    provider = make_provider()
    with running(provider) as url:
        model = open_fake(url, answers=answers, watcher=told, price=Price(1_000_000, 1_000_000))
        model.complete(requests("a"), FIVE)
        model.complete(requests("a", "word " * 100), replace(FIVE, max_new_tokens=256))
        model.complete(requests("a"), FIVE)
    assert [(one.num_calls, one.num_known, one.max_tokens) for one in told.estimates] == [
        (1, 0, 5 * 256),
        (1, 5, 5 * 256),
        (0, 5, 0),
    ]
    assert [one.dollars for one in told.estimates] == [one.num_prompt_tokens + one.max_tokens for one in told.estimates]


def test_without_a_price_the_estimate_has_no_dollars() -> None:
    told = Told()
    with running(make_provider()) as url:
        open_fake(url, watcher=told).complete(requests("a"), GREEDY)
    assert [one.dollars for one in told.estimates] == [None]


def test_what_is_answered_stays_where_the_money_ends_and_is_not_paid_again(answers: Path) -> None:
    provider = make_provider()
    price = Price(0, 1_000_000)
    decoding = Decoding(max_new_tokens=2)
    with running(provider) as url:
        model = probed(url, provider, answers=answers, price=price, concurrency=1)
        model.budget.limit = model.budget.dollars + 8  # four replies of two words
        with pytest.raises(RunError, match="the same command continues from there, with a fresh limit"):
            model.complete(requests(*"abcdef"), decoding)
        assert len(reply_rows(answers)) == 4
        again = open_fake(url, answers=answers, price=price, max_cost=4.0)
        assert len(again.complete(requests(*"abcdef"), decoding)) == 6
    assert sorted(provider.ledger.arrivals) == sorted(map(key_of, "abcdef"))


@pytest.mark.parametrize(
    "ref", ["openai:m", "https://openrouter.ai/api/v1#openai/gpt-5"], ids=["openai", "a server of others"]
)
def test_a_limit_without_a_price_is_refused(ref: str) -> None:
    with pytest.raises(InputError, match="no price is known to enforce --max-cost with; expected one from --price"):
        HostedModel(find_provider(ref, {}), HostedSettings(max_cost=1.0))


@pytest.mark.parametrize("max_cost", [-1.0, float("nan")])
def test_a_limit_below_nothing_is_refused(max_cost: float) -> None:
    with pytest.raises(InputError, match="--max-cost"):
        HostedSettings(max_cost=max_cost)


def test_what_else_goes_into_requests_is_sent(server: LittleServer) -> None:
    with serving(server) as url:
        open_fake(url, more={"reasoning_effort": "low"}).complete(requests("a"), GREEDY)
    assert {body["reasoning_effort"] for body in server.bodies} == {"low"}


def cutting(context: int) -> Callable[[Json], Said]:
    """A server that leaves out in silence what its context does not hold, as Ollama does."""

    def answer(body: Json) -> Said:
        num_tokens = min(context, len(text_of(body).split()))
        return said("ok", usage={"prompt_tokens": num_tokens, "completion_tokens": 1})

    return answer


@pytest.mark.parametrize(
    ("context", "lengths", "is_told"),
    [
        (2048, (500, 1500, 2100, 2300, 2600, 3000, 3500), True),
        (2048, (2600, 2600, 2600), False),  # these may well be equally long
        (2048, (500, 1500, 2100, 2300), False),  # two by chance
        (10**6, (500, 1500, 2100, 2300, 2600, 3000), False),
        (10, (500, 1500, 2100, 2300), False),  # a number that the server made up
    ],
)
def test_a_server_whose_prompt_tokens_stop_growing_is_told_once(
    server: LittleServer, context: int, lengths: Sequence[int], is_told: bool
) -> None:
    told = Told()
    with serving(server) as url:
        model = open_fake(url, watcher=told)
        _ = model.capabilities
        server.answer = cutting(context)
        for length in lengths:
            model.complete(requests("word " * length), GREEDY)
    remarks = [remark for remark in told.remarks if "prompt tokens" in remark]
    assert len(remarks) == is_told
    assert not remarks or "reports 2,048 prompt tokens for prompts of different lengths" in remarks[0]
