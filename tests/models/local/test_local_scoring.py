from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
import torch
from tiny import FAMILIES, SENTENCES, make_model, make_tokenizer

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models.base import Choice
from fliptrace.models.local.model import LocalModel
from fliptrace.models.local.scoring import ReplyLogprobScorer

REPLIES = ("Triggers: none", "Triggers: 1", "Triggers: 1 2", "Triggers: 12", "Triggers: 2", "Trig", "Triggers: 1 2 3 4")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def make_local(family: str = "llama", **options: str) -> LocalModel:
    tokenizer = make_tokenizer()
    local = LocalModel(make_model(family, tokenizer), tokenizer, family)
    for name, value in options.items():
        setattr(local.model.config, name, value)
    return local


def make_choices(number: int = 7, opening: str = "") -> list[Choice]:
    """Prompts of many lengths, with different numbers of replies."""
    rng = random.Random(0)
    texts = [" ".join(rng.choices(SENTENCES, k=rng.randint(1, 3)))[rng.randint(0, 40) :] for _ in range(number)]
    return [
        Choice(f"case {i}", (Message("user", text),), REPLIES[: 1 + i % len(REPLIES)], opening)
        for i, text in enumerate(texts)
    ]


@torch.inference_mode()
def score_separately(local: LocalModel, choice: Choice, reply: str) -> float:
    """Score one reply with the stock forward pass: one sequence, without padding or a mask of ours."""
    head, (tail,) = local.chat_format.encode_replies(choice.opening, [reply])
    prompt = local.chat_format.encode_prompt(choice.messages) + head
    ids = torch.tensor([prompt + tail])
    log_probs = local.model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
    return float(sum(log_probs[len(prompt) + i - 1, token] for i, token in enumerate(tail)))


def expected(local: LocalModel, choices: list[Choice]) -> list[tuple[float, ...]]:
    return [tuple(score_separately(local, choice, reply) for reply in choice.replies) for choice in choices]


def assert_close(found: list[tuple[float, ...]], reference: list[tuple[float, ...]]) -> None:
    assert [len(row) for row in found] == [len(row) for row in reference]
    for one, other in zip(found, reference, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("opening", ["", "1 Monica joy, new\n2 yes\n"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_tree_gives_the_scores_of_separate_sequences(family: str, opening: str) -> None:
    local, choices = make_local(family), make_choices(opening=opening)
    assert local._scorer.takes_trees
    assert_close(local.score_replies(choices), expected(local, choices))


@pytest.mark.parametrize("max_pass_tokens", [1, 300, 100_000])
def test_what_else_is_in_the_batch_changes_nothing(max_pass_tokens: int) -> None:
    local, choices = make_local("gemma3"), make_choices()
    scorer = ReplyLogprobScorer(local.model, local.chat_format, "gemma3", 256, max_pass_tokens)
    assert_close(scorer.score(choices[::-1])[::-1], expected(local, choices))


def test_the_sliding_windows_of_the_test_are_shorter_than_its_prompts() -> None:
    shortest = min(make_local().num_tokens(choice.messages) for choice in make_choices())
    assert shortest > 8 and FAMILIES["gemma3"][2]["sliding_window"] == 8
    longest = max(make_local().num_tokens(choice.messages) for choice in make_choices())
    assert longest > 24 and FAMILIES["mistral"][2]["sliding_window"] == 24


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_a_model_without_tree_support_scores_replies_separately(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReplyLogprobScorer, "takes_trees", False)
    local, choices = make_local(family), make_choices(opening="2 yes\n")
    assert_close(local.score_replies(choices), expected(local, choices))


def test_an_unknown_kind_of_layer_takes_no_trees() -> None:
    assert not make_local("llama", layer_types=["chunked_attention", "full_attention"])._scorer.takes_trees


def test_the_probe_detects_a_model_that_ignores_the_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    local, choices = make_local(), make_choices()
    forward = local.model.forward

    def ignores_mask(*, attention_mask: torch.Tensor, **named: object) -> object:
        return forward(attention_mask=None if attention_mask.ndim == 4 else attention_mask, **named)

    reference = expected(local, choices)
    monkeypatch.setattr(local.model, "forward", ignores_mask)
    assert not local._scorer.takes_trees
    assert_close(local.score_replies(choices), reference)


def test_probabilities_of_exclusive_replies_add_up_to_less_than_1() -> None:
    choice = Choice("one", (Message("user", SENTENCES[0]),), tuple("abcdefghijklmnopqrstuvwxyz"))
    (scores,) = make_local().score_replies([choice])
    assert 0 < sum(map(math.exp, scores)) < 1


def test_bf16_is_near_fp32() -> None:
    local, choices = make_local(), make_choices()
    exact = local.score_replies(choices)
    local.model.bfloat16()
    for one, other in zip(local.score_replies(choices), exact, strict=True):
        assert one == pytest.approx(other, rel=0.05, abs=1.0)


def test_no_choices_give_no_scores() -> None:
    assert make_local().score_replies([]) == []


def test_a_local_model_is_a_reply_scorer() -> None:
    model = make_local()
    assert model.as_model().scorer is model


def test_a_reply_that_exceeds_the_context_is_refused_by_name() -> None:
    local = make_local()
    choice = Choice("case 5", (Message("user", " ".join(SENTENCES * 6)),), REPLIES)
    with pytest.raises(
        InputError, match=r"llama, choice case 5: prompt and longest reply take \d+ tokens; expected at"
    ):
        local.score_replies([*make_choices(), choice])
