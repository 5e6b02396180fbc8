"""All stages of a run, end to end, with a model and a corpus of a few kilobytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from instruction_rows import read_rows
from locked import held_by_another
from tiny_runs import GREEDY_ONLY, Recorder, files_of, make_cases, make_data, make_recipe, one_stage, read_log

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, read_json, read_jsonl
from fliptrace.models.checkpoints import Checkpoint, InferenceDefaults, last_checkpoint
from fliptrace.models.local.loading import load_config
from fliptrace.models.open_model import open_model
from fliptrace.predictions.rows import read_predictions
from fliptrace.report.run.reader import read_run
from fliptrace.report.run.remarks import remarks
from fliptrace.training.data import TrainingData
from fliptrace.training.dry_run import dry_run
from fliptrace.training.stages import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three stages. Tests only read it."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train(make_recipe(), make_data(), folder, Recorder())
    return folder


STAGES = ("1-chain", "2-feedback", "3-self-evaluation")


def test_a_run_folder_holds_what_runs_py_says(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {"manifest.json", "log.jsonl", "scores.json", "base", *STAGES}
    common = {
        "instructions.jsonl",
        "preflight.json",
        "cost.json",
        "checkpoint",
        "predictions",
        "scores.json",
        "stage.json",
    }
    assert {path.name for path in (run / STAGES[0]).iterdir()} == common
    for stage in STAGES[1:]:
        assert {path.name for path in (run / stage).iterdir()} == common | {"own-answers.jsonl"}
    predictions = {path.name for path in (run / STAGES[2] / "predictions").iterdir()}
    assert predictions == {
        f"{name}{end}" for name in ("greedy", "k3", "judged") for end in (".jsonl", ".manifest.json")
    }


def test_every_stage_stands_on_the_one_before(run: Path) -> None:
    done = [Checkpoint.read(run / stage) for stage in STAGES]
    assert [checkpoint and checkpoint.parent for checkpoint in done] == [
        "base",
        "1-chain/checkpoint",
        "2-feedback/checkpoint",
    ]
    assert len({checkpoint and checkpoint.recipe_hash for checkpoint in done}) == 1
    assert last_checkpoint(run) == run / "3-self-evaluation" / "checkpoint"


def test_scores_stand_beside_the_rules_for_every_stage_and_evaluation(run: Path) -> None:
    stages = read_json(run / "scores.json")["stages"]
    assert {name: sorted(evaluations) for name, evaluations in stages.items()} == {
        "chain": ["greedy"],
        "feedback": ["greedy"],
        "self-evaluation": ["greedy", "judged", "k3"],
    }
    for evaluations in stages.values():
        for scores in evaluations.values():
            assert scores["num_flips"] == 6
            assert scores["baselines"]["previous"]["trigger_f1"] > 0.5
    assert "self_evaluation" in stages["self-evaluation"]["judged"]
    assert 0 < stages["self-evaluation"]["k3"]["chosen_threshold"]["threshold"] <= 1


def test_the_log_holds_losses_and_evaluations_in_order(run: Path) -> None:
    rows = read_log(run)
    assert list(dict.fromkeys(row["stage"] for row in rows)) == ["chain", "feedback", "self-evaluation"]
    for name in ("chain", "feedback", "self-evaluation"):
        steps = [row["step"] for row in rows if row["stage"] == name]
        assert steps == sorted(steps)
        assert any("eval_trigger_f1" in row for row in rows if row["stage"] == name)
    losses = [row["loss"] for row in rows if row["stage"] == "chain" and "loss" in row]
    assert losses[-1] < losses[0]


def test_own_answers_are_instructed_upon_with_the_parent_as_their_maker(run: Path) -> None:
    own = [row for _, row in read_jsonl(run / "2-feedback" / "own-answers.jsonl")]
    assert {row["made_by"] for row in own} == {"1-chain/checkpoint"}
    kinds = {row["kind"]: row["made_by"] for row in read_rows(run / "2-feedback" / "instructions.jsonl")}
    assert kinds == {"answer": "labels", "feedback": "1-chain/checkpoint"}
    taught = {row["case_id"] for row in read_rows(run / "1-chain" / "instructions.jsonl")}
    assert taught.isdisjoint(row["case_id"] for row in own)


def test_a_finished_run_is_not_done_again(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.name != "scores.json"}
    recorder = Recorder()
    scores = train(make_recipe(), make_data(), run, recorder)
    assert recorder.events == [("ends", "chain"), ("ends", "feedback"), ("ends", "self-evaluation")]
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.name != "scores.json"} == before
    assert scores == read_json(run / "scores.json")["stages"]


def test_the_same_seed_gives_the_same_bytes_in_another_folder(run: Path, tmp_path: Path) -> None:
    train(make_recipe(), make_data(), tmp_path / "elsewhere", Recorder())
    assert files_of(tmp_path / "elsewhere") == files_of(run)
    assert len(files_of(run)) > 40


def test_a_run_folder_is_a_model(run: Path) -> None:
    opened = open_model(str(run), "cpu")
    assert opened.ref == str(run / "3-self-evaluation" / "checkpoint")
    chosen = read_json(run / "scores.json")["stages"]["self-evaluation"]["k3"]["chosen_threshold"]["threshold"]
    assert opened.defaults == InferenceDefaults(make_recipe().layout, "answer", {"sample": chosen})
    assert load_config(opened.ref).hidden_size == 32


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Iterator[Path]:
    yield Path(shutil.copytree(run, tmp_path / "copy"))


def test_another_recipe_is_refused_with_what_changed(copied: Path) -> None:
    with pytest.raises(RunError, match=r"tuning\.learning_rate: 0\.005 -> 0\.001\nchoose another folder with --out"):
        train(make_recipe(tuning={"learning_rate": 1e-3}), make_data(), copied, Recorder())


def test_other_data_are_refused_with_what_changed(copied: Path) -> None:
    with pytest.raises(RunError, match="data files: num_train_cases: 20 -> 18"):
        train(make_recipe(), make_data(num_train=18), copied, Recorder())


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunError, match=r"not empty and not a run: it has no manifest\.json"):
        train(make_recipe(), make_data(), tmp_path, Recorder())


def test_a_folder_with_nothing_but_what_a_kill_left_is_taken(tmp_path: Path) -> None:
    (tmp_path / ".manifest.json.x1y2").touch()
    train(make_recipe(stages=one_stage(), evaluations=GREEDY_ONLY), make_data(), tmp_path, Recorder())
    assert last_checkpoint(tmp_path) == tmp_path / "1-chain" / "checkpoint"


def test_a_run_without_a_finished_stage_is_no_model(copied: Path) -> None:
    for stage in STAGES:
        (copied / stage / "stage.json").unlink()
    with pytest.raises(RunError, match="no stage of this run is finished"):
        open_model(str(copied))


def test_stages_count_beyond_nine(tmp_path: Path) -> None:
    for number in (2, 10, 9):
        stage = tmp_path / f"{number}-s{number}"
        Checkpoint(f"{stage.name}/checkpoint", f"s{number}", "base", "", "").write(stage)
    assert last_checkpoint(tmp_path) == tmp_path / "10-s10" / "checkpoint"


def test_a_stage_that_was_trained_but_not_evaluated_is_only_evaluated(copied: Path) -> None:
    before = files_of(copied)
    (copied / "3-self-evaluation" / "stage.json").unlink()
    (copied / "3-self-evaluation" / "steps").mkdir()  # as after a kill before their removal
    recorder = Recorder()
    train(make_recipe(), make_data(), copied, recorder)
    assert recorder.of("begins") == [("self-evaluation",)]
    assert not recorder.of("step")
    assert files_of(copied) == before
    assert not (copied / "3-self-evaluation" / "steps").exists()


def test_a_base_that_cannot_end_a_reply_is_refused(tmp_path: Path) -> None:
    from tiny import make_model, make_tokenizer

    tokenizer = make_tokenizer(("<|start|>",), template=None, eos=None)
    make_model("llama", make_tokenizer()).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    recipe = make_recipe(base={"model": str(tmp_path / "base"), "scratch": None}, stages=one_stage())
    with pytest.raises(InputError, match="no end-of-sequence token; generation would never end"):
        train(recipe, make_data(), tmp_path / "run", Recorder())


SHORT: Json = make_recipe().to_json()["base"]["scratch"] | {"max_position_embeddings": 288}


def test_a_short_context_cuts_the_oldest_utterances_and_says_how_many(tmp_path: Path) -> None:
    recipe = make_recipe(
        base={"model": "scratch", "scratch": SHORT},
        prompt={"window": 8, "max_words": 20},
        stages=one_stage(answer=1),
        evaluations=GREEDY_ONLY,
    )
    recorder = Recorder()
    train(recipe, make_data(), tmp_path, recorder)
    [checks] = recorder.preflights
    assert 0 < checks.num_cut_views <= checks.num_dropped_utterances
    written = read_json(tmp_path / "1-chain" / "preflight.json")
    assert written["num_cut_views"] == checks.num_cut_views
    assert written["num_dropped_utterances"] == checks.num_dropped_utterances
    assert written["num_dropped"] == 0


@pytest.mark.parametrize("cut_triggers", ["leave out", "keep"])
def test_a_case_whose_trigger_the_context_cuts_away_is_left_out_unless_the_recipe_keeps_it(
    cut_triggers: str, tmp_path: Path
) -> None:
    recipe = make_recipe(
        base={"model": "scratch", "scratch": SHORT},
        prompt={"window": 8, "max_words": 20},
        curate={"cut_triggers": cut_triggers},
        stages=one_stage(answer=1),
        evaluations=GREEDY_ONLY,
    )
    data = make_data()
    first = tuple(replace(case, triggers=frozenset({0}) if i % 2 else frozenset()) for i, case in enumerate(data.train))
    data = replace(data, train=first)
    recorder = Recorder()
    train(recipe, data, tmp_path / "run", recorder)
    [checks] = recorder.preflights
    taught = read_rows(tmp_path / "run" / "1-chain" / "instructions.jsonl")
    [planned] = dry_run(recipe, data).stages
    assert 0 < checks.num_cut_triggers == planned.num_cut_triggers < len(first)
    assert read_json(tmp_path / "run" / "1-chain" / "preflight.json")["num_cut_triggers"] == checks.num_cut_triggers
    assert len(taught) == len(first) - (checks.num_cut_triggers if cut_triggers == "leave out" else 0)
    silent = sum("none" in each["completion"][0]["content"] for each in taught)
    assert silent == len(first) // 2 + (checks.num_cut_triggers if cut_triggers == "keep" else 0)
    kept = "taught them without it" if cut_triggers == "keep" else "left them out"
    assert any(f"training {kept}" in remark for remark in remarks(read_run(tmp_path / "run")))


def test_val_cases_are_predicted_in_their_order(run: Path) -> None:
    rows = read_predictions(run / "1-chain" / "predictions" / "greedy.jsonl")
    assert [row.id for row in rows] == [case.id for case in make_data().val]


def test_too_few_groups_to_hold_some_out_are_refused(tmp_path: Path) -> None:
    data = make_data()
    few = TrainingData(make_cases(20, num_cases_a_group=10), data.val, data.manifest)
    with pytest.raises(RunError, match=r"2 groups of cases, of which curate\.held_out keeps 2 for 2 stages, too few"):
        train(make_recipe(), few, tmp_path, Recorder())


def test_unlabelled_cases_before_known_from_are_not_shown(tmp_path: Path) -> None:
    data = make_data()
    rebuilt = TrainingData(
        tuple(replace(case, known_from=case.flip.source) for case in data.train), data.val, data.manifest
    )
    train(make_recipe(stages=one_stage(), evaluations=GREEDY_ONLY), rebuilt, tmp_path, Recorder())
    for row in read_rows(tmp_path / "1-chain" / "instructions.jsonl"):
        case = next(case for case in rebuilt.train if case.id == row["case_id"])
        hidden = case.dialogue.utterances[: case.known_from]
        assert not any(utterance.text in row["prompt"][-1]["content"] for utterance in hidden)


def test_a_folder_in_which_another_process_trains_is_left_alone(tmp_path: Path) -> None:
    with held_by_another(tmp_path), pytest.raises(RunError, match="is writing here"):
        train(make_recipe(), make_data(), tmp_path, Recorder())
    assert not (tmp_path / "manifest.json").exists()
