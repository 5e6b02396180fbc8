"""The benchmark of the hosted client runs with a few flips and compares equal work. Speed is not tested."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"

if any(find_spec(module) is None for module in ("fastapi", "openai", "psutil", "stamina", "uvicorn")):
    pytest.skip("expected: pip install 'fliptrace[bench]'", allow_module_level=True)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("bench") / "found.json"
    arguments = ["--flips", "6", "--samples", "3", "--peer-flips", "2", "--latency-ms", "2", "--rounds", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        import_module("hosted").main([*arguments, "--out", str(out)])  # exits if the arms sent different prompts
    return json.loads(out.read_text())


def test_every_arm_gets_each_reply_once(found: Any) -> None:
    assert [arm["num_flips"] for arm in found["arms"]] == [6, 6, 2]
    assert [arm["num_twice"] for arm in found["arms"]] == [0, 0, 0]
    assert all(run["whole"] == run["num_read"] for runs in found["runs"].values() for run in runs)


def test_one_request_brings_all_replies_where_n_is_honoured(found: Any) -> None:
    with_n, without_n, peer = (arm["num_requests"] for arm in found["arms"])
    num_probes = with_n - 6
    assert 0 < num_probes < 12 and without_n > 3 * 6 and peer == 3 * 2


def test_every_arm_is_compared_with_the_bound_and_the_peer(found: Any) -> None:
    assert all(arm["ratio"] > 1 and arm["peak_bytes"] > arm["held_before_bytes"] > 0 for arm in found["arms"])
    assert found["arms"][2]["over_peer"] == 1
