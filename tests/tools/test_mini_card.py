"""The shipped model is what its card says. `make mini` makes both, and mini_expected.json, anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fliptrace.core.files import Json, hash_file, read_json, read_text
from fliptrace.corpora.catalog import CATALOG
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.embedded import BUNDLED, EmbeddedConfig, is_embedded
from fliptrace.models.open_model import open_model
from fliptrace.training.recipe import parse_recipe, read_recipe
from tools.mini.model_card import CARD, LICENCE, data_sets
from tools.mini.pack import MAX_BYTES
from tools.mini.packed import decide_sample

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "runs" / "mini.json"
EXPECTED = Path(__file__).parent / "mini_expected.json"

pytestmark = pytest.mark.skipif(not is_embedded(BUNDLED), reason="no weights are shipped yet; `make mini` makes them")


@pytest.fixture(scope="module")
def card() -> str:
    return read_text(BUNDLED / CARD)


def test_the_files_are_those_of_the_card(card: str) -> None:
    told = dict(re.findall(r"^\| `(\S+)` \| [\d,]+ \| `([0-9a-f]{64})` \|$", card, re.MULTILINE))
    found = {path.name: hash_file(path) for path in BUNDLED.iterdir() if path.name != CARD}
    assert len(found) >= 6
    assert told == found


def test_the_folder_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) <= MAX_BYTES == 12_000_000


def test_the_card_names_the_data_sets_of_the_recipe_and_no_other(card: str) -> None:
    wanted = {row["name"] for row in data_sets(read_recipe(ROOT / "recipes" / "mini.toml").to_json())}
    named = {name for name in CATALOG if re.search(rf"`{name}(:[a-z]+)?`", card)}
    assert len(wanted) == 6
    assert named == wanted
    assert "RECCON" not in card.upper()


def test_the_card_tells_each_data_set_with_its_licence(card: str) -> None:
    rows = [line for line in card.splitlines() if line.startswith("| [`")]
    assert len(rows) == 6
    for line in rows:
        [name] = re.findall(r"^\| \[`([a-z-]+)`\]", line)
        assert line.endswith(f"| {CATALOG[name].licence} |")


def test_weights_have_terms_of_their_own(card: str) -> None:
    terms = read_text(BUNDLED / LICENCE)
    assert "for research and evaluation" in terms and "no legal advice" in terms
    assert LICENCE in card and "no legal advice" in card


def test_a_threshold_was_chosen() -> None:
    defaults, figures = InferenceDefaults.read(BUNDLED), read_json(FIGURES)
    assert defaults is not None
    assert defaults.thresholds == {"exact": figures["threshold"]}
    assert 0 < figures["threshold"] < 1


def test_speakers_keep_emotions_more_often_than_by_chance(card: str) -> None:
    defaults, figures = InferenceDefaults.read(BUNDLED), read_json(FIGURES)
    assert defaults is not None
    assert defaults.same_label_odds == figures["same_label_odds"] > 1
    assert f"multiplied by {figures['same_label_odds']:g}" in card


def test_the_figures_are_of_these_files_and_of_the_recipe_as_it_stands() -> None:
    figures = read_json(FIGURES)
    recipe = read_recipe(ROOT / "recipes" / "mini.toml")
    assert {file["name"]: file["sha256"] for file in figures["files"]} == {
        path.name: hash_file(path) for path in BUNDLED.iterdir()
    }
    assert parse_recipe(figures["recipe"], str(FIGURES)) == recipe
    seeds = [seed["seed"] for seed in figures["seeds"]]
    assert seeds == list(range(len(EmbeddedConfig.read(BUNDLED).graphs))) and len(seeds) >= 2


def test_two_of_the_sets_share_nothing_with_training() -> None:
    triggers: Json = read_json(FIGURES)["triggers"]
    assert triggers["held-out dialogues"]["shared_with_all_training"]["num_touched"] == 0
    assert triggers["meld-fr:val"]["shared_with_all_training"]["num_touched"] == 0


def test_the_model_decides_as_it_did_when_it_was_packed() -> None:
    expected, found = read_json(EXPECTED), decide_sample(open_model("embedded"))
    assert found["weights_sha256"] == expected["weights_sha256"]
    assert found["emotions"] == expected["emotions"]
    assert len(expected["triggers"]) == len(found["triggers"]) == 12
    for case, row in expected["triggers"].items():
        assert found["triggers"][case]["triggers"] == row["triggers"]
        assert found["triggers"][case]["support"] == pytest.approx(row["support"], abs=2e-3)
