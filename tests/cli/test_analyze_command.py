"""The command `fliptrace analyze`, with models that need no weights; the core install is enough for it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from shipped import needs_weights

from fliptrace.analysis.result import Analysis
from fliptrace.cli.transcript_options import parse_columns
from fliptrace.core.errors import InputError
from fliptrace.transcripts.bundled import BUNDLED, transcript_path

NOT_IN_THE_CORE = ("torch", "transformers", "sklearn", "scipy", "pandas", "accelerate", "peft", "onnx", "onnxscript")
FORBID = f"""
import sys
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {NOT_IN_THE_CORE}:
            raise ModuleNotFoundError(f"forbidden here: {{name}}", name=name)
sys.meta_path.insert(0, Forbid())
"""
MAIN = "from fliptrace.cli.main import main; main()"


def run(*arguments: str | Path, code: str = MAIN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=120, check=False
    )


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A transcript with emotions, for models that only name triggers."""
    lines = ["who,said,felt", "Ana,The kettle is on.,joy", "Ben,I dropped your cup.,sadness", "Ana,No!,anger"]
    path = tmp_path / "tea.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A model that labels all utterances joy but one of Leila's, and names the first utterance as the trigger."""
    rows = [
        {"key": "call/22/emotion", "answers": ["Emotion: sadness"]},
        {"contains": "Which utterances", "answers": ["Theo picks up.\nTriggers: 1"]},
        {"default": True, "answers": ["Emotion: joy"]},
    ]
    path = tmp_path / "script.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return f"scripted:{path}"


COLUMNS = ("--columns", "speaker=who,text=said,emotion=felt")
RULE = ("--model", "rule:previous")


def test_json_goes_to_stdout_and_all_else_to_stderr(labelled: Path) -> None:
    result = run("analyze", labelled, *COLUMNS, *RULE, "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert Analysis.from_json(document).dialogue.emotions == ("joy", "sadness", "anger")
    assert document["transcript"] | {"notes": []} == {"id": "tea", "format": "csv", "notes": []}
    [flip] = document["flips"]
    assert (flip["source"], flip["target"], flip["triggers"]) == (0, 2, [{"index": 1, "support": 1.0}])
    assert "all emotions come from the transcript" in result.stderr


def test_the_view_shows_flips_and_reasons_on_stderr(labelled: Path) -> None:
    result = run("analyze", labelled, *COLUMNS, *RULE)
    assert (result.returncode, result.stdout) == (0, "")
    assert "Ana flips from joy [1] to anger [3]; triggered by [2]" in result.stderr
    assert "What Ben said in sadness just before turned Ana to anger (support 1.00)." in result.stderr


def test_page_and_table_are_written_and_named(labelled: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "new" / "tea.html", tmp_path / "out.csv"
    result = run("analyze", labelled, *COLUMNS, *RULE, "--html", page, "--csv", table)
    assert result.returncode == 0, result.stderr
    assert str(page) in result.stderr.splitlines()[-1] and str(table) in result.stderr
    assert "I dropped your cup." in page.read_text(encoding="utf-8")
    with table.open(encoding="utf-8-sig", newline="") as file:
        assert [row["flip_to"] for row in csv.DictReader(file)] == ["", "", "anger"]


def test_a_transcript_without_labels_is_analyzed_from_bare_text(script: str) -> None:
    document = json.loads(run("analyze", "sample", "--model", script, "--json").stdout)
    assert len(document["utterances"]) == 24 and document["utterances"][5]["start"] > 0
    [flip] = document["flips"]
    assert (flip["speaker"], flip["before"], flip["after"]) == ("Leila", "joy", "sadness")
    assert (flip["reason"], flip["reason_by"]) == ("Theo picks up.", "model")


def test_the_smaller_emotion_set_is_asked_for(script: str) -> None:
    document = json.loads(run("analyze", "sample", "--model", script, "--json", "--emotion-set", "meld7").stdout)
    assert (document["emotion_set"]["name"], "contempt" in document["emotion_set"]["labels"]) == ("meld7", False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-such-file.vtt",), "no such file"),
        (("sample:nothing",), "sample:nothing: no such transcript; expected one of sample:call, sample:hindi-english"),
        (("sample", *RULE), "24 of 24 utterances have no emotion, and rule:previous reads no text"),
        (("sample", "--format", "vt", *RULE), "vtt"),
        (("sample", "--columns", "speaker"), "expected NAME=COLUMN"),
        (("sample", "--model", "rule:previus"), "rule:previous"),
    ],
)
def test_what_a_user_gets_wrong_is_one_message_and_exit_code_1(arguments: tuple[str, ...], message: str) -> None:
    result = run("analyze", *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr and "Traceback" not in result.stderr


def test_a_threshold_outside_0_to_1_is_refused(labelled: Path) -> None:
    result = run("analyze", labelled, *COLUMNS, *RULE, "--threshold", "1.5")
    assert result.returncode == 1 and "1.5: expected more than 0 and at most 1" in result.stderr


@pytest.mark.parametrize("text", ["speaker", "speaker=", "=x", "speaker=a,,text=b", "text=a,text=b"])
def test_columns_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--columns"):
        parse_columns(text)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_transcripts_are_there(name: str) -> None:
    assert transcript_path(f"sample:{name}").is_file()


def test_a_file_called_sample_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").write_text("Ana: mine")
    assert transcript_path("sample") == Path("sample")


@pytest.mark.parametrize("model", ["rule", "scripted", pytest.param("embedded", marks=needs_weights)])
def test_the_core_install_is_enough(model: str, labelled: Path, script: str, tmp_path: Path) -> None:
    what = {"rule": (labelled, *COLUMNS, *RULE), "scripted": ("sample", "--model", script), "embedded": ("sample",)}
    result = run(
        "analyze", *what[model], "--html", tmp_path / "p.html", "--csv", tmp_path / "t.csv", code=FORBID + MAIN
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "p.html").stat().st_size > 10_000


def test_the_ban_on_other_packages_works() -> None:
    assert "forbidden here: torch" in run(code=f"{FORBID}import torch").stderr


def test_what_the_view_and_the_page_do_not_need_is_not_imported(labelled: Path, tmp_path: Path) -> None:
    arguments = ["fliptrace", "analyze", str(labelled), *COLUMNS, *RULE, "--html", str(tmp_path / "p.html")]
    code = f"""
import sys
sys.argv = {arguments!r}
from fliptrace.cli.main import app
app(standalone_mode=False)
print([name for name in ("onnxruntime", "ftfy", "pooch", "tokenizers", "pandas") if name in sys.modules])
"""
    result = run(code=code)
    assert result.stdout.strip() == "[]", result.stderr
