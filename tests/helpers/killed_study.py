"""Studies and cells, each in its own process that is killed (SIGKILL, without cleanup) at a named moment."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import torch
from tiny_study import open_run

from fliptrace.core.files import write_json
from fliptrace.predictions import writer as prediction_files
from fliptrace.study import make_cells, reproduce
from fliptrace.study.plan import CellKey
from fliptrace.study.reproduce import Event, StudyFolder

_FORKS = multiprocessing.get_context("forkserver")
# Imported once, by the fork server, also for workers: a spawned process takes seconds for these imports.
_FORKS.set_forkserver_preload(["fliptrace.study.make_cells", "transformers.models.llama.modeling_llama", "peft"])


def make_until(moment: str, toml: Path, key: CellKey, folder: Path) -> int:
    """Make a cell in a process until the moment comes; return its exit code: -SIGKILL, or 0 if it never came."""
    return _exit_code(_make_cell, moment, toml, key, folder)


def reproduce_until(moment: str, toml: Path, runs: Path, workers: Path) -> int:
    """Make a study in a process until an event of that name; return its exit code: -SIGKILL, or 0 without the event.

    The ids of its worker processes at that moment are written to `workers`.
    """
    return _exit_code(_reproduce, moment, toml, runs, workers)


def reproduce_here(
    toml: Path,
    runs: Path,
    on_event: Callable[[Event], None] = lambda event: None,
    only: Sequence[CellKey] | None = None,
    method: str = "forkserver",
) -> list[str]:
    """Make a study in this process and its workers; return the names of its events, each once."""
    names: dict[str, None] = {}

    def listen(event: Event) -> None:
        names[name_of(event)] = None
        on_event(event)

    one_thread = patch("os.cpu_count", return_value=1)  # with tiny models, threads mostly wait for each other
    with patch.object(reproduce, "_PROCESSES", multiprocessing.get_context(method)), one_thread:
        folder = StudyFolder.open(toml, toml.parent)
        reproduce.reproduce(folder, runs, "a test", num_jobs=1, on_event=listen, only=only)
    return list(names)


def name_of(event: Event) -> str:
    """Name an event: `own: training chain`, or `own: chain is made` for a finished cell."""
    track = event.run.split(".")[1]
    return f"{track}: {event.what} is made" if event.cell else f"{track}: {event.what}"


def are_gone(workers: Path) -> bool:
    """Whether these processes end within seconds."""
    ids = json.loads(workers.read_text())
    assert ids
    for _ in range(200):
        if not any(map(_is_there, ids)):
            return True
        time.sleep(0.05)
    return False


def write_workers(path: Path) -> None:
    path.write_text(json.dumps([child.pid for child in multiprocessing.active_children()]))


def _exit_code(target: Callable[..., None], *args: Any) -> int:
    process = _FORKS.Process(target=target, args=args)
    process.start()
    process.join(timeout=300)
    assert process.exitcode is not None
    return process.exitcode


def _reproduce(moment: str, toml: Path, runs: Path, workers: Path) -> None:
    def on_event(event: Event) -> None:
        if name_of(event) == moment:
            write_workers(workers)
            _die()

    reproduce_here(toml, runs, on_event, method="fork")  # a second fork server would import everything again


def _make_cell(moment: str, toml: Path, key: CellKey, folder: Path) -> None:
    torch.set_num_threads(1)
    make_cell, patches = make_cells.make_cell, MOMENTS[moment]

    def on_progress(what: str, num_done: int, num: int) -> None:
        if f"{what} {num_done}" == moment:
            _die()

    with contextlib.ExitStack() as stack:
        if patches:
            stack.enter_context(patch.object(*patches))
        make_cell(open_run(toml, key.track, folder, on_progress), key)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _at_call(number: int, original: Callable[..., Any] = lambda *_, **__: None, *, of: str = "") -> Callable[..., Any]:
    """Wrap a function to kill the process at call `number`, counting only calls with `of` in an argument."""
    calls = []

    def function(*args: Any, **kwargs: Any) -> Any:
        calls.extend([1] if of in " ".join(map(str, args)) else [])
        if len(calls) == number:
            _die()
        return original(*args, **kwargs)

    return function


def _is_there(process: int) -> bool:
    """Whether the process runs. A zombie, which its parent has not collected yet, does not."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# Each moment is named after a progress step (None), or patches a function of a module.
MOMENTS: dict[str, Sequence[Any] | None] = {
    "training chain 2": None,
    "evaluating own k3 4": None,
    "trained but not read": (make_cells, "load_local", _at_call(1)),
    "read but not kept": (prediction_files, "write_json", _at_call(1, write_json, of="own.exact")),
    "kept but not timed": (make_cells, "write_json", _at_call(1, write_json, of="own.k3.cost")),
    "all read but not told": (make_cells, "find_leaks", _at_call(1)),
}
