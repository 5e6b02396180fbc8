"""Emotions and triggers in one recipe: training dialogues, held-out files, and evaluation on val."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_runs import GREEDY_ONLY, Recorder, make_case, make_cases, make_recipe, one_stage, write_efr

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7, MASAC8, MELD7
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, read_json, read_jsonl
from fliptrace.core.flips import FlipCase
from fliptrace.prompts.views import Layout
from fliptrace.training.data import TrainingData, load_training_data
from fliptrace.training.instruction_builder import InstructionBuilder
from fliptrace.training.stages import train

LABELS = ("joy", "neutral", "anger", "sadness")


def write_erc(path: Path, dialogues: list[Dialogue]) -> str:
    rows = [
        {
            "speakers": list(dialogue.speakers),
            "utterances": [u.text for u in dialogue.utterances],
            "emotions": list(dialogue.emotions),
        }
        for dialogue in dialogues
    ]
    path.write_text(json.dumps(rows))
    return str(path)


def make_dialogue(number: int, name: str) -> Dialogue:
    lines = [f"{name} says the {number} thing about {LABELS[(number + i) % 4]} and {i} more words" for i in range(3)]
    utterances = tuple(Utterance("AB"[i % 2], text, LABELS[(number + i) % 4]) for i, text in enumerate(lines))
    return Dialogue(f"{name}#{number}", "", utterances, MELD7)


def as_dialogue(case: FlipCase) -> Dialogue:
    return case.dialogue


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    cases = make_cases(16)
    write_efr(tmp_path / "train.json", cases)
    write_efr(tmp_path / "val.json", make_cases(4, "val"))
    write_erc(tmp_path / "emotions_erc.json", [make_dialogue(n, "park") for n in range(6)])
    write_erc(tmp_path / "val_erc.json", [make_dialogue(n, "sea") for n in range(2)] + [as_dialogue(cases[0])])
    return {name: str(tmp_path / f"{name}.json") for name in ("train", "val", "emotions_erc", "val_erc")}


def load(files: dict[str, str], **data: object) -> TrainingData:
    return load_training_data(make_recipe(data=data_table(files) | data), None)


def data_table(files: dict[str, str]) -> Json:
    return {
        "train": [files["train"]],
        "val": [files["val"]],
        "emotions": {files["emotions_erc"]: 1},
        "emotion_val": [files["val_erc"]],
        "hold_out": [files["val_erc"]],
    }


def test_nothing_that_overlaps_with_what_is_held_out_is_trained_on(files: dict[str, str]) -> None:
    everything, held = load(files, hold_out=[]), load(files)
    assert len(everything.train) - len(held.train) == 1, "the case whose dialogue is in the held-out file"
    assert held.manifest["emotion_leaks"][files["val_erc"]]["num_touched"] == 0
    assert everything.manifest["emotion_leaks"][files["val_erc"]]["num_touched"] == 1


def test_files_that_are_no_emotion_files_are_refused(files: dict[str, str]) -> None:
    with pytest.raises(InputError, match="expected dialogues with an emotion for each utterance"):
        load(files, emotions={files["train"]: 1})


def test_labels_without_a_counterpart_are_shown_and_not_asked_about() -> None:
    from fliptrace.training.data import _in_masac8

    lines = (("Ana", "mad"), ("Ben", "peaceful"), ("Ana", "joyful"))
    dialogue = Dialogue("d", "d", tuple(Utterance(s, "words", e) for s, e in lines), EMORYNLP7)
    assert _in_masac8(dialogue).emotions == ("anger", None, "joy")
    assert _in_masac8(dialogue).emotion_set == MASAC8


def test_every_emotion_file_is_taken_by_its_weight(files: dict[str, str]) -> None:
    ref = files["emotions_erc"]
    stage = {"name": "chain", "mixture": {"answer": 1, "emotion": 0.5}, "epochs": 1, "emotions": {ref: 3}}
    recipe = make_recipe(data=data_table(files), stages=[stage])
    data = load_training_data(recipe, None)
    rows = InstructionBuilder(recipe, emotions=data.emotions).instructions(recipe.stages[0], [], [])
    num_labelled = sum(len(dialogue) for dialogue in data.emotions[ref])
    assert [row.kind for row in rows] == ["emotion"] * (num_labelled * 3 // 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": [{"name": "a", "mixture": {"emotion": 1}, "epochs": 1}]}, "needs files in data.emotions"),
        (
            {"stages": [{"name": "a", "mixture": {"answer": 1}, "epochs": 1, "emotions": {"x": 1}}]},
            "emotions has 'x', which data.emotions lacks",
        ),
        ({"curate": {"soft_emotions": {"x": 0.5}}}, "soft_emotions has 'x', which data.emotions lacks"),
    ],
)
def test_a_recipe_that_names_emotions_it_does_not_have_is_refused(changes: Json, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_recipe(**changes)


def test_a_run_teaches_emotions_and_reads_them_on_val(files: dict[str, str], tmp_path: Path) -> None:
    mixture = {"answer": 1, "emotion": 1, "unified": 0.5}
    recipe = make_recipe(
        data=data_table(files),
        stages=[{"name": "chain", "mixture": mixture, "epochs": 1}],
        evaluations=GREEDY_ONLY,
        curate={"soft_triggers": 0.5, "soft_emotions": {files["emotions_erc"]: 0.5}},
        prompt={"emotion_window": 1},
    )
    train(recipe, load_training_data(recipe, None), tmp_path / "run", Recorder())
    stage = tmp_path / "run" / "1-chain"
    kinds = {row["kind"] for _, row in read_jsonl(stage / "instructions.jsonl")}
    assert kinds == {"answer", "emotion", "unified"}
    softened = {row["kind"] for _, row in read_jsonl(stage / "instructions.jsonl") if "soft" in row}
    assert softened == {"answer", "emotion"}
    [scores] = read_json(stage / "emotion-scores.json").values()
    assert scores["num_utterances"] > 6 and 0 <= scores["weighted_f1"] <= 1
    assert read_json(stage / "checkpoint" / "fliptrace.json")["layout"]["emotion_window"] == 1


def test_one_utterance_is_shown_where_the_emotion_window_is_one() -> None:
    from fliptrace.prompts.emotions import EmotionView

    dialogue = make_dialogue(0, "park")
    assert EmotionView(dialogue, 2, Layout("window", window=3)).shown == (0, 1, 2)
    assert EmotionView(dialogue, 2, Layout("window", window=3, emotion_window=1)).shown == (2,)


def test_a_run_goes_on_where_its_recipe_got_more_stages(files: dict[str, str], tmp_path: Path) -> None:
    first, more = one_stage(), [*one_stage(), {"name": "again", "mixture": {"answer": 0.5}, "epochs": 1}]
    short, long = (make_recipe(data=data_table(files), stages=s, evaluations=GREEDY_ONLY) for s in (first, more))
    data = load_training_data(short, None)
    train(short, data, tmp_path / "run", Recorder())
    done = (tmp_path / "run" / "1-chain" / "checkpoint" / "model.safetensors").stat()
    assert list(train(long, data, tmp_path / "run", Recorder())) == ["chain", "again"]
    assert (tmp_path / "run" / "1-chain" / "checkpoint" / "model.safetensors").stat() == done
    assert read_json(tmp_path / "run" / "manifest.json")["recipe_hash"] == long.digest
    with pytest.raises(RunError, match="started with another recipe"):
        train(short, data, tmp_path / "run", Recorder())


def test_a_stage_may_leave_out_what_lies_before_the_source(files: dict[str, str], tmp_path: Path) -> None:
    case = make_case(0, length=6)
    early = replace(case, triggers=frozenset({0, case.flip.target}))
    assert case.flip.source > 0
    stages = [*one_stage(), {"name": "zone", "mixture": {"answer": 1}, "epochs": 1, "out_of_zone": "leave out"}]
    recipe = make_recipe(data=data_table(files), stages=stages, evaluations=GREEDY_ONLY, prompt={"window": 6})
    data = replace(load_training_data(recipe, None), train=(early, *make_cases(15)[1:]))
    train(recipe, data, tmp_path / "run", Recorder())
    taught = {}
    for stage in ("1-chain", "2-zone"):
        rows = [row for _, row in read_jsonl(tmp_path / "run" / stage / "instructions.jsonl")]
        [taught[stage]] = [row["completion"][0]["content"] for row in rows if row["case_id"] == early.id]
    assert taught == {"1-chain": f"Triggers: 0 {case.flip.target}", "2-zone": "Triggers: 0"}
