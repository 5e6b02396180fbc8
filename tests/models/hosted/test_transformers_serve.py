"""Hosted models against `transformers serve`, a third-party server that leaves out much of the wire format.

The tests hold for transformers 5.23.0 (docs/hosted-servers.json).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from served import CONTEXT, Served, save_readable, serving, skip_unless_served
from typer.testing import CliRunner

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError
from fliptrace.core.messages import Completion, Message
from fliptrace.models.base import Decoding, Request
from fliptrace.models.hosted.capabilities import Capabilities
from fliptrace.models.hosted.client import CallSettings
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.reply_cache import AnswerStore
from fliptrace.models.local.loading import load_local
from fliptrace.models.local.model import LocalModel
from fliptrace.models.open_model import open_model

QUESTIONS = (
    "Who is angry here, and why?",
    "Say good morning.",
    "Why not?",
    "Tell me more.",
    "x",
    "",
    "  two  lines\n\n",
)
NUM_TOKENS = 32
ONE = CallSettings(concurrency=1)  # concurrent requests draw from one stream of random numbers


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    skip_unless_served()
    own = tmp_path_factory.mktemp("served")
    with serving(save_readable(own / "model"), own) as served:
        yield served


@pytest.fixture
def hosted(served: Served) -> HostedModel:
    return open_hosted(served)


@pytest.fixture(scope="session")
def local(served: Served) -> LocalModel:
    return load_local(str(served.folder), device="cpu")


def open_hosted(served: Served, settings: HostedSettings | None = None) -> HostedModel:
    model = open_model(served.ref, hosted=settings or HostedSettings(calls=ONE)).hosted
    assert model is not None
    return model


def ask(text: str) -> Request:
    return Request(text, (Message("user", text),))


def sample(model: HostedModel, number: int, temperature: float = 1.0, seed: int = 0) -> tuple[Completion, ...]:
    decoding = Decoding("sample", number, temperature, max_new_tokens=NUM_TOKENS, seed=seed)
    return model.complete([ask(QUESTIONS[0])], decoding)[0]


def test_the_probe_finds_what_it_ignores(hosted: HostedModel) -> None:
    found = replace(hosted.capabilities, served_as="", refused=())
    assert found == Capabilities(returns_n=False, samples="by generation_config", obeys_format=False)
    assert len(list(hosted.capabilities.remarks())) == 3


def test_greedy_replies_are_those_of_the_model_itself(hosted: HostedModel, local: LocalModel) -> None:
    requests = [ask(question) for question in QUESTIONS]
    greedy = Decoding(max_new_tokens=NUM_TOKENS)
    theirs, ours = hosted.complete(requests, greedy), local.complete(requests, greedy)
    assert theirs == ours
    assert {reply.finish_reason for (reply,) in ours} == {"stop", "length"}


def test_replies_that_it_is_told_to_sample_differ_and_end_as_others_do(hosted: HostedModel) -> None:
    replies = sample(hosted, 12)
    assert len({reply.text for reply in replies}) > 6
    assert {reply.finish_reason for reply in replies} == {"stop", "length"}
    assert max(reply.num_tokens for reply in replies) == NUM_TOKENS
    assert not any("<|" in reply.text for reply in replies)


def test_replies_that_it_is_told_to_sample_keep_to_the_temperature(hosted: HostedModel, local: LocalModel) -> None:
    cold = sample(hosted, 3, temperature=0.001)
    greedy = local.complete([ask(QUESTIONS[0])], Decoding(max_new_tokens=NUM_TOKENS))[0]
    assert set(cold) == set(greedy)


def test_a_seed_gives_the_same_replies_one_request_at_a_time(served: Served) -> None:
    first, again, other = (sample(open_hosted(served), 3, seed=seed) for seed in (1, 1, 7))
    assert first == again
    assert not set(first) & set(other)


def test_every_sample_is_kept_and_not_asked_for_again(served: Served, tmp_path: Path) -> None:
    settings = HostedSettings(answers=tmp_path / "answers.jsonl")
    replies = sample(open_hosted(served, settings), 3)
    num_requests = served.num_requests
    assert len(AnswerStore(settings.answers)) == len(replies) == 3
    assert sample(open_hosted(served, settings), 3) == replies
    assert served.num_requests == num_requests


def test_a_run_goes_on_where_it_was_cut_off(served: Served, tmp_path: Path) -> None:
    out, kept = tmp_path / "val.jsonl", tmp_path / "val.jsonl.answers"
    whole = predict(served, out)
    assert len(whole) == 5
    rows = kept.read_text().splitlines(keepends=True)
    assert len(rows) == 1 + 5 * 3  # the capabilities of the server, and three samples of each
    kept.write_text("".join(rows[:9]) + rows[9][:40])  # as a kill leaves it
    for path in tmp_path.glob("val*"):
        if path != kept:
            path.unlink()
    num_requests = served.num_requests
    again = predict(served, out)
    assert served.num_requests - num_requests == 5 * 3 - 8
    assert [row["id"] for row in again] == [row["id"] for row in whole]
    assert predict(served, out) == again
    assert served.num_requests - num_requests == 5 * 3 - 8


def predict(served: Served, out: Path) -> list[dict[str, object]]:
    options = ["--limit", "5", "--decode", "sample", "--samples", "3", "--max-new-tokens", str(NUM_TOKENS)]
    result = CliRunner().invoke(app, ["predict", served.ref, "sample:val", "--out", str(out), *options])
    assert result.exit_code == 0, result.output + str(result.exception)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_another_model_than_the_one_served_is_refused(served: Served) -> None:
    model = open_model(f"{served.url}#another").model
    with pytest.raises(InputError, match=r"pinned to .*; requested 'another'"):
        model.writer.complete([ask("Hello")], Decoding())


def test_what_it_does_not_know_in_a_request_is_named(served: Served) -> None:
    model = open_hosted(served, HostedSettings(more={"top_k": 5}))
    with pytest.raises(InputError, match=r"Unexpected fields .*top_k"):
        model.complete([ask("Hello")], Decoding())


def test_a_prompt_past_its_context_is_answered_without_a_word(hosted: HostedModel) -> None:
    (reply,) = hosted.complete([ask("word " * CONTEXT)], Decoding(max_new_tokens=4))[0]
    assert reply.num_prompt_tokens > CONTEXT and reply.num_tokens
    assert hosted.capabilities.context_tokens is None


def test_samples_are_drawn_from_more_than_the_50_likeliest_tokens(hosted: HostedModel) -> None:
    decoding = Decoding("sample", 150, temperature=100.0, max_new_tokens=1)
    (replies,) = hosted.complete([ask(QUESTIONS[0])], decoding)
    assert len({reply.text for reply in replies}) > 50
