"""A model that reads dialogues in numbers is decoded exactly, and refuses options that ask it to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from toy_cases import CAFE

from fliptrace.cli.inference_options import InferenceOptions
from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.inference.seams import best_decoding, choose_decoder, default_decoding
from fliptrace.models.base import Model
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.open_model import OpenModel


@dataclass(frozen=True)
class Numbers:
    """It finds the target half likely to be a trigger."""

    name: str = "numbers"
    context: int = 0
    window: int = 4

    def read_emotions(self, dialogues: Sequence[Dialogue]) -> Iterator[NDArray[np.float32]]:
        for dialogue in dialogues:
            yield np.full((len(dialogue), len(dialogue.emotion_set.labels)), 0.1, np.float32)

    def support_triggers(self, cases: Sequence[FlipCase]) -> list[tuple[float, ...]]:
        return [tuple(0.5 * (i == case.flip.target) for i in range(len(case.dialogue))) for case in cases]

    def find_overlong(self, dialogues: Sequence[Dialogue]) -> list[frozenset[int]]:
        return [frozenset()] * len(dialogues)


OPENED = OpenModel(Model("numbers", reader=Numbers()), "numbers", InferenceDefaults(thresholds={"exact": 0.4}))


def test_its_probabilities_are_compared_with_the_threshold_of_exact_decoding() -> None:
    assert default_decoding(OPENED.model) == best_decoding(OPENED.model).kind == "exact"
    for options in (InferenceOptions(), InferenceOptions(decode="exact", ask="answer")):
        [prediction] = choose_decoder(OPENED.model, options.config(OPENED)).predict([CAFE])
        assert prediction.vote.triggers == {CAFE.flip.target}


@pytest.mark.parametrize(
    "options",
    [InferenceOptions(decode="greedy"), InferenceOptions(decode="sample"), InferenceOptions(ask="chain")],
    ids=["greedy", "sample", "chain"],
)
def test_it_cannot_be_asked_to_write(options: InferenceOptions) -> None:
    with pytest.raises(InputError, match="numbers: gives probabilities and writes nothing; expected exact decoding"):
        choose_decoder(OPENED.model, options.config(OPENED))


def test_it_has_no_answer_to_judge() -> None:
    with pytest.raises(InputError, match="exact decoding gives probabilities, no answer to judge"):
        InferenceOptions(judge=True).config(OPENED)
