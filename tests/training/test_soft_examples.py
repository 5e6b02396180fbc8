"""Soft targets: several replies to one prompt in one sequence, each with its share of the loss."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import make_model, make_tokenizer
from tiny_runs import make_cases, make_recipe

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Instruction
from fliptrace.curate.soft_targets import soft_sets
from fliptrace.curate.softening import SoftTargets
from fliptrace.curate.teaching import answer_instructions, emotion_instructions
from fliptrace.models.chat_template import ChatFormat
from fliptrace.prompts.answers import render_answer
from fliptrace.prompts.views import Layout, training_view
from fliptrace.training.examples import SoftExample, collate, tokenize
from fliptrace.training.losses import completion_loss

CHAT = ChatFormat.of(make_tokenizer())
WINDOW = Layout("window", window=3, max_words=6)
VIEWS = [training_view(case, WINDOW) for case in make_cases(3)]
SOFT = (("Triggers: 0", 0.2), ("Triggers: 0 1", 0.5), ("Triggers: none", 0.3))


def summed_loss(model: torch.nn.Module, instruction: Instruction, completion: str) -> tuple[float, int]:
    """The loss of one reply, summed over its tokens, and the number of tokens."""
    [example] = tokenize([replace(instruction, completion=completion, soft=())], CHAT, 10_000).examples
    num_tokens = len(example) - example.num_prompt_tokens
    return completion_loss(model, collate([example], pad_id=0)).item() * num_tokens, num_tokens


def test_the_loss_is_that_of_every_reply_by_its_share() -> None:
    model = make_model("llama", CHAT.tokenizer)
    soft, plain, other = answer_instructions(VIEWS)
    rows = [replace(soft, soft=SOFT), plain, replace(other, soft=(*SOFT[:2], ("Triggers: 2", 0.3)))]
    total = weight = 0.0
    for row in rows:
        for reply, share in row.soft or ((row.completion, 1.0),):
            loss, num_tokens = summed_loss(model, row, reply)
            total, weight = total + share * loss, weight + share * num_tokens
    batch = collate(tokenize(rows, CHAT, 10_000).examples, pad_id=0)
    assert completion_loss(model, batch).item() == pytest.approx(total / weight, rel=1e-5)


def test_one_soft_reply_has_the_gradients_of_the_plain_row() -> None:
    model = make_model("llama", CHAT.tokenizer)
    row = replace(answer_instructions(VIEWS)[0], soft=(("Triggers: 0", 1.0),))
    gradients = []
    for each in (row, replace(row, completion="Triggers: 0", soft=())):
        [example] = tokenize([each], CHAT, 10_000).examples
        assert isinstance(example, SoftExample) == bool(each.soft)
        model.zero_grad()
        completion_loss(model, collate([example], pad_id=0)).backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 5
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True))


def test_a_soft_row_costs_its_prompt_once() -> None:
    row = replace(answer_instructions(VIEWS)[0], soft=SOFT)
    [soft] = tokenize([row], CHAT, 10_000).examples
    [plain] = tokenize([replace(row, soft=())], CHAT, 10_000).examples
    assert soft.num_prompt_tokens == plain.num_prompt_tokens
    assert len(soft) < soft.num_prompt_tokens + 3 * (len(plain) - plain.num_prompt_tokens)


def test_half_of_the_target_is_the_labels_half_the_teachers() -> None:
    view = VIEWS[0]
    [row] = answer_instructions([view])
    probabilities = {view.target: 0.25, view.target - 1: 0.5}
    targets = SoftTargets({row.case_id: probabilities}, trigger_share=0.5)
    [softened] = targets.soften_answers([row], [view])
    expected = {render_answer(s, view): 0.5 * p for s, p in soft_sets(view, probabilities).items()}
    expected[row.completion] += 0.5
    assert dict(softened.soft) == pytest.approx(expected)
    assert softened.completion == row.completion


def test_what_a_teacher_did_not_see_stays_hard() -> None:
    rows = answer_instructions(VIEWS)
    assert SoftTargets(trigger_share=0.5).soften_answers(rows, VIEWS) == rows
    emotions = emotion_instructions([view.case.dialogue for view in VIEWS], WINDOW)
    assert SoftTargets(emotion_shares={"a": 0.5}).soften_emotions(emotions, "b", "window") == emotions


def test_an_emotion_shares_its_target_with_the_words() -> None:
    dialogue = VIEWS[0].case.dialogue
    row = emotion_instructions([dialogue], WINDOW)[1]
    likely = {(dialogue.id, 1): {"joy": 0.9, "anger": 0.1}}
    targets = SoftTargets(emotions=likely, emotion_shares={"file": 0.5})
    [softened] = targets.soften_emotions([row], "file", "window")
    assert dict(softened.soft)["joy"] == pytest.approx(0.45 + 0.5 * (row.completion == "joy"))


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="shares that add up to 1"):
        replace(answer_instructions(VIEWS)[0], soft=(("Triggers: 0", 0.5),))


def test_a_recipe_refuses_soft_targets_where_their_masks_do_not_fit() -> None:
    with pytest.raises(InputError, match="soft targets need"):
        make_recipe(curate={"soft_triggers": 0.5}, base={"model": "some/model", "scratch": None})
