from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from tiny import FAMILIES, SENTENCES, make_model, make_tokenizer, save_tiny
from transformers import MambaConfig, MambaForCausalLM
from typer.testing import CliRunner

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message
from fliptrace.models.base import Decoding, Model, Request
from fliptrace.models.local.loading import load_causal_lm, load_config, load_local, load_tokenizer, quiet
from fliptrace.models.local.model import LocalModel
from fliptrace.models.local.sampling import draw_tokens, reply_generator
from fliptrace.models.local.scoring import ReplyLogprobScorer
from fliptrace.predictions.rows import read_manifest

GREEDY = Decoding("greedy", max_new_tokens=24)
SAMPLE = Decoding("sample", num_samples=3, temperature=1.0, max_new_tokens=40, seed=7)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Use one thread: on a busy machine, threads that wait for each other over tiny tensors take minutes."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def make_requests(number: int = 9) -> list[Request]:
    """Prompts of many lengths in random order."""
    rng = random.Random(0)
    texts = [" ".join(rng.choices(SENTENCES, k=rng.randint(1, 3)))[rng.randint(0, 40) :] for _ in range(number)]
    return [Request(f"case {i}", (Message("user", text),)) for i, text in enumerate(texts)]


def make_local(family: str = "llama", **options: int) -> LocalModel:
    tokenizer = make_tokenizer()
    return LocalModel(make_model(family, tokenizer, num_extra_stops=12), tokenizer, family, **options)


