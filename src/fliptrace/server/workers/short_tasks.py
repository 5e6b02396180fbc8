"""Tasks of well under a second, which a client waits for: reading an upload, rendering a result. Never a model."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fliptrace.server.workers.child import Child, ChildDied, TaskTooLong
from fliptrace.server.workers.tasks import Exported, ShortTask, prepare_short_tasks

if TYPE_CHECKING:
    from fliptrace.analysis.tally import Tally

_NUM_PROCESSES = 2  # so that a transcript made to be slow holds up only half of them
_TIMEOUT_SECONDS = 60.0


class ShortTasks:
    """Processes for short tasks, each with a thread that waits for it."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._children: list[Child] = []
        self._threads = ThreadPoolExecutor(_NUM_PROCESSES, "short-task")

    def warm_up(self) -> None:
        """Start all processes now, in the background."""
        for _ in range(_NUM_PROCESSES):
            self._threads.submit(self._living_child)

    async def run(self, task: ShortTask) -> int | str | Exported | Tally | None:
        """Perform a task; InputError if it is refused, ChildDied if it ends its process, or takes over a minute."""
        result: int | str | Exported | Tally | None = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._ask, task
        )
        return result

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.kill()
        self._threads.shutdown()
        for child in self._children:
            child.close()

    def _ask(self, task: ShortTask) -> int | str | Tally | None:
        result: int | str | Tally | None
        try:
            result = self._living_child().ask(task, timeout=_TIMEOUT_SECONDS)
        except TaskTooLong:
            raise
        except ChildDied:  # perhaps of something else than this task
            result = self._living_child().ask(task, timeout=_TIMEOUT_SECONDS)
        return result

    def _living_child(self) -> Child:
        """The process of this thread, started if there is none that lives."""
        child: Child | None = getattr(self._own, "child", None)
        if child is None:
            child = self._own.child = Child(prepare_short_tasks)
            self._children.append(child)
        if not child.is_alive:
            child.start()
        return child
