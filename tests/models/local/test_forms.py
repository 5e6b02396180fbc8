from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import make_model, make_tokenizer
from toy_cases import CAFE

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_labeler
from fliptrace.models.base import Form
from fliptrace.models.local.model import LocalModel
from fliptrace.prompts.emotion_turns import emotion_turns, render_turn_question
from fliptrace.prompts.views import Layout

THREE = EmotionSet("three", ("anger", "joy", "sadness"))  # their first tokens differ
OPTIONS = (" joy", " fear", " anger")


@pytest.fixture(scope="module", params=["llama", "gpt2"])  # one that reads trees, one that does not
def model(request: pytest.FixtureRequest) -> LocalModel:
    tokenizer = make_tokenizer()
    return LocalModel(make_model(request.param, tokenizer), tokenizer, "tiny")


@pytest.fixture(scope="module")
def roomy() -> LocalModel:
    tokenizer = make_tokenizer()
    tiny = make_model("llama", tokenizer)
    tiny.config.max_position_embeddings = 4096  # the tiny tokenizer cuts the system message into hundreds of tokens
    return LocalModel(tiny, tokenizer, "roomy")


def form(key: str, question: str, num_blanks: int) -> Form:
    starts = tuple(f"{'' if i == 0 else chr(10)}{i + 1}" for i in range(num_blanks))
    return Form(key, (Message("user", question),), starts, OPTIONS)


def by_hand(model: LocalModel, asked: Form) -> list[tuple[float, ...]]:
    """Fill a form by one forward pass per blank, without cache or batch."""
    chat = model.chat_format
    options = [chat.encode_text(option) for option in asked.options]
    ids, filled = chat.encode_prompt(asked.messages), []
    for start in asked.starts:
        ids += chat.encode_text(start)
        with torch.inference_mode():
            logits = model.model(torch.tensor([ids])).logits[0, -1]
        shares = torch.softmax(logits[[option[0] for option in options]].double(), -1)
        filled.append(tuple(shares.tolist()))
        ids += options[int(shares.argmax())]
    return filled


def test_every_blank_sees_what_filled_those_before_it_whatever_else_is_in_the_batch(model: LocalModel) -> None:
    forms = [form("a", "How is Ann?", 3), form("b", "And Bob, who is late again?", 1), form("c", "Carla?", 2)]
    for asked, filled in zip(forms, model.fill_forms(forms), strict=True):
        assert len(filled) == len(asked.starts)
        for shares, expected in zip(filled, by_hand(model, asked), strict=True):
            assert sum(shares) == pytest.approx(1)
            assert shares == pytest.approx(expected, abs=1e-4)


def test_no_form_is_no_answer(model: LocalModel) -> None:
    assert model.fill_forms([]) == []


def test_a_form_that_overruns_the_context_is_refused(model: LocalModel) -> None:
    with pytest.raises(InputError, match="tokens; expected at most"):
        model.fill_forms([form("a", "so " * model.context_length, 2)])


def test_a_form_without_blanks_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one blank"):
        Form("a", (), (), OPTIONS)


def test_the_shared_layout_labels_a_dialogue_by_its_turns(roomy: LocalModel) -> None:
    short = Dialogue("short", "short", CAFE.dialogue.with_emotions((None,) * 6).utterances, THREE)
    long = Dialogue("long", "long", short.utterances * 8, THREE)
    labeler = choose_labeler(roomy.as_model(), InferenceConfig(Layout("shared", emotions_in_one_reply=True)))
    [whole, many] = labeler.label([short, long])
    assert whole.scores is not None and many.scores is not None
    assert len(whole.scores) == len(short) and len(many.scores) == len(long)
    [turn] = emotion_turns(short)
    options = tuple(f" {label}" for label in THREE.labels)
    [filled] = roomy.fill_forms([Form("x", render_turn_question(turn), tuple(map(turn.line_start, range(6))), options)])
    for row, expected in zip(whole.scores, filled, strict=True):
        assert row == pytest.approx(expected, abs=1e-4)
    labels = THREE.labels
    assert whole.emotions == tuple(labels[row.index(max(row))] for row in whole.scores)


def test_a_dialogue_whose_turns_overrun_the_context_is_asked_about_one_by_one(roomy: LocalModel) -> None:
    short = Dialogue("short", "short", CAFE.dialogue.with_emotions((None,) * 6).utterances, THREE)
    wordy = tuple(replace(utterance, text=f"{utterance.text} " * 120) for utterance in short.utterances)
    [turn] = emotion_turns(replace(short, utterances=wordy))
    assert not roomy.fits(render_turn_question(turn), 0)
    labeler = choose_labeler(roomy.as_model(), InferenceConfig(Layout("shared", emotions_in_one_reply=True)))
    [alone] = labeler.label([short])
    [before, long, after] = labeler.label([short, replace(short, utterances=wordy), short])
    assert long.scores is not None and len(long.emotions) == len(long.scores) == 6
    for labels in (before, after):
        assert labels.emotions == alone.emotions


def test_labels_with_the_same_first_token_are_asked_about_one_by_one(
    roomy: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalModel, "can_fill", lambda self, options: False)
    [labels] = choose_labeler(roomy.as_model(), InferenceConfig(Layout("shared", emotions_in_one_reply=True))).label(
        [CAFE.dialogue]
    )
    assert labels.scores is not None and len(labels.scores) == len(CAFE.dialogue)