def generate(local: LocalModel, request: Request) -> tuple[str, int]:
    """Return text and number of tokens that Hugging Face's `generate` gives for one prompt without a batch."""
    ids = torch.tensor([local.chat_format.encode_prompt(request.messages)])
    output = local.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=GREEDY.max_new_tokens,
        eos_token_id=sorted(local.chat_format.stop_ids),
        pad_token_id=0,
    )
    reply = output[0, ids.shape[1] :].tolist()
    return local.chat_format.decode_reply(reply), len(reply)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_replies_equal_generate_token_for_token(family: str) -> None:
    local, requests = make_local(family), make_requests()
    replies = [completion for (completion,) in local.complete(requests, GREEDY)]
    assert [(reply.text, reply.num_tokens) for reply in replies] == [generate(local, r) for r in requests]
    assert len({reply.text for reply in replies}) > 3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_that_takes_no_trees_gives_the_same_replies(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = make_requests()
    on_trees = [make_local(family).complete(requests, decoding) for decoding in (GREEDY, SAMPLE)]
    monkeypatch.setattr(ReplyLogprobScorer, "takes_trees", False)
    assert [make_local(family).complete(requests, decoding) for decoding in (GREEDY, SAMPLE)] == on_trees


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_decoding_leaves_a_model_as_it_was(implementation: str) -> None:
    local = make_local("llama" if implementation == "sdpa" else "gpt-oss")
    local.model.set_attn_implementation(implementation)
    local.complete(make_requests(2), GREEDY)
    assert local.model.config._attn_implementation == implementation


def test_later_waves_of_replies_go_on_where_the_first_ended() -> None:
    requests = make_requests()
    ten = make_local().complete(requests, replace(SAMPLE, num_samples=10))
    first = make_local().complete(requests, replace(SAMPLE, num_samples=6))
    later = [replace(request, number=6) for request in requests]
    last = make_local().complete(later, replace(SAMPLE, num_samples=4))
    assert [one + other for one, other in zip(first, last, strict=True)] == ten


def test_prompts_on_one_dialogue_are_read_once() -> None:
    """Four prompts differ only at the end: the first pass holds them once, the second one token per reply."""
    local = make_local()
    dialogue = " ".join(SENTENCES[:3])
    requests = [Request(f"case {i}", (Message("user", f"{dialogue} {i}"),)) for i in range(4)]
    assert local._scorer.takes_trees  # run the probe before widths are recorded
    widths: list[int] = []
    local.model.model.embed_tokens.register_forward_hook(lambda _, inputs, __: widths.append(inputs[0].numel()))
    local.complete(requests, SAMPLE)
    length = local.num_tokens(requests[0].messages)
    assert 20 < length <= widths[0] < 2 * length
    assert widths[1] == 4 * SAMPLE.num_samples


def test_the_replies_compared_with_generate_end_in_both_ways() -> None:
    replies = make_local("llama").complete(make_requests(), GREEDY)
    assert {reply.finish_reason for (reply,) in replies} == {"stop", "length"}


def test_a_local_model_is_a_chat_model() -> None:
    model = make_local()
    assert model.as_model() == Model(model.name, chat=model, scorer=model, forms=model)


@pytest.mark.parametrize("max_batch_tokens", [1, 1000, 100_000])
def test_sampled_replies_do_not_depend_on_what_else_is_in_the_batch(max_batch_tokens: int) -> None:
    requests = make_requests()
    together = make_local().complete(requests, SAMPLE)
    local = make_local(max_batch_tokens=max_batch_tokens)
    assert local.complete(requests[::-1], SAMPLE)[::-1] == together
    assert local.complete(requests[4:5], SAMPLE) == together[4:5]


def test_long_prefills_in_several_passes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = make_requests()
    together = make_local("gemma3").complete(requests, SAMPLE)
    monkeypatch.setattr("fliptrace.models.trees.tree_decoder._PREFILL_TOKENS", 200)
    assert make_local("gemma3").complete(requests, SAMPLE) == together


def test_fewer_samples_of_one_seed_are_the_first_of_more() -> None:
    requests = make_requests()
    five = make_local().complete(requests, Decoding("sample", 5, temperature=1.0, max_new_tokens=40, seed=1))
    two = make_local().complete(requests, Decoding("sample", 2, temperature=1.0, max_new_tokens=40, seed=1))
    assert [replies[:2] for replies in five] == two
    assert len(set(five[0])) > 1


def test_another_seed_gives_other_replies() -> None:
    requests = make_requests()
    replies = [
        make_local().complete(requests, Decoding("sample", 2, 1.0, max_new_tokens=40, seed=seed)) for seed in (1, 2)
    ]
    assert replies[0] != replies[1]


def test_a_shorter_limit_gives_the_start_of_the_longer_reply() -> None:
    requests = make_requests()
    long = make_local().complete(requests, Decoding("sample", 2, 1.0, max_new_tokens=40))
    short = make_local().complete(requests, Decoding("sample", 2, 1.0, max_new_tokens=10))
    for all_long, all_short in zip(long, short, strict=True):
        for one_long, one_short in zip(all_long, all_short, strict=True):
            assert one_short.num_tokens == min(10, one_long.num_tokens)


def test_no_requests_give_no_replies() -> None:
    assert make_local().complete([], GREEDY) == []


def test_one_token_is_a_reply() -> None:
    ((reply,),) = make_local().complete(make_requests(1), Decoding(max_new_tokens=1))
    assert reply.num_tokens == 1


def test_a_prompt_that_leaves_no_room_for_the_reply_is_refused_by_name() -> None:
    local = make_local()
    request = Request("case 5", (Message("user", " ".join(SENTENCES * 5)),))
    found = local.num_tokens(request.messages)
    message = f"llama, request case 5: a prompt of {found} tokens; expected at most 192, the context of 256 less 64"
    with pytest.raises(InputError, match=message):
        local.complete([*make_requests(), request], Decoding(max_new_tokens=64))


def test_prompt_tokens_are_counted_as_num_tokens_counts_them() -> None:
    local, requests = make_local(), make_requests()
    replies = local.complete(requests, Decoding(max_new_tokens=1))
    assert [reply.num_prompt_tokens for (reply,) in replies] == [local.num_tokens(r.messages) for r in requests]


def test_a_model_without_attention_is_refused() -> None:
    sizes = {"vocab_size": 400, "hidden_size": 8, "num_hidden_layers": 1, "state_size": 4}
    with pytest.raises(
        InputError, match=r"mamba: mamba has layers of kind .*; expected a decoder with attention throughout"
    ):
        LocalModel(MambaForCausalLM(MambaConfig(**sizes)), make_tokenizer(), "mamba")


@pytest.mark.parametrize("uniform, token", [(0.0, 1), (0.19, 1), (0.21, 2), (0.49, 2), (0.51, 4), (0.9999999, 4)])
def test_a_draw_falls_on_the_token_whose_share_it_hits(uniform: float, token: int) -> None:
    logits = torch.tensor([[0.0, 0.2, 0.3, 0.0, 0.5, 0.0]]).log()
    assert draw_tokens(logits, torch.tensor([uniform]), temperature=1.0, top_p=1.0).tolist() == [token]


def test_a_draw_of_one_still_falls_on_a_possible_token() -> None:
    logits = torch.randn(50, 300, generator=torch.Generator().manual_seed(0))
    logits[:, -5:] = -torch.inf
    assert draw_tokens(logits, torch.ones(50), 0.7, 1.0).max() < 295


def test_draws_come_as_often_as_the_model_says() -> None:
    logits = torch.tensor([[0.1, 0.6, 0.3]]).log().expand(20_000, 3)
    uniforms = torch.from_numpy(np.random.default_rng(0).random(20_000, dtype=np.float32))
    shares = draw_tokens(logits, uniforms, 1.0, 1.0).bincount() / 20_000
    assert torch.allclose(shares, torch.tensor([0.1, 0.6, 0.3]), atol=0.02)


@pytest.mark.parametrize("top_p, possible", [(0.5, {4}), (0.51, {2, 4}), (0.8, {2, 4}), (0.82, {1, 2, 4})])
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p: float, possible: set[int]) -> None:
    logits = torch.tensor([[0.0, 0.1875, 0.3125, 0.0, 0.5]]).log().expand(100, 5)
    uniforms = torch.linspace(0, 0.999, 100)
    assert set(draw_tokens(logits, uniforms, 1.0, top_p).tolist()) == possible


