"""A whole study: it resumes from its cells alone, whatever was killed, deleted or failed."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killed_study import are_gone, reproduce_here, reproduce_until, write_workers
from locked import held_by_another
from tiny_study import timeless_text, write_corpus, write_study

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import read_json
from fliptrace.study import reproduce
from fliptrace.study.plan import cells
from fliptrace.study.reproduce import Event, StudyFolder

NAMES = (
    "tiny.own.seed-0.base",
    "tiny.own.seed-0.answer",
    "tiny.own.seed-0.chain",
    "tiny.own.seed-0.feedback",
    "tiny.own.seed-0.more-2",
    "baseline.own.seed-0.previous",
    "tiny.more.seed-0.chain",
)


COMMAND = ("fliptrace", "reproduce", "study.toml")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def made(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study made without interruption, with its runs beside it."""
    folder = tmp_path_factory.mktemp("made")
    reproduce_here(write_study(folder, corpus), folder / "runs")
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A copy of the study with all its cells and without its runs."""
    return Path(shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("runs")))


def cell(folder: Path, name: str) -> Path:
    return folder / "cells" / f"{name}.json"


def all_cells(folder: Path) -> dict[str, str]:
    """The text of every file in the folder of cells, without seconds."""
    return {path.name.removesuffix(".json"): timeless_text(path) for path in (folder / "cells").iterdir()}


def trained(events: list[str]) -> list[str]:
    return [name.split(": training ")[1] for name in events if ": training " in name]


def test_every_planned_cell_is_made_and_kept_in_a_file_of_its_own(made: Path) -> None:
    assert all_cells(made).keys() == set(NAMES)
    folder = StudyFolder.open(made / "study.toml", made)
    assert [key.file_name for key in folder.finished()] == [f"{name}.json" for name in NAMES]
    assert folder.missing() == []


def test_arms_of_one_run_share_what_they_grow_from(made: Path) -> None:
    """Each stage is trained once, whichever arms need it."""
    stages = sorted(path.parent.name for path in (made / "runs" / "tiny.own.seed-0").glob("*/checkpoint"))
    assert stages == ["1-answer", "2-chain", "3-feedback", "4-more-2"]
    hashes = [read_json(cell(made, name))["weights_sha256"] for name in NAMES[:5]]
    assert len(set(hashes)) == 5


def test_a_study_killed_again_and_again_ends_as_one_that_was_not(made: Path, corpus: Path, tmp_path: Path) -> None:
    toml, runs, workers = write_study(tmp_path, corpus), tmp_path / "runs", tmp_path / "workers.json"
    moments = {"own: training chain": 2, "own: evaluating own k3": 2, "own: feedback is made": 4}
    for moment, num_cells in moments.items():
        assert reproduce_until(moment, toml, runs, workers) == -signal.SIGKILL
        assert are_gone(workers)
        assert num_cells <= len(StudyFolder.open(toml, tmp_path).finished()) < len(NAMES)
    reproduce_here(toml, runs)
    assert all_cells(tmp_path) == all_cells(made)


def test_with_all_cells_there_nothing_is_done(copy: Path) -> None:
    assert reproduce_here(copy / "study.toml", copy / "runs") == []
    assert not (copy / "runs").exists()


@pytest.mark.parametrize(
    ("name", "lineage"), [("answer", ["answer"]), ("more-2", ["chain", "feedback", "more-2"])], ids=["leaf", "control"]
)
def test_one_lost_cell_takes_its_lineage_and_no_more(name: str, lineage: list[str], made: Path, copy: Path) -> None:
    """A control takes its number of steps from another stage, which therefore belongs to its lineage."""
    cell(copy, f"tiny.own.seed-0.{name}").unlink()
    events = reproduce_here(copy / "study.toml", copy / "runs")
    assert trained(events) == lineage
    assert [event for event in events if event.endswith("is made")] == [f"own: {name} is made"]
    assert all_cells(copy) == all_cells(made)


def test_only_the_cells_that_are_asked_for_are_made(copy: Path) -> None:
    shutil.rmtree(copy / "cells")
    folder = StudyFolder.open(copy / "study.toml", copy)
    rule = [key for key in cells(folder.study) if key.arm == "previous"]
    reproduce_here(copy / "study.toml", copy / "runs", only=rule)
    assert all_cells(copy).keys() == {"baseline.own.seed-0.previous"}


def test_a_run_that_fails_does_not_stop_the_others_and_is_named(copy: Path) -> None:
    for name in ("tiny.own.seed-0.base", "baseline.own.seed-0.previous"):
        cell(copy, name).unlink()
    stray = copy / "runs" / "tiny.own.seed-0" / "stray.txt"
    stray.parent.mkdir(parents=True)
    stray.touch()
    events: list[Event] = []
    with pytest.raises(RunError, match=r"run tiny\.own\.seed-0: .* not a run.*; 1 of 2 runs failed") as failure:
        reproduce_here(copy / "study.toml", copy / "runs", events.append)
    assert "run the same command again to resume" in str(failure.value)
    assert [event.run for event in events if event.what.startswith("failed: ")] == ["tiny.own.seed-0"]
    assert cell(copy, "baseline.own.seed-0.previous").exists()
    stray.unlink()
    reproduce_here(copy / "study.toml", copy / "runs")
    assert all_cells(copy).keys() == set(NAMES)


def test_a_process_that_is_killed_fails_its_run_alone(copy: Path) -> None:
    """A system that is out of memory kills processes like this."""
    for name in ("tiny.own.seed-0.base", "baseline.own.seed-0.previous"):
        cell(copy, name).unlink()

    def kill(event: Event) -> None:
        if event.run == "tiny.own.seed-0" and event.what == "loading data":
            [worker] = multiprocessing.active_children()
            os.kill(worker.pid or 0, signal.SIGKILL)

    with pytest.raises(RunError, match=r"run tiny\.own\.seed-0: its process ended with exit code -9; 1 of 2 runs"):
        reproduce_here(copy / "study.toml", copy / "runs", kill)
    assert all_cells(copy).keys() == set(NAMES) - {"tiny.own.seed-0.base"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_who_interrupts_a_study_interrupts_its_workers(error: type[BaseException], copy: Path) -> None:
    cell(copy, "tiny.own.seed-0.feedback").unlink()

    def interrupt(event: Event) -> None:
        if event.what == "training chain":
            write_workers(copy / "workers.json")
            raise error

    with pytest.raises(error):
        reproduce_here(copy / "study.toml", copy / "runs", interrupt)
    assert are_gone(copy / "workers.json")


def test_cells_of_another_study_are_refused_by_name(copy: Path, corpus: Path) -> None:
    write_study(copy, corpus, ("stages.2.epochs", 2))
    folder = StudyFolder.open(copy / "study.toml", copy)
    with pytest.raises(RunError, match=r"\.feedback\.json: 2 of 7 cells were made with a different study"):
        folder.missing()
    with pytest.raises(RunError, match="a different study"):
        reproduce_here(copy / "study.toml", copy / "runs")
    for name in ("feedback", "more-2"):
        cell(copy, f"tiny.own.seed-0.{name}").unlink()
    assert [key.arm for key in folder.missing()] == ["feedback", "more-2"]


def test_a_cell_that_is_not_json_is_refused_by_name(copy: Path) -> None:
    cell(copy, "tiny.own.seed-0.base").write_text("<<<<<<< ours")
    with pytest.raises(InputError, match=r"tiny\.own\.seed-0\.base\.json: line 1 column 1: not JSON"):
        StudyFolder.open(copy / "study.toml", copy).finished()


def test_a_file_that_no_plan_names_is_no_cell(copy: Path) -> None:
    cell(copy, "tiny.own.seed-0.base").rename(cell(copy, "tiny.own.seed-9.base"))
    assert [key.arm for key in StudyFolder.open(copy / "study.toml", copy).missing()] == ["base"]


def test_facts_are_of_the_tracks_that_are_tests_and_written_once(copy: Path, corpus: Path) -> None:
    folder = StudyFolder.open(copy / "study.toml", copy)
    facts = folder.gather_facts()
    assert list(facts["tracks"]) == ["own"]
    assert facts["tracks"]["own"]["splits"]["val"]["num_flips"] == 6
    written = (copy / "facts.json").stat().st_mtime_ns
    assert folder.gather_facts() == facts and (copy / "facts.json").stat().st_mtime_ns == written
    nowhere = StudyFolder.open(write_study(copy, copy / "no such corpus"), copy)
    assert nowhere.gather_facts() == facts


def test_a_track_that_came_later_gets_its_facts(copy: Path, corpus: Path) -> None:
    StudyFolder.open(copy / "study.toml", copy).gather_facts()
    track = {"title": "late", "data": {"train": ["more.json"], "val": ["val.json"]}}
    facts = StudyFolder.open(write_study(copy, corpus, ("tracks.late", track)), copy).gather_facts()
    assert list(facts["tracks"]) == ["own", "late"] and facts["tracks"]["late"]["title"] == "late"


@pytest.mark.slow
def test_the_command_leaves_no_process_and_goes_on_where_it_was_killed(
    made: Path, corpus: Path, tmp_path: Path
) -> None:
    psutil = pytest.importorskip("psutil")
    write_study(tmp_path, corpus)
    command = [str(Path(sys.executable).with_name(COMMAND[0])), *COMMAND[1:], "--jobs", str(os.cpu_count())]
    process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL)
    while process.poll() is None and not cell(tmp_path, "tiny.own.seed-0.answer").exists():
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    assert process.wait() == -signal.SIGKILL and len(workers) >= 2
    _, left = psutil.wait_procs(workers, timeout=20)
    assert [worker for worker in left if worker.status() != psutil.STATUS_ZOMBIE] == []
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    made_here = {name: text.replace(" ".join(COMMAND), "a test") for name, text in all_cells(tmp_path).items()}
    assert made_here == all_cells(made)


def test_workers_are_spawned() -> None:
    """A forked process could not use a GPU that is already in use. Other tests use a fork server to save seconds."""
    assert reproduce._PROCESSES.get_start_method() == "spawn"


def test_runs_that_another_process_makes_are_left_alone(copy: Path) -> None:
    cell(copy, NAMES[0]).unlink()
    (copy / "runs").mkdir()
    with held_by_another(copy / "runs"), pytest.raises(RunError, match="is writing here"):
        reproduce_here(copy / "study.toml", copy / "runs")
    assert not cell(copy, NAMES[0]).exists()
