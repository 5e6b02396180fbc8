"""Make the missing cells of a study, several runs at once, and save each cell as soon as it is finished.

A study is a folder: study.toml, cells/ with one small file per cell, facts.json, and the report made from them. Only
the cells are needed to resume. Runs (checkpoints, predictions) are stored elsewhere and may be deleted.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, read_object, rename_key, to_line, write_json, write_text
from fliptrace.core.locks import sole_writer
from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.corpus_file import EfrFile
from fliptrace.corpora.detect import read_flip_cases
from fliptrace.study.facts import track_facts
from fliptrace.study.plan import FORMAT, CellKey, Study, cells, definition, read_study
from fliptrace.study.test_sets import load_tests, load_track

CELLS, FACTS = "cells", "facts.json"
_PROCESSES = multiprocessing.get_context("spawn")  # a fork cannot use a GPU that its parent has used
_SHARE_BY_GROUP = 0.1  # val share of the split by group, whose leaks are shown beside those of the official split


class Event(NamedTuple):
    """Progress of a run: `what` it is doing, and how much of that is done. `cell` is the content of a finished cell."""

    run: str
    what: str
    num_done: int = 0
    num: int = 0
    cell: Json | None = None


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """A study on disk, with its finished cells.

    `root` is the folder of corpora; None means the download cache. `is_extended` includes the cells of extended arms.
    """

    path: Path
    study: Study
    root: Path | None
    is_extended: bool = False

    @classmethod
    def open(cls, toml: Path, root: Path | None, *, extended: bool = False) -> StudyFolder:
        return cls(toml.parent, read_study(toml), root, extended)

    def planned(self) -> list[CellKey]:
        return list(cells(self.study, extended=self.is_extended))

    def cell(self, key: CellKey) -> Path:
        return self.path / CELLS / key.file_name

    def finished(self) -> dict[CellKey, Json]:
        """Read the finished cells, in the order of the plan. RunError where one belongs to a different study.toml."""
        there = {key: read_cell(self.cell(key)) for key in self.planned() if self.cell(key).exists()}
        stale = [key for key, cell in there.items() if cell.get("definition") != definition(self.study, key)]
        if stale:
            raise RunError(
                self.cell(stale[0]),
                f"{len(stale)} of {len(there)} cells were made with a different study.toml; expected cells of this "
                "one: restore the file, or delete these cells so that they are made again",
            )
        return there

    def missing(self) -> list[CellKey]:
        there = self.finished()
        return [key for key in self.planned() if key not in there]

    def gather_facts(self) -> Json:
        """Statistics of the tracks' corpora. They are saved once, so that the report does not need the corpora."""
        path = self.path / FACTS
        tracks = {name: track for name, track in self.study.tracks.items() if track.is_test}
        if not path.exists() or read_object(path)["tracks"].keys() != tracks.keys():
            by_track = {
                name: {"title": track.title}
                | track_facts(self._files(name), share=_SHARE_BY_GROUP, seed=self.study.seeds[0])
                for name, track in tracks.items()
            }
            write_json(path, {"format": FORMAT, "tracks": by_track})
        facts: Json = read_object(path)
        return facts

    def _files(self, track: str) -> dict[str, EfrFile]:
        data = self.study.tracks[track].data
        if len(data.train) > 1 or len(data.val) > 1:
            found = f"{len(data.train)} train and {len(data.val)} val files"
            raise InputError(f"study {self.study.name}, track {track}", f"{found}; expected one file of each")
        refs = {"train": data.train[0], "val": data.val[0]}
        return {split: read_flip_cases(locate_ref(ref, self.root)) for split, ref in refs.items()}


def read_cell(path: Path) -> Json:
    """Read a finished cell. Older cells call their evaluations "readings"."""
    cell: Json = read_object(path)
    tests = {name: rename_key(test, "readings", "evaluations") for name, test in cell["tests"].items()}
    return cell | {"tests": tests}


