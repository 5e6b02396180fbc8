"""Files that no command of ours wrote end every command in one line, never in a traceback or a wait."""

from __future__ import annotations

import io
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from odd_json import ODD as ODD_VALUES
from run_folders import begin_run, finish_stage
from run_folders import predictions as made_by_hand

from fliptrace.cli import console as printing
from fliptrace.cli.console import SafeConsole
from fliptrace.cli.main import main
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.encoder.config import GRAPHS, EncoderConfig
from tools.attack.places import places, put

Run = Callable[..., str]
REPORTED = ("manifest.json", "stage.json", "scores.json", "preflight.json")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command that must fail; returns what it says."""

    def command(*arguments: object) -> str:
        written = io.StringIO()
        console = SafeConsole(file=written, width=1000)
        monkeypatch.setattr("fliptrace.cli.main.console", console)
        monkeypatch.setattr(printing, "console", console)
        monkeypatch.setattr("sys.argv", ["fliptrace", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 1, arguments
        errors = [line for line in written.getvalue().splitlines() if line.startswith("error ")]
        assert len(errors) == 1, (arguments, written.getvalue())
        return errors[0]

    return command


@pytest.fixture
def predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    out = tmp_path / "p.jsonl"
    monkeypatch.setattr("sys.argv", ["fliptrace", "predict", "rule:previous", "sample:val", "--out", str(out)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    return out


ODD = {
    "null": "null",
    "a list": "[]",
    "a number": "3",
    "text": '"x"',
    "lists in lists": "[" * 3000,
    "a long number": "9" * 5000,
    "an object of lists": '{"recipe": [], "data": null, "inference": [], "graphs": 3}',
    "a recipe of odd values": json.dumps(
        {
            "recipe": {"name": 1, "seed": "x", "stages": [{"name": "../a"}], "evaluations": 3},
            "data": {"files": []},
            "recipe_hash": 1,
            "versions": [],
        }
    ),
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("analyze", "FILE"),
    ("analyze", "sample", "--model", "embedded:FILE"),
    ("predict", "rule:previous", "FILE", "--out", "OUT"),
    ("predict", "scripted:FILE", "sample:val", "--out", "OUT"),
    ("score", "FILE"),
    ("compare", "FILE", "FILE"),
    ("show", "FILE", "sample:val"),
    ("report", "FILE"),
    ("train", "FILE", "--dry-run"),
    ("reproduce", "FILE"),
    ("curate", "sample:train", "--own", "FILE", "--mix", "feedback=1", "--out", "OUT"),
    ("export", "semeval", "FILE", "--out", "OUT"),
)


def with_file(command: tuple[str, ...], path: Path, tmp_path: Path) -> list[str]:
    return [part.replace("FILE", str(path)).replace("OUT", str(tmp_path / "out.jsonl")) for part in command]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_pipe_a_device_and_an_impossible_name_are_refused_at_once(
    command: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / ("a" * 300), tmp_path / ("a" * 300 + "#b")):
        assert run(*with_file(command, path, tmp_path))


@pytest.mark.parametrize("content", ODD.values(), ids=list(ODD))
def test_odd_json_is_refused_by_every_command(content: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content)
    for command in COMMANDS:
        assert run(*with_file(command, path, tmp_path))


@pytest.mark.parametrize("content", ODD.values(), ids=list(ODD))
def test_a_run_folder_of_odd_files_is_refused(content: str, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "1-a").mkdir(parents=True)
    for place in ("manifest.json", "1-a/stage.json"):
        (folder / place).write_text(content)
        assert run("report", folder)
        assert run("predict", folder, "sample:val", "--out", tmp_path / "out.jsonl")


@pytest.mark.parametrize("name", ["embedded.json", "encoder.json", "hosted.json", "fliptrace.json"])
@pytest.mark.parametrize("content", ODD.values(), ids=list(ODD))
def test_a_model_folder_of_odd_files_is_refused(name: str, content: str, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    InferenceDefaults().write(folder)
    EncoderConfig(("joy", "neutral"), "", 24, 8, 6).write(folder)
    for graph in GRAPHS:
        (folder / graph).touch()
    (folder / name).write_text(content)
    assert f"{folder}/{name}: " in run("predict", folder, "sample:val", "--out", tmp_path / "out.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("null", "found NoneType, expected an object"),
        ("[1]", "found list, expected an object"),
        ('{"inference": null}', "inference is None; expected an object"),
        ('{"inference": {"layout": []}}', r"layout is \[\]; expected an object"),
        ('{"reading": 3}', "inference is 3; expected an object"),
    ],
)
def test_a_manifest_of_odd_values_is_named(
    content: str, message: str, run: Run, predictions: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.manifest.json").write_text(content)
    for command in (
        ("show", predictions, "sample:val"),
        ("curate", "sample:val", "--own", predictions, "--mix", "feedback=1", "--out", tmp_path / "out.jsonl"),
    ):
        assert re.search(rf"p\.manifest\.json: {message}", run(*command))


def test_a_report_of_a_run_with_any_odd_value_is_made_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begin_run(tmp_path / "run")
    finish_stage(folder, 1, {"greedy": made_by_hand([{1}, set(), None])})
    finish_stage(folder, 2, {"greedy": made_by_hand([{1}, {0}, {1}])})
    read = sorted(path for path in folder.rglob("*.json") if path.name in REPORTED)
    tried = [
        (path, place, odd) for path in read for place in places(json.loads(path.read_text())) for odd in ODD_VALUES
    ]
    assert len(read) == 7 and len(tried) > 5_000
    outcomes = Counter[int]()
    for path, place, odd in random.Random(0).sample(tried, 80):
        before = path.read_text()
        path.write_text(json.dumps(put(json.loads(before), place, odd)))
        monkeypatch.setattr("sys.argv", ["fliptrace", "report", str(folder), "--out", str(tmp_path / "report")])
        with pytest.raises(SystemExit) as stopped:
            main()
        outcomes[int(str(stopped.value.code))] += 1
        path.write_text(before)
    assert outcomes.keys() == {0, 1}
