"""What servers honour of the wire format: what fliptrace's probe finds, beside direct checks of what it relies on.

    python bench/servers.py http://127.0.0.1:8000/v1#MODEL
    python bench/servers.py http://127.0.0.1:8000/v1#A http://127.0.0.1:8001/v1#B --names "server A 1.0" "server B 2.1"

Not a measurement of models: most servers ignore in silence what they lack, so every check looks at what came back. It
takes two hundred requests of a few tokens a server. docs/hosted-servers.json is what it wrote of three of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from fliptrace.cli.console import done, table
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, versions, write_json
from fliptrace.models.hosted.capabilities import DO_SAMPLE
from fliptrace.models.hosted.client import CallSettings
from fliptrace.models.hosted.json_schema import as_format
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import Provider, find_provider, hide_keys

RANDOM = "Write twelve random digits, and nothing else."
FEW = 1  # shorter than any reply
SOME = 32
NUM_SEEDS = 4
SCHEMA = as_format("word", {"word": {"type": "string", "enum": ["fliptrace"]}})
# Every name by which servers cut the distribution that they draw from: vLLM and llama.cpp take these themselves,
# `transformers serve` inside of generation_config.
UNCUT = {"top_k": 0, "min_p": 0.0, "top_p": 1.0}
UNPENALIZED = {"repeat_penalty": 1.0, "repetition_penalty": 1.0}
TOLD_UNCUT = {"generation_config": json.dumps({"do_sample": True, "top_k": 0, "top_p": 1.0})}


@dataclass(frozen=True, slots=True)
class Server:
    """A server, asked directly: each call once, errors as values."""

    provider: Provider
    client: openai.OpenAI

    def ask(self, text: str = RANDOM, **fields: Any) -> ChatCompletion | openai.APIError:
        """A reply to one message, with `fields` in the request as they are."""
        model = fields.pop("model", self.provider.model)
        message: Any = {"role": "user", "content": text}
        try:
            return self.client.chat.completions.create(model=model, messages=[message], extra_body=fields)
        except openai.APIError as error:
            return error


Check = Callable[[Server], str]


def check_n(server: Server) -> str:
    reply = server.ask(n=3, temperature=1.0, max_tokens=SOME)
    return _tell(reply, lambda reply: f"{len(reply.choices)} of 3")


def check_sampling(server: Server, told: Mapping[str, Any]) -> str:
    """How many of as many seeds give replies of their own at temperature 1."""
    asked = partial(server.ask, temperature=1.0, max_tokens=SOME, **told)
    replies = [asked(seed=seed) for seed in range(NUM_SEEDS)]
    return _tell(replies[0], lambda _: f"{len(set(map(_text, replies)))} of {NUM_SEEDS} differ")


def check_seed(server: Server, num_threads: int) -> str:
    """Whether seeds give the same replies again, when so many requests are under way at a time."""

    def draw(seed: int) -> str:
        return _text(server.ask(temperature=1.0, max_tokens=SOME, seed=seed, **_do_sample(server)))

    with ThreadPoolExecutor(num_threads) as pool:
        first, again = (list(pool.map(draw, range(NUM_SEEDS * 2))) for _ in range(2))
    return f"{sum(map(str.__eq__, first, again))} of {len(first)} the same"


def check_greedy(server: Server) -> str:
    first, again = (server.ask(temperature=0.0, max_tokens=SOME) for _ in range(2))
    return _tell(first, lambda _: "the same again" if _text(first) == _text(again) else "another reply")


def check_penalty(server: Server) -> str:
    """Whether greedy replies are the most probable ones, or the server holds against a token that it stands already."""
    texts = (RANDOM, "Say good morning.", "Why not?", "Tell me more.")
    plain = [server.ask(text, temperature=0.0, max_tokens=2 * SOME) for text in texts]
    told = [server.ask(text, temperature=0.0, max_tokens=2 * SOME, **UNPENALIZED) for text in texts]
    num_same = sum(_text(one) == _text(other) for one, other in zip(plain, told, strict=True))
    return _tell(told[0], lambda _: f"{num_same} of {len(texts)} the same")


def check_limit(server: Server, field: str) -> str:
    limit: Json = {field: FEW}
    return _tell(server.ask(temperature=0.0, **limit), _judge_limit)


def _judge_limit(reply: ChatCompletion) -> str:
    if reply.usage is None:
        return "no usage told"
    num_tokens, reason = reply.usage.completion_tokens, reply.choices[0].finish_reason
    return "kept" if num_tokens <= FEW and reason == "length" else f"ignored: {num_tokens} tokens, {reason!r}"


def check_logprobs(server: Server, told: Mapping[str, Any]) -> str:
    """What is told of a reply that ended by itself; up to eight are drawn to find one."""
    for seed in range(8):
        reply = server.ask(temperature=1.0, seed=seed, max_tokens=256, logprobs=True, **told, **_do_sample(server))
        if not isinstance(reply, ChatCompletion) or reply.choices[0].finish_reason == "stop":
            break
    return _tell(reply, _judge_logprobs)


def _judge_logprobs(reply: ChatCompletion) -> str:
    choice = reply.choices[0]
    tokens = [entry.token for entry in (choice.logprobs and choice.logprobs.content) or ()]
    text = choice.message.content or ""
    if not tokens:
        return "none"
    if "".join(tokens[:-1]) == text:
        return "whole"
    return "without the end" if "".join(tokens) == text else "tokens that do not make the text"


def check_format(server: Server, response_format: Json) -> str:
    reply = server.ask("Say good morning.", temperature=0.0, max_tokens=SOME, response_format=response_format)
    return _tell(reply, lambda reply: "kept" if _is_word(_text(reply)) else "ignored")


def check_first_tokens(server: Server, num_draws: int, told: Mapping[str, Any]) -> str:
    """Different first tokens at temperature 2: fewer where the server cuts the distribution that it draws from."""
    asked = partial(server.ask, temperature=2.0, max_tokens=1, **told)
    replies = [asked(seed=seed) for seed in range(num_draws)]
    return _tell(replies[0], lambda _: f"{len(set(map(_text, replies)))} in {num_draws}")


def check_usage(server: Server) -> str:
    def judge(reply: ChatCompletion) -> str:
        usage = reply.usage
        return f"{usage.prompt_tokens} + {usage.completion_tokens}" if usage else "none"

    return _tell(server.ask(temperature=0.0, max_tokens=FEW), judge)


def check_context(server: Server, num_words: int) -> str:
    reply = server.ask("word " * num_words, temperature=0.0, max_tokens=FEW)
    return _tell(reply, lambda reply: f"answered, {reply.usage.prompt_tokens if reply.usage else '?'} tokens of prompt")


def check_models(server: Server) -> str:
    try:
        found = {model.id: model for model in server.client.models.list()}
    except openai.APIError as error:
        return _form(error)
    model = found.get(server.provider.model)
    if model is None:
        return f"{len(found)} others"
    return f"listed, max_model_len {getattr(model, 'max_model_len', 'not told')}"


def make_checks(num_draws: int, num_words: int) -> dict[str, Check]:
    """All checks by what they are of, in the order of the table."""
    return {
        "n = 3": check_n,
        "temperature = 1": partial(check_sampling, told={}),
        "temperature = 1, do_sample": partial(check_sampling, told=DO_SAMPLE),
        "temperature = 0": check_greedy,
        "temperature = 0, no penalty": check_penalty,
        "seed, one by one": partial(check_seed, num_threads=1),
        f"seed, {NUM_SEEDS} side by side": partial(check_seed, num_threads=NUM_SEEDS),
        "first tokens": partial(check_first_tokens, num_draws=num_draws, told={}),
        "first tokens, top_k min_p top_p": partial(check_first_tokens, num_draws=num_draws, told=UNCUT),
        "first tokens, do_sample": partial(check_first_tokens, num_draws=num_draws, told=DO_SAMPLE),
        "first tokens, do_sample top_k top_p": partial(check_first_tokens, num_draws=num_draws, told=TOLD_UNCUT),
        "max_completion_tokens": partial(check_limit, field="max_completion_tokens"),
        "max_tokens": partial(check_limit, field="max_tokens"),
        "logprobs": partial(check_logprobs, told={}),
        "logprobs, top_logprobs = 0": partial(check_logprobs, told={"top_logprobs": 0}),
        "json_schema": partial(check_format, response_format=SCHEMA),
        "json_object with a schema": partial(
            check_format, response_format={"type": "json_object", "schema": SCHEMA["json_schema"]["schema"]}
        ),
        "usage": check_usage,
        f"a prompt of {num_words:,} words": partial(check_context, num_words=num_words),
        "another model": lambda server: _tell(server.ask(model="no-such-model", max_tokens=FEW), lambda _: "answered"),
        "a field of no server": lambda server: _tell(server.ask(no_such_field=1, max_tokens=FEW), lambda _: "ignored"),
        "/models": check_models,
    }


def probe(ref: str, settings: CallSettings) -> Json:
    """What fliptrace finds out by itself, and what that takes."""
    model = HostedModel(find_provider(ref), HostedSettings(calls=settings))
    began = time.perf_counter()
    try:
        capabilities: Json = model.capabilities.to_json()
    except InputError as error:
        capabilities = {"failed": str(error)}
    budget = model.budget
    return capabilities | {
        "num_calls": budget.num_calls,
        "num_retries": budget.num_retries,
        "num_tokens": budget.num_tokens,
        "seconds": round(time.perf_counter() - began, 1),
    }


def check_server(ref: str, checks: Mapping[str, Check], timeout_seconds: float) -> dict[str, str]:
    provider = find_provider(ref)
    with provider.connect_blocking(timeout_seconds) as client:
        server = Server(provider, client)
        return {name: check(server) for name, check in checks.items()}


def _do_sample(server: Server) -> Json:
    """What makes `transformers serve` sample, without which seeds would say nothing; OpenAI refuses what it does not
    know.
    """
    return dict(DO_SAMPLE) if server.provider.kind == "server" else {}


def _tell(reply: ChatCompletion | openai.APIError, judge: Callable[[ChatCompletion], str]) -> str:
    return judge(reply) if isinstance(reply, ChatCompletion) else _form(reply)


def _form(error: openai.APIError) -> str:
    """The form of an error: its status, the code and field it names, and how its words begin."""
    if not isinstance(error, openai.APIStatusError):
        return type(error).__name__
    body = error.body if isinstance(error.body, dict) else {}
    words = str(body.get("message") or body.get("detail") or error.response.text).splitlines() or [""]
    named = " ".join(str(part) for part in (error.status_code, error.code, error.param) if part)
    return hide_keys(f"HTTP {named}: {words[0][:90]}")


def _text(reply: ChatCompletion | openai.APIError) -> str:
    return (reply.choices[0].message.content or "") if isinstance(reply, ChatCompletion) else str(reply)


def _is_word(text: str) -> bool:
    try:
        return bool(json.loads(text) == {"word": "fliptrace"})
    except ValueError:
        return False


def show(servers: Sequence[Json]) -> None:
    names = [server["name"] for server in servers]
    probed = [(key, *(server["probe"].get(key, "") for server in servers)) for key in servers[0]["probe"]]
    table("what the probe finds", ("", *names), probed)
    checked = [(name, *(server["checks"][name] for server in servers)) for name in servers[0]["checks"]]
    table("what a direct request finds", ("", *names), checked)


def main() -> None:
    parser = argparse.ArgumentParser(description="What servers honour of the wire format that hosted models rely on.")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="such as http://127.0.0.1:8000/v1#MODEL")
    parser.add_argument("--names", nargs="+", help="what to call the servers, one each; default: the references")
    parser.add_argument("--draws", type=int, default=60, help="of first tokens; default: 60")
    parser.add_argument("--words", type=int, default=3_000, help="of the prompt that is too long; default: 3000")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds a request; default: 120")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    options = parser.parse_args()
    names = options.names or options.models
    if len(names) != len(options.models):
        parser.error(f"{len(names)} names of {len(options.models)} servers")
    checks = make_checks(options.draws, options.words)
    servers = []
    for name, ref in zip(names, options.models, strict=True):
        probed = probe(ref, CallSettings(timeout_seconds=options.timeout))
        servers.append({"name": name, "probe": probed, "checks": check_server(ref, checks, options.timeout)})
        done(f"{name}: probed in {probed['seconds']} s")
    show(servers)
    settings = {"date": date.today().isoformat(), "draws": options.draws, "words": options.words}
    write_json(options.out, settings | {"servers": servers, "versions": versions("openai", "stamina")})
    print(options.out)


if __name__ == "__main__":
    main()
