"""News of jobs, from the threads that change them to the streams of server-sent events that tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple


class Progress(NamedTuple):
    """A step of an analysis ("emotions", "flips"), how many of its items are done, and how many there are."""

    step: str
    num_done: int
    total: int


class Changes:
    """Ids of jobs as they change, for any number of listeners, and the progress of jobs that run.

    `publish` and `report` may be called from any thread. Changes of a job that a listener has not heard of yet are one
    change, so that a slow listener costs no memory.
    """

    def __init__(self) -> None:
        self._progress: dict[str, Progress] = {}
        self._listeners: set[_Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = Lock()

    def attach(self) -> None:
        """Deliver to listeners on the running event loop from now on."""
        with self._lock:
            self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End all listening: every stream ends."""
        self._deliver(None)
        with self._lock:
            self._loop = None

    def publish(self, id: str) -> None:
        self._deliver(id)

    def report(self, id: str, progress: Progress | None) -> None:
        """Note how far a job has come; None once it does not run any more."""
        if progress is None:
            self._progress.pop(id, None)
        else:
            self._progress[id] = progress
            self.publish(id)

    def progress(self, id: str) -> Progress | None:
        return self._progress.get(id)

    @contextmanager
    def listening(self, id: str | None = None) -> Iterator[AsyncIterator[str]]:
        """Listen to all changes from now on, or to those of one job: their ids, until the service stops."""
        listener = _Listener(id)
        self._listeners.add(listener)
        try:
            yield listener.ids()
        finally:
            self._listeners.discard(listener)

    def _deliver(self, id: str | None) -> None:
        with self._lock:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._tell, id)

    def _tell(self, id: str | None) -> None:
        for listener in self._listeners:
            listener.tell(id)


class _Listener:
    """What one listener has not heard of yet. Only the event loop touches it."""

    def __init__(self, id: str | None) -> None:
        self._id = id
        self._changed: dict[str, None] = {}
        self._is_closed = False
        self._event = asyncio.Event()

    def tell(self, id: str | None) -> None:
        if id is None:
            self._is_closed = True
        elif self._id in (None, id):
            self._changed[id] = None
        else:
            return
        self._event.set()

    async def ids(self) -> AsyncIterator[str]:
        while not self._is_closed:
            await self._event.wait()
            self._event.clear()
            changed, self._changed = list(self._changed), {}
            for id in changed:
                yield id
