"""The shipped model is what its card says. `make embedded` makes both, and reader_expected.json, anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from shipped import needs_weights

from fliptrace.core.files import Json, hash_file, read_json, read_text
from fliptrace.corpora.catalog import CATALOG
from fliptrace.models.bundled import EMBEDDED
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.open_model import open_model
from fliptrace.training.encoder.recipe import EncoderRecipe, read_encoder_recipe
from tools.encoder_base.origin import PUBLISHED
from tools.measuring.cards import CARD, LICENCE, data_sets
from tools.measuring.packed import decide_sample
from tools.reader.model_card import NOTICE
from tools.reader.pack import EXPECTED, FIGURES, MAX_BYTES, RECIPE

pytestmark = needs_weights


@pytest.fixture(scope="module")
def card() -> str:
    return read_text(EMBEDDED / CARD)


@pytest.fixture(scope="module")
def figures() -> Json:
    return read_json(FIGURES)


@pytest.fixture(scope="module")
def defaults() -> InferenceDefaults:
    found = InferenceDefaults.read(EMBEDDED)
    assert found is not None
    return found


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hash_file(path) for path in folder.iterdir()}


def test_the_files_are_those_of_the_card_and_of_the_figures(card: str, figures: Json) -> None:
    told = dict(re.findall(r"^\| `(\S+)` \| [\d,]+ \| `([0-9a-f]{64})` \|$", card, re.MULTILINE))
    found = hashes(EMBEDDED)
    assert len(told) == 9
    assert told == {name: sha256 for name, sha256 in found.items() if name != CARD}
    assert {file["name"]: file["sha256"] for file in figures["files"]} == found


def test_the_folder_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) <= MAX_BYTES == 45_000_000


def test_the_card_names_the_data_sets_of_the_recipe_and_no_other(card: str) -> None:
    wanted = {row["name"] for row in data_sets(read_encoder_recipe(RECIPE).to_json())}
    named = {name for name in CATALOG if re.search(rf"`{name}(:[a-z]+)?`", card)}
    assert named == wanted
    assert "RECCON" not in card.upper()


def test_the_card_tells_each_data_set_with_its_licence(card: str) -> None:
    rows = [line for line in card.splitlines() if line.startswith("| [`")]
    assert len(rows) == 6
    for line in rows:
        [name] = re.findall(r"^\| \[`([a-z-]+)`\]", line)
        assert line.endswith(f"| {CATALOG[name].licence} |")


def test_weights_have_terms_of_their_own_and_the_notice_of_their_base(card: str) -> None:
    terms, notice = read_text(EMBEDDED / LICENCE), read_text(EMBEDDED / NOTICE)
    assert "for research and evaluation" in terms and "no legal advice" in terms
    assert "Copyright (c) Microsoft Corporation" in notice and PUBLISHED.file_sha256 in notice
    assert LICENCE in card and NOTICE in card and "no legal advice" in card


def test_what_was_chosen_on_val_ships(defaults: InferenceDefaults, figures: Json, card: str) -> None:
    assert defaults.threshold("exact") == figures["threshold"]
    assert 0 < figures["threshold"] < 1 and f"**{figures['threshold']}**" in card
    assert defaults.emotion_temperature == figures["emotion_temperature"]


def test_speakers_keep_emotions_more_often_than_by_chance(
    defaults: InferenceDefaults, figures: Json, card: str
) -> None:
    assert defaults.same_label_odds == figures["same_label_odds"] > 1
    assert f"multiplied by {figures['same_label_odds']:g}" in card


def test_the_figures_are_of_the_recipe_as_it_stands(figures: Json) -> None:
    assert EncoderRecipe.model_validate(figures["recipe"]) == read_encoder_recipe(RECIPE)


def test_two_of_the_sets_share_nothing_with_training(figures: Json) -> None:
    for name in ("held-out dialogues", "meld-fr:val"):
        assert figures["triggers"][name]["shared_with_all_training"]["num_touched"] == 0


def test_the_model_decides_as_it_did_when_it_was_packed() -> None:
    expected, found = read_json(EXPECTED), decide_sample(open_model("embedded"))
    assert found["weights_sha256"] == expected["weights_sha256"]
    assert found["emotions"] == expected["emotions"]
    assert len(expected["triggers"]) == len(found["triggers"]) == 12
    for case, row in expected["triggers"].items():
        assert found["triggers"][case]["triggers"] == row["triggers"]
        assert found["triggers"][case]["support"] == pytest.approx(row["support"], abs=2e-3)
