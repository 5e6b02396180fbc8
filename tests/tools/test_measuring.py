"""What the tools that pack models share: kept predictions, figures, the table of data sets, installed folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_runs import make_recipe, one_stage

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip
from fliptrace.core.messages import Message
from fliptrace.core.voting import Vote
from fliptrace.corpora.leaks import LeakReport
from fliptrace.models.base import Choice, Model
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.open_model import OpenModel
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.views import Layout
from fliptrace.training.measured_sets import DialogueSet
from tools.measuring.cards import data_sets
from tools.measuring.figures import calibration_error
from tools.measuring.folders import describe_files, install
from tools.measuring.packed import PackedModel


class Undecided:
    """Every reply is as likely as any other."""

    name = "undecided"

    def __init__(self) -> None:
        self.num_calls = 0

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        self.num_calls += 1
        return [(0.0,) * len(choice.replies) for choice in choices]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return True


DIALOGUE = Dialogue("a", "a", (Utterance("Ana", "Well.", "joy"), Utterance("Ana", "Oh.", "anger")), MASAC8)
SET = DialogueSet("a:val", (DIALOGUE,), LeakReport(0, 0, 0, 0, 1))


def packed(model: Undecided, folder: Path, **settings: object) -> PackedModel:
    defaults = replace(InferenceDefaults(Layout("window")), **settings)  # type: ignore[arg-type]
    return PackedModel(
        "undecided", OpenModel(Model("undecided", scorer=model), "undecided", defaults), folder, lambda *_: None
    )


@pytest.mark.parametrize("favoured", ["joy", "fear"])
def test_a_model_is_measured_with_the_settings_that_it_ships_with(favoured: str, tmp_path: Path) -> None:
    [row] = packed(Undecided(), tmp_path, emotion_weights={favoured: 3.0}).emotions(SET)
    assert row.emotions == (favoured, favoured)


def test_what_is_kept_is_predicted_again_only_under_other_settings_or_for_other_dialogues(tmp_path: Path) -> None:
    model = Undecided()
    first = packed(model, tmp_path).emotions(SET)
    num_calls = model.num_calls
    assert packed(model, tmp_path).emotions(SET) == first and model.num_calls == num_calls
    other = replace(SET, dialogues=(replace(DIALOGUE, utterances=DIALOGUE.utterances[:1]),))
    assert len(packed(model, tmp_path).emotions(other)[0].emotions) == 1
    assert packed(model, tmp_path, emotion_weights={"joy": 3.0}).emotions(SET) != first


def test_support_that_comes_true_is_calibrated() -> None:
    assert calibration_error([_supported(0.75, is_trigger) for is_trigger in (True, True, True, False)]) == 0
    assert calibration_error([_supported(0.75, False)]) == 0.75
    assert calibration_error([_supported(0.0, True)]) is None


def _supported(share: float, is_trigger: bool) -> Prediction:
    """A case of two utterances whose last one has that support."""
    vote = Vote(frozenset(), (0.0, share), 1, 1)
    flip = Flip("Ana", 0, 1, "joy", "fear")
    gold = frozenset({1} if is_trigger else ())
    return Prediction("c", "d", "g", "", "", ("Ana", "Ana"), ("joy", "fear"), flip, 0, gold, vote, ())


def test_a_card_names_the_data_sets_of_its_recipe() -> None:
    recipe = make_recipe(
        data={"train": ["meld-fr:train"], "val": ["meld-fr:val"], "hold_out": ["masac-erc:val"]}, stages=one_stage()
    )
    rows = data_sets(recipe.to_json())
    assert [row["name"] for row in rows] == ["meld-fr", "masac-erc"]
    assert rows[0]["roles"] == ["train: triggers, trained on", "val: threshold chosen on, triggers measured on"]
    assert rows[1]["source"] == "https://github.com/LCS2-IIITD/EDiReF-SemEval2024"


def test_an_installed_folder_holds_what_was_described_or_is_left_as_it_was(tmp_path: Path) -> None:
    made, target = tmp_path / "made", tmp_path / "shipped"
    made.mkdir()
    (made / "model.onnx").write_bytes(b"graph")
    texts = {"LICENSE.weights": "terms\n"}
    assert install(made, target, texts, max_bytes=11) == 11
    assert describe_files(target, {}) == describe_files(made, texts)
    (made / "model.onnx").write_bytes(b"larger graph")
    with pytest.raises(InputError, match=r"shipped: 18 bytes in all; expected at most 11"):
        install(made, target, texts, max_bytes=11)
    assert (target / "model.onnx").read_bytes() == b"graph"
