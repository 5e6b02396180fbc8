"""The benchmarks run with a tiny model and the sample corpus, and compare equal work. Speed is not tested."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
TINY = ["--sizes", "tiny", "--sets", "meld", "--rounds", "1"]
pytestmark = pytest.mark.slow  # models are measured in processes of their own: a minute


HAS_TRL = find_spec("trl") is not None


@pytest.fixture(scope="module")
def scripts() -> Iterator[Callable[[str], Any]]:
    """Return a function that imports scripts from bench/. Child processes find the scripts by the same path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        patch.setenv("FLIPTRACE_DATA", str(BENCH))  # a folder without corpora, so that the sample corpus is used
        yield import_module


@pytest.fixture(scope="module")
def trained(scripts: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    arms = [*(["trl padded"] if HAS_TRL else []), "rows", "trie"]
    return compare(scripts("train"), tmp_path_factory.mktemp("bench"), "--examples", "6", "--arms", *arms)


@pytest.fixture(scope="module")
def predicted(scripts: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    arms = ["generate", "generate greedy", "ours greedy", "ours exact"]
    return compare(scripts("predict"), tmp_path_factory.mktemp("bench"), "--prompts", "3", "--arms", *arms)


def compare(script: ModuleType, folder: Path, *arguments: str) -> Any:
    script.main([*TINY, *arguments, "--out", str(folder / "found.json")])
    found = json.loads((folder / "found.json").read_text())
    assert found["command"] and found["machine"]["num_cpus"] and found["versions"]["torch"]
    [comparison] = found["comparisons"]
    assert comparison["data"].startswith("sample") and len(comparison["data_sha256"]) == 64
    return comparison | {"arms": {arm["name"]: arm for arm in comparison["arms"]}}


def test_rows_and_trees_train_on_the_same_examples(trained: Any) -> None:
    rows, trie = trained["arms"]["rows"], trained["arms"]["trie"]
    assert trie["loss"] == pytest.approx(rows["loss"], rel=1e-5)
    assert trie["num_tokens_run"] < rows["num_tokens_run"]


@pytest.mark.skipif(not HAS_TRL, reason="trl is not installed; expected: pip install 'fliptrace[bench]'")
def test_trl_trains_on_the_same_examples(trained: Any) -> None:
    assert all(arm["ratio"] > 0 and arm["loss_error"] < 1e-5 for arm in trained["arms"].values())
    assert trained["arms"]["trl padded"]["ratio"] == 1


def test_the_floor_counts_shared_tokens_once(trained: Any) -> None:
    assert trained["floor"]["num_labels"] < trained["floor"]["unique_tokens"] < trained["num_tokens"]
    assert all(arm["floor_share"] > 0 for arm in trained["arms"].values())


def test_greedy_replies_are_those_of_generate(predicted: Any) -> None:
    assert predicted["num_equal"] == predicted["num_prompts"] == 3
    assert predicted["arms"]["ours greedy"]["tokens_a_reply"] == predicted["arms"]["generate greedy"]["tokens_a_reply"]


def test_every_way_to_decode_is_compared_with_generate(predicted: Any) -> None:
    assert predicted["arms"]["generate"]["ratio"] == 1
    assert all(arm["ratio"] > 0 and arm["peak_bytes"] > 0 for arm in predicted["arms"].values())
