"""Exact and constrained decoding end to end: recipe, checkpoint, command and scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_inference import name_triggers, predict_file
from tiny_runs import Recorder, make_cases, make_data, make_recipe, make_table, one_stage, read_log, write_efr
from typer.testing import CliRunner

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json, read_jsonl, write_json
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import Decoding, Request
from fliptrace.models.checkpoints import DEFAULTS_FILE, InferenceDefaults
from fliptrace.models.local.model import LocalModel
from fliptrace.models.open_model import open_model
from fliptrace.predictions.rows import Prediction, read_manifest, read_predictions
from fliptrace.report.run.reader import read_run
from fliptrace.report.run.remarks import remarks
from fliptrace.scoring.scores import score_file
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.training.recipe import parse_recipe
from fliptrace.training.stages import train

EVALUATIONS: Json = {
    "exact": {"decode": "exact", "max_new_tokens": 8},
    "k3": {"samples": 3, "max_new_tokens": 24},
    "reasons": {"decode": "exact", "ask": "chain", "samples": 2, "max_new_tokens": 32},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one stage whose first evaluation is exact. Tests must not change it."""
    folder = tmp_path_factory.mktemp("runs") / "exact"
    tuning = {"learning_rate": 1e-2, "patience": 9, "evals_per_epoch": 0.2}
    recipe = make_recipe(stages=one_stage(40, answer=1, chain=0.5), tuning=tuning)
    train(recipe.model_validate(recipe.to_json() | {"evaluations": EVALUATIONS}), make_data(40), folder, Recorder())
    return folder


def test_each_way_of_decoding_keeps_its_threshold_with_the_checkpoint(run: Path) -> None:
    scores = read_json(run / "scores.json")["stages"]["chain"]
    assert set(scores) == {"exact", "k3", "reasons"}
    scored = {"exact": scores["exact"], "sample": scores["k3"]}
    thresholds = {kind: evaluation["chosen_threshold"]["threshold"] for kind, evaluation in scored.items()}
    assert open_model(str(run), "cpu").defaults == InferenceDefaults(make_recipe().layout, "answer", thresholds)
    assert 0 < scores["reasons"]["chosen_threshold"]["threshold"] <= 1


def test_the_best_step_is_chosen_by_the_f1_of_groups_left_out(run: Path) -> None:
    scores = read_json(run / "scores.json")["stages"]["chain"]["exact"]
    best = max(row["eval_trigger_f1"] for row in read_log(run) if "eval_trigger_f1" in row)
    assert best == pytest.approx(scores["chosen_threshold"]["f1_left_out"], abs=1e-6)


def test_a_checkpoint_from_before_exact_decoding_is_read(tmp_path: Path) -> None:
    InferenceDefaults().write(tmp_path)
    table = read_json(tmp_path / DEFAULTS_FILE)
    del table["thresholds"]
    write_json(tmp_path / DEFAULTS_FILE, table | {"threshold": 0.3})
    defaults = InferenceDefaults.read(tmp_path)
    assert defaults
    assert [defaults.threshold(kind) for kind in ("sample", "exact", "greedy")] == [0.3, 0.5, 0.5]


def test_the_report_finds_that_step_kept_for_what_it_scores(run: Path) -> None:
    said = remarks(read_run(run))
    assert any("Thresholds on support were chosen on val" in remark for remark in said)
    assert not any("may differ" in remark for remark in said)


