"""From a finished run to the packed model and its card: a tiny encoder, on the sample corpus."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
from encoder_folders import TRAIN_ERC, VAL_ERC, encoder_run

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, hash_file, read_json, read_text, write_json
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.encoder.config import MODEL
from fliptrace.models.encoder.reader import EncoderReader
from fliptrace.models.open_model import open_model
from fliptrace.report.wording import decimals
from fliptrace.training.encoder.make import BEGUN
from fliptrace.training.measured_sets import HELD_OUT
from tools.encoder_base.origin import PUBLISHED, TRIMMED
from tools.measuring.cards import CARD, LICENCE
from tools.reader import baselines, pack
from tools.reader.measure import CONFIDENCES
from tools.reader.model_card import NOTICE, licences

LIMIT = 8


@dataclass(frozen=True)
class Packed:
    """A run that was packed once: the folder of the model, that of kept predictions, the figures, the card."""

    run: Path
    out: Path
    work: Path
    figures: Json
    card: str


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Val's dialogues are held out besides, so that one set has both roles."""
    place, run = tmp_path_factory.mktemp("pack"), encoder_run()
    plain = {
        "weights_sha256": open_model(str(run)).weights_sha256,
        "right": {"de": 3, "en": 4},
        "of": {"de": 9, "en": 8},
    }
    write_json(place / "plain.json", plain)
    out, work = place / "reader", place / "work"
    pack.main(run, out=out, work=work, plain=place / "plain.json", limit=LIMIT)
    return Packed(run, out, work, read_json(place / "reader.json"), read_text(out / CARD))


@pytest.fixture
def own_run(tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(encoder_run(), tmp_path / "run"))


def test_the_model_ships_as_it_was_trained_with_its_card_and_licences(packed: Packed) -> None:
    trained = {path.name: hash_file(path) for path in (packed.run / MODEL).iterdir()}
    shipped = {path.name: hash_file(path) for path in packed.out.iterdir()}
    assert shipped.items() >= trained.items()
    assert shipped.keys() - trained.keys() == {CARD, LICENCE, NOTICE}
    assert {file["name"]: file["sha256"] for file in packed.figures["files"]} == shipped


def test_the_card_tells_the_hashes_of_its_files(packed: Packed) -> None:
    told = dict(re.findall(r"^\| `(\S+)` \| [\d,]+ \| `([0-9a-f]{64})` \|$", packed.card, re.MULTILINE))
    assert told == {path.name: hash_file(path) for path in packed.out.iterdir() if path.name != CARD}


def test_every_set_stands_beside_its_baselines(packed: Packed) -> None:
    assert list(packed.figures["triggers"]) == ["sample:val", HELD_OUT]
    for row in packed.figures["triggers"].values():
        assert row["num_flips"] == LIMIT
        assert {"model", "trees", "rules", "predicted_emotions", "end_to_end"} <= row.keys()
        assert "left_out" in row["model"] and "left_out" in row["trees"]
    [emotions] = packed.figures["emotions"].values()
    assert len(emotions["word_counts"]) == 4  # one training file, which is also all there is, each in both weighings
    assert [row["probability"] for row in emotions["coverage"]] == list(CONFIDENCES)


def test_what_is_held_out_shares_nothing_with_training(packed: Packed) -> None:
    assert packed.figures["triggers"][HELD_OUT]["shared_with_all_training"]["num_touched"] == 0


def test_the_settings_are_those_that_training_chose(packed: Packed) -> None:
    defaults = InferenceDefaults.read(packed.out)
    assert defaults is not None
    assert packed.figures["threshold"] == defaults.thresholds["exact"]
    assert packed.figures["same_label_odds"] == defaults.same_label_odds
    assert packed.figures["emotion_temperature"] == defaults.emotion_temperature


def figures_of_the_card(figures: Json) -> Iterator[str]:
    """What the tables of a card have to show, as it shows numbers."""
    for row in figures["triggers"].values():
        for scores in (row["model"], row["model"]["left_out"], row["trees"], *row["rules"].values(), row["end_to_end"]):
            yield f"{decimals(scores['trigger_f1'])} [{scores['interval'][0]:.3f}, {scores['interval'][1]:.3f}]"
        yield f"| {decimals(row['end_to_end']['flip_f1'])} ["
    for row in figures["emotions"].values():
        yield f"{decimals(row['model']['weighted_f1'])} ["
        yield from (f"{decimals(label['f1'])} ({label['num_gold']})" for label in row["by_label"].values())
    for row in figures["flips"]["sets"].values():
        yield f"| calibration error, left out | {decimals(row['calibration_left_out']['ece'])} |"
    yield f"**{figures['threshold']}**"
    yield f"multiplied by {figures['same_label_odds']:g} "
    yield f"temperature of {figures['emotion_temperature']:g} "
    if figures["uncertain_below"] is not None:
        yield f"below **{figures['uncertain_below']}**"


