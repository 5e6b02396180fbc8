"""Killed hosted predictions and truncated files of answers: they continue, and nothing is paid for twice."""

from __future__ import annotations

import random
import signal
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

if any(find_spec(module) is None for module in ("fastapi", "openai", "stamina", "uvicorn")):
    pytest.skip("expected: pip install 'fliptrace[hosted]'", allow_module_level=True)

from killed_hosted import CONCURRENCY, NUM_REPLIES, Paid, draw_moments, predict, predict_until

from fliptrace.fake_provider.answers import PlausibleModel
from fliptrace.fake_provider.ledger import Billed
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Faults, Honours
from fliptrace.predictions.rows import manifest_path

LATENCY_SECONDS = 0.01
FAULTS = Faults(LATENCY_SECONDS, share_429=0.02, share_500=0.02, share_dropped=0.01, retry_after_seconds=0.02)


@pytest.mark.parametrize("num_kills", [5, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("returns_n", [True, False], ids=["n replies a request", "a request a reply"])
def test_a_run_killed_many_times_ends_as_one_never_killed(returns_n: bool, num_kills: int, tmp_path: Path) -> None:
    provider = FakeProvider({"fake-1": PlausibleModel().as_model()}, FAULTS, Honours(n=returns_n))
    billed = provider.ledger.billed
    with running(provider) as url:
        predict(f"{url}#fake-1", tmp_path / "undisturbed")
        assert Paid.of(billed) == Paid(NUM_REPLIES, num_again=0)
        provider.ledger.reset()
        for num_killed, (number, seconds) in enumerate(draw_moments(num_kills, LATENCY_SECONDS, returns_n), start=1):
            is_time = partial(has_paid, billed, number)
            assert predict_until(is_time, seconds, f"{url}#fake-1", tmp_path / "killed") == -signal.SIGKILL
            assert Paid.of(billed).num_again <= num_killed * CONCURRENCY  # only the requests in flight
        predict(f"{url}#fake-1", tmp_path / "killed")
    assert is_same(tmp_path / "killed", tmp_path / "undisturbed")
    found = Paid.of(billed)
    assert found.num_replies == NUM_REPLIES and found.num_again <= num_kills * CONCURRENCY


def test_a_file_of_answers_cut_at_any_byte_is_made_whole(tmp_path: Path) -> None:
    provider, draw = FakeProvider({"fake-1": PlausibleModel().as_model()}), random.Random(0)
    with running(provider) as url:
        predict(f"{url}#fake-1", tmp_path / "whole")
        whole = (tmp_path / "whole" / "answers").read_bytes()
        for cut in [0, 1, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(9))]:
            folder = tmp_path / f"cut at {cut}"
            folder.mkdir()
            (folder / "answers").write_bytes(whole[:cut])
            provider.ledger.reset()
            predict(f"{url}#fake-1", folder)
            assert is_same(folder, tmp_path / "whole")
            num_kept = whole[: cut + 1].count(b"\n")  # a row that lacks only its line break is complete
            assert Paid.of(provider.ledger.billed) == Paid(
                NUM_REPLIES - max(0, num_kept - 1), num_again=0
            )  # the first row is not a reply


def has_paid(billed: list[Billed], number: int) -> bool:
    return Paid.of(billed).num_replies >= number


def is_same(folder: Path, other: Path) -> bool:
    names = ("p.jsonl", manifest_path(Path("p.jsonl")).name)
    return all((folder / name).read_bytes() == (other / name).read_bytes() for name in names)
