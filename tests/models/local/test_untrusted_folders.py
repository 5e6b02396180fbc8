"""What a stranger's model folder may not do: run its code, load pickles, or pass for a decoder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tiny import make_model, make_tokenizer, save_tiny
from tiny_runs import Recorder, make_data, make_recipe
from transformers import (
    BartConfig,
    BartForCausalLM,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json, write_json
from fliptrace.models.local.loading import load_causal_lm, load_config, load_local, quiet
from fliptrace.training.dry_run import dry_run
from fliptrace.training.stages import train

_SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
_SEQ2SEQ = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
NO_DECODERS: dict[str, tuple[Any, Any]] = {
    "bert": (BertForMaskedLM, BertConfig(vocab_size=400, **_SIZES)),
    "roberta": (RobertaForMaskedLM, RobertaConfig(vocab_size=400, **_SIZES)),
    "xlm-roberta": (XLMRobertaForMaskedLM, XLMRobertaConfig(vocab_size=400, **_SIZES)),
    "bart": (BartForConditionalGeneration, BartConfig(vocab_size=400, **_SEQ2SEQ)),
    "decoder of bart": (BartForCausalLM, BartConfig(vocab_size=400, **_SEQ2SEQ)),
    "t5": (T5ForConditionalGeneration, T5Config(vocab_size=400, d_model=32, d_ff=32, num_layers=1, num_heads=2)),
}


@pytest.fixture(params=NO_DECODERS)
def no_decoder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    model_class, config = NO_DECODERS[request.param]
    folder = tmp_path / request.param
    with quiet():
        model_class(config).save_pretrained(folder)
        make_tokenizer().save_pretrained(folder)
    return folder


def test_a_base_that_is_no_decoder_is_refused_before_and_when_training(no_decoder: Path, tmp_path: Path) -> None:
    recipe = make_recipe(base={"model": str(no_decoder), "scratch": None})
    for begin in (
        lambda: dry_run(recipe, make_data()),
        lambda: train(recipe, make_data(), tmp_path / "run", Recorder()),
        lambda: load_local(str(no_decoder)),
    ):
        with pytest.raises(InputError, match=r"(an encoder|a sequence-to-sequence model) .*expected a causal decoder"):
            begin()


def write_hostile(folder: Path, trace: Path) -> Path:
    """Save a model whose config and tokenizer ask for Python of their own, which leaves a trace when it runs."""
    save_tiny("llama", folder)
    code = f"from pathlib import Path\nPath({str(trace)!r}).touch()\n"
    (folder / "hostile.py").write_text(code)
    classes = dict.fromkeys(("AutoConfig", "AutoModelForCausalLM"), "hostile.Hostile")
    config = read_json(folder / "config.json") | {"auto_map": classes, "model_type": "hostile"}
    write_json(folder / "config.json", config)
    settings = read_json(folder / "tokenizer_config.json")
    mapped = {"auto_map": {"AutoTokenizer": ["hostile.Hostile", None]}, "tokenizer_class": "Hostile"}
    write_json(folder / "tokenizer_config.json", settings | mapped)
    return folder


def test_code_in_a_folder_never_runs_whatever_stdin_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_hostile(tmp_path / "hostile", tmp_path / "trace")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 20))
    for begin in (load_config, load_causal_lm, load_local):
        with pytest.raises(
            InputError, match=r"hostile: its config names Python of its own \(auto_map\), which is never run"
        ):
            begin(str(folder))
    assert not (tmp_path / "trace").exists()


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_tiny("llama", tmp_path / "pickled")
    torch.save(make_model("llama", make_tokenizer()).state_dict(), folder / "pytorch_model.bin")
    load_local(str(folder))  # the safe weights are taken
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"pytorch_model.bin.*pickled weights.*expected safetensors"):
        load_local(str(folder))


def test_a_pickled_adapter_is_refused(tmp_path: Path) -> None:
    base = save_tiny("llama", tmp_path / "base")
    adapter = tmp_path / "adapter"
    with quiet():
        adapted = get_peft_model(load_causal_lm(str(base)), LoraConfig(target_modules=["q_proj"], r=2))
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(adapter)
    load_local(str(adapter))
    torch.save({}, adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(InputError, match="pickled weights"):
        load_local(str(adapter))
