"""Makes the cells of a study that are not there yet, several runs at once, and keeps each as soon as it is finished.

A study is a folder: study.toml, cells/ with a small file a cell, facts.json, and the report that is made from these.
Cells are all that resuming needs; runs (checkpoints, predictions) lie elsewhere and may be thrown away.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from queue import Empty, Queue
from typing import Any, NamedTuple

from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.detect import read_flip_cases
from fliptrace.corpora.results import EfrFile
from fliptrace.errors import InputError, RunError
from fliptrace.store import Json, read_json, to_line, write_json, write_text
from fliptrace.study.facts import track_facts
from fliptrace.study.plan import FORMAT, CellKey, Study, cells, definition, read_study
from fliptrace.study.test_sets import load_tests, load_track

STUDY, CELLS, FACTS = "study.toml", "cells", "facts.json"
_SHARE_BY_GROUP = 0.1  # of the split by group whose leaks stand beside the official ones


class Event(NamedTuple):
    """What a run is doing: `what`, and how much of it is done. A finished cell comes with what it holds."""

    run: str
    what: str
    num_done: int = 0
    num: int = 0
    cell: Json | None = None


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """A study and what is finished of it. `root` is the folder of corpora, None the cache of downloads.

    `is_extended`: with the cells of the study's extended arms.
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
        """The cells that are there, in the order of the plan; RunError where one was made by another study."""
        there = {key: read_json(self.cell(key)) for key in self.planned() if self.cell(key).exists()}
        stale = [key for key, cell in there.items() if cell.get("definition") != definition(self.study, key)]
        if stale:
            raise RunError(
                self.cell(stale[0]),
                f"{len(stale)} of {len(there)} cells were made by another study.toml than this one; "
                "give it back what it said, or remove them to have them made anew",
            )
        return there

    def missing(self) -> list[CellKey]:
        there = self.finished()
        return [key for key in self.planned() if key not in there]

    def gather_facts(self) -> Json:
        """What the tracks' corpora hold, in counts; written once, so that the report can be made without them."""
        path = self.path / FACTS
        if not path.exists():
            tracks = {name: track for name, track in self.study.tracks.items() if track.is_test}
            told = {
                name: {"title": track.title}
                | track_facts(self._files(name), share=_SHARE_BY_GROUP, seed=self.study.seeds[0])
                for name, track in tracks.items()
            }
            write_json(path, {"format": FORMAT, "tracks": told})
        facts: Json = read_json(path)
        return facts

    def _files(self, track: str) -> dict[str, EfrFile]:
        data = self.study.tracks[track].data
        if len(data.train) > 1 or len(data.val) > 1:
            raise InputError(f"study {self.study.name}, track {track}", "facts are of one train and one val file")
        refs = {"train": data.train[0], "val": data.val[0]}
        return {split: read_flip_cases(locate_ref(ref, self.root)) for split, ref in refs.items()}


def reproduce(
    folder: StudyFolder,
    runs: Path,
    command: str,
    *,
    num_jobs: int,
    on_event: Callable[[Event], None],
    only: Sequence[CellKey] | None = None,
) -> None:
    """Make the missing cells (or those of `only` that are), `num_jobs` runs at once, each in a process of its own.

    A run that fails does not stop the others; RunError tells of the first that did, when all else is done.
    """
    missing = [key for key in folder.missing() if only is None or key in only]
    by_run: dict[str, list[CellKey]] = {}
    for key in missing:
        by_run.setdefault(key.run, []).append(key)
    if not by_run:
        return
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(num_jobs, context, _prepare, (num_jobs,)) as pool:
        events = manager.Queue()
        jobs = {
            pool.submit(_make_run, folder, keys, runs / name, command, events): name for name, keys in by_run.items()
        }
        failed = _follow(jobs, events, on_event)
    if failed:
        name, error = next(iter(failed.items()))
        raise RunError(f"run {name}", f"{error}; {len(failed)} of {len(by_run)} runs failed, given again they go on")


def _follow(
    jobs: Mapping[Future[None], str], events: Queue[Event], on_event: Callable[[Event], None]
) -> dict[str, BaseException]:
    """Pass events on until all jobs have ended; what went wrong, by run."""
    running = set(jobs)
    while running:
        done, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        for event in _drain(events):
            on_event(event)
        for job in done:
            if job.exception() is not None:
                on_event(Event(jobs[job], f"failed: {job.exception()}"))
    return {name: error for job, name in jobs.items() if (error := job.exception()) is not None}


def _drain(events: Queue[Event]) -> Iterator[Event]:
    while True:
        try:
            yield events.get_nowait()
        except Empty:
            return


def _prepare(num_jobs: int) -> None:
    """In every process: its share of the cores, and an end when the study is killed."""
    num_threads = max(1, (os.cpu_count() or 1) // num_jobs)
    os.environ["OMP_NUM_THREADS"] = str(num_threads)  # scikit-learn reads it when it is imported
    import torch

    torch.set_num_threads(num_threads)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: Any) -> None:
    wait_for([sentinel])
    os._exit(1)


def _make_run(folder: StudyFolder, keys: Sequence[CellKey], place: Path, command: str, events: Queue[Event]) -> None:
    from fliptrace.study.make_cells import Run, make_cell

    def tell(what: str, num_done: int, num: int) -> None:
        events.put(Event(keys[0].run, what, num_done, num))

    tell("loading data", 0, 1)
    data = load_track(folder.study, keys[0].track, folder.root)
    run = Run(folder.study, data, load_tests(folder.study, folder.root), place, command, tell)
    for key in keys:
        cell = make_cell(run, key)
        folder.cell(key).parent.mkdir(parents=True, exist_ok=True)
        write_text(folder.cell(key), to_line(cell))
        events.put(Event(key.run, key.arm, 1, 1, cell))
