"""The capabilities of a server, found out by a few small calls, since servers silently ignore what they do not support.

For example, `transformers serve` ignores `n`, `logprobs` and `response_format`, and decodes greedily at any temperature
unless the request's `generation_config` says otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.messages import Message
from fliptrace.models.hosted.client import LEGACY_MAX_TOKENS, MAX_TOKENS
from fliptrace.models.hosted.errors import Refused
from fliptrace.models.hosted.json_schema import as_format
from fliptrace.models.hosted.provider import Provider
from fliptrace.models.hosted.response import ChatReply

_PROBE_TOKENS = 32
_NUM_REPLIES = 3
_PROBE_SEED = 20_000  # far from the seeds of samples
_RANDOM_PROMPT = (Message("user", "Write twelve random digits, and nothing else."),)
_GREETING_PROMPT = (Message("user", "Say good morning to Ada."),)
_WORD = "fliptrace"
# Without top_k, `transformers serve` samples from the 50 likeliest tokens, or as the model's generation_config says.
DO_SAMPLE = {"generation_config": json.dumps({"do_sample": True, "top_k": 0})}
# These override the defaults of self-hosted servers: llama.cpp samples from the 40 likeliest tokens and penalizes
# repeated tokens, even at temperature 0; vLLM and `transformers serve` follow the model's generation_config.json.
_NO_TRUNCATION = {"top_p": 1.0, "top_k": 0, "min_p": 0.0}
_NO_PENALTIES = {"frequency_penalty": 0.0, "repeat_penalty": 1.0, "repetition_penalty": 1.0}

Sampling = Literal["as asked", "by generation_config", "never", "unknown"]
LogProbabilities = Literal["none", "without the end", "whole"]


class Call(Protocol):
    """Makes one call with the given parameters. Refused where the server rejects them."""

    def __call__(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Awaitable[ChatReply]: ...


Spelling = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server supports.

    `served_as` is the server's name for the model. `samples` says whether replies differ at temperature 1; it is
    "unknown" where they were empty, as a reasoning model's may be in few tokens. `log_probabilities` says whether they
    include the end of the reply, without which a set of triggers cannot be told from its supersets. `refused` lists
    the parameters that the server answers with an error.
    """

    served_as: str = ""
    returns_n: bool = True
    samples: Sampling = "as asked"
    obeys_format: bool = True
    log_probabilities: LogProbabilities = "none"
    refused: tuple[str, ...] = ()
    context_tokens: int | None = None

    def to_json(self) -> Json:
        return asdict(self) | {"refused": list(self.refused)}

    @classmethod
    def from_json(cls, row: Json) -> Capabilities | None:
        """Read what `to_json` wrote; None where another version wrote it."""
        try:
            return cls(**(row | {"refused": tuple(row["refused"])}))
        except (KeyError, TypeError):
            return None

    def taken(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in the form that the server accepts.

        Refused parameters are dropped, a refused token limit goes by its other name, and `generation_config` is added
        where the server samples only with it.
        """
        taken = {name: value for name, value in parameters.items() if name not in self.refused}
        for name, other in ((MAX_TOKENS, LEGACY_MAX_TOKENS), (LEGACY_MAX_TOKENS, MAX_TOKENS)):
            if name in self.refused and other not in self.refused and name in parameters:
                taken[other] = parameters[name]
        if self.samples == "by generation_config" and parameters.get("temperature", 0) > 0:
            taken |= DO_SAMPLE
        return taken

    def remarks(self) -> Iterator[str]:
        """Yield what a user should know about the server, as sentences that follow its name."""
        if not self.returns_n:
            yield "returns one reply per request whatever `n` is: samples are requested one by one"
        match self.samples:
            case "by generation_config":
                yield "samples only if `generation_config` says so: requests include it"
            case "never":
                yield "gives the same reply every time at temperature 1: it does not sample"
            case "unknown":
                yield f"returned no text in {_PROBE_TOKENS} tokens: if it is a reasoning model, raise --max-new-tokens"
        if not self.obeys_format:
            yield "does not hold replies to a JSON schema: answers are free text and parsed leniently"
        if self.log_probabilities == "without the end":
            yield "gives log-probabilities without the end of the reply"
        # No server knows all fields of the two tables, so refusing those is not worth a remark.
        missed = [name for name in self.refused if name not in _NO_TRUNCATION | _NO_PENALTIES]
        if missed:
            yield f"does not accept {', '.join(missed)}: left out"


def spell_out(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as a self-hosted server needs them.

    The token limit goes by its older name, which all servers know; without it llama-cpp-python writes on to the end of
    its context. Settings that servers would otherwise choose themselves are added: no penalties and, for samples, no
    truncation of the distribution.
    """
    own = _NO_PENALTIES | (_NO_TRUNCATION if parameters.get("temperature", 0) > 0 else {})
    spelled = own | dict(parameters)
    if MAX_TOKENS in spelled:
        spelled.setdefault(LEGACY_MAX_TOKENS, spelled.pop(MAX_TOKENS))
    return spelled


def spelling_of(provider: Provider) -> Spelling:
    """Return the function that adapts parameters to a provider: OpenAI and Azure refuse fields they do not know."""
    return spell_out if provider.kind == "server" else dict


async def find_capabilities(call: Call, context_tokens: int | None, spell: Spelling = dict) -> Capabilities:
    """Probe a server: two to seven calls of a few tokens, and one more for each parameter that it refuses.

    `spell` adapts parameters to the provider; self-hosted servers need `spell_out`.
    """
    probe = _Probe(call, spell)
    first = await probe.ask(_RANDOM_PROMPT, n=_NUM_REPLIES, temperature=1.0, logprobs=True, top_logprobs=0)
    returns_n = len(first.choices) == _NUM_REPLIES
    texts = _texts(first)
    if not returns_n:
        texts += [text for number in (1, 2) for text in _texts(await probe.ask_again(number))]
    samples = _judge_sampling(texts)
    if (samples == "never" or "top_k" in probe.refused) and await probe.samples_with_generation_config():
        samples = "by generation_config"
    return Capabilities(
        served_as=first.model or "",
        returns_n=returns_n,
        samples=samples,
        obeys_format=await probe.obeys_format(),
        log_probabilities=_judge_log_probabilities(first),
        refused=tuple(sorted(probe.refused)),
        context_tokens=context_tokens,
    )


@dataclass
class _Probe:
    """Asks small questions, and leaves out parameters once the server has refused them."""

    call: Call
    spell: Spelling
    refused: set[str] = field(default_factory=set)

    async def ask(self, messages: Sequence[Message], **parameters: Any) -> ChatReply:
        """Make a call, dropping one refused parameter after another until the server accepts it."""
        intended = self.spell({MAX_TOKENS: _PROBE_TOKENS, "seed": _PROBE_SEED} | parameters)
        while True:
            taken = Capabilities(refused=tuple(self.refused)).taken(intended)
            try:
                return await self.call(messages, taken)
            except Refused as error:
                self.refused.add(_find_refused(error, taken))

    async def ask_again(self, number: int, **more: Any) -> ChatReply:
        """Ask once more for random digits, with another seed."""
        parameters = self.spell({MAX_TOKENS: _PROBE_TOKENS, "seed": _PROBE_SEED + number, "temperature": 1.0})
        return await self.call(_RANDOM_PROMPT, Capabilities(refused=tuple(self.refused)).taken(parameters) | more)

    async def samples_with_generation_config(self) -> bool:
        """Whether replies differ where `generation_config` asks for sampling."""
        try:
            texts = [text for number in (0, 1, 2) for text in _texts(await self.ask_again(number, **DO_SAMPLE))]
        except Refused:
            return False
        return _judge_sampling(texts) == "as asked"

    async def obeys_format(self) -> bool:
        """Whether a reply is held to a schema that allows a single word."""
        only = as_format("word", {"word": {"type": "string", "enum": [_WORD]}})
        before = set(self.refused)
        try:
            reply = await self.ask(_GREETING_PROMPT, temperature=0.0, response_format=only)
            return bool(json.loads(_texts(reply)[0]) == {"word": _WORD})
        except (
            InputError,
            RecursionError,
            ValueError,
        ):  # no JSON, or an error: llama-cpp-python answers a schema with HTTP 500
            return False
        finally:
            # Forget these refusals: the server may accept the same parameters without a schema, and the result of this
            # method covers the schema. Keep only that of temperature 0, which reasoning models refuse: no other call
            # of the probe tries it.
            self.refused = before | (self.refused & {"temperature"})


def _find_refused(error: Refused, parameters: Mapping[str, Any]) -> str:
    """Return the parameter that an error is about. Raises the error where it names none that can be left out."""
    if error.field in parameters:
        return error.field
    named = [name for name in parameters if re.search(rf"\b{name}\b", str(error))]
    if not named:
        raise error
    return max(named, key=len)


def _texts(reply: ChatReply) -> list[str]:
    return [choice.text for choice in reply.choices]


def _judge_sampling(texts: Sequence[str]) -> Sampling:
    """Judge by several replies to the same prompt whether they were sampled."""
    if not any(text.strip() for text in texts):
        return "unknown"
    return "as asked" if len(set(texts)) > 1 else "never"


def _judge_log_probabilities(reply: ChatReply) -> LogProbabilities:
    """Judge by the first reply that ended by itself whether its end has an entry, which adds nothing to the text."""
    for choice in reply.choices:
        entries = choice.probabilities
        if not entries:
            return "none"
        if choice.finish_reason == "stop":
            written = "".join(entry.token for entry in entries[:-1])
            return "whole" if written == choice.text else "without the end"
    return "without the end"
