"""A tree gives the same loss and gradients as separate examples, for every family and training method.

Each requirement is also broken once, to show that the tests would notice.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny import make_model, make_tokenizer
from torch import Tensor
from transformers import FalconConfig, FalconForCausalLM, JambaConfig, JambaForCausalLM

from fliptrace.models.local.loading import quiet
from fliptrace.models.trees import cpu_attention
from fliptrace.models.trees.attention import LayerStates, attend_to_trees, attending_to_trees
from fliptrace.models.trees.prefill_attention import PrefillAttention
from fliptrace.training.examples import Example, collate
from fliptrace.training.losses import completion_loss, tree_loss
from fliptrace.training.packing import support
from fliptrace.training.packing.support import self_test, supports
from fliptrace.training.packing.tree_batches import collate_tree

TOKENIZER = make_tokenizer()
FAMILIES = ("llama", "qwen2", "qwen3", "mistral", "gemma3")
TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 2e-5  # a processor without AVX-512 comes to 1.06e-5


def make_examples() -> list[Example]:
    """Examples about two dialogues after one system message, with questions at five places of each dialogue.

    Two of the places have several completions, two and three. The longest example has 54 tokens, more than twice the
    widest window (Mistral's 24; Gemma's 8). One prompt continues after another's completion, as in feedback.
    """
    rng = random.Random(0)

    def draw(length: int) -> list[int]:
        return [rng.randrange(5, len(TOKENIZER)) for _ in range(length)]

    system, examples = draw(5), []
    for _ in range(2):
        dialogue = [*system, *draw(30)]
        for length in (8, 13, 20, 27, 35):
            prompt = [*dialogue[:length], *draw(6)]
            completions = [draw(2 + length % 3) for _ in range({8: 2, 20: 3}.get(length, 1))]
            examples += [Example((*prompt, *completion), len(prompt)) for completion in completions]
        examples.append(Example((*examples[-1].ids, *draw(6), *draw(4)), len(examples[-1]) + 6))
    return examples


EXAMPLES = make_examples()


def gradients_of(model: Any, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def assert_exact(model: Any) -> None:
    """Compare loss and gradients over all examples, as a padded batch and as one tree."""
    apart = completion_loss(model, collate(EXAMPLES, 0))
    wanted = gradients_of(model, apart)
    with attending_to_trees(model):
        tree = tree_loss(model, collate_tree(EXAMPLES, 0))
        found = gradients_of(model, tree)
    assert tree.item() == pytest.approx(apart.item(), rel=TOLERANCE)
    assert found.keys() == wanted.keys() and len(found) >= 8
    errors = {name: float((found[name] - wanted[name]).norm() / wanted[name].norm()) for name in wanted}
    assert max(errors.values()) <= GRADIENT_TOLERANCE, max(errors, key=lambda name: errors[name])


def make(family: str) -> Any:
    return make_model(family, TOKENIZER).train()


def make_ready(family: str) -> Any:
    model = make(family)
    attend_to_trees(model)
    return model


def with_adapter(model: Any) -> Any:
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(1)
        return get_peft_model(model, config).train()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tree_has_the_loss_and_gradients_of_its_examples(family: str) -> None:
    model = make(family)
    assert supports(model) is None
    assert_exact(model)


@pytest.mark.parametrize("family", ["gpt2", "gpt-oss"])
def test_learnt_positions_sinks_and_experts_are_no_obstacle(family: str) -> None:
    assert_exact(make(family).eval())  # GPT-2 comes with dropout


@pytest.mark.parametrize("size", [1, 16, 50, 1000])
def test_blocks_of_any_length_give_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_attention, "BLOCK", size)
    assert_exact(make("gemma3"))


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")
@pytest.mark.parametrize("family", ["llama", "mistral", "gemma3", "gpt-oss"])
def test_flex_attention_gives_the_same_loss(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the forward pass: on a CPU flex attention has no backward pass and is not compiled."""
    model = make_ready(family).eval()
    with torch.no_grad():
        blocks = tree_loss(model, collate_tree(EXAMPLES, 0)).item()
        monkeypatch.setattr(PrefillAttention, "attend", PrefillAttention.attend_by_flex)
        assert tree_loss(model, collate_tree(EXAMPLES, 0)).item() == pytest.approx(blocks, rel=TOLERANCE)


