"""Examples made from instructions, their batches and the loss."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_model, make_tokenizer
from tiny_runs import make_cases

from fliptrace.core.errors import RunError
from fliptrace.core.messages import Answer, Instruction, Message
from fliptrace.curate.correcting import OwnAnswer, feedback_instructions
from fliptrace.curate.teaching import answer_instructions
from fliptrace.models.chat_template import ChatFormat
from fliptrace.prompts.views import Layout, TruncatedView, View, training_view
from fliptrace.training.examples import (
    IGNORED,
    Example,
    Tokenized,
    collate,
    make_batches,
    padded_width,
    preflight,
    tokenize,
)
from fliptrace.training.losses import completion_loss

CHAT = ChatFormat.of(make_tokenizer())
VIEWS = [training_view(case, Layout("window", window=2, max_words=6)) for case in make_cases(5)]


def wrong_answer(view: View) -> OwnAnswer:
    """An answer that names the target, which is never a trigger in these cases."""
    return OwnAnswer(view, "answer", Answer(frozenset({view.target}), "Triggers: 0"), "a model")


ROWS = [*answer_instructions(VIEWS[:3]), *feedback_instructions([wrong_answer(view) for view in VIEWS[3:]], "full")]
EXAMPLES = tokenize(ROWS, CHAT, 10_000).examples


def loss_alone(model: torch.nn.Module, example: Example) -> tuple[float, int]:
    """The Hugging Face loss of one example, with labels set by hand, and the number of tokens it is the mean over."""
    ids = torch.tensor([example.ids])
    labels = ids.clone()
    labels[0, : example.num_prompt_tokens] = IGNORED
    return model(input_ids=ids, labels=labels).loss.item(), len(example) - example.num_prompt_tokens


@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt2"])
def test_the_loss_of_a_batch_is_that_of_its_examples_alone(family: str) -> None:
    model = make_model(family, CHAT.tokenizer)
    alone = [loss_alone(model, example) for example in EXAMPLES]
    expected = sum(loss * number for loss, number in alone) / sum(number for _, number in alone)
    assert len({len(example) for example in EXAMPLES}) > 1, "without padding there is nothing to test"
    assert completion_loss(model, collate(EXAMPLES, pad_id=0)).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt2"])
def test_padding_changes_nothing(family: str) -> None:
    model = make_model(family, CHAT.tokenizer)
    short, long = min(EXAMPLES, key=len), max(EXAMPLES, key=len)
    together = collate([short, long], pad_id=0)
    together["labels"][1] = IGNORED  # only the short example has a loss; the long one only adds padding
    padded = completion_loss(model, together).item()
    assert padded == pytest.approx(completion_loss(model, collate([short], pad_id=0)).item(), rel=1e-5)
    again = collate([short, long], pad_id=7)
    again["labels"][1] = IGNORED
    assert completion_loss(model, again).item() == padded


def test_batches_of_one_step_add_up_to_the_loss_of_all_its_tokens() -> None:
    model = make_model("llama", CHAT.tokenizer)
    num_tokens = sum(len(example) - example.num_prompt_tokens for example in EXAMPLES)
    halves = [completion_loss(model, collate(half, 0), num_tokens).item() for half in (EXAMPLES[:3], EXAMPLES[3:])]
    assert sum(halves) == pytest.approx(completion_loss(model, collate(EXAMPLES, 0)).item(), rel=1e-5)


def test_loss_falls_on_the_last_reply_and_its_end_alone() -> None:
    for row, example in zip(ROWS, EXAMPLES, strict=True):
        labels = collate([example], pad_id=0)["labels"][0]
        trained = labels[labels != IGNORED].tolist()
        assert CHAT.tokenizer.decode(trained) == f"{row.completion}<|im_end|>"


def test_no_loss_falls_on_the_wrong_earlier_answer() -> None:
    [row] = feedback_instructions([wrong_answer(VIEWS[0])], "full")
    assert [message.role for message in row.prompt] == ["user", "assistant", "user"]
    [example] = tokenize([row], CHAT, 10_000).examples
    batch = collate([example], pad_id=0)
    prompt = CHAT.tokenizer.decode(example.ids[: example.num_prompt_tokens])
    assert "<|im_start|>assistant\nTriggers: 0<|im_end|>" in prompt
    model = make_model("llama", CHAT.tokenizer)
    logits = model(input_ids=batch["input_ids"]).logits
    logits.retain_grad()

    def same_logits(**inputs: object) -> object:
        kept = inputs["logits_to_keep"]
        assert isinstance(kept, int)
        return type("Output", (), {"logits": logits[:, -kept:]})

    completion_loss(same_logits, batch).backward()
    assert logits.grad is not None
    taught = logits.grad[0].abs().sum(-1).nonzero()[:, 0].tolist()
    width = len(logits[0])  # padded on the left
    assert taught == list(range(width - len(example) + example.num_prompt_tokens - 1, width - 1))


def test_prompts_and_completions_are_tokenised_as_generation_sees_them() -> None:
    for row, example in zip(ROWS, EXAMPLES, strict=True):
        assert list(example.ids[: example.num_prompt_tokens]) == CHAT.encode_prompt(row.prompt)
        assert CHAT.decode_reply(example.ids[example.num_prompt_tokens :]) == row.completion


lengths_of_rows = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@given(lengths_of_rows, st.integers(1, 200), st.integers(1, 3), st.integers(0, 5))
def test_every_epoch_takes_every_example_once(lengths: list[int], budget: int, epochs: int, seed: int) -> None:
    batches = make_batches(lengths, budget, epochs, seed)
    an_epoch = len(make_batches(lengths, budget, 1, seed))
    assert len(batches) == epochs * an_epoch
    for epoch in range(epochs):
        taken = Counter(i for batch in batches[epoch * an_epoch : (epoch + 1) * an_epoch] for i in batch)
        assert taken == dict.fromkeys(range(len(lengths)), 1)


@given(lengths_of_rows, st.integers(1, 200), st.floats(0.1, 3), st.integers(0, 5))
def test_no_batch_is_over_the_budget_but_a_single_example(
    lengths: list[int], budget: int, epochs: float, seed: int
) -> None:
    for batch in make_batches(lengths, budget, epochs, seed):
        assert len(batch) == 1 or len(batch) * padded_width(max(lengths[i] for i in batch)) <= budget


@given(lengths_of_rows, st.integers(1, 200), st.floats(0.1, 3), st.integers(0, 5))
def test_batches_are_drawn_by_the_seed_alone(lengths: list[int], budget: int, epochs: float, seed: int) -> None:
    assert make_batches(lengths, budget, epochs, seed) == make_batches(lengths, budget, epochs, seed)


def test_another_seed_or_epoch_draws_other_batches() -> None:
    lengths = [16] * 20
    one, other = make_batches(lengths, 64, 2, seed=1), make_batches(lengths, 64, 2, seed=2)
    assert one != other
    assert one[:5] != one[5:]


@pytest.mark.parametrize("epochs, num_batches", [(0.2, 1), (0.5, 2), (1, 4), (1.5, 6), (2, 8), (2.25, 9)])
def test_an_epoch_may_be_cut_short(epochs: float, num_batches: int) -> None:
    batches = make_batches([16] * 8, 32, epochs, seed=0)
    assert len(batches) == num_batches
    full = make_batches([16] * 8, 32, 3, seed=0)
    assert batches == full[:num_batches]


def truncated(*num_dropped: int) -> list[TruncatedView]:
    return [TruncatedView(VIEWS[0], number) for number in num_dropped]


def test_rows_too_long_for_the_model_are_left_out_and_named() -> None:
    lengths = [len(example) for example in EXAMPLES]
    limit = sorted(lengths)[2]
    tokenized = tokenize(ROWS, CHAT, limit)
    assert max(map(len, tokenized.examples)) == limit
    assert tokenized.too_long == tuple(row.id for row, length in zip(ROWS, lengths, strict=True) if length > limit)
    checks = preflight(ROWS, tokenized, truncated(), CHAT, "chain")
    assert (checks.num_rows, checks.num_dropped, checks.too_long) == (3, 2, tokenized.too_long)
    assert sum(checks.num_by_kind.values()) == checks.num_rows


def test_preflight_checks_show_decoded_trained_text_with_its_end_of_turn() -> None:
    checks = preflight(ROWS, Tokenized(EXAMPLES, ()), truncated(), CHAT, "chain")
    assert checks.samples == {"answer": "Triggers: 1<|im_end|>", "feedback": "Triggers: none<|im_end|>"}
    assert checks.num_by_kind == {"answer": 3, "feedback": 2}
    assert checks.num_tokens == sum(map(len, EXAMPLES))
    assert checks.num_trained_tokens == sum(len(CHAT.encode_completion(row.completion)) for row in ROWS)
    assert checks.longest == max(map(len, EXAMPLES))


def test_a_shown_sample_is_one_that_is_trained_on() -> None:
    long = Instruction("long", "chain", (Message("user", "word " * 500),), "too long to be trained on", "c", "labels")
    short = Instruction("short", "chain", (Message("user", "word"),), "short enough", "c", "labels")
    checks = preflight([long, short], tokenize([long, short], CHAT, 100), truncated(), CHAT, "chain")
    assert checks.samples == {"chain": "short enough<|im_end|>"}


def test_cut_views_are_counted() -> None:
    checks = preflight(ROWS, Tokenized(EXAMPLES, ()), truncated(0, 2, 0, 3), CHAT, "chain")
    assert (checks.num_cut_views, checks.num_dropped_utterances) == (2, 5)


def test_nothing_left_to_train_on_stops_the_stage() -> None:
    with pytest.raises(RunError, match="stage chain: nothing left to train on: 5 rows, 5 of them too long"):
        preflight(ROWS, tokenize(ROWS, CHAT, 10), truncated(), CHAT, "chain")
