"""Checks which parts of the wire format servers honour: what fliptrace's probe finds, beside direct checks.

    python bench/servers.py http://127.0.0.1:8000/v1#MODEL
    python bench/servers.py http://127.0.0.1:8000/v1#A http://127.0.0.1:8001/v1#B --names "server A 1.0" "server B 2.1"

It measures servers, not models. Most servers silently ignore fields that they do not support, so every check looks at
the reply. It sends about two hundred requests of a few tokens to each server. docs/hosted-servers.json is its output
for three servers.
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
FEW = 1  # a token limit shorter than any reply
SOME = 32
NUM_SEEDS = 4
SCHEMA = as_format("word", {"word": {"type": "string", "enum": ["fliptrace"]}})
# The fields by which servers truncate the distribution that they sample from. vLLM and llama.cpp take them directly,
# `transformers serve` inside generation_config.
UNCUT = {"top_k": 0, "min_p": 0.0, "top_p": 1.0}
UNPENALIZED = {"repeat_penalty": 1.0, "repetition_penalty": 1.0}
UNCUT_CONFIG = {"generation_config": json.dumps({"do_sample": True, "top_k": 0, "top_p": 1.0})}


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is called directly, without retries; errors are returned as values."""

    provider: Provider
    client: openai.OpenAI

    def ask(self, text: str = RANDOM, **fields: Any) -> ChatCompletion | openai.APIError:
        """Send one message, with `fields` added to the request, and return the reply or the error."""
        model = fields.pop("model", self.provider.model)
        message: Any = {"role": "user", "content": text}
        try:
            return self.client.chat.completions.create(model=model, messages=[message], extra_body=fields)
        except openai.APIError as error:
            return error


Check = Callable[[Server], str]


def check_n(server: Server) -> str:
    reply = server.ask(n=3, temperature=1.0, max_tokens=SOME)
    return _judge_reply(reply, lambda reply: f"{len(reply.choices)} of 3")


def check_sampling(server: Server, extra: Mapping[str, Any]) -> str:
    """Count the different replies of NUM_SEEDS seeds at temperature 1."""
    ask = partial(server.ask, temperature=1.0, max_tokens=SOME, **extra)
    replies = [ask(seed=seed) for seed in range(NUM_SEEDS)]
    return _judge_reply(replies[0], lambda _: f"{len(set(map(_text, replies)))} of {NUM_SEEDS} differ")


def check_seed(server: Server, num_threads: int) -> str:
    """Check whether seeds give the same replies again, with `num_threads` concurrent requests."""

    def draw(seed: int) -> str:
        return _text(server.ask(temperature=1.0, max_tokens=SOME, seed=seed, **_do_sample(server)))

    with ThreadPoolExecutor(num_threads) as pool:
        first, again = (list(pool.map(draw, range(NUM_SEEDS * 2))) for _ in range(2))
    return f"{sum(map(str.__eq__, first, again))} of {len(first)} the same"


def check_greedy(server: Server) -> str:
    first, again = (server.ask(temperature=0.0, max_tokens=SOME) for _ in range(2))
    return _judge_reply(first, lambda _: "the same again" if _text(first) == _text(again) else "another reply")


def check_penalty(server: Server) -> str:
    """Check whether greedy replies are the most probable ones, or the server penalizes repeated tokens."""
    texts = (RANDOM, "Say good morning.", "Why not?", "Tell me more.")
    plain = [server.ask(text, temperature=0.0, max_tokens=2 * SOME) for text in texts]
    unpenalized = [server.ask(text, temperature=0.0, max_tokens=2 * SOME, **UNPENALIZED) for text in texts]
    num_same = sum(_text(one) == _text(other) for one, other in zip(plain, unpenalized, strict=True))
    return _judge_reply(unpenalized[0], lambda _: f"{num_same} of {len(texts)} the same")


def check_limit(server: Server, field: str) -> str:
    limit: Json = {field: FEW}
    return _judge_reply(server.ask(temperature=0.0, **limit), _judge_limit)


def _judge_limit(reply: ChatCompletion) -> str:
    if reply.usage is None:
        return "no usage told"
    num_tokens, reason = reply.usage.completion_tokens, reply.choices[0].finish_reason
    return "kept" if num_tokens <= FEW and reason == "length" else f"ignored: {num_tokens} tokens, {reason!r}"


def check_logprobs(server: Server, extra: Mapping[str, Any]) -> str:
    """Check which tokens have log-probabilities in a reply that ended by itself; samples up to eight to find one."""
    for seed in range(8):
        reply = server.ask(temperature=1.0, seed=seed, max_tokens=256, logprobs=True, **extra, **_do_sample(server))
        if not isinstance(reply, ChatCompletion) or reply.choices[0].finish_reason == "stop":
            break
    return _judge_reply(reply, _judge_logprobs)


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
    return _judge_reply(reply, lambda reply: "kept" if _is_word(_text(reply)) else "ignored")


