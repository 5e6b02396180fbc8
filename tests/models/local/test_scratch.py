from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import SENTENCES

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file
from fliptrace.core.messages import Message
from fliptrace.models.base import Decoding, Request
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.loading import load_causal_lm, load_local, load_tokenizer
from fliptrace.models.local.scratch import SPECIAL_TOKENS, ScratchSpec, build_scratch

SPEC = ScratchSpec(vocab_size=300, hidden_size=32, num_layers=2, num_heads=4, num_kv_heads=2, intermediate_size=64)
FILES = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hash_file(path) for path in folder.iterdir()}


def test_the_same_texts_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    one = hashes(build_scratch(SENTENCES, SPEC, tmp_path / "one", seed=1))
    torch.rand(3)
    two = hashes(build_scratch(iter(SENTENCES), SPEC, tmp_path / "two", seed=1))
    assert one == two
    assert set(one) == FILES


def test_another_seed_gives_other_weights_and_nothing_else(tmp_path: Path) -> None:
    one = hashes(build_scratch(SENTENCES, SPEC, tmp_path / "one", seed=1))
    two = hashes(build_scratch(SENTENCES, SPEC, tmp_path / "two", seed=2))
    assert {name for name in FILES if one[name] != two[name]} == {"model.safetensors"}


def test_building_leaves_the_random_state_of_others_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    build_scratch(SENTENCES, SPEC, tmp_path / "model", seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_scratch_model_is_an_ordinary_folder_that_answers(tmp_path: Path) -> None:
    folder = str(build_scratch(SENTENCES, SPEC, tmp_path / "model", seed=1))
    request = Request("case", (Message("system", "Find."), Message("user", "1 Ross joy")))
    ((reply,),) = load_local(folder, device="cpu").complete([request], Decoding(max_new_tokens=3))
    assert reply.num_tokens > 0
    assert load_causal_lm(folder).config.model_type == "llama"


@pytest.mark.parametrize("tie_embeddings", [True, False])
def test_the_spec_counts_its_parameters(tie_embeddings: bool, tmp_path: Path) -> None:
    spec = replace(SPEC, tie_embeddings=tie_embeddings)
    model = load_causal_lm(str(build_scratch(SENTENCES, spec, tmp_path / "model", seed=1)))
    assert model.config.vocab_size == spec.vocab_size
    assert model.num_parameters() == spec.num_parameters()


def test_roles_are_one_token_each(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(build_scratch(SENTENCES, SPEC, tmp_path / "model", seed=1)))
    chat_format = ChatFormat.of(tokenizer)
    messages = (Message("system", "a"), Message("user", "b"), Message("assistant", "c"), Message("user", "d"))
    rendered = chat_format.render_prompt(messages)
    assert rendered == "<|begin|><|system|>a<|user|>b<|assistant|>c<|end|><|user|>d<|assistant|>"
    assert len(chat_format.encode_prompt(messages)) == 11
    assert chat_format.turn_end == "<|end|>"
    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("text", ["Triggers: 12 34", " two  spaces\n\n", "naïve 😀 कब", "don't!"])
def test_any_text_survives_and_digits_stand_alone(text: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(build_scratch([*SENTENCES, "12 12 12 34 34"], SPEC, tmp_path / "model", seed=1)))
    tokens = tokenizer.tokenize(text)
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert [token for token in tokens if any(c.isdigit() for c in token)] == [c for c in text if c.isdigit()]


def test_few_texts_make_a_smaller_vocabulary(tmp_path: Path) -> None:
    folder = build_scratch(["ab ab"], replace(SPEC, vocab_size=5000), tmp_path / "model", seed=1)
    assert load_causal_lm(str(folder)).config.vocab_size < 300


def test_an_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="already exists"):
        build_scratch(SENTENCES, SPEC, tmp_path, seed=1)


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> object:
        yield "one"
        raise RuntimeError("the texts broke off")

    with pytest.raises(Exception, match="the texts broke off"):
        build_scratch(broken(), SPEC, tmp_path / "model", seed=1)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


BAD_SIZES = [
    ({"hidden_size": 30}, "hidden_size 30 over num_heads 4: expected an even size per head"),
    ({"hidden_size": 36}, "hidden_size 36 over num_heads 4: expected an even size per head"),
    ({"num_kv_heads": 3}, "num_heads 4: expected a multiple of num_kv_heads 3"),
    ({"vocab_size": 261}, "vocab_size 261: expected at least 262"),
    ({"num_layers": 0}, "num_layers 0: expected more than 0"),
    ({"rope_theta": -1.0}, "rope_theta -1.0: expected more than 0"),
]


@pytest.mark.parametrize("sizes, message", BAD_SIZES)
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SPEC, **sizes)
