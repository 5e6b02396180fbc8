from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import begin_run, begin_stage, finish_stage, predictions

from fliptrace.core.errors import InputError, RunError
from fliptrace.report.run.report import read_run

# Gold is {1}, {0}, {1, 2}. ONE names one of four triggers and nothing else: P 1, R 1/4, F1 0.4.
ONE: list[set[int] | None] = [{1}, set(), set()]
# THREE names three of four triggers and nothing else: P 1, R 3/4, F1 6/7.
THREE: list[set[int] | None] = [{1}, {0}, {1}]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two finished stages, the second better."""
    folder = begin_run(tmp_path / "run")
    finish_stage(folder, 1, {"greedy": predictions(ONE)})
    finish_stage(folder, 2, {"greedy": predictions(THREE)})
    return folder


def test_scores_of_every_stage_stand_beside_the_rules(run: Path) -> None:
    report = read_run(run)
    assert [stage.state for stage in report.stages] == ["finished", "finished"]
    assert [stage.evaluations[0].metrics.f1 for stage in report.stages] == pytest.approx([0.4, 6 / 7], abs=1e-6)
    # Ben speaks before Ana, so all three rules name {1}: 2 right, 1 wrong, 2 missed.
    assert list(report.rules) == ["previous", "previous-or-self", "previous-plus-self"]
    assert {round(metrics.f1, 6) for metrics in report.rules.values()} == {round(4 / 7, 6)}
    assert report.best_rule == "previous"


def test_relative_error_reduction_is_the_gain_over_the_error_that_was_left(run: Path) -> None:
    (gain,) = read_run(run).gains
    assert (gain.evaluation, gain.before, gain.after) == ("greedy", "chain", "feedback")
    assert gain.relative_error_reduction == pytest.approx((6 / 7 - 0.4) / 0.6, abs=1e-5)


def test_differences_are_paired(run: Path) -> None:
    report = read_run(run)
    (gain,) = report.gains
    assert gain.difference is not None
    assert gain.difference.difference == pytest.approx(6 / 7 - 0.4)
    assert (gain.difference.num_won, gain.difference.num_lost, gain.difference.num_tied) == (2, 0, 1)
    assert report.headline is not None
    assert report.headline.against_rule is not None
    assert report.headline.against_rule.difference == pytest.approx(6 / 7 - 4 / 7)


def test_without_prediction_files_only_the_paired_differences_are_missing(run: Path) -> None:
    (run / "1-chain" / "predictions" / "greedy.jsonl").unlink()
    (gain,) = read_run(run).gains
    assert gain.difference is None
    assert gain.relative_error_reduction == pytest.approx((6 / 7 - 0.4) / 0.6, abs=1e-5)


def test_a_perfect_stage_leaves_no_error_to_reduce(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    finish_stage(folder, 1, {"greedy": predictions([{1}, {0}, {1, 2}])})
    finish_stage(folder, 2, {"greedy": predictions(THREE)})
    (gain,) = read_run(folder).gains
    assert gain.relative_error_reduction is None


def test_the_kept_step_is_the_last_of_equals(run: Path) -> None:
    curve = read_run(run).stages[0].curve
    assert [point.step for point in curve.val_f1s] == [10, 20]
    assert curve.best is not None
    assert curve.best.step == 20


def test_unfinished_and_unbegun_stages_have_no_scores(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    begin_stage(folder, 1)
    report = read_run(folder)
    assert [(stage.state, stage.evaluations) for stage in report.stages] == [("unfinished", ()), ("not begun", ())]
    assert report.stages[0].preflight is not None
    assert report.stages[1].preflight is None
    assert report.headline is None
    assert dict(report.rules) == {}


def test_scores_of_a_stage_that_is_not_done_are_not_read(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    finish_stage(folder, 1, {"greedy": predictions(ONE)})
    (folder / "1-chain" / "stage.json").unlink()
    assert read_run(folder).stages[0].evaluations == ()


def test_a_single_group_has_no_interval(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    finish_stage(folder, 1, {"greedy": predictions(ONE, groups="aaa")})
    headline = read_run(folder).headline
    assert headline is not None
    assert headline.metrics.interval is None


def test_judging_stands_beside_always_keeping(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    finish_stage(folder, 1, {"judged": predictions([{1}, {0}, {1}], judged=True)})
    (evaluation,) = read_run(folder).stages[0].evaluations
    assert evaluation.judged is not None
    assert (evaluation.judged.num_drafts, evaluation.judged.num_right_before, evaluation.judged.num_right_after) == (
        3,
        0,
        2,
    )
    assert (evaluation.judged.wrong_to_right, evaluation.judged.right_to_wrong) == (2, 0)


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda run: (run / "manifest.json").unlink(), "not a run: it has no manifest.json"),
        (lambda run: (run / "manifest.json").write_text("{}"), "no field 'recipe'"),
        (lambda run: (run / "1-chain" / "scores.json").unlink(), "scores.json: no such file"),
        (lambda run: (run / "1-chain" / "scores.json").write_text('{"greedy": {}}'), "scores.json: no field"),
        (lambda run: (run / "1-chain" / "preflight.json").write_text('{"num_rows": 1}'), "preflight.json: damaged"),
        (lambda run: (run / "log.jsonl").write_text('{"step": 1}'), "log.jsonl: no field 'stage'"),
        (lambda run: (run / "1-chain" / "stage.json").write_text("[1]"), "stage.json: found list, expected"),
    ],
)
def test_a_damaged_folder_is_named(run: Path, break_it: object, complaint: str) -> None:
    assert callable(break_it)
    break_it(run)
    with pytest.raises(InputError, match=complaint):
        read_run(run)


def test_a_missing_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        read_run(tmp_path / "nothing")


def test_a_report_needs_no_torch_and_a_plain_page_no_scoring_packages() -> None:
    code = (
        "import sys, json, fliptrace.report.run.report, fliptrace.report.terminal.dialogue\n"
        "print(json.dumps([name for name in ('torch', 'transformers', 'sklearn', 'scipy') if name in sys.modules]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
