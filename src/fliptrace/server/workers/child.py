"""A process of its own that performs one task at a time, watched from the outside: it may die at any moment.

The process is spawned, not forked, because the server has threads. It ends when its parent does, also when that is
killed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.server.changes import Progress
from fliptrace.server.logs import log, places

_SPAWN = get_context("spawn")
_PROGRESS_SECONDS = 0.1  # between two reports of progress
_START_SECONDS = 600.0  # a large model takes minutes to load

Report = Callable[[Progress], None]
Perform = Callable[[Any, Callable[[str, int, int], None]], Any]  # a task and where its progress goes; its result
Prepare = Callable[..., Perform]


class ChildDied(Exception):
    """The process ended before its task did."""


class TaskTooLong(ChildDied):
    """The process was killed because its task took too long."""


class TaskCrashed(Exception):
    """A task ended in an error that no input should cause."""


@dataclass(frozen=True, slots=True)
class _Done:
    result: Any


@dataclass(frozen=True, slots=True)
class _Refused:
    error: InputError


@dataclass(frozen=True, slots=True)
class _Crashed:
    kind: str
    at: list[str]


class Child:
    """A process that calls `prepare(*arguments)` once, and what that returns for every task."""

    def __init__(self, prepare: Prepare, *arguments: Any) -> None:
        self._prepare = prepare
        self._arguments = arguments
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process and wait until it is ready; InputError if its preparation was refused, or ChildDied."""
        self.close()
        self._connection, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs, self._prepare, self._arguments), daemon=True)
        process.start()
        self._process = process  # only now, since another thread may kill it
        theirs.close()
        self._await(None, _START_SECONDS)

    def ask(self, task: Any, report: Report | None = None, timeout: float | None = None) -> Any:
        """Let the process perform a task, and return the result.

        InputError if the task was refused, TaskCrashed, ChildDied, or TaskTooLong after `timeout` seconds.
        """
        assert self._connection is not None
        try:
            self._connection.send(task)
        except OSError as error:
            raise ChildDied from error
        return self._await(report, timeout)

    def kill(self) -> None:
        """End the process at once; another thread that waits for it gets ChildDied."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        self.kill()
        if self._process is not None:
            self._process.join()
        if self._connection is not None:
            self._connection.close()

    def _await(self, report: Report | None, timeout: float | None) -> Any:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            message = self._receive(until)
            if isinstance(message, Progress):
                if report is not None:
                    report(message)
            elif isinstance(message, _Refused):
                raise message.error
            elif isinstance(message, _Crashed):
                log("task crashed", error=message.kind, at=message.at)
                raise TaskCrashed(message.kind)
            else:
                return message.result

    def _receive(self, until: float | None) -> Any:
        assert self._connection is not None and self._process is not None
        ready = wait(
            [self._connection, self._process.sentinel], None if until is None else max(0.0, until - time.monotonic())
        )
        try:
            if ready and self._connection.poll():
                return self._connection.recv()
        except (EOFError, OSError):
            pass
        self.kill()
        self._process.join()
        raise ChildDied if ready else TaskTooLong


def _serve(connection: Connection, prepare: Prepare, arguments: tuple[Any, ...]) -> None:
    """What the process does: prepare, then perform tasks until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides what ends
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        prepared = _attempt(lambda: prepare(*arguments))
        connection.send(prepared if not isinstance(prepared, _Done) else _Done(None))
        while isinstance(prepared, _Done):
            task, report = connection.recv(), _Reporter(connection)
            connection.send(_attempt(lambda task=task, report=report: prepared.result(task, report)))  # type: ignore[misc]
    except (EOFError, OSError):
        return


def _attempt(perform: Callable[[], Any]) -> _Done | _Refused | _Crashed:
    try:
        return _Done(perform())
    except InputError as error:
        return _Refused(error)
    except Exception as error:  # whatever it is, the process goes on with the next task
        return _Crashed(type(error).__name__, places(error))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class _Reporter:
    """Sends progress to the parent, a few times per second at most."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent_at = 0.0
        self._step = ""

    def __call__(self, step: str, num_done: int, total: int) -> None:
        now = time.monotonic()
        if step != self._step or now - self._sent_at >= _PROGRESS_SECONDS:
            self._step, self._sent_at = step, now
            self._connection.send(Progress(step, num_done, total))
