"""From `analyze --json` through Label Studio to files that `doctor`, `predict` and `score` read."""

from __future__ import annotations

import json
from pathlib import Path

from analyses import crowd, support_call, two_friends
from label_studio_project import config_errors, save, submitted
from shipped import needs_weights
from typer.testing import CliRunner, Result

from fliptrace.cli.main import app
from fliptrace.core.emotion_sets import MELD7


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def ok(*arguments: str | Path) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result


def test_analyses_go_to_label_studio_and_come_back_to_be_scored(tmp_path: Path) -> None:
    inputs = [save(tmp_path / f"{i}.json", each.to_json()) for i, each in enumerate((support_call(), crowd(30, 3)))]
    tasks = tmp_path / "tasks.json"
    output = ok("export", "label-studio", *inputs, "--out", tasks).output
    output = " ".join(output.split())
    assert "2 tasks" in output and "left out" not in output
    exported = json.loads(tasks.read_text("utf-8"))
    project = save(tmp_path / "project.json", submitted(exported))
    output = ok("import", "label-studio", project, "--out", tmp_path / "calls").output
    flips = [*support_call().flips, *crowd(30, 3).flips]
    num_bare = sum(not found.triggers for found in flips)
    assert "2 dialogues" in output
    assert f"{len(flips)} flips, {num_bare} without a trigger" in " ".join(output.split())
    assert sorted(path.name for path in (tmp_path / "calls").iterdir()) == ["efr.json", "erc.json"]
    files = json.loads(ok("doctor", tmp_path / "calls", "--json").stdout)["files"]
    assert not [found for file in files for found in file["findings"] if found["severity"] == "error"]
    ok("predict", "rule:previous", tmp_path / "calls" / "efr.json", "--out", tmp_path / "p.jsonl")
    assert json.loads(ok("score", tmp_path / "p.jsonl", "--json").stdout)["num_flips"] == len(flips)


def test_the_sdk_accepts_what_is_written(tmp_path: Path) -> None:
    call = save(tmp_path / "call.json", support_call().to_json())
    ok("export", "label-studio", call, "--out", tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    assert config_errors((tmp_path / "tasks.xml").read_text("utf-8"), tasks) == []


def test_what_annotators_do_not_see_is_told(tmp_path: Path) -> None:
    document = two_friends("Hi", "Ho", "Ha", "Hm").to_json() | {"flips": [], "flip_threshold": 0.9}
    output = ok("export", "label-studio", save(tmp_path / "a.json", document), "--out", tmp_path / "t.json").output
    assert "no triggers for 1 change of emotion, too improbable" in " ".join(output.split())
    assert "1 task;" in " ".join(output.split())


@needs_weights
def test_a_transcript_is_analyzed_first(tmp_path: Path) -> None:
    ok("export", "label-studio", "sample", "--out", tmp_path / "tasks.json", "--config", tmp_path / "ls" / "view.xml")
    [task] = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    assert task["data"]["transcript"] == "call" and (tmp_path / "ls" / "view.xml").exists()
    assert not (tmp_path / "tasks.xml").exists()
    assert {each["type"] for each in task["predictions"][0]["result"]} == {"paragraphlabels", "relation"}


def test_a_config_in_place_of_the_tasks_and_several_emotion_sets_are_refused(tmp_path: Path) -> None:
    call = save(tmp_path / "call.json", support_call().to_json())
    result = run("export", "label-studio", call, "--out", tmp_path / "t.json", "--config", tmp_path / "t.json")
    assert result.exit_code == 2
    other = save(tmp_path / "other.json", crowd(9, 2, emotions=MELD7).to_json())
    result = run("export", "label-studio", call, other, "--out", tmp_path / "t.json")
    assert "expected those of A dead line before the exam" in str(result.exception)
    assert not (tmp_path / "t.json").exists() and not (tmp_path / "t.xml").exists()


def test_an_import_never_replaces_its_export(tmp_path: Path) -> None:
    project = save(tmp_path / "project.json", [])
    result = run("import", "label-studio", project, "--out", project)
    assert "would be replaced; expected another --out" in str(result.exception)


def test_what_an_import_leaves_out_is_told(tmp_path: Path) -> None:
    call = save(tmp_path / "call.json", two_friends("Hi", "Ho", "Ha", "Hm").to_json())
    ok("export", "label-studio", call, "--out", tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    project = submitted(tasks, lambda result: result[4].update(from_id="utterance-3"))
    output = ok("import", "label-studio", save(tmp_path / "p.json", project), "--out", tmp_path / "calls.json").output
    assert "note p.json task 17 utterance 2: a relation leads back to it from utterance 3" in " ".join(output.split())
    assert "1 flip, 1 without a trigger" in " ".join(output.split())
