"""The arms of bench/predict.py: Hugging Face's `generate` as a user calls it, and our own sampled, greedy and exact.

All arms get the same prompts. With random weights a reply almost never ends by itself, so each has its full length.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from measuring import Open

from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import name_triggers
from fliptrace.models.base import Decoding, Request
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.glibc import keep_large_buffers
from fliptrace.models.local.loading import Dtype, load_causal_lm, load_local, load_tokenizer
from fliptrace.models.local.model import LocalModel
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.views import View

NEW_TOKENS = 64
_BATCHES = (1, 8)  # batch sizes in prompts; generate tries both and keeps the faster one


@dataclass(frozen=True, slots=True)
class InferenceJob:
    """The work of every arm. `line_tokens` is the length of a typical answer line, end token included."""

    folder: Path
    cases: tuple[FlipCase, ...]
    num_samples: int
    line_tokens: int
    seed: int

    @property
    def requests(self) -> list[Request]:
        layout = InferenceConfig().layout
        return [Request(case.id, render_question(View(case, layout), "answer")) for case in self.cases]

    def decoding(self, *, greedy: bool) -> Decoding:
        kind = "greedy" if greedy else "sample"
        return Decoding(kind, self.num_samples, max_new_tokens=NEW_TOKENS, seed=self.seed)  # type: ignore[arg-type]


class Written(NamedTuple):
    """The output of a round.

    `num_tokens` is 0 where an arm reports parsed answers instead of replies. `texts` are the replies of greedy arms,
    for comparison: every token of these models has its own text, so equal texts are equal tokens.
    """

    num_replies: int
    num_tokens: int
    texts: tuple[str, ...] = ()


class InferenceRound(NamedTuple):
    """One measured round; `note` describes a choice that the arm made itself, such as its batch size."""

    seconds: float
    written: Written
    note: str = ""


def _open_generate(job: InferenceJob, *, greedy: bool = False, dtype: Dtype = "fp32") -> Callable[[], InferenceRound]:
    model, tokenizer = load_causal_lm(str(job.folder), dtype), load_tokenizer(str(job.folder))
    chat = ChatFormat.of(tokenizer, model.generation_config)
    prompts = [chat.encode_prompt(request.messages) for request in job.requests]

    def generate(batch: int, prompts: Sequence[list[int]]) -> Written:
        return _generate_all(model, chat, prompts, batch, job.decoding(greedy=greedy))

    @lru_cache(1)
    def find_batch() -> int:  # runs in the warm-up round, while no other arm is at work
        return min(_BATCHES, key=lambda batch: _time(partial(generate, batch, prompts[: max(_BATCHES)])).seconds)

    return lambda: _time(partial(generate, find_batch(), prompts), f"batch {find_batch()}")


def _generate_all(
    model: Any, chat: ChatFormat, prompts: Sequence[list[int]], batch: int, decoding: Decoding
) -> Written:
    """Generate in batches of prompts of similar length, so that padding is small; texts are in the prompts' order."""
    torch.manual_seed(decoding.seed)
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    rows: dict[int, list[list[int]]] = {}
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        written = _generate(model, chat, [prompts[place] for place in places], decoding)
        replies = iter(written)
        rows |= {place: [next(replies) for _ in range(decoding.num_replies)] for place in places}
    in_order = [row for place in range(len(prompts)) for row in rows[place]]
    lengths = [_length(row, chat.stop_ids) for row in in_order]
    texts = tuple(map(chat.decode_reply, in_order)) if decoding.kind == "greedy" else ()
    return Written(len(in_order), sum(lengths), texts)


def _generate(model: Any, chat: ChatFormat, prompts: Sequence[list[int]], decoding: Decoding) -> list[list[int]]:
    """Return the new tokens of every reply.

    Top-k, a default of `generate`, is off: our sampling has none, and it takes time.
    """
    padded = chat.tokenizer.pad({"input_ids": list(prompts)}, padding_side="left", return_tensors="pt")
    how: dict[str, Any] = {"do_sample": False}
    if decoding.kind == "sample":
        how = {"do_sample": True, "temperature": decoding.temperature, "top_k": 0, "top_p": 1.0}
    output = model.generate(
        **padded,
        **how,
        num_return_sequences=decoding.num_replies,
        max_new_tokens=decoding.max_new_tokens,
        pad_token_id=chat.pad_id,
    )
    rows: list[list[int]] = output[:, padded["input_ids"].shape[1] :].tolist()
    return rows


def _length(row: Sequence[int], stop_ids: frozenset[int]) -> int:
    return next((place + 1 for place, token in enumerate(row) if token in stop_ids), len(row))


def _open_ours(job: InferenceJob, *, greedy: bool = False, dtype: Dtype = "fp32") -> Callable[[], InferenceRound]:
    return partial(_time, partial(_complete, _load(job, dtype), job.requests, job.decoding(greedy=greedy)))


def _complete(model: LocalModel, requests: Sequence[Request], decoding: Decoding) -> Written:
    replies = [reply for row in model.complete(requests, decoding) for reply in row]
    texts = tuple(reply.text for reply in replies) if decoding.kind == "greedy" else ()
    return Written(len(replies), sum(reply.num_tokens for reply in replies), texts)


def _open_predict(job: InferenceJob, *, exact: bool) -> Callable[[], InferenceRound]:
    """Run inference as `fliptrace predict` does: exact, or greedy with the length of a typical answer line."""
    decoding = Decoding("exact") if exact else Decoding(max_new_tokens=job.line_tokens)
    model = _load(job, "fp32")

    def predict() -> Written:
        decoder = choose_decoder(model.as_model(), InferenceConfig(decoding=decoding))
        return Written(len(list(name_triggers(decoder, job.cases))), 0)

    return partial(_time, predict, "" if exact else f"at most {job.line_tokens} tokens")


def _load(job: InferenceJob, dtype: Dtype) -> LocalModel:
    keep_large_buffers()  # as `fliptrace predict` does
    return load_local(str(job.folder), device="cpu", dtype=dtype, name="bench")


def _time(write: Callable[[], Written], note: str = "") -> InferenceRound:
    began = time.perf_counter()
    written = write()
    return InferenceRound(time.perf_counter() - began, written, note)


ARMS: Mapping[str, Callable[..., Callable[[], InferenceRound]]] = {
    "generate": _open_generate,
    "generate bf16": partial(_open_generate, dtype="bf16"),
    "generate greedy": partial(_open_generate, greedy=True),
    "ours sampled": _open_ours,
    "ours sampled bf16": partial(_open_ours, dtype="bf16"),
    "ours greedy": partial(_open_ours, greedy=True),
    "ours greedy line": partial(_open_predict, exact=False),
    "ours exact": partial(_open_predict, exact=True),
}


def open_arms(names: Sequence[str], job: InferenceJob) -> dict[str, Open[InferenceRound]]:
    return {name: partial(ARMS[name], job) for name in names}
