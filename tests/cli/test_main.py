"""The commands in a subprocess: their contracts and exit codes, and one clear message for each user error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fliptrace.corpora.sample import sample_path


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from fliptrace.cli.main import main; main()", *map(str, arguments)]
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)


def write_cases(path: Path, **changes: object) -> Path:
    """Write an EFR file with one case; `changes` replace some of its lists."""
    case = {
        "episode": "tea",
        "speakers": ["Ana", "Ben", "Ana"],
        "utterances": ["The kettle is on.", "I dropped your blue cup.", "That was my mother's!"],
        "emotions": ["neutral", "sadness", "anger"],
        "triggers": [0, 1, 0],
    }
    path.write_text(json.dumps([case | changes]), encoding="utf-8")
    return path


def test_predict_then_score_keeps_the_contract(tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    predicted = run("predict", "rule:previous", sample_path("val"), "--out", out)
    assert (predicted.returncode, predicted.stdout) == (0, "")
    scored = run("score", out, "--json", "--draws", "200")
    scores = json.loads(scored.stdout)
    assert scored.returncode == 0
    assert scores["trigger_f1"] == scores["baselines"]["previous"]["trigger_f1"]
    low, high = scores["interval"]
    assert low < scores["trigger_f1"] < high
    assert {"trigger_precision", "trigger_recall", "exact_match", "num_flips", "num_unparsed"} <= scores.keys()


def test_a_test_file_calls_its_triggers_labels(tmp_path: Path) -> None:
    cases = json.loads(write_cases(tmp_path / "train.json").read_text())
    cases[0]["labels"] = cases[0].pop("triggers")
    file = tmp_path / "MELD_test_efr.json"
    file.write_text(json.dumps(cases))
    assert run("predict", "rule:previous", file, "--out", tmp_path / "p.jsonl").returncode == 0
    assert json.loads((tmp_path / "p.jsonl").read_text())["gold"] == [1]


def test_compare_finds_no_difference_between_a_model_and_itself(tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    run("predict", "rule:previous", sample_path("val"), "--out", out)
    result = json.loads(run("compare", out, out, "--json", "--draws", "200").stdout)
    assert (result["difference"], result["p_value"]) == (0, 1)


def test_curate_writes_rows_that_hosted_providers_take(tmp_path: Path) -> None:
    out = tmp_path / "i.jsonl"
    curated = run("curate", sample_path("val"), "--out", out, "--form", "hosted", "--mix", "answer=1,chain=0.5")
    assert curated.returncode == 0, curated.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == pytest.approx(1.5 * len(json.loads(sample_path("val").read_text())), abs=1)
    assert all(row["messages"][-1]["weight"] == 1 for row in rows)


def test_show_prints_a_dialogue_with_its_flips(tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    run("predict", "rule:previous", sample_path("val"), "--out", out)
    shown = run("show", out, sample_path("val"))
    assert shown.returncode == 0
    assert "flips from" in shown.stderr and "triggered by" in shown.stderr


BAD_FILES = {
    "unequal lists": ({"triggers": [0, 1]}, "case 0: 3 utterances but 2 triggers"),
    "unknown emotion": ({"emotions": ["neutral", "sadness", "grumpy"]}, "grumpy"),
    "empty dialogue": ({"speakers": [], "utterances": [], "emotions": [], "triggers": []}, "case 0: no utterances"),
    "no flip": ({"emotions": ["anger", "sadness", "anger"]}, "none of its cases ends on a flip"),
    "one speaker who never flips": (
        {"speakers": ["Ana"] * 3, "emotions": ["joy"] * 3},
        "none of its cases ends on a flip",
    ),
}


@pytest.mark.parametrize(("changes", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_case_is_one_message_and_exit_code_1(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    file = write_cases(tmp_path / "cases.json", **changes)
    result = run("predict", "rule:previous", file, "--out", tmp_path / "p.jsonl")
    assert result.returncode == 1
    assert message in " ".join(result.stderr.split()) and "Traceback" not in result.stderr
    assert not (tmp_path / "p.jsonl").exists()


def test_one_speaker_alone_can_flip(tmp_path: Path) -> None:
    file = write_cases(tmp_path / "cases.json", speakers=["Ana"] * 3)
    assert run("predict", "rule:previous", file, "--out", tmp_path / "p.jsonl").returncode == 0


def test_a_nan_trigger_is_read_as_none(tmp_path: Path) -> None:
    file = write_cases(tmp_path / "cases.json", triggers=[float("nan"), 1, 0])
    assert run("predict", "rule:previous", file, "--out", tmp_path / "p.jsonl").returncode == 0
    assert json.loads((tmp_path / "p.jsonl").read_text())["gold"] == [1]


def test_broken_json_names_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text('[\n  {"speakers": }\n]')
    result = run("predict", "rule:previous", file, "--out", tmp_path / "p.jsonl")
    assert result.returncode == 1 and "line 2 column 16" in result.stderr


def test_a_file_that_is_not_utf8_names_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_bytes(b'["caf\xe9"]')
    result = run("predict", "rule:previous", file, "--out", tmp_path / "p.jsonl")
    assert result.returncode == 1 and "byte 5 is not UTF-8" in result.stderr


def test_scoring_what_nobody_labelled_says_so(tmp_path: Path) -> None:
    cases = json.loads(write_cases(tmp_path / "cases.json").read_text())
    del cases[0]["triggers"]
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    run("predict", "rule:previous", tmp_path / "cases.json", "--out", tmp_path / "p.jsonl")
    result = run("score", tmp_path / "p.jsonl")
    assert result.returncode == 1 and "no labels" in result.stderr


def test_an_unknown_rule_names_the_nearest(tmp_path: Path) -> None:
    result = run("predict", "rule:previus", sample_path("val"), "--out", tmp_path / "p.jsonl")
    assert result.returncode == 1 and "rule:previous" in result.stderr


def test_wrong_usage_is_exit_code_2() -> None:
    assert run("predict", "rule:previous").returncode == 2
    assert run("score", "x.jsonl", "--nonsense").returncode == 2


def test_doctor_exits_0_on_warnings_and_1_on_errors(tmp_path: Path) -> None:
    warned = run("doctor", write_cases(tmp_path / "nan.json", triggers=[float("nan"), 1, 0]), "--json")
    broken = run("doctor", write_cases(tmp_path / "unequal.json", triggers=[0]), "--json")
    assert (warned.returncode, broken.returncode) == (0, 1)
    assert json.loads(warned.stdout)["files"][0]["findings"][0]["kind"] == "nan-trigger"


def test_doctor_shows_a_few_findings_of_a_kind_and_counts_the_others(tmp_path: Path) -> None:
    cases = [json.loads(write_cases(tmp_path / "one.json", triggers=[0] * num).read_text())[0] for num in range(4, 12)]
    (tmp_path / "own_efr.json").write_text(json.dumps([*cases, *cases]))
    shown = run("doctor", tmp_path / "own_efr.json").stderr
    assert shown.count("but") == 5 and "3 utterances but 4 triggers" in " ".join(shown.split())
    assert "others of this kind" in shown
    assert sum(line.startswith("error: unequal-lists") for line in shown.splitlines()) == 6


def test_training_in_several_processes_is_refused() -> None:
    recipe = Path(__file__).parents[2] / "recipes" / "demo.toml"
    result = run("train", recipe, WORLD_SIZE="2")
    assert result.returncode == 1
    assert "several processes" in result.stderr
