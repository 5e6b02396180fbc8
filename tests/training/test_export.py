from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from embedded_folders import DEFAULTS, build_checkpoint, checkpoint, exported
from tiny import SENTENCES, save_tiny

from fliptrace.cli import export as export_command
from fliptrace.core.errors import InputError, RunError
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.embedded import load_embedded
from fliptrace.models.local.loading import load_causal_lm, load_local
from fliptrace.prompts.views import Layout
from fliptrace.training import export, onnx_graph
from fliptrace.training.export import compared_choices, export_onnx, max_difference
from fliptrace.training.onnx_graph import make_graph

FILES = {"chat_template.jinja", "embedded.json", "fliptrace.json", "model.onnx", "tokenizer.json"}


def test_a_folder_holds_all_that_is_needed_weights_in_one_file() -> None:
    folder = exported().folder
    assert {path.name for path in folder.iterdir()} == FILES
    num_weights = sum(weight.numel() for weight in load_causal_lm(str(checkpoint())).parameters())
    assert 4 * num_weights < (folder / "model.onnx").stat().st_size < 5 * num_weights + 50_000
    assert InferenceDefaults.read(folder) == DEFAULTS


def test_probabilities_are_torchs() -> None:
    done = exported()
    assert done.num_choices > 50
    assert done.max_difference < 1e-5


@pytest.fixture
def graph_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reuse one graph in tests of everything else, because making a graph takes seconds."""
    content = (exported().folder / "model.onnx").read_bytes()
    monkeypatch.setattr(onnx_graph, "make_graph", lambda model, half: content)


def test_the_same_weights_give_the_same_bytes_and_nothing_of_the_machine() -> None:
    content = make_graph(load_causal_lm(str(checkpoint())))
    assert content == (exported().folder / "model.onnx").read_bytes()
    assert b".py" not in content and str(Path(__file__).parents[2]).encode() not in content


def test_half_the_size_moves_probabilities_by_less_than_a_thousandth() -> None:
    whole, half = exported(), exported(half=True)
    assert half.max_difference < 1e-3
    sizes = [(done.folder / "model.onnx").stat().st_size for done in (whole, half)]
    assert sizes[1] < 0.7 * sizes[0]
    local = load_local(str(checkpoint()), device="cpu")
    choices = compared_choices(DEFAULTS, local)
    assert 0 < max_difference([local], load_embedded(half.folder), choices) < 1e-3


@pytest.mark.slow
def test_several_checkpoints_become_one_model_in_as_many_graphs() -> None:
    done = exported(seeds=(0, 1))
    assert {path.name for path in done.folder.iterdir()} == FILES - {"model.onnx"} | {"model-0.onnx", "model-1.onnx"}
    assert done.max_difference < 1e-5
    assert len(load_embedded(done.folder).sessions) == 2


@pytest.mark.usefixtures("graph_at_hand")
def test_a_given_threshold_holds_for_exact_decoding(tmp_path: Path) -> None:
    folder = export_onnx([checkpoint()], tmp_path / "embedded", threshold=0.4).folder
    assert InferenceDefaults.read(folder) == replace(DEFAULTS, thresholds={"exact": 0.4})


def test_members_asked_otherwise_are_refused(tmp_path: Path) -> None:
    other = build_checkpoint(tmp_path / "other", defaults=InferenceDefaults(Layout("dialogue")))
    with pytest.raises(InputError, match=r"other: has another layout or question than .*; expected the same for all"):
        export_onnx([checkpoint(), other], tmp_path / "embedded")


def test_members_with_another_tokenizer_are_refused(tmp_path: Path) -> None:
    other = build_checkpoint(tmp_path / "other", texts=SENTENCES[:2])
    with pytest.raises(InputError, match="other: has another tokenizer or chat template than"):
        export_onnx([checkpoint(), other], tmp_path / "embedded")
    assert list(tmp_path.iterdir()) == [other]


def test_what_is_too_large_for_one_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_MAX_PARAMETERS", 1_000)
    with pytest.raises(InputError, match=r"\d+,\d+ parameters; expected at most 1,000 for one ONNX file"):
        export_onnx([checkpoint()], tmp_path / "embedded")


def test_what_is_no_llama_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a model of type qwen3; expected a Llama"):
        export_onnx([save_tiny("qwen3", tmp_path / "qwen3")], tmp_path / "embedded")


@pytest.mark.usefixtures("graph_at_hand")
def test_the_command_writes_a_folder_and_says_how_near_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "embedded"
    export_command.onnx([checkpoint()], folder)
    said = " ".join(capsys.readouterr().err.split())
    assert "probabilities differ from torch's by at most" in said and "use it as MODEL" in said
    assert load_embedded(folder).num_workers >= 1


@pytest.mark.usefixtures("graph_at_hand")
def test_a_graph_that_differs_from_torch_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "max_difference", lambda *_: 0.01)
    with pytest.raises(RunError, match=r"probabilities differ from torch's by 1\.0e-02; expected at most 1e-03"):
        export_onnx([checkpoint()], tmp_path / "embedded")
    assert list(tmp_path.iterdir()) == []
