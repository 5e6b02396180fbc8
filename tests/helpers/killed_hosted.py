"""Predictions by a hosted model, each in its own process that is killed (SIGKILL, without cleanup) at any moment."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from run_inference import predict_file

from fliptrace.corpora.sample import load_sample
from fliptrace.fake_provider.ledger import Billed
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import Decoding
from fliptrace.models.hosted.client import CallSettings
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import find_provider

_FORKS = multiprocessing.get_context("forkserver")
# Imported once, by the fork server. This module is missing: the fork server of Python 3.11 does not know its folder.
_FORKS.set_forkserver_preload(
    [
        "fliptrace.inference.triggers",
        "fliptrace.corpora.sample",
        "fliptrace.models.hosted.model",
        "stamina",
        "openai.resources.chat",
    ]
)
NUM_CASES = 60
NUM_SAMPLES = 5
CONCURRENCY = 4
NUM_REPLIES = NUM_CASES * NUM_SAMPLES
_PROBE_SEED = 20_000  # models/hosted/capabilities.py uses the seeds from here on; its requests are about no case


def predict(url: str, folder: Path) -> None:
    """Write `p.jsonl` and its manifest. Replies that are not in `answers` yet are requested."""
    folder.mkdir(exist_ok=True)
    settings = HostedSettings(CallSettings(CONCURRENCY), folder / "answers")
    config = InferenceConfig(decoding=Decoding("sample", NUM_SAMPLES))
    predict_file(
        HostedModel(find_provider(url), settings), load_sample("train")[:NUM_CASES], config, folder / "p.jsonl", {}
    )


def predict_until(is_time: Callable[[], bool], then_seconds: float, url: str, folder: Path) -> int | None:
    """Predict in a process and kill it `then_seconds` after `is_time()`; return -SIGKILL, or 0 if it had ended."""
    process = _FORKS.Process(target=predict, args=(url, folder))
    process.start()
    try:
        deadline = time.monotonic() + 60
        while not is_time() and process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(then_seconds)
    finally:
        process.kill()
        process.join()
    return process.exitcode


def draw_moments(num_moments: int, latency_seconds: float, seed: int) -> list[tuple[int, float]]:
    """Draw moments to kill at: numbers of paid replies, ascending, with work left at each; and seconds to wait then."""
    draw = random.Random(seed)
    numbers = sorted(draw.randrange(NUM_REPLIES - 4 * CONCURRENCY * NUM_SAMPLES) for _ in range(num_moments))
    return [(number, draw.uniform(0, 4 * latency_seconds)) for number in numbers]


@dataclass(frozen=True, slots=True)
class Paid:
    """What was billed for cases: the number of different replies, and of calls for a reply that was billed before."""

    num_replies: int
    num_again: int

    @classmethod
    def of(cls, billed: Iterable[Billed]) -> Paid:
        paid = set[tuple[str, int]]()
        num_again = 0
        for call in billed:
            if call.seed < _PROBE_SEED:
                replies = {(call.request_sha256, call.seed + i) for i in range(call.num_choices)}
                num_again += not paid.isdisjoint(replies)
                paid |= replies
        return cls(len(paid), num_again)
