"""What the probe finds out about a server, and how requests adapt to it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hosted_models import LittleServer, Said, Told, make_provider, open_fake, requests, said, serving, well_behaved

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.messages import Message
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Honours
from fliptrace.models.base import Decoding
from fliptrace.models.hosted.capabilities import DO_SAMPLE, Capabilities

FULL = Capabilities(served_as="fake-1", log_probabilities="whole")
SAMPLED = Decoding("sample", 3)


@pytest.fixture
def server() -> LittleServer:
    return LittleServer()


def refuses(*fields: str) -> Json:
    return {"refuses": frozenset(fields)}


def name_honours(honours: Any) -> str:
    """Return the name of a test, which must be the same in every process."""
    if not isinstance(honours, dict):
        return ""
    values = {name: "+".join(sorted(v)) if isinstance(v, frozenset) else v for name, v in honours.items()}
    return " ".join(f"{name}:{value}" for name, value in values.items()) or "all"


@pytest.mark.parametrize(
    ("honours", "changes", "remarks"),
    [
        ({}, {}, []),
        ({"n": False}, {"returns_n": False}, ["returns one reply per request whatever `n` is"]),
        ({"sampling": False}, {"samples": "never"}, ["it does not sample"]),
        ({"n": False, "sampling": False}, {"returns_n": False, "samples": "never"}, ["one reply", "not sample"]),
        ({"logprobs": False}, {"log_probabilities": "none"}, []),
        ({"end_in_logprobs": False}, {"log_probabilities": "without the end"}, ["without the end of the reply"]),
        ({"response_format": False}, {"obeys_format": False}, ["does not hold replies to a JSON schema"]),
        (
            {"max_completion_tokens": False},
            {},
            [],
        ),
        (refuses("seed"), {"refused": ("seed",)}, ["does not accept seed: left out"]),
        (refuses("n"), {"returns_n": False, "refused": ("n",)}, ["returns one reply", "does not accept n:"]),
        (
            refuses("logprobs", "temperature"),
            {"log_probabilities": "none", "refused": ("logprobs", "temperature", "top_logprobs")},
            ["does not accept logprobs, temperature, top_logprobs: left out"],
        ),
        (refuses("response_format"), {"obeys_format": False}, ["does not hold replies to a JSON schema"]),
        (
            {"sampling": False} | refuses("generation_config"),
            {"samples": "never"},
            ["it does not sample"],
        ),
    ],
    ids=name_honours,
)
def test_what_a_server_honours_is_found_and_told(honours: Json, changes: Json, remarks: list[str]) -> None:
    told = Told()
    with running(make_provider(honours=Honours(**honours))) as url:
        assert open_fake(url, watcher=told).capabilities == replace(FULL, **changes)
    for found, expected in zip(told.remarks, [*remarks, "does not report its context length"], strict=True):
        assert expected in found


def test_a_context_given_by_hand_is_not_asked_for_and_cuts_prompts() -> None:
    told = Told()
    with running(make_provider()) as url:
        model = open_fake(url, watcher=told, context_tokens=200)
        assert model.context_length == 200
        assert model.fits((Message("user", "x" * 300),), 50)
        assert not model.fits((Message("user", "x" * 600),), 50)
        assert model.capabilities.context_tokens is None
    assert told.remarks == []


@pytest.mark.parametrize(
    "honours",
    [
        {"n": False},
        {"sampling": False},
        {"logprobs": False, "response_format": False},
        {"max_completion_tokens": False},
        refuses("seed", "n", "logprobs", "temperature", "response_format"),
    ],
    ids=name_honours,
)
def test_a_server_is_asked_as_it_wants_to_be(honours: Json) -> None:
    with running(make_provider(honours=Honours(**honours))) as url:
        (replies,) = open_fake(url).complete(requests("Hello"), Decoding())
    assert replies[0].text.startswith("ok ")


def test_a_server_is_asked_what_it_is_like_once(tmp_path: Path) -> None:
    provider = make_provider(honours=Honours(n=False))
    with running(provider) as url:
        first = open_fake(url, answers=tmp_path / "a").capabilities
        provider.ledger.reset()
        assert open_fake(url, answers=tmp_path / "a").capabilities == first
        assert provider.ledger.num_requests == 0


@pytest.mark.parametrize(("name", "more"), [("fake-2", {}), ("fake-1", {"reasoning_effort": "low"})])
def test_another_model_or_body_is_asked_anew(tmp_path: Path, name: str, more: Json) -> None:
    provider = make_provider()
    with running(provider) as url:
        assert open_fake(url, answers=tmp_path / "a").capabilities.returns_n
        provider.ledger.reset()
        assert open_fake(url, name, answers=tmp_path / "a", more=more).capabilities.served_as == name
        assert provider.ledger.num_requests > 0


def test_asking_takes_few_calls() -> None:
    provider = make_provider(honours=Honours(sampling=False, n=False))
    with running(provider) as url:
        assert open_fake(url).capabilities.samples == "never"
    assert provider.ledger.num_requests <= 7  # 3 greedy, 3 with `generation_config`, 1 with a schema


def test_max_tokens_stands_in_for_max_completion_tokens() -> None:
    with running(make_provider(honours=Honours(max_completion_tokens=False))) as url:
        ((reply,),) = open_fake(url).complete(requests("Hello"), Decoding(max_new_tokens=1))
    assert (reply.text, reply.finish_reason) == ("ok", "length")


def test_a_server_that_never_samples_is_asked_greedily_alone() -> None:
    with running(make_provider(honours=Honours(sampling=False))) as url:
        model = open_fake(url)
        with pytest.raises(InputError, match=r"#fake-1: gives the same reply at any.*expected --decode greedy"):
            model.complete(requests("Hello"), SAMPLED)
        assert len(model.complete(requests("Hello"), Decoding())[0]) == 1


def by_generation_config(body: Json) -> Said:
    """Answer like `transformers serve`: no n, no schemas, and greedy unless `generation_config` says otherwise."""
    samples = json.loads(body.get("generation_config", "{}")).get("do_sample", False)
    return well_behaved(body | {"n": 1, "temperature": body["temperature"] if samples else 0})


def test_a_server_that_samples_by_generation_config_is_told_to(server: LittleServer) -> None:
    server.answer = by_generation_config
    with serving(server) as url:
        model = open_fake(url)
        assert (model.capabilities.samples, model.capabilities.returns_n) == ("by generation_config", False)
        (sampled,) = model.complete(requests("Hello"), SAMPLED)
        (greedy,) = model.complete(requests("Hello"), Decoding())
    assert {reply.text for reply in sampled} == {"Hello 0", "Hello 1", "Hello 2"}
    assert [reply.text for reply in greedy] == ["Hello 0"]
    assert ["generation_config" in body for body in server.bodies[-4:]] == [True, True, True, False]


def test_a_model_that_says_nothing_in_few_tokens_may_sample(server: LittleServer) -> None:
    server.answer = lambda body: said(*[""] * body.get("n", 1))
    told = Told()
    with serving(server) as url:
        assert open_fake(url, watcher=told).capabilities.samples == "unknown"
    assert "if it is a reasoning model, raise --max-new-tokens" in " ".join(told.remarks)


def test_a_server_that_gives_no_choices_is_no_model(server: LittleServer) -> None:
    server.answer = lambda _: said()
    with serving(server) as url, pytest.raises(InputError, match="#fake-1: answered a request with no replies"):
        open_fake(url).capabilities  # noqa: B018


def test_a_server_that_gives_no_choices_under_a_schema_does_not_obey_it(server: LittleServer) -> None:
    server.answer = lambda body: said() if "response_format" in body else well_behaved(body)
    with serving(server) as url:
        capabilities = open_fake(url).capabilities
    assert (capabilities.obeys_format, capabilities.samples) == (False, "as asked")


def thinks_first(body: Json) -> Said:
    """Answer like OpenAI's reasoning models: any temperature other than 1 is an error."""
    if body.get("temperature", 1) != 1:
        message = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is."
        wrong = {"message": message, "param": "temperature", "code": "unsupported_value", "type": "x"}
        return Said(400, {"error": wrong})
    return well_behaved(body)


