"""Constrained answer lines from untrained models, whose free replies are never legal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from tiny import FAMILIES, SENTENCES, make_model, make_tokenizer

from fliptrace.core.messages import Message
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.base import Decoding, Request
from fliptrace.models.local.constrained import ConstrainedReply
from fliptrace.models.local.model import LocalModel

LINE = AnswerLine((1, 2, 3, 12), later=(13,))
GREEDY = Decoding("greedy", max_new_tokens=40)
SAMPLE = Decoding("sample", num_samples=4, temperature=1.0, max_new_tokens=40, seed=3)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def make_local(family: str = "llama", **options: int) -> LocalModel:
    tokenizer = make_tokenizer()
    return LocalModel(make_model(family, tokenizer), tokenizer, family, **options)


def make_requests(line: AnswerLine | None = LINE) -> list[Request]:
    return [Request(f"case {i}", (Message("user", text * (1 + i % 2)),), line) for i, text in enumerate(SENTENCES * 2)]


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLE, replace(SAMPLE, top_p=0.5)])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_reply_is_a_legal_line_and_says_what_was_prevented(family: str, decoding: Decoding) -> None:
    replies = [reply for row in make_local(family).complete(make_requests(), decoding) for reply in row]
    assert all(LINE.ends(reply.text) and reply.finish_reason == "stop" for reply in replies)
    assert all(reply.prevented for reply in replies)


@pytest.mark.parametrize("max_batch_tokens", [1, 400, 100_000])
def test_held_samples_do_not_depend_on_what_else_is_in_the_batch(max_batch_tokens: int) -> None:
    requests = [replace(request, line=LINE if i % 3 else None) for i, request in enumerate(make_requests())]
    together = make_local().complete(requests, SAMPLE)
    local = make_local(max_batch_tokens=max_batch_tokens)
    assert local.complete(requests[::-1], SAMPLE)[::-1] == together
    assert local.complete(requests[4:5], SAMPLE) == together[4:5]


def test_a_request_without_a_line_is_free_beside_others_that_are_held() -> None:
    requests = make_requests()
    requests[3] = replace(requests[3], line=None)
    for decoding in (GREEDY, SAMPLE):
        free = make_local().complete(make_requests(None), decoding)
        assert make_local().complete(requests, decoding)[3] == free[3]
        assert {reply.prevented for row in free for reply in row} == {()}


@pytest.mark.parametrize("decoding", [GREEDY, SAMPLE])
def test_reasons_are_those_of_the_free_reply(decoding: Decoding) -> None:
    """Untrained models hardly ever begin an answer line, so the constraint never applies."""
    free = make_local().complete(make_requests(None), decoding)
    assert make_local().complete(make_requests(replace(LINE, fills_reply=False)), decoding) == free


def test_the_first_choice_prevented_is_the_first_of_the_free_reply() -> None:
    free = make_local().complete(make_requests(None), replace(GREEDY, max_new_tokens=1))
    held = make_local().complete(make_requests(), GREEDY)
    assert [reply.prevented[0] for (reply,) in held] == [LINE.name_prevented(reply.text) for (reply,) in free]


def shares_of_lines(local: LocalModel, request: Request) -> Counter[str]:
    """Compute the probability of each legal line, renormalising the model over the legal tokens at every step."""
    assert request.line
    prompt = local.chat_format.encode_prompt(request.messages)
    shares: Counter[str] = Counter()
    beginnings: list[tuple[float, list[int]]] = [(1.0, [])]
    while beginnings:
        share, prefix = beginnings.pop()
        held = ConstrainedReply(local._line_tokens, request.line)
        for token in prefix:
            held.say(token)
        if held.legal is None:
            shares[local.chat_format.decode_reply(prefix)] += share
            continue
        logits = local.model(input_ids=torch.tensor([prompt + prefix])).logits[0, -1]
        next_ones = torch.softmax(held.legal.mask(logits), -1)
        beginnings += [(share * float(next_ones[token]), [*prefix, token]) for token in sorted(held.legal.ids)]
    return shares


def test_held_samples_come_as_often_as_the_model_says_among_legal_tokens() -> None:
    local = make_local()
    request = Request("case", (Message("user", SENTENCES[0]),), AnswerLine((1, 2)))
    with torch.inference_mode():
        expected = shares_of_lines(local, request)
    assert sum(expected.values()) == pytest.approx(1)
    assert len(expected) == 4 and sorted(expected.values())[-2] > 0.1
    [replies] = local.complete([request], Decoding("sample", 1000, temperature=1.0, max_new_tokens=40))
    found = Counter(reply.text for reply in replies)
    for text, share in expected.items():
        assert found[text] / 1000 == pytest.approx(share, abs=0.05)
