"""One contract for all chat models: scripted, local, and hosted with either behind the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from run_inference import as_model
from tiny import make_model, make_tokenizer

from fliptrace.core.messages import Message
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Faults, Honours
from fliptrace.models.base import ChatModel, Decoding, Request
from fliptrace.models.hosted.model import HostedSettings
from fliptrace.models.local.model import LocalModel
from fliptrace.models.open_model import open_hosted
from fliptrace.models.scripted import ScriptedModel

PROMPTS = ("Which of 1 and 2?", "The cake is ready", "Why is that so hard to believe?")
REQUESTS = [Request(f"case-{number}", (Message("user", text),)) for number, text in enumerate(PROMPTS)]
SAMPLED = Decoding("sample", num_samples=4, temperature=1.0, max_new_tokens=6)
GREEDY = Decoding(max_new_tokens=6)
ROUGH = Faults(share_429=0.1, share_500=0.1, share_dropped=0.1, retry_after_seconds=0.0)


def scripted() -> ScriptedModel:
    return ScriptedModel(
        by_text={"cake": ["Triggers: 1", "Triggers: 2", "Triggers: none"]},
        default=("ok 1", "ok 2", "ok 3", "ok 4", "ok 5", "ok 6", "ok 7"),
    )


def local() -> LocalModel:
    tokenizer = make_tokenizer()
    return LocalModel(make_model("llama", tokenizer, num_extra_stops=20), tokenizer, "tiny")


KINDS = {
    "scripted": (scripted, None, Faults()),
    "local": (local, None, Faults()),
    "hosted over scripted": (scripted, Honours(), Faults()),
    "hosted over scripted, no n": (scripted, Honours(n=False), Faults()),
    "hosted over scripted, faults": (scripted, Honours(), ROUGH),
    "hosted over local": (local, Honours(), Faults()),
}


@pytest.fixture(params=KINDS, scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatModel]:
    make, honours, faults = KINDS[request.param]
    if honours is None:
        yield make()
        return
    answers: Path = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    with running(FakeProvider({"m": as_model(make())}, faults=faults, honours=honours)) as url:
        yield open_hosted(f"{url}#m", HostedSettings(answers=answers))


def texts(model: ChatModel, requests: list[Request], decoding: Decoding) -> list[list[str]]:
    return [[reply.text for reply in row] for row in model.complete(requests, decoding)]


def test_it_is_a_chat_model_with_a_name(model: ChatModel) -> None:
    assert as_model(model).chat is model
    assert model.name


def test_every_request_gets_its_replies_in_the_order_asked(model: ChatModel) -> None:
    rows = model.complete(REQUESTS, SAMPLED)
    assert [len(row) for row in rows] == [4, 4, 4]
    backwards = model.complete(REQUESTS[::-1], SAMPLED)
    assert backwards == rows[::-1]


def test_nothing_asked_is_nothing_answered(model: ChatModel) -> None:
    assert model.complete([], SAMPLED) == []


def test_greedy_is_one_reply_and_always_the_same(model: ChatModel) -> None:
    rows = model.complete(REQUESTS, GREEDY)
    assert [len(row) for row in rows] == [1, 1, 1]
    assert model.complete(REQUESTS, GREEDY) == rows


def test_a_reply_does_not_hang_on_what_else_is_asked(model: ChatModel) -> None:
    together = texts(model, REQUESTS, SAMPLED)
    alone = [texts(model, [request], SAMPLED)[0] for request in REQUESTS]
    assert together == alone


def test_replies_asked_for_later_go_on_where_those_before_ended(model: ChatModel) -> None:
    whole = texts(model, REQUESTS, SAMPLED)
    first = texts(model, REQUESTS, replace(SAMPLED, num_samples=3))
    rest = texts(model, [replace(request, number=3) for request in REQUESTS], replace(SAMPLED, num_samples=1))
    assert [a + b for a, b in zip(first, rest, strict=True)] == whole


def test_samples_differ(model: ChatModel) -> None:
    assert all(len(set(row)) > 1 for row in texts(model, REQUESTS, SAMPLED))


def test_tokens_are_counted_and_no_reply_is_longer_than_allowed(model: ChatModel) -> None:
    for row in model.complete(REQUESTS, SAMPLED):
        assert len({reply.num_prompt_tokens for reply in row}) == 1
        assert all(reply.num_prompt_tokens > 0 and 0 < reply.num_tokens <= 6 for reply in row)
        assert {reply.finish_reason for reply in row} <= {"stop", "length"}


def test_a_short_prompt_fits(model: ChatModel) -> None:
    assert model.fits(REQUESTS[0].messages, 6)