def reproduce(
    folder: StudyFolder,
    runs: Path,
    command: str,
    *,
    num_jobs: int,
    on_event: Callable[[Event], None],
    only: Sequence[CellKey] | None = None,
) -> None:
    """Make the missing cells, or only those in `only`, `num_jobs` runs at once, each in its own process.

    A run that fails, or whose process is killed, does not stop the others. When all runs have ended, RunError names the
    first one that failed. RunError too if another process works in `runs`.
    """
    missing = [key for key in folder.missing() if only is None or key in only]
    by_run: dict[str, list[CellKey]] = {}
    for key in missing:
        by_run.setdefault(key.run, []).append(key)
    jobs = [_Job(name, folder, keys, runs / name, command) for name, keys in by_run.items()]
    if not jobs:
        return
    runs.mkdir(parents=True, exist_ok=True)
    with sole_writer(runs):
        failed = _work_off(jobs, num_jobs, on_event)
    if failed:
        name, error = next(iter(failed.items()))
        counts = f"{len(failed)} of {len(by_run)} runs failed"
        raise RunError(f"run {name}", f"{error}; {counts}; run the same command again to resume")


class _Job(NamedTuple):
    run: str
    folder: StudyFolder
    keys: Sequence[CellKey]
    place: Path
    command: str


class _Worker(NamedTuple):
    """The process of a run, and the connection for its messages, which closes however the process ends."""

    run: str
    process: BaseProcess
    messages: Connection


class _Failure(NamedTuple):
    error: str


def _work_off(jobs: Sequence[_Job], num_jobs: int, on_event: Callable[[Event], None]) -> dict[str, str]:
    """Do all jobs, `num_jobs` at once, and return the errors by run. No process is left running, however this ends."""
    waiting, failed = deque(jobs), dict[str, str]()
    working: dict[object, _Worker] = {}
    try:
        while waiting or working:
            while waiting and len(working) < num_jobs:
                worker = _start(waiting.popleft(), max(1, (os.cpu_count() or 1) // num_jobs))
                working[worker.messages] = worker
            for connection in wait_for([worker.messages for worker in working.values()]):
                message = _receive(working[connection])
                if isinstance(message, Event):
                    on_event(message)
                    continue
                ended = working.pop(connection)
                if message is not None:
                    failed[ended.run] = message.error
                    on_event(Event(ended.run, f"failed: {message.error}"))
    finally:
        for worker in working.values():
            worker.process.kill()
            worker.process.join()
    return failed


def _start(job: _Job, num_threads: int) -> _Worker:
    receiver, sender = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_work, args=(job, sender, num_threads))
    process.start()
    sender.close()  # only the worker holds a sending end now, so the pipe closes when the worker ends
    return _Worker(job.run, process, receiver)


def _receive(worker: _Worker) -> Event | _Failure | None:
    """The next message of a run; None when it has finished. A killed process shows in its exit code only."""
    try:
        message: Event | _Failure = worker.messages.recv()
    except (EOFError, OSError):
        worker.process.join()
        code = worker.process.exitcode
        return _Failure(f"its process ended with exit code {code}") if code else None
    if isinstance(message, _Failure):
        worker.process.join()
    return message


def _work(job: _Job, sender: Connection, num_threads: int) -> None:
    """The main function of a worker process."""
    _prepare(num_threads)
    try:
        _make_run(job, sender.send)
    except InputError as error:
        sender.send(_Failure(str(error)))
    except Exception as error:
        sender.send(_Failure(f"{type(error).__name__}: {error}"))
        raise


def _prepare(num_threads: int) -> None:
    """Limit a worker to its share of the cores, and end it when its parent is killed. The parent handles SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = str(num_threads)  # scikit-learn reads it at import
    import torch

    torch.set_num_threads(num_threads)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_exit_with_parent, args=(parent.sentinel,), daemon=True).start()


def _exit_with_parent(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


def _make_run(job: _Job, send: Callable[[Event], None]) -> None:
    from fliptrace.study.make_cells import Run, make_cell

    def progress(what: str, num_done: int, num: int) -> None:
        send(Event(job.run, what, num_done, num))

    progress("loading data", 0, 1)
    study, root = job.folder.study, job.folder.root
    data = load_track(study, job.keys[0].track, root)
    run = Run(study, data, load_tests(study, root), job.place, job.command, progress)
    for key in job.keys:
        cell = make_cell(run, key)
        write_text(job.folder.cell(key), to_line(cell))
        send(Event(job.run, key.arm, 1, 1, cell))
