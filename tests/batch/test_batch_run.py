"""Many conversations, into tables that a killed run can go on with."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shipped import needs_weights

from fliptrace.api import analyze, load_model, read_transcript
from fliptrace.batch import run
from fliptrace.batch.conversations import Conversation, find_files, read_conversations
from fliptrace.batch.folder import BatchFolder
from fliptrace.batch.run import BatchResult, analyze_many
from fliptrace.batch.settings import AnalysisSettings
from fliptrace.core.errors import InputError, RunError

pytest.importorskip("pyarrow", reason="tables are written with pyarrow")

SCRIPT = """
import sys
from pathlib import Path
from fliptrace.batch import run
from fliptrace.batch.conversations import read_conversations
from fliptrace.batch.settings import AnalysisSettings
run._A_PART = 10
settings = AnalysisSettings(evidence="none")
run.analyze_many(read_conversations([Path(sys.argv[1])], "call"), settings, Path(sys.argv[2]))
"""
RULE = AnalysisSettings(model="rule:previous")
LINES = "speaker,text,emotion\nAna,Where is it?,neutral\nBo,I lost it.,sadness\nAna,You did what?,anger\nBo,Sorry,{}\n"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    for i, last in enumerate(["joy", "neutral", "sadness", "fear", "joy"]):
        (folder / f"call-{i}.csv").write_text(LINES.format(last))
    return folder


def analyze_folder(folder: Path, out: Path, settings: AnalysisSettings = RULE, **options: Any) -> BatchResult:
    return analyze_many(read_conversations(find_files([str(folder)])), settings, out, **options)


def read_table(out: Path, name: str) -> list[dict[str, Any]]:
    from pyarrow import parquet

    rows: list[dict[str, Any]] = parquet.read_table(out / name).to_pylist()
    return sorted(rows, key=lambda row: json.dumps(row, default=str))


def read_tables(out: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: read_table(out, name) for name in ("utterances", "flips", "triggers")}


def test_the_tables_hold_what_analyze_finds(calls: Path, tmp_path: Path) -> None:
    result = analyze_folder(calls, tmp_path / "out")
    assert result == BatchResult(5, 0, {})
    path = calls / "call-0.csv"
    alone = analyze(read_transcript(path), load_model("rule:previous"))
    tables = {
        name: [row for row in rows if row["conversation"] == str(path)]
        for name, rows in read_tables(tmp_path / "out").items()
    }
    assert [(row["utterance"], row["speaker"], row["text"], row["emotion"]) for row in tables["utterances"]] == [
        (i, u.speaker, u.text, u.emotion) for i, u in enumerate(alone.dialogue.utterances)
    ]
    assert [(row["source"], row["target"], row["before"], row["after"], row["reason"]) for row in tables["flips"]] == [
        (f.flip.source, f.flip.target, f.flip.before, f.flip.after, f.reason) for f in alone.flips
    ]
    assert [(row["target"], row["utterance"], row["support"]) for row in tables["triggers"]] == [
        (2, 1, 1.0),
        (3, 2, 1.0),
    ]


@pytest.mark.parametrize("num_processes", [1, 2])
def test_what_is_finished_is_not_done_again(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_processes: int
) -> None:
    monkeypatch.setattr(run, "_A_PART", 2)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    analyze_folder(calls, whole)

    def killed(conversations: Iterator[Conversation]) -> Iterator[Conversation]:
        for number, each in enumerate(conversations):
            if number == 3:
                raise KeyboardInterrupt
            yield each

    with pytest.raises(KeyboardInterrupt):
        analyze_many(killed(read_conversations(find_files([str(calls)]))), RULE, broken)
    (broken / "flips" / "part-000001.parquet").write_bytes(b"half of a")  # what a kill leaves while a part is written
    seen: list[int] = []
    result = analyze_folder(calls, broken, num_processes=num_processes, on_progress=seen.append)
    assert result == BatchResult(3, 2, {})
    assert seen[-1] == 5
    assert read_tables(broken) == read_tables(whole)


def test_a_conversation_that_fails_is_set_aside(calls: Path, tmp_path: Path) -> None:
    bad = calls / "call-1.csv"
    bad.write_text("speaker,text\nAna,No emotion here.\n")
    out = tmp_path / "out"
    result = analyze_folder(calls, out)
    assert list(result.failed) == [str(bad)]
    assert "1 of 1 utterances have no emotion" in result.failed[str(bad)]
    (row,) = [json.loads(line) for line in (out / "failed.jsonl").read_text().splitlines()]
    assert (row["conversation"], row["error"]) == (str(bad), result.failed[str(bad)])
    assert {each["conversation"] for each in read_table(out, "utterances")} == {
        str(calls / f"call-{i}.csv") for i in (0, 2, 3, 4)
    }
    assert analyze_folder(calls, out).num_analyzed == 0
    assert analyze_folder(calls, out, retry_failed=True).num_analyzed == 1
    bad.write_text(LINES.format("joy"))  # mended, it is analyzed without being asked for
    assert analyze_folder(calls, out) == BatchResult(1, 4, {})
    assert not (out / "failed.jsonl").exists()
    assert len(read_table(out, "utterances")) == 20


def test_a_file_that_cannot_be_opened_is_set_aside(calls: Path, tmp_path: Path) -> None:
    found = [*read_conversations([calls / "call-0.csv", calls / "gone.csv", calls / "call-2.csv"])]
    result = analyze_many(found, RULE, tmp_path / "out")
    assert (result.num_analyzed, list(result.failed)) == (3, [str(calls / "gone.csv")])
    assert len(read_table(tmp_path / "out", "utterances")) == 8


def test_pages_are_written(calls: Path, tmp_path: Path) -> None:
    analyze_folder(calls, tmp_path / "out", pages=True)
    pages = sorted((tmp_path / "out" / "pages").iterdir())
    assert [page.name.rpartition("-")[0] for page in pages] == [f"call-{i}" for i in range(5)]
    assert all("You did what?" in page.read_text() for page in pages)


def test_a_folder_takes_one_kind_of_run(calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    analyze_folder(calls, out)
    with pytest.raises(RunError, match="begun with model 'rule:previous', now 'embedded'; expected the same"):
        analyze_folder(calls, out, replace(RULE, model="embedded"))
    (calls / "call-0.csv").write_text(LINES.format("fear"))
    with pytest.raises(RunError, match=r"call-0\.csv: was changed since it was analyzed"):
        analyze_folder(calls, out)
    with pytest.raises(RunError, match=r"calls: has files but no batch\.json"):
        analyze_folder(calls, calls)
    with pytest.raises(InputError, match="named twice"):
        analyze_many([*read_conversations([calls / "call-2.csv"])] * 2, RULE, tmp_path / "twice")


def test_two_runs_never_write_one_folder(calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def and_another_run() -> Iterator[Conversation]:
        with pytest.raises(RunError, match="is writing here"):
            analyze_folder(calls, out)
        yield from read_conversations(find_files([str(calls)]))

    assert analyze_many(and_another_run(), RULE, out).num_analyzed == 5


@needs_weights
def test_the_tables_do_not_depend_on_what_was_analyzed_before(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    said = ["I lost it.", "You did what?", "I am so sorry, I looked for it everywhere, all night.", "Never mind!"]
    for i in range(4):  # the same sentences, beside others of other lengths
        lines = [f"Ana: {said[i]}", f"Bo: {said[i - 1]}", f"Ana: {said[i - 2]} {'Really. ' * 9 * i}"]
        (tmp_path / "calls" / f"{i}.txt").write_text("\n".join(lines))
    analyze_folder(tmp_path / "calls", tmp_path / "together", AnalysisSettings())
    rows = []
    for i in range(4):
        path = tmp_path / "calls" / f"{i}.txt"
        analyze_many(read_conversations([path]), AnalysisSettings(), tmp_path / f"alone {i}")
        rows += read_table(tmp_path / f"alone {i}", "utterances")
    assert sorted(rows, key=lambda row: json.dumps(row, default=str)) == read_table(tmp_path / "together", "utterances")


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_model_that_cannot_be_opened_is_told(calls: Path, tmp_path: Path, num_processes: int) -> None:
    with pytest.raises(InputError, match="unknown kind of model"):
        analyze_folder(calls, tmp_path / "out", AnalysisSettings(model="oracle:all"), num_processes=num_processes)


def test_a_list_that_is_damaged_is_named(calls: Path, tmp_path: Path) -> None:
    analyze_folder(calls, tmp_path / "out")
    listed = tmp_path / "out" / "parts" / "part-000000.json"
    listed.write_text('[{"conversation": "a"}]')
    with pytest.raises(RunError, match=r"part-000000\.json: no field 'sha256'"):
        BatchFolder.open(tmp_path / "out", RULE.to_json())


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_tables_of_an_undisturbed_run(tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    body = LINES.partition("\n")[2]
    rows = [f"c{i},{line}" for i in range(200) for line in body.format("joy").splitlines()]
    table.write_text("\n".join(["call,speaker,text,emotion", *rows]))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([sys.executable, "-c", SCRIPT, table, whole], check=True, timeout=300)
    rng, num_killed = random.Random(0), 0
    while num_killed < 10:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, table, broken])
        try:
            process.wait(timeout=rng.uniform(1, 4))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            num_killed += 1
        process.wait()
        if process.returncode == 0:
            break
    subprocess.run([sys.executable, "-c", SCRIPT, table, broken], check=True, timeout=300)
    assert num_killed > 0
    assert read_tables(broken) == read_tables(whole)
    assert len(read_table(whole, "utterances")) == 800