def check_first_tokens(server: Server, num_draws: int, extra: Mapping[str, Any]) -> str:
    """Count the different first tokens at temperature 2: fewer where the server truncates the distribution."""
    ask = partial(server.ask, temperature=2.0, max_tokens=1, **extra)
    replies = [ask(seed=seed) for seed in range(num_draws)]
    return _judge_reply(replies[0], lambda _: f"{len(set(map(_text, replies)))} in {num_draws}")


def check_usage(server: Server) -> str:
    def judge(reply: ChatCompletion) -> str:
        usage = reply.usage
        return f"{usage.prompt_tokens} + {usage.completion_tokens}" if usage else "none"

    return _judge_reply(server.ask(temperature=0.0, max_tokens=FEW), judge)


def check_context(server: Server, num_words: int) -> str:
    reply = server.ask("word " * num_words, temperature=0.0, max_tokens=FEW)
    return _judge_reply(
        reply, lambda reply: f"answered, {reply.usage.prompt_tokens if reply.usage else '?'} tokens of prompt"
    )


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
    """Return all checks by name, in the order of the table."""
    return {
        "n = 3": check_n,
        "temperature = 1": partial(check_sampling, extra={}),
        "temperature = 1, do_sample": partial(check_sampling, extra=DO_SAMPLE),
        "temperature = 0": check_greedy,
        "temperature = 0, no penalty": check_penalty,
        "seed, one by one": partial(check_seed, num_threads=1),
        f"seed, {NUM_SEEDS} side by side": partial(check_seed, num_threads=NUM_SEEDS),
        "first tokens": partial(check_first_tokens, num_draws=num_draws, extra={}),
        "first tokens, top_k min_p top_p": partial(check_first_tokens, num_draws=num_draws, extra=UNCUT),
        "first tokens, do_sample": partial(check_first_tokens, num_draws=num_draws, extra=DO_SAMPLE),
        "first tokens, do_sample top_k top_p": partial(check_first_tokens, num_draws=num_draws, extra=UNCUT_CONFIG),
        "max_completion_tokens": partial(check_limit, field="max_completion_tokens"),
        "max_tokens": partial(check_limit, field="max_tokens"),
        "logprobs": partial(check_logprobs, extra={}),
        "logprobs, top_logprobs = 0": partial(check_logprobs, extra={"top_logprobs": 0}),
        "json_schema": partial(check_format, response_format=SCHEMA),
        "json_object with a schema": partial(
            check_format, response_format={"type": "json_object", "schema": SCHEMA["json_schema"]["schema"]}
        ),
        "usage": check_usage,
        f"a prompt of {num_words:,} words": partial(check_context, num_words=num_words),
        "another model": lambda server: _judge_reply(
            server.ask(model="no-such-model", max_tokens=FEW), lambda _: "answered"
        ),
        "a field of no server": lambda server: _judge_reply(
            server.ask(no_such_field=1, max_tokens=FEW), lambda _: "ignored"
        ),
        "/models": check_models,
    }


def probe(ref: str, settings: CallSettings) -> Json:
    """Run fliptrace's own probe; return the capabilities that it finds and what it cost."""
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
    """Return the fields that make `transformers serve` sample, which it needs for seeds to matter.

    They are sent to servers only: OpenAI refuses unknown fields.
    """
    return dict(DO_SAMPLE) if server.provider.kind == "server" else {}


def _judge_reply(reply: ChatCompletion | openai.APIError, judge: Callable[[ChatCompletion], str]) -> str:
    return judge(reply) if isinstance(reply, ChatCompletion) else _form(reply)


def _form(error: openai.APIError) -> str:
    """Describe an error: its status, the code and field that it names, and the start of its message."""
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
    table("capabilities found by the probe", ("", *names), probed)
    checked = [(name, *(server["checks"][name] for server in servers)) for name in servers[0]["checks"]]
    table("results of direct requests", ("", *names), checked)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Check which parts of the wire format for hosted models servers honour."
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="server and model, such as http://127.0.0.1:8000/v1#MODEL"
    )
    parser.add_argument(
        "--names", nargs="+", help="names of the servers in the output, one each; default: their MODELs"
    )
    parser.add_argument("--draws", type=int, default=60, help="samples of first tokens; default: 60")
    parser.add_argument("--words", type=int, default=3_000, help="words of the prompt that is too long; default: 3000")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds per request; default: 120")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    options = parser.parse_args()
    names = options.names or options.models
    if len(names) != len(options.models):
        parser.error(f"--names: {len(names)} names for {len(options.models)} servers; expected one each")
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
