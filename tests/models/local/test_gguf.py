"""GGUF files: read once into a Hugging Face folder that answers as the model did, and refused with a reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import CHATML, make_tokenizer
from tiny_gguf import make_llama, save_gguf, sha256_of
from tiny_runs import GREEDY_ONLY, Recorder, make_data, make_recipe, one_stage

from fliptrace.core.errors import InputError, MissingExtra, RunError
from fliptrace.core.files import read_json
from fliptrace.models.local import gguf
from fliptrace.models.local.gguf import hash_once, is_gguf
from fliptrace.models.local.loading import load_causal_lm, load_config, load_local, load_tokenizer
from fliptrace.models.open_model import open_model
from fliptrace.training.stages import train


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models."""
    monkeypatch.setenv("FLIPTRACE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    return dict(model.state_dict())


def test_a_gguf_file_gives_the_weights_it_was_made_from(made: Path) -> None:
    wanted, found = weights_of(make_llama()), weights_of(load_causal_lm(str(made), "fp32"))
    assert found.keys() == wanted.keys()
    for name, weight in wanted.items():
        assert torch.equal(found[name], weight), name


def test_a_gguf_file_gives_tokenizer_template_and_config(made: Path) -> None:
    tokenizer, text = load_tokenizer(str(made)), "Ross, why is that 12 so hard to believe?"
    assert tokenizer(text)["input_ids"] == make_tokenizer()(text)["input_ids"]
    assert tokenizer.chat_template == CHATML
    assert load_config(str(made)).max_position_embeddings == 256


def test_the_folder_is_an_ordinary_one_in_bf16_named_by_the_hash(made: Path, models: Path) -> None:
    load_config(str(made))
    folder = models / "gguf" / sha256_of(made)
    assert read_json(folder / "base.json") == {"name": "", "file": "tiny.gguf", "sha256": sha256_of(made)}
    assert read_json(folder / "config.json")["dtype"] == "bfloat16"
    assert (folder / "model.safetensors").is_file() and (folder / "chat_template.jinja").is_file()
    assert "quantization_config" not in read_json(folder / "config.json")


def test_a_file_is_read_once_and_says_so(made: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_config(str(made))
    assert f"reading 'tiny.gguf' once into '{models / 'gguf' / sha256_of(made)}'" in capsys.readouterr().err
    load_config(str(made))
    load_tokenizer(str(made))
    assert capsys.readouterr().err == ""


def test_what_lies_beside_a_gguf_file_is_not_read(made: Path, tmp_path: Path) -> None:
    shutil.copy(made, tmp_path / "alone.gguf")
    for name in ("config.json", "tokenizer_config.json", "generation_config.json", "tokenizer.json"):
        (tmp_path / name).write_text("not JSON")
    assert load_config(str(tmp_path / "alone.gguf")).hidden_size == 32


def test_a_model_is_opened_from_a_gguf_file(made: Path) -> None:
    opened = open_model(str(made), "cpu")
    assert opened.model.name == str(made)
    assert len(opened.weights_sha256) == 64


def test_a_killed_reading_leaves_no_folder(made: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, folder: Path) -> None:
        (folder / "config.json").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(gguf, "_write_folder", killed)
        load_config(str(made))
    assert [path for path in (models / "gguf").iterdir() if path.is_dir()] == []
    assert load_config(str(made)).hidden_size == 32


def test_what_is_no_gguf_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.gguf").write_text("<html>not found</html>")
    with pytest.raises(InputError, match=r"page\.gguf: begins with b'<htm'; expected a GGUF file"):
        load_config(str(tmp_path / "page.gguf"))
    with pytest.raises(InputError, match=r"none\.gguf: no such file"):
        load_tokenizer(str(tmp_path / "none.gguf"))


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.99])
def test_a_cut_file_is_refused(share: float, made: Path, models: Path, tmp_path: Path) -> None:
    content = made.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"cut\.gguf: cut off or damaged; expected a whole GGUF file"):
        load_config(str(tmp_path / "cut.gguf"))
    assert [path for path in (models / "gguf").iterdir() if path.is_dir()] == []


def test_an_architecture_that_transformers_does_not_read_is_named(tmp_path: Path) -> None:
    path = save_gguf(tmp_path / "other.gguf", architecture="rwkv7")
    with pytest.raises(InputError, match=r"its architecture is 'rwkv7'; expected one that .* reads: .*llama, "):
        load_config(str(path))


def test_a_missing_package_is_named(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "find_spec", lambda name: None if name == "gguf" else object())
    with pytest.raises(MissingExtra, match=r"needs gguf; install it with: pip install 'fliptrace\[train\]'"):
        load_config(str(made))


def test_a_folder_may_be_named_as_a_gguf_file(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").mkdir()
    assert not is_gguf(str(tmp_path / "model.gguf"))
    assert is_gguf("MODEL.GGUF")


def test_a_changed_file_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    hashes = set()
    for content in ("a", "bb", "bb"):
        path.write_text(content)
        hashes.add(hash_once(path))
    assert len(hashes) == 2


def test_a_run_on_a_gguf_file_has_its_name_and_hash_in_the_manifest(made: Path, tmp_path: Path) -> None:
    base = shutil.copy(made, tmp_path / "base.gguf")
    recipe = make_recipe(
        base={"model": str(base), "scratch": None},
        prompt={"max_words": 3, "window": 2},
        tuning={"method": "lora"},
        stages=one_stage(),
        evaluations=GREEDY_ONLY,
    )
    train(recipe, make_data(), tmp_path / "run", Recorder())
    manifest = read_json(tmp_path / "run" / "manifest.json")
    assert manifest["base"] == {"name": "", "file": "base.gguf", "sha256": sha256_of(made)}
    adapter = tmp_path / "run" / "1-chain" / "checkpoint"
    assert Path(read_json(adapter / "adapter_config.json")["base_model_name_or_path"]).name == sha256_of(made)
    assert not (adapter / "base.json").exists()
    load_local(str(adapter), device="cpu")

    save_gguf(base, name="another model")
    with pytest.raises(RunError, match="base: sha256: '"):
        train(recipe, make_data(), tmp_path / "run", Recorder())
