"""Models on the Hub are looked at before their weights are downloaded, and refused where these cannot be loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from fake_hub import FakeHub, fake_hub
from tiny import save_tiny
from typer.testing import CliRunner

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError
from fliptrace.models import fetch as fetching
from fliptrace.models.catalog import CATALOG, PretrainedModel
from fliptrace.models.local.hub import check_hub_weights
from fliptrace.models.local.loading import check_base, load_config, load_local

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9000000000\n"
LARGE = b"\0" * 3_000_000


def shard(number: int) -> str:
    return f"model-{number:05}-of-00003.safetensors"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a model that can be loaded."""
    folder = save_tiny("llama", tmp_path_factory.mktemp("tiny"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    weights = files["model.safetensors"]
    bare = {name: content for name, content in files.items() if name != "model.safetensors"}
    config = json.loads(files["config.json"])
    own = config | {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    repos = {
        "a/good": files,
        "a/pickled": bare | {"pytorch_model.bin": LARGE},
        "a/gguf": bare | {"model.Q4.gguf": LARGE, "onnx/model.safetensors": weights},
        "a/empty": bare,
        "a/pointer": bare | {"model.safetensors": POINTER},
        "a/cut": bare | {"model.safetensors": weights[: len(weights) // 2]},
        "a/torn": bare | {shard(1): weights, shard(3): weights, "model.safetensors.index.json": b"{}"},
        "a/code": files | {"config.json": json.dumps(own).encode(), "own.py": b"raise SystemExit"},
    }
    with fake_hub(repos) as served:
        yield served


@pytest.fixture(autouse=True)
def on_hub(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This Hub instead of the real one, with an empty cache."""
    hub.sent.clear()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.setattr(huggingface_hub.constants, name, str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("FLIPTRACE_MODELS", str(tmp_path / "models"))


REFUSED = {
    "a/pickled": r"no weights as safetensors on the Hub, only pickles, which can run code when loaded; nothing is down",
    "a/gguf": r"no weights as safetensors on the Hub, only GGUF; nothing is downloaded",
    "a/empty": r"no weights as safetensors on the Hub; nothing is downloaded",
    "a/pointer": r"model\.safetensors on the Hub has no safetensors header \(a Git LFS pointer, perhaps\)",
    "a/cut": r"model\.safetensors on the Hub has [\d,]+ bytes; expected over [\d,]+ by its header",
    "a/torn": r"lacks model-00002-of-00003\.safetensors on the Hub; nothing is downloaded",
    "a/none": r"the Hub does not list them: .*404",
}


@pytest.mark.parametrize("ref", REFUSED)
def test_weights_that_cannot_be_loaded_are_refused_before_they_are_downloaded(ref: str, hub: FakeHub) -> None:
    with pytest.raises(InputError, match=f"^{ref}: .*{REFUSED[ref]}") as caught:
        check_hub_weights(ref)
    assert "\n" not in str(caught.value)
    assert sum(hub.sent.values()) < 200_000


def test_a_model_whose_weights_are_in_order_is_let_through_by_its_headers(hub: FakeHub) -> None:
    check_hub_weights("a/good")
    assert set(hub.sent) == {"model.safetensors"}


def test_loading_looks_before_it_downloads(hub: FakeHub) -> None:
    for use in (check_base, load_local):
        with pytest.raises(InputError, match=REFUSED["a/pickled"]):
            use("a/pickled")
    assert "config.json" in hub.sent and "pytorch_model.bin" not in hub.sent
    assert load_local("a/good").name == "a/good"
    hub.sent.clear()
    check_base("a/good")  # it is in the cache now
    assert "model.safetensors" not in hub.sent


def test_a_model_with_code_of_its_own_is_refused_in_clear_words(hub: FakeHub) -> None:
    for use in (load_config, check_base):
        with pytest.raises(
            InputError, match=r"^a/code: its config names Python of its own \(auto_map\), which is never"
        ):
            use("a/code")
    assert not {"own.py", "model.safetensors"} & set(hub.sent)


def test_a_model_of_the_catalog_is_looked_at_before_it_is_fetched(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ref in ("pickled", "good"):
        monkeypatch.setitem(CATALOG, ref, PretrainedModel(ref, ref, "MIT", 1, hub_id=f"a/{ref}", fallback="x"))
    with pytest.raises(InputError, match=REFUSED["a/pickled"]):
        fetching.fetch("pickled")
    assert not hub.sent and not (tmp_path / "models" / "pickled").exists()
    assert {path.name for path in fetching.fetch("good").folder.iterdir()} >= {"config.json", "model.safetensors"}


def test_the_command_ends_in_one_line(hub: FakeHub) -> None:
    out = CliRunner().invoke(app, ["predict", "a/pickled", "sample:val", "--out", "p.jsonl", "--device", "cpu"])
    assert isinstance(out.exception, InputError) and "nothing is downloaded" in str(out.exception)