def test_bf16_differs_by_its_own_noise() -> None:
    model = make_ready("llama")
    with torch.autocast("cpu", torch.bfloat16):
        wanted = gradients_of(model, completion_loss(model, collate(EXAMPLES, 0)))
        found = gradients_of(model, tree_loss(model, collate_tree(EXAMPLES, 0)))
    exact = gradients_of(model, completion_loss(model, collate(EXAMPLES, 0)))

    def error(gradients: dict[str, Tensor], name: str) -> float:
        return float((gradients[name] - exact[name]).norm() / exact[name].norm())

    assert all(error(found, name) < 2 * error(wanted, name) + 0.01 for name in exact)


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_an_adapter_has_the_same_gradients(family: str) -> None:
    model = with_adapter(make(family))
    assert supports(model) is None
    assert_exact(model)


@pytest.mark.parametrize("adapts", [False, True])
@pytest.mark.parametrize("family", ["llama", "mistral", "gemma3"])
def test_gradient_checkpointing_changes_nothing(family: str, adapts: bool) -> None:
    model = make(family)
    if adapts:
        model = with_adapter(model)
    with quiet():
        model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    num_calls = 0

    def count(*_: Any) -> None:
        nonlocal num_calls
        num_calls += 1

    inner = model.get_base_model() if adapts else model
    inner.model.layers[0].input_layernorm.register_forward_hook(count)
    assert_exact(model)
    assert num_calls == 4, "each loss has one forward pass and one recomputation"


def test_rows_of_one_step_add_up_to_the_loss_of_all_its_tokens() -> None:
    model = make_ready("llama")
    num_tokens = sum(len(example) - example.num_prompt_tokens for example in EXAMPLES)
    rows = [collate_tree(part, 0) for part in (EXAMPLES[:5], EXAMPLES[5:])]
    halves = [tree_loss(model, row, num_tokens).item() for row in rows]
    assert sum(halves) == pytest.approx(completion_loss(model, collate(EXAMPLES, 0)).item(), rel=TOLERANCE)


def test_what_padding_holds_changes_nothing() -> None:
    model = make_ready("mistral")
    losses = [tree_loss(model, collate_tree(EXAMPLES, pad)).item() for pad in (0, 7)]
    assert losses[0] == losses[1]


def test_the_head_runs_over_the_tokens_that_predict_a_label_alone() -> None:
    model = make_ready("llama")
    seen: list[torch.Size] = []
    model.lm_head.register_forward_hook(lambda _, __, logits: seen.append(logits.shape))
    tree_loss(model, collate_tree(EXAMPLES, 0))
    assert seen == [(1, sum(len(e) - e.num_prompt_tokens for e in EXAMPLES), len(TOKENIZER))]


def test_a_window_that_is_not_heeded_is_silently_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    attend = PrefillAttention.attend

    def see_all(row: PrefillAttention, states: LayerStates) -> Tensor:
        return attend(row, states._replace(window=None))

    monkeypatch.setattr(PrefillAttention, "attend", see_all)
    for family in ("mistral", "gemma3"):
        model = make_ready(family)
        wrong = tree_loss(model, collate_tree(EXAMPLES, 0)).item()
        assert wrong != pytest.approx(completion_loss(model, collate(EXAMPLES, 0)).item(), rel=100 * TOLERANCE)


