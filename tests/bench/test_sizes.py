"""The work that the benches count for a size."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def sizes() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield import_module("sizes").SIZES


def test_an_adapter_of_rank_16_on_smollm2_has_as_many_weights_as_peft_makes(sizes: Any) -> None:
    assert sizes["smol"].adapter_weights == 4_884_480
    assert sizes["smol"].spec.num_parameters() == 134_515_008


def test_a_frozen_weight_costs_two_thirds_of_a_trained_one(sizes: Any) -> None:
    frozen, full = sizes["smol"], sizes["113m"]
    assert full.flops_a_token == 6 * full.body_weights
    assert frozen.flops_a_token == 4 * frozen.body_weights + 6 * frozen.adapter_weights
    assert frozen.flops_a_label == 4 * frozen.head_weights