def test_random_numbers_belong_to_seed_key_and_reply() -> None:
    def draw(seed: int, key: str, number: int) -> float:
        return float(reply_generator(seed, key, number).random())

    assert draw(1, "a", 2) == draw(1, "a", 2)
    assert len({draw(1, "a", 2), draw(2, "a", 2), draw(1, "b", 2), draw(1, "a", 1), draw(1, "2\na", 2)}) == 5


# Loading: model folders, adapters, and references that are neither.


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_saved_folder_answers_as_the_model_did(family: str, tmp_path: Path) -> None:
    tokenizer, requests = make_tokenizer(), make_requests(3)
    before = LocalModel(make_model(family, tokenizer), tokenizer, family).complete(requests, GREEDY)
    loaded = load_local(str(save_tiny(family, tmp_path / "model")), device="cpu")
    assert loaded.name == str(tmp_path / "model")
    assert loaded.complete(requests, GREEDY) == before


def save_adapter(tmp_path: Path) -> Path:
    """Save a LoRA adapter with random weights over a tiny Llama, without a tokenizer."""
    base = load_causal_lm(str(save_tiny("llama", tmp_path / "base")))
    lora = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    with quiet():
        adapted = get_peft_model(base, lora)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_an_adapter_folder_loads_over_its_base(dtype: str, tmp_path: Path) -> None:
    adapter, requests = save_adapter(tmp_path), make_requests(3)
    adapted = load_local(str(adapter), device="cpu", dtype=dtype).complete(requests, GREEDY)
    base = load_local(str(tmp_path / "base"), device="cpu", dtype=dtype).complete(requests, GREEDY)
    assert adapted != base


