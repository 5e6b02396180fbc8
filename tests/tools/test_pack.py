"""From seeds to the packed model and its card: untrained models stand for trained ones, the sample corpus for data."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import pytest
from embedded_folders import DEFAULTS, checkpoint
from tiny_runs import make_recipe, one_stage

from fliptrace.core.errors import RunError
from fliptrace.core.files import Json, hash_file, hash_json, read_json, write_json
from fliptrace.core.voting import Vote
from fliptrace.corpora.sample import sample_path
from fliptrace.models.checkpoints import MANIFEST, Checkpoint, InferenceDefaults
from fliptrace.models.embedded import EmbeddedModel
from fliptrace.models.open_model import open_model
from fliptrace.predictions.rows import Prediction
from fliptrace.training.data import TrainingData, load_training_data
from fliptrace.training.measured_sets import HELD_OUT, MeasuredSets, collect_sets
from fliptrace.training.recipe import Recipe, override
from tools.mini import pack
from tools.mini.measure import calibration_error, spread
from tools.mini.model_card import CARD, LICENCE, data_sets, render_card, weights_licence
from tools.mini.pack import Packing, describe_files, install
from tools.mini.packed import decide_sample
from tools.mini.seeds import Seed, read_seeds

pytestmark = pytest.mark.slow  # two seeds are trained and packed: a minute

FOLDER = sample_path("train").parent
TRAIN_ERC, VAL_ERC = str(FOLDER / "train_erc.json"), str(FOLDER / "val_erc.json")


@dataclass(frozen=True)
class Made:
    """What the tests of this file read."""

    recipe: Recipe
    data: TrainingData
    sets: MeasuredSets
    runs: tuple[Path, ...]
    packing: Packing
    figures: Json


def write_run(folder: Path, recipe: Recipe, data: TrainingData) -> Path:
    """A run as training leaves it, its checkpoint an untrained model."""
    trained = Path(shutil.copytree(checkpoint(recipe.seed), folder / "1-chain" / "checkpoint"))
    replace(DEFAULTS, uncertain_below=0.4).write(trained)
    Checkpoint("1-chain/checkpoint", "chain", "base", recipe.digest, hash_json(data.manifest)).write(folder / "1-chain")
    write_json(folder / MANIFEST, {"recipe": recipe.to_json(), "data": data.manifest, "versions": {}})
    return folder


def make_packing(
    made_in: Path, recipe: Recipe, data: TrainingData, sets: MeasuredSets, runs: tuple[Path, ...]
) -> Packing:
    def nothing(*told: object) -> None:
        """Nobody looks on."""

    return Packing(recipe, read_seeds(runs, recipe, data), data, sets, made_in, nothing, nothing)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Val's dialogues are held out besides, so that one set has both roles."""
    place = tmp_path_factory.mktemp("pack")
    recipe = make_recipe(
        data={
            "train": ["sample:train"],
            "val": ["sample:val"],
            "emotions": {TRAIN_ERC: 1},
            "emotion_set": "masac8",
            "emotion_val": [VAL_ERC],
            "hold_out": [VAL_ERC],
        },
        stages=one_stage(),
    )
    data = load_training_data(recipe, None)
    seeds = [override(recipe, base=None, seed=number, device=None) for number in (0, 1)]
    runs = tuple(write_run(place / f"run-{seed.seed}", seed, data) for seed in seeds)
    sets = collect_sets(recipe, data, None, limit=8)
    packing = make_packing(place / "work", recipe, data, sets, runs)
    return Made(recipe, data, sets, runs, packing, packing.figures())


def test_seeds_become_one_model_with_the_threshold_of_val(made: Made) -> None:
    defaults = InferenceDefaults.read(made.packing.folder)
    assert defaults is not None and defaults.thresholds == {"exact": made.figures["threshold"]}
    assert (defaults.uncertain_below, defaults.same_label_odds) == (
        0.4,
        1.0,
    )  # no stage of this recipe teaches emotions
    assert {path.name for path in made.packing.folder.iterdir()} >= {"model-0.onnx", "model-1.onnx"}
    assert [seed["seed"] for seed in made.figures["seeds"]] == [0, 1]


def test_every_set_has_the_model_its_seeds_and_its_baselines(made: Made) -> None:
    assert list(made.figures["triggers"]) == ["sample:val", HELD_OUT]
    for row in made.figures["triggers"].values():
        assert row["num_flips"] == 8
        assert {"model", "trees", "rules", "predicted_emotions", "end_to_end"} <= row.keys()
        assert [seed["name"] for seed in row["seeds"]] == ["seed-0", "seed-1"]
    [emotions] = made.figures["emotions"].values()
    assert len(emotions["seeds"]) == 2
    # One training file, which is also all there is, each under both weighings of rare emotions.
    assert len(emotions["word_counts"]) == 4


def test_what_is_held_out_shares_nothing_with_training(made: Made) -> None:
    assert made.sets.held_out is not None
    assert made.sets.held_out.emotion_leaks.is_clean
    held_out = {case.dialogue.group for case in made.sets.held_out.cases}
    assert held_out.isdisjoint(case.dialogue.group for case in made.data.train)


