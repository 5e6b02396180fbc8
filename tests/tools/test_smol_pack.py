"""The adapter that ships is packed from a run: measured on its val sets, with a card, small enough for the wheel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tiny_adapters import TUNING, make_base
from tiny_runs import GREEDY_ONLY, Recorder, make_recipe
from toy_cases import CAFE

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file, read_json
from fliptrace.corpora.sample import sample_path
from fliptrace.models.catalog import CATALOG, BaseRecord, PretrainedModel
from fliptrace.models.open_model import open_model
from fliptrace.prompts.chains import Observation, observe
from fliptrace.prompts.views import Layout, View
from fliptrace.training.data import load_training_data
from fliptrace.training.stages import train
from tools.smol import pack
from tools.smol.measure import count_true, fixed_observations


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of one stage on a base that is in the catalog as long as these tests run."""
    root = tmp_path_factory.mktemp("smol")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLIPTRACE_MODELS", str(root))
        patch.setitem(CATALOG, "tiny", PretrainedModel("tiny", "tiny", "Apache-2.0", 1, hub_id="nobody/tiny"))
        base = make_base(root / "tiny")
        BaseRecord("tiny", "model.safetensors", hash_file(base / "model.safetensors")).write(base)
        emotions = {split: str(sample_path(split).with_name(f"{split}_erc.json")) for split in ("train", "val")}
        recipe = make_recipe(
            data={
                "train": ["sample:train"],
                "val": ["sample:val"],
                "max_train_cases": 8,
                "max_val_cases": 4,
                "emotions": {emotions["train"]: 1},
                "emotion_val": [emotions["val"]],
            },
            base={"model": "tiny", "scratch": None},
            prompt={"layout": "shared"},
            tuning=TUNING,
            stages=[{"name": "chain", "mixture": {"answer": 1, "emotion": 0.1}, "epochs": 1}],
            evaluations=GREEDY_ONLY,
        )
        train(recipe, load_training_data(recipe, None), root / "run", Recorder())
        yield root / "run"


@pytest.mark.slow
def test_a_run_is_packed_and_measured(run: Path, tmp_path: Path) -> None:
    out, figures = tmp_path / "smol", tmp_path / "smol.json"
    pack.main(run, out=out, work=tmp_path / "work", figures=figures, rationales=2, limit=3)
    assert {path.name for path in out.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "base.json",
        "fliptrace.json",
        "LICENSE.weights",
        "MODEL_CARD.md",
        "NOTICE.SmolLM2",
    }
    assert {str(weight.dtype) for weight in load_file(out / "adapter_model.safetensors").values()} == {"torch.float16"}
    found = read_json(figures)
    defaults = open_model(str(out)).defaults
    chosen = (defaults.threshold("exact"), defaults.same_label_odds, defaults.uncertain_below)
    assert chosen == (found["threshold"], found["same_label_odds"], found["uncertain_below"])
    assert defaults.flip_threshold == 0.5 and defaults.flip_shares
    assert found["weights_sha256"] == hash_file(out / "adapter_model.safetensors")
    assert set(found["triggers"]) == {"sample:val"} and found["rationales"]["sample:val"]["num_rationales"] == 2
    card = (out / "MODEL_CARD.md").read_text()
    assert str(found["threshold"]) in card and "| chain | answer 1, emotion 0.1 |" in card


def test_figures_of_a_part_are_not_shipped(run: Path) -> None:
    with pytest.raises(InputError, match="figures of a part of val cannot go into the shipped model"):
        pack.main(run, limit=3)


def view() -> View:
    return View(CAFE, Layout("shared"))


def with_false(observations: Sequence[Observation]) -> list[Observation]:
    """The last observation quotes what nobody said, and the first is about another emotion."""
    first, *others, last = observations
    return [replace(first, emotion="joy"), *others, replace(last, quoted="never said")]


def test_observations_are_counted_as_the_prompt_confirms_them() -> None:
    true = observe(view())
    num_quoting = sum(bool(seen.quoted) for seen in true)
    counted = count_true([true, with_false(true)], [view(), view()])
    assert counted == {
        "num_observations": 2 * len(true),
        "num_false": 2,
        "num_quoting": 2 * num_quoting,
        "num_false_quoting": 1,
    }
    assert len(true) > 2 and num_quoting == 2


def test_a_template_that_reads_nothing_is_false_about_who_feels_what() -> None:
    fixed = fixed_observations(view())
    assert [seen.index for seen in fixed] == [seen.index for seen in observe(view())]
    assert {seen.emotion for seen in fixed} == {"neutral"}
    assert 0 < count_true([fixed], [view()])["num_false"] <= len(fixed)