def test_predict_decodes_exactly_and_score_reads_it(run: Path, tmp_path: Path) -> None:
    cases, out = write_efr(tmp_path / "MELD_val_efr.json", make_cases(5, "new")), tmp_path / "p.jsonl"
    arguments = ["predict", str(run), str(cases), "--decode", "exact", "--out", str(out), "--device", "cpu"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    rows = [row for row in read_predictions(out) if isinstance(row, Prediction)]
    threshold = open_model(str(run), "cpu").defaults.threshold("exact")
    for row in rows:
        assert row.remaining is not None and 0 <= row.remaining < 0.5
        assert row.vote.triggers == {i for i, share in enumerate(row.vote.support) if share >= threshold}
        assert (row.vote.num_valid, row.vote.num_samples, len(row.answers)) == (1, 1, 1)
    manifest = read_manifest(out)
    assert manifest["inference"]["decoding"] | {"kind": "exact", "num_samples": 1} == manifest["inference"]["decoding"]
    assert manifest["inference"]["threshold"] == threshold
    scores = score_file(out, num_draws=100).to_json()
    assert scores["mean_remaining"] == pytest.approx(manifest["mean_remaining"], abs=1e-6)


def test_samples_converge_to_what_exact_decoding_finds(run: Path) -> None:
    """Compare with the support of 1,500 unconstrained samples at temperature 1, of those that can be parsed."""
    model, defaults = open_model(str(run), "cpu").model, open_model(str(run), "cpu").defaults
    [case] = make_cases(1, "new")
    [exact] = name_triggers(model, [case], InferenceConfig(defaults.layout, decoding=Decoding("exact")))
    sample = Decoding("sample", 1500, temperature=1.0, max_new_tokens=24, constrain=False)
    [sampled] = name_triggers(model, [case], InferenceConfig(defaults.layout, decoding=sample))
    assert exact.remaining is not None and exact.remaining < 0.1
    assert exact.vote.support == pytest.approx(sampled.vote.support, abs=0.04 + exact.remaining)
    assert max(exact.vote.support) > 0.1


def test_a_killed_run_ends_in_the_same_file(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, defaults = open_model(str(run), "cpu").model, open_model(str(run), "cpu").defaults
    cases, evaluation = make_cases(8, "new"), InferenceConfig(defaults.layout, decoding=Decoding("exact"))
    monkeypatch.setattr("fliptrace.inference.triggers.CASES_AT_ONCE", 3)
    whole = predict_file(model, cases, evaluation, tmp_path / "whole.jsonl", {})

    def kill(num_done: int) -> None:
        if num_done == 5:
            raise KeyboardInterrupt

    path = tmp_path / "killed.jsonl"
    with pytest.raises(KeyboardInterrupt):
        predict_file(model, cases, evaluation, path, {}, kill)
    resumed = predict_file(model, cases, evaluation, path, {})
    assert (whole.num_resumed, resumed.num_resumed) == (0, 5)
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_held_answers_have_no_anomalies_and_free_ones_that_are_right_stay(run: Path) -> None:
    model, defaults = open_model(str(run), "cpu").model, open_model(str(run), "cpu").defaults
    replies = {}
    for constrain in (True, False):
        decoding = Decoding("sample", 20, temperature=1.5, max_new_tokens=40, constrain=constrain)
        replies[constrain] = [
            answer
            for prediction in name_triggers(
                model, make_cases(4, "new"), InferenceConfig(defaults.layout, decoding=decoding)
            )
            for answer in prediction.answers
        ]
    assert not any(answer.anomalies for answer in replies[True])
    assert any(answer.anomalies for answer in replies[False])
    assert not any(answer.prevented for answer in replies[False])
    spared = [pair for pair in zip(replies[True], replies[False], strict=True) if not pair[0].prevented]
    assert spared and all(held.text == free.text for held, free in spared)


def test_own_answers_are_asked_for_freely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []
    complete = LocalModel.complete

    def note(self: LocalModel, requests: list[Request], decoding: Decoding) -> object:
        asked.extend(requests)
        return complete(self, requests, decoding)

    recipe = make_recipe()
    data = make_data()
    monkeypatch.setattr(LocalModel, "complete", note)
    train(recipe, data, tmp_path / "run", Recorder())
    own = [row["case_id"] for _, row in read_jsonl(tmp_path / "run" / "2-feedback" / "own-answers.jsonl")]
    train_ids = {case.id for case in data.train}
    assert own and {request.line for request in asked if request.key in train_ids} == {None}
    assert None not in {request.line for request in asked if request.key not in train_ids}


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"decode": "greedy", "samples": 3}, "decode = 'greedy' gives one reply, not 3 samples"),
        ({"decode": "exact", "judge": True}, "decode = 'exact' gives probabilities, no answer to judge"),
        ({"decode": "exact", "samples": 3}, "decode = 'exact' samples only rationales"),
        ({"decode": "beam"}, "decode"),
    ],
)
def test_an_evaluation_that_contradicts_itself_is_refused(evaluation: Json, message: str) -> None:
    table = make_table() | {"evaluations": {"r": evaluation}}
    with pytest.raises(InputError, match=message):
        parse_recipe(table, "recipe of the test")


@pytest.mark.parametrize(
    ("evaluation", "kind"),
    [({}, "greedy"), ({"samples": 3}, "sample"), ({"decode": "sample"}, "sample"), ({"decode": "exact"}, "exact")],
)
def test_a_recipe_says_how_it_decodes_or_lets_the_samples_say_it(evaluation: Json, kind: str) -> None:
    recipe = parse_recipe(make_table() | {"evaluations": {"r": evaluation}}, "recipe of the test")
    assert recipe.inference_config("r").decoding.kind == kind


def test_the_f1_of_the_threshold_is_that_of_the_file(run: Path) -> None:
    rows = [row for row in read_predictions(run / "1-chain/predictions/exact.jsonl") if isinstance(row, Prediction)]
    scores = read_json(run / "scores.json")["stages"]["chain"]["exact"]
    assert scores["chosen_threshold"] == choose_threshold(rows)._asdict()