def test_packed_again_nothing_is_done_twice(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("done before")

    monkeypatch.setattr(EmbeddedModel, "score_replies", refuse)
    for name in ("export_onnx", "fit_trigger_trees", "fit_words"):
        monkeypatch.setattr(pack, name, refuse)
    again = make_packing(made.packing.work, made.recipe, made.data, made.sets, made.runs)
    assert again.figures() == made.figures


def test_another_set_of_cases_is_predicted_anew(made: Made) -> None:
    val = made.sets.val[0]
    fewer = replace(val, cases=val.cases[:3])
    assert len(made.packing.whole.triggers(fewer)) == 3
    assert len(made.packing.whole.triggers(val)) == 8


def test_the_installed_folder_is_that_of_the_card(made: Made, tmp_path: Path) -> None:
    licence = {LICENCE: weights_licence()}
    card = render_card(made.figures, describe_files(made.packing.folder, licence))
    num_bytes = install(made.packing.folder, tmp_path / "mini", licence | {CARD: card})
    told = dict(re.findall(r"^\| `(\S+)` \| [\d,]+ \| `([0-9a-f]{64})` \|$", card, re.MULTILINE))
    found = {path.name: hash_file(path) for path in (tmp_path / "mini").iterdir()}
    assert found.keys() - told.keys() == {CARD}
    assert told == {name: found[name] for name in told}
    assert num_bytes == sum(path.stat().st_size for path in (tmp_path / "mini").iterdir())
    decided = decide_sample(open_model(f"embedded:{tmp_path / 'mini'}"))
    assert len(decided["triggers"]) == 12 and len(decided["emotions"]) == 3


def test_the_tables_of_a_card_are_whole(made: Made) -> None:
    card = render_card(made.figures, describe_files(made.packing.folder, {}))
    tables = re.findall(r"(?:^\|.*\|\n)+", card, re.MULTILINE)
    assert len(tables) == 7
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table
    assert "\n\n\n" not in card
    assert str(FOLDER.parents[2]) not in card.replace(TRAIN_ERC, "").replace(VAL_ERC, "")


def test_a_card_names_the_data_sets_of_its_recipe() -> None:
    recipe = make_recipe(
        data={"train": ["meld-fr:train"], "val": ["meld-fr:val"], "hold_out": ["masac-erc:val"]}, stages=one_stage()
    )
    rows = data_sets(recipe.to_json())
    assert [row["name"] for row in rows] == ["meld-fr", "masac-erc"]
    assert rows[0]["roles"] == ["train: triggers, trained on", "val: threshold chosen on, triggers measured on"]
    assert rows[1]["source"] == "https://github.com/LCS2-IIITD/EDiReF-SemEval2024"


def test_too_large_a_model_is_not_installed(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "MAX_BYTES", 1000)
    with pytest.raises(RunError, match=r"mini: [\d,]+ bytes in all; expected at most 1,000"):
        install(made.packing.folder, tmp_path / "mini", {})
    assert not (tmp_path / "mini").exists()


def test_a_run_of_another_recipe_is_refused(made: Made) -> None:
    table = made.recipe.to_json()
    other = Recipe.model_validate(table | {"tuning": table["tuning"] | {"learning_rate": 1.0}})
    with pytest.raises(RunError, match=r"(?s)another recipe.*tuning\.learning_rate: 0\.005 -> 1\.0"):
        read_seeds(made.runs, other, made.data)


def test_a_run_on_other_data_is_refused(made: Made) -> None:
    other = replace(made.data, manifest=made.data.manifest | {"num_train_cases": 1})
    with pytest.raises(RunError, match=r"(?s)data files: num_train_cases: \d+ -> 1"):
        read_seeds(made.runs, made.recipe, other)


def test_one_seed_counts_once(made: Made) -> None:
    with pytest.raises(RunError, match="expected each seed once"):
        read_seeds([made.runs[0], made.runs[0]], made.recipe, made.data)


def test_an_unfinished_run_is_refused(made: Made, tmp_path: Path) -> None:
    run = Path(shutil.copytree(made.runs[0], tmp_path / "run"))
    (run / "1-chain" / "stage.json").unlink()
    with pytest.raises(RunError, match="its last stage, '1-chain', is not finished"):
        read_seeds([run], made.recipe, made.data)


def test_a_seed_tells_what_it_is(made: Made) -> None:
    seed: Seed = made.packing.seeds[1]
    told = seed.to_json()
    assert (told["seed"], told["run"], told["checkpoint"]) == (1, "run-1", "1-chain/checkpoint")
    assert told["recipe_sha256"] == read_json(made.runs[1] / "1-chain" / "stage.json")["recipe_hash"]
    assert made.figures["num_parameters"] > 10_000


def test_support_that_comes_true_is_calibrated() -> None:
    assert calibration_error([_supported(0.75, is_trigger) for is_trigger in (True, True, True, False)]) == 0
    assert calibration_error([_supported(0.75, False)]) == 0.75
    assert calibration_error([_supported(0.0, True)]) is None


def test_one_seed_has_no_spread() -> None:
    assert spread([{"f1": 0.5}], ["f1"]) == {"f1": {"mean": 0.5, "sd": None}}
    assert spread([{"f1": 0.5}, {"f1": 0.7}], ["f1"])["f1"]["sd"] == pytest.approx(0.141421)


def _supported(share: float, is_trigger: bool) -> Prediction:
    """A case of two utterances whose last one has that support."""
    from fliptrace.core.flips import Flip

    vote = Vote(frozenset(), (0.0, share), 1, 1)
    flip = Flip("Ana", 0, 1, "joy", "fear")
    gold = frozenset({1} if is_trigger else ())
    return Prediction("c", "d", "g", "", "", ("Ana", "Ana"), ("joy", "fear"), flip, 0, gold, vote, ())