def test_the_figures_of_the_card_are_those_of_the_json(packed: Packed) -> None:
    expected = list(figures_of_the_card(packed.figures))
    assert len(expected) > 20
    assert [shown for shown in expected if shown not in packed.card] == []


def test_the_tables_of_the_card_are_whole(packed: Packed) -> None:
    tables = re.findall(r"(?:^\|.*\|\n)+", packed.card, re.MULTILINE)
    assert len(tables) == 9
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table
    assert "\n\n\n" not in packed.card
    assert str(packed.run.parent) not in packed.card.replace(TRAIN_ERC, "").replace(VAL_ERC, "")


def test_languages_are_those_that_were_measured(packed: Packed) -> None:
    assert "| de | 3 | 9 | 33% |\n| en | 4 | 8 | 50% |\n" in packed.card


def test_decisions_on_the_sample_are_kept(packed: Packed) -> None:
    expected = read_json(packed.out.with_name("reader_expected.json"))
    assert len(expected["triggers"]) == 12 and len(expected["emotions"]) == 3
    assert expected["weights_sha256"] == packed.figures["weights_sha256"]


def test_packed_again_nothing_is_predicted_or_fitted_twice(
    packed: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("done before")

    monkeypatch.setattr(EncoderReader, "support_triggers", refuse)
    for name in ("fit_trigger_trees", "fit_words"):
        monkeypatch.setattr(baselines, name, refuse)
    monkeypatch.setattr(pack, "decide_sample", lambda opened: {})
    pack.main(packed.run, out=tmp_path / "reader", work=packed.work, limit=LIMIT)
    again = read_json(tmp_path / "reader.json")
    assert {name: again[name] for name in ("triggers", "emotions", "flips")} == {
        name: packed.figures[name] for name in ("triggers", "emotions", "flips")
    }
    assert "How well it reads others was not measured." in read_text(tmp_path / "reader" / CARD)


def test_figures_of_a_part_are_not_shipped(packed: Packed) -> None:
    with pytest.raises(InputError, match="figures of a part of val cannot go into the shipped model"):
        pack.main(packed.run, limit=LIMIT)


def test_the_model_of_another_recipe_is_not_shipped(packed: Packed) -> None:
    with pytest.raises(RunError, match=r"(?s)trained with another recipe.* reader\.toml:.*layers\.width: 16 -> "):
        pack.main(packed.run)


def test_an_unfinished_run_is_refused(own_run: Path, tmp_path: Path) -> None:
    shutil.rmtree(own_run / MODEL)
    with pytest.raises(RunError, match="has exported no model; finish it with: fliptrace train RECIPE"):
        pack.main(own_run, out=tmp_path / "reader")


def test_a_run_on_other_data_is_refused(own_run: Path, tmp_path: Path) -> None:
    begun = read_json(own_run / BEGUN)
    write_json(own_run / BEGUN, begun | {"data": begun["data"] | {"num_train_cases": 1}})
    with pytest.raises(RunError, match=r"(?s)trained on other data.*data files: num_train_cases: 1 -> \d+"):
        pack.main(own_run, out=tmp_path / "reader", work=tmp_path / "work", limit=1)


def test_a_base_of_another_origin_is_refused(own_run: Path, tmp_path: Path) -> None:
    begun = read_json(own_run / BEGUN)
    base = Path(shutil.copytree(begun["recipe"]["base"]["model"], tmp_path / "base"))
    (base / TRIMMED).unlink()
    begun["recipe"]["base"]["model"] = str(base)
    write_json(own_run / BEGUN, begun)
    with pytest.raises(InputError, match=r"is not made from e5-small-q4\.bin, which the notice names"):
        pack.main(own_run, out=tmp_path / "reader")


def test_plain_sentences_of_other_weights_are_refused(packed: Packed, tmp_path: Path) -> None:
    write_json(tmp_path / "plain.json", {"weights_sha256": "", "right": {}, "of": {}})
    with pytest.raises(InputError, match=r"plain\.json: was measured with other weights"):
        pack.main(packed.run, out=tmp_path / "reader", plain=tmp_path / "plain.json")


def test_the_notice_names_the_wheel_and_its_file() -> None:
    notice = licences()[NOTICE]
    assert "Copyright (c) Microsoft Corporation" in notice and "MIT License" in notice
    for said in (PUBLISHED.package, PUBLISHED.version, PUBLISHED.sha256, PUBLISHED.file_sha256):
        assert said in notice