@pytest.mark.parametrize("decoding", [Decoding(), Decoding("sample", 2)])
def test_a_model_that_takes_temperature_1_alone_can_be_asked(server: LittleServer, decoding: Decoding) -> None:
    server.answer = thinks_first
    with serving(server) as url:
        (replies,) = open_fake(url).complete(requests("Hello"), decoding)
    assert len(replies) == decoding.num_replies


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([{"id": "fake-1", "max_model_len": 4096}], 4096),
        ([{"id": "other", "max_model_len": 4096}], None),
        ([{"id": "fake-1"}], None),
        ([{"id": "fake-1", "max_model_len": None}], None),
        ([{"id": "fake-1", "max_model_len": "long"}], None),
        ([], None),
    ],
)
def test_the_context_is_as_long_as_the_list_of_models_says(
    server: LittleServer, models: list[Json], expected: int | None
) -> None:
    server.models = Said(200, {"object": "list", "data": models})
    with serving(server) as url:
        assert open_fake(url).capabilities.context_tokens == expected


@pytest.mark.parametrize(
    "answer", [Said(404, "no"), Said(200, "<html>hello</html>"), Said(200, {"data": None})], ids=str
)
def test_a_server_need_not_list_its_models(server: LittleServer, answer: Said) -> None:
    server.models = answer
    with serving(server) as url:
        assert open_fake(url).capabilities.context_tokens is None


def test_a_prompt_that_overruns_the_context_does_not_fit(server: LittleServer) -> None:
    server.models = Said(200, {"object": "list", "data": [{"id": "fake-1", "max_model_len": 100}]})
    with serving(server) as url:
        model = open_fake(url)
        (short,), (long,) = requests("word " * 10), requests("word " * 100)
        fits = [model.fits(one.messages, 50) for one in (short, long)]
    assert fits == [True, False]


@pytest.mark.parametrize(
    ("capabilities", "parameters", "expected"),
    [
        (Capabilities(), {"seed": 1, "n": 2}, {"seed": 1, "n": 2}),
        (Capabilities(refused=("seed",)), {"seed": 1, "n": 2}, {"n": 2}),
        (Capabilities(refused=("max_completion_tokens",)), {"max_completion_tokens": 9}, {"max_tokens": 9}),
        (Capabilities(refused=("max_completion_tokens", "max_tokens")), {"max_completion_tokens": 9}, {}),
        (Capabilities(samples="by generation_config"), {"temperature": 0.5}, {"temperature": 0.5} | DO_SAMPLE),
        (Capabilities(samples="by generation_config"), {"temperature": 0.0}, {"temperature": 0.0}),
    ],
)
def test_parameters_are_as_the_server_takes_them(capabilities: Capabilities, parameters: Json, expected: Json) -> None:
    assert capabilities.taken(parameters) == expected


@pytest.mark.parametrize("capabilities", [FULL, Capabilities(refused=("n", "seed"), context_tokens=9, samples="never")])
def test_capabilities_are_read_back_from_json(capabilities: Capabilities) -> None:
    row: Any = json.loads(json.dumps(capabilities.to_json()))
    assert Capabilities.from_json(row) == capabilities
