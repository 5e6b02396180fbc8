"""What a server honours of the wire format, found out by a few small calls: servers ignore in silence what they lack.

`transformers serve` for one ignores `n`, `logprobs` and `response_format`, and answers greedily at any temperature
unless its `generation_config` says otherwise.
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
_SEED = 20_000  # of the probe, apart from those of samples
_RANDOM = (Message("user", "Write twelve random digits, and nothing else."),)
_GREETING = (Message("user", "Say good morning to Ada."),)
_WORD = "fliptrace"
# Without top_k it draws from the 50 likeliest tokens, or from as many as the model's own generation_config says.
DO_SAMPLE = {"generation_config": json.dumps({"do_sample": True, "top_k": 0})}
# What servers of one's own do unless told otherwise: llama.cpp draws from the 40 likeliest tokens and penalizes, at
# temperature 0 too, what stands already; vLLM and `transformers serve` do as a model's generation_config.json says.
_UNCUT = {"top_p": 1.0, "top_k": 0, "min_p": 0.0}
_UNPENALIZED = {"frequency_penalty": 0.0, "repeat_penalty": 1.0, "repetition_penalty": 1.0}

Sampling = Literal["as asked", "by generation_config", "never", "unknown"]
LogProbabilities = Literal["none", "without the end", "whole"]


class Call(Protocol):
    """One call with these parameters; Refused where the server does not take them."""

    def __call__(self, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Awaitable[ChatReply]: ...


Spelling = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`served_as` is what the server calls the model. `refused` are parameters it answers with an error.

    `samples`: whether replies differ at temperature 1; "unknown" where it said nothing, as a model that thinks first
    may in few tokens. `log_probabilities`: without the end of the reply, a set cannot be told from its supersets.
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
        """None of a row that another version wrote."""
        try:
            return cls(**(row | {"refused": tuple(row["refused"])}))
        except (KeyError, TypeError):
            return None

    def taken(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """These parameters as the server takes them."""
        taken = {name: value for name, value in parameters.items() if name not in self.refused}
        for name, other in ((MAX_TOKENS, LEGACY_MAX_TOKENS), (LEGACY_MAX_TOKENS, MAX_TOKENS)):
            if name in self.refused and other not in self.refused and name in parameters:
                taken[other] = parameters[name]
        if self.samples == "by generation_config" and parameters.get("temperature", 0) > 0:
            taken |= DO_SAMPLE
        return taken

    def remarks(self) -> Iterator[str]:
        """What a user should know, a sentence each."""
        if not self.returns_n:
            yield "gives one reply a request whatever `n` is: samples are asked for one by one"
        match self.samples:
            case "by generation_config":
                yield "draws as it is asked to only where told by `generation_config`: it is told"
            case "never":
                yield "gives the same reply again at temperature 1: it does not sample"
            case "unknown":
                yield f"said nothing in {_PROBE_TOKENS} tokens: a model that thinks first? Then raise --max-new-tokens"
        if not self.obeys_format:
            yield "does not hold replies to a schema: answers are free, and read with tolerance"
        if self.log_probabilities == "without the end":
            yield "gives log-probabilities without the end of the reply"
        missed = [name for name in self.refused if name not in _UNCUT | _UNPENALIZED]  # of which none knows all
        if missed:
            yield f"does not take {', '.join(missed)}: left out"


def spell_out(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """These parameters for a server of one's own: the limit by its older name, which all of them know (without it
    llama-cpp-python writes on to the end of its context), and what they would otherwise set by themselves.
    """
    own = _UNPENALIZED | (_UNCUT if parameters.get("temperature", 0) > 0 else {})
    spelled = own | dict(parameters)
    if MAX_TOKENS in spelled:
        spelled.setdefault(LEGACY_MAX_TOKENS, spelled.pop(MAX_TOKENS))
    return spelled


def spelling_of(provider: Provider) -> Spelling:
    """How requests to a provider are put: OpenAI and Azure refuse what they do not know."""
    return spell_out if provider.kind == "server" else dict


async def find_capabilities(call: Call, context_tokens: int | None, spell: Spelling = dict) -> Capabilities:
    """Ask the server what it is like: two to seven calls of a few tokens, and one for each parameter it refuses.

    `spell` is how requests to it are put, `spell_out` for servers of one's own.
    """
    probe = _Probe(call, spell)
    first = await probe.ask(_RANDOM, n=_NUM_REPLIES, temperature=1.0, logprobs=True, top_logprobs=0)
    returns_n = len(first.choices) == _NUM_REPLIES
    texts = _texts(first)
    if not returns_n:
        texts += [text for number in (1, 2) for text in _texts(await probe.ask_again(number))]
    samples = _judge(texts)
    if (samples == "never" or "top_k" in probe.refused) and await probe.samples_when_told():
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
    """Asks small questions, and leaves out what the server turns out not to take."""

    call: Call
    spell: Spelling
    refused: set[str] = field(default_factory=set)

    async def ask(self, messages: Sequence[Message], **parameters: Any) -> ChatReply:
        wanted = self.spell({MAX_TOKENS: _PROBE_TOKENS, "seed": _SEED} | parameters)
        while True:
            taken = Capabilities(refused=tuple(self.refused)).taken(wanted)
            try:
                return await self.call(messages, taken)
            except Refused as error:
                self.refused.add(_find_refused(error, taken))

    async def ask_again(self, number: int, **more: Any) -> ChatReply:
        """One more random line."""
        parameters = self.spell({MAX_TOKENS: _PROBE_TOKENS, "seed": _SEED + number, "temperature": 1.0})
        return await self.call(_RANDOM, Capabilities(refused=tuple(self.refused)).taken(parameters) | more)

    async def samples_when_told(self) -> bool:
        try:
            told = [text for number in (0, 1, 2) for text in _texts(await self.ask_again(number, **DO_SAMPLE))]
        except Refused:
            return False
        return _judge(told) == "as asked"

    async def obeys_format(self) -> bool:
        only = as_format("word", {"word": {"type": "string", "enum": [_WORD]}})
        before = set(self.refused)
        try:
            reply = await self.ask(_GREETING, temperature=0.0, response_format=only)
            return bool(json.loads(_texts(reply)[0]) == {"word": _WORD})
        except (InputError, ValueError):  # no JSON; or an error: llama-cpp-python answers a schema with a 500
            return False
        finally:
            # What it does not take beside a schema it may take without one; of the schema `obeys_format` tells. But no
            # other call is at temperature 0, which models that think first refuse.
            self.refused = before | (self.refused & {"temperature"})


def _find_refused(error: Refused, parameters: Mapping[str, Any]) -> str:
    """The parameter that an error is about; the error itself where it is about none that can be left out."""
    if error.field in parameters:
        return error.field
    named = [name for name in parameters if re.search(rf"\b{name}\b", str(error))]
    if not named:
        raise error
    return max(named, key=len)


def _texts(reply: ChatReply) -> list[str]:
    return [choice.text for choice in reply.choices]


def _judge(texts: Sequence[str]) -> Sampling:
    if not any(text.strip() for text in texts):
        return "unknown"
    return "as asked" if len(set(texts)) > 1 else "never"


def _judge_log_probabilities(reply: ChatReply) -> LogProbabilities:
    """Whether the first reply that ended by itself has an entry for its end: one that adds nothing to its text."""
    for choice in reply.choices:
        entries = choice.probabilities
        if not entries:
            return "none"
        if choice.finish_reason == "stop":
            written = "".join(entry.token for entry in entries[:-1])
            return "whole" if written == choice.text else "without the end"
    return "without the end"