def test_a_merged_adapter_answers_as_the_adapter_beside_its_base(tmp_path: Path) -> None:
    adapter, requests = save_adapter(tmp_path), make_requests(3)
    with_adapter = load_causal_lm(str(adapter), "fp32").get_base_model()
    unmerged = LocalModel(with_adapter, load_tokenizer(str(adapter)), "unmerged").complete(requests, GREEDY)
    assert load_local(str(adapter), device="cpu").complete(requests, GREEDY) == unmerged


def test_a_trainable_adapter_has_gradients_and_another_has_none(tmp_path: Path) -> None:
    adapter = str(save_adapter(tmp_path))
    assert any(weight.requires_grad for weight in load_causal_lm(adapter, trainable=True).parameters())
    assert not any(weight.requires_grad for weight in load_causal_lm(adapter).parameters())


def test_an_adapter_has_the_config_of_its_base(tmp_path: Path) -> None:
    assert load_config(str(save_adapter(tmp_path))).hidden_size == 32


def test_an_adapter_outside_the_layers_is_refused(tmp_path: Path) -> None:
    base = load_causal_lm(str(save_tiny("llama", tmp_path / "base")))
    prompt_tuning = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    with quiet():
        get_peft_model(base, prompt_tuning).save_pretrained(tmp_path / "adapter")
    with pytest.raises(InputError, match="expected one inside the layers, such as LoRA"):
        load_local(str(tmp_path / "adapter"))


@pytest.mark.parametrize(
    ("stored", "computes", "expected"),
    [("fp32", True, torch.float32), ("bf16", False, torch.float32), ("bf16", True, torch.bfloat16)],
)
def test_on_a_cpu_weights_are_bf16_if_stored_so_and_multiplied_so(
    stored: str, computes: bool, expected: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny("llama", tmp_path / "model")
    if stored == "bf16":
        load_causal_lm(str(folder), "bf16").save_pretrained(folder)
    monkeypatch.setattr("fliptrace.models.local.loading.computes_bf16", lambda device: computes)
    loaded = load_local(str(folder), device="cpu").model
    assert loaded.dtype == expected
    assert {buffer.dtype for name, buffer in loaded.named_buffers() if "inv_freq" in name} == {torch.float32}
    assert load_local(str(folder), device="cpu", dtype="fp32").model.dtype == torch.float32
    assert load_local(str(folder), device="cpu", dtype="bf16").model.dtype == torch.bfloat16


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json and no adapter_config\.json"):
        load_local(str(tmp_path))


@pytest.mark.parametrize("ref", ["./nowhere", "/nowhere/at/all", "runs/one/model", "~/nowhere"])
def test_a_path_that_leads_nowhere_is_no_hub_id(ref: str) -> None:
    with pytest.raises(InputError, match=r"no such folder$"):
        load_tokenizer(ref)


@pytest.mark.parametrize("load", [load_local, load_tokenizer, load_config])
def test_a_hub_id_without_a_network_says_what_to_do(load: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"nobody/no-such-model: .* put the model into a folder and give its path"):
        load("nobody/no-such-model")  # type: ignore[operator]


def test_an_adapter_without_a_base_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": null}')
    with pytest.raises(InputError, match="base_model_name_or_path is empty"):
        load_causal_lm(str(tmp_path))


def test_loading_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_local(str(save_adapter(tmp_path)), device="cpu")
    assert capfd.readouterr() == ("", "")


def test_predict_in_bf16_says_so(tmp_path: Path) -> None:
    model, out = save_tiny("llama", tmp_path / "model"), tmp_path / "p.jsonl"
    command = ["predict", str(model), "sample:val", "--out", str(out), "--limit", "1", "--layout", "window"]
    command += ["--max-new-tokens", "2", "--device", "cpu", "--dtype", "bf16"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert read_manifest(out)["data"]["dtype"] == "bf16"
