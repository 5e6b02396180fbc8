from __future__ import annotations

import pytest
from run_inference import label_emotions, predict_unified
from tiny import make_model, make_tokenizer
from toy_cases import CAFE

from fliptrace.inference.config import InferenceConfig
from fliptrace.models.local.model import LocalModel
from fliptrace.prompts.views import Layout

WINDOW = Layout("window", window=2)


@pytest.fixture(scope="module")
def model() -> LocalModel:
    tokenizer = make_tokenizer()
    return LocalModel(make_model("llama", tokenizer), tokenizer, "tiny")


def test_a_local_model_gives_every_label_a_probability(model: LocalModel) -> None:
    [whole, part] = label_emotions(model, [CAFE.dialogue, CAFE.dialogue], WINDOW)
    assert whole == part
    assert whole.scores is not None and whole.num_unparsed == 0
    for emotion, row in zip(whole.emotions, whole.scores, strict=True):
        assert sum(row) == pytest.approx(1)
        assert emotion == CAFE.dialogue.emotion_set.labels[row.index(max(row))]


def test_a_local_model_does_the_unified_task(model: LocalModel) -> None:
    [unified] = predict_unified(model, [CAFE.dialogue], InferenceConfig(WINDOW))
    [labels] = label_emotions(model, [CAFE.dialogue], WINDOW)
    assert unified.dialogue.emotions == labels.emotions
    assert all(not p.vote.is_unparsed for p in unified.predictions)  # the answer line is constrained