def by_columns(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Use the positions that a model computes if it is given none."""
    return inputs | {"position_ids": torch.arange(inputs["ends"].shape[1])[None]}


def causal(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Use an ordinary causal mask: every token sees all earlier ones."""
    return inputs | {"ends": torch.full_like(inputs["ends"], inputs["ends"].shape[1])}


@pytest.mark.parametrize("spoil", [by_columns, causal])
def test_a_wrong_row_is_silently_wrong(spoil: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    model = make_ready("llama")
    wrong = tree_loss(model, spoil(collate_tree(EXAMPLES, 0))).item()
    assert wrong != pytest.approx(completion_loss(model, collate(EXAMPLES, 0)).item(), rel=100 * TOLERANCE)


def blind(model: Any) -> Any:
    """A decoder that does not pass the tree to its layers."""
    forward = model.model.forward

    def forward_without(*args: Any, tree: object = None, **kwargs: Any) -> Any:
        return forward(*args, **kwargs)

    model.model.forward = forward_without
    return model


def fussy(model: Any) -> Any:
    """A decoder that fails on an unknown argument."""
    forward = model.model.forward

    def forward_known(*args: Any, **kwargs: Any) -> Any:
        if "tree" in kwargs:
            raise TypeError("unexpected keyword argument 'tree'")
        return forward(*args, **kwargs)

    model.model.forward = forward_known
    return model


def one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the backward pass wrong and keep the forward pass right."""
    attend = PrefillAttention.attend

    def forget(row: PrefillAttention, states: LayerStates) -> Tensor:
        return attend(row, states._replace(key=states.key.detach()))

    monkeypatch.setattr(PrefillAttention, "attend", forget)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_self_test_finds_nothing_where_there_is_nothing(family: str) -> None:
    model = make(family)
    assert self_test(model, EXAMPLES, 0) is None
    assert model.training
    assert self_test(model.to(torch.bfloat16), EXAMPLES, 0) is None


def test_weights_of_16_bits_are_compared_in_fp32_and_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make("llama").to(torch.bfloat16)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    compared = []
    compare = support._compare
    monkeypatch.setattr(support, "_compare", lambda *given: compared.append(given[0].dtype) or compare(*given))
    assert self_test(model, EXAMPLES, 0) is None
    assert compared == [torch.float32]
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    monkeypatch.setattr(support, "_MOST_WIDENED", 10)
    assert self_test(model, EXAMPLES, 0) is None
    assert compared == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("spread", [0.3, 0.02])
def test_the_self_test_reports_a_model_that_ignores_masks(spread: float) -> None:
    model = make("llama")
    for weight in model.parameters():
        weight.data *= spread / 0.3 if weight.ndim > 1 else 1
    reason = self_test(blind(model), EXAMPLES, 0)
    assert reason is not None and "LlamaForCausalLM ignores the masks of a prefix tree: its loss is" in reason


def test_the_self_test_reports_a_model_that_fails_on_a_tree() -> None:
    reason = self_test(fussy(make("llama")), EXAMPLES, 0)
    assert reason == "LlamaForCausalLM fails on a prefix tree: TypeError: unexpected keyword argument 'tree'"


def test_the_self_test_reports_a_wrong_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    one_way(monkeypatch)
    reason = self_test(make("llama"), EXAMPLES, 0)
    assert reason is not None and "learns differently from a prefix tree and from separate rows" in reason


def test_the_self_test_takes_no_nan_for_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    attend = PrefillAttention.attend
    monkeypatch.setattr(PrefillAttention, "attend", lambda row, states: attend(row, states) * torch.nan)
    reason = self_test(make("llama"), EXAMPLES, 0)
    assert reason is not None and "its loss is nan" in reason


def test_a_layer_that_keeps_its_window_to_itself_is_found_out() -> None:
    model = make("llama")
    model.config.sliding_window = 8
    reason = self_test(model, EXAMPLES, 0)
    assert reason is not None
    assert reason.startswith("LlamaForCausalLM fails on a prefix tree: ValueError: LlamaAttention applies its sliding")


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_the_self_test_leaves_a_model_as_it_was(implementation: str) -> None:
    model = make_model("llama", TOKENIZER)
    model.set_attn_implementation(implementation)
    assert self_test(model, EXAMPLES, 0) is None
    assert not model.training and model.config._attn_implementation == implementation
    assert all(weight.grad is None for weight in model.parameters())


def jamba() -> Any:
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    hybrid = {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "use_mamba_kernels": False}
    return JambaForCausalLM(JambaConfig(vocab_size=32, num_key_value_heads=2, num_experts=2, **sizes, **hybrid))


def falcon() -> Any:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return FalconForCausalLM(FalconConfig(vocab_size=32, alibi=True, **sizes))


def with_dropout(model: Any) -> Any:
    config = LoraConfig(r=2, lora_dropout=0.1, target_modules=["q_proj"], task_type="CAUSAL_LM")
    with quiet():
        return get_peft_model(model, config)


def configured(family: str, **settings: object) -> Any:
    model = make(family)
    for name, value in settings.items():
        setattr(model.config, name, value)
    return model


def dropping_in_attention() -> Any:
    model = make("llama")
    model.model.layers[1].self_attn.attention_dropout = 0.1
    return model


@pytest.mark.parametrize(
    "model, reason",
    [
        (jamba, r"layers of kind 'linear_attention'"),
        (falcon, "ALiBi"),
        (lambda: configured("llama", layer_types=["full_attention", "chunked_attention"]), "kind 'chunked_attention'"),
        (
            lambda: configured("llama", rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4}),
            "RoPE scaled by the longest sequence",
        ),
        (lambda: configured("gpt-oss", output_router_logits=True), "auxiliary loss"),
        (lambda: make("gpt2"), r"transformer\.drop\.p is above 0"),
        (dropping_in_attention, r"model\.layers\.1\.self_attn\.attention_dropout is above 0"),
        (lambda: with_dropout(make("llama")), r"lora_dropout\.default\.p is above 0"),
    ],
)
def test_what_cannot_be_trained_on_trees_gives_a_reason_in_a_line(model: Callable[[], Any], reason: str) -> None:
    found = supports(model())
    assert found is not None and "\n" not in found
    assert re.search(reason, found)
