"""The supervisor of analyses: a process per worker, and a thread that gives it jobs and watches it.

A worker that dies is started again, and its job returns to the queue. The processes never touch the database, so that
a result is written by the one who knows whether the job still wants it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Condition, Event, Lock, Thread

from fliptrace.core.errors import InputError, RunError
from fliptrace.server.changes import Changes
from fliptrace.server.logs import log, log_error
from fliptrace.server.options import AnalysisOptions
from fliptrace.server.storage.job_store import JobStore
from fliptrace.server.storage.jobs import ClaimedJob, Finished
from fliptrace.server.workers.child import Child, ChildDied, TaskCrashed
from fliptrace.server.workers.tasks import AnalysisTask, prepare_analyses

_POLL_SECONDS = 2.0  # for what may be missed, such as a job put back while all workers looked elsewhere
_RESTART_SECONDS = (0.0, 1.0, 5.0, 30.0)  # before the next start of a worker that did not even start


class Supervisor:
    """Runs the jobs of a store on `num_workers` processes, all with the same models."""

    def __init__(
        self, store: JobStore, changes: Changes, models: Mapping[str, str], device: str, num_workers: int
    ) -> None:
        self._news = Condition()
        self._stopping = Event()
        self._slots = [
            _Slot(number, Child(prepare_analyses, dict(models), device), store, changes, self._news, self._stopping)
            for number in range(num_workers)
        ]

    def start(self) -> None:
        """Start all workers; InputError if a model cannot be opened, which the first of them tells."""
        try:
            self._slots[0].start_child()
        except (ChildDied, TaskCrashed) as error:
            why = str(error) or "its process died, perhaps for lack of memory"
            raise RunError("--models", f"no worker could open them: {why}") from error
        for slot in self._slots:
            slot.start()

    @property
    def num_alive(self) -> int:
        return sum(slot.child.is_alive for slot in self._slots)

    @property
    def pids(self) -> list[int]:
        return [slot.child.pid for slot in self._slots if slot.child.pid is not None]

    def wake(self) -> None:
        """Tell idle workers that there is a job."""
        with self._news:
            self._news.notify_all()

    def abandon(self, id: str) -> None:
        """End the analysis of a job that was cancelled or deleted."""
        for slot in self._slots:
            slot.abandon(id)

    def stop(self, grace_seconds: float) -> None:
        """Take no more jobs, wait for those that run, then end all workers. What still runs goes back to the queue."""
        self._stopping.set()
        self.wake()
        until = time.monotonic() + grace_seconds
        started = [slot for slot in self._slots if slot.ident is not None]
        for slot in started:
            slot.join(max(0.0, until - time.monotonic()))
        for slot in started:
            while slot.is_alive():  # again and again, since it may just be starting its process
                slot.child.kill()
                slot.join(0.2)
        for slot in self._slots:
            slot.child.close()


class _Slot(Thread):
    """The thread of one worker."""

    def __init__(
        self, number: int, child: Child, store: JobStore, changes: Changes, news: Condition, stopping: Event
    ) -> None:
        super().__init__(name=f"worker-{number + 1}", daemon=True)
        self.child = child
        self._store = store
        self._changes = changes
        self._news = news
        self._stopping = stopping
        self._current: str | None = None
        self._current_lock = Lock()
        self._num_failed_starts = 0
        self._unfinished: ClaimedJob | None = None  # a job whose end could not be written

    def start_child(self) -> None:
        self.child.start()
        log("worker started", worker=self.name, pid=self.child.pid)

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._put_back_unfinished()
                if not self._is_ready():
                    continue
                claimed = self._claim()
                if claimed is not None:
                    self._run(claimed)
            except Exception as error:  # such as a full disk: the thread has to live on
                log_error("worker thread failed", error, worker=self.name)
                self._stopping.wait(_POLL_SECONDS)

    def abandon(self, id: str) -> None:
        with self._current_lock:  # while it is held, the worker cannot move on to another job
            if self._current == id:
                self.child.kill()

    def _is_ready(self) -> bool:
        """Whether the process lives; it is started if not."""
        if self.child.is_alive:
            return True
        if self._stopping.wait(_RESTART_SECONDS[min(self._num_failed_starts, len(_RESTART_SECONDS) - 1)]):
            return False
        try:
            self.start_child()
        except (InputError, ChildDied, TaskCrashed) as error:
            self._num_failed_starts += 1
            log_error("worker did not start", error, worker=self.name)
            return False
        self._num_failed_starts = 0
        return True

    def _put_back_unfinished(self) -> None:
        if self._unfinished is not None:
            self._store.put_back(self._unfinished, counts=True)
            self._unfinished = None

    def _claim(self) -> ClaimedJob | None:
        """Take a job; None after a while without one."""
        with self._news:
            claimed = self._store.claim()
            if claimed is None:
                self._news.wait(_POLL_SECONDS)
        return claimed

    def _run(self, claimed: ClaimedJob) -> None:
        job, started = claimed.job, time.monotonic()
        self._set_current(job.id)
        try:
            end = self._analyze(claimed)
        except ChildDied:
            end = self._after_death(claimed)
        except BaseException:
            self._unfinished = claimed
            raise
        finally:
            self._set_current(None)
            self._changes.report(job.id, None)
        seconds = round(time.monotonic() - started, 3)
        log(end, job=job.id, worker=self.name, attempt=claimed.attempt, seconds=seconds, num=job.num_utterances)

    def _analyze(self, claimed: ClaimedJob) -> str:
        job = claimed.job
        task = AnalysisTask(job.name, claimed.content, AnalysisOptions.model_validate(job.options), job.model)
        try:
            finished: Finished = self.child.ask(task, lambda progress: self._changes.report(job.id, progress))
        except InputError as error:
            return "job failed" if self._store.fail(claimed, str(error)) else "job gone"
        except TaskCrashed as error:
            message = f"{error} in fliptrace itself: not your transcript's fault; the log of the server has the place"
            return "job failed" if self._store.fail(claimed, message) else "job gone"
        return "job done" if self._store.finish(claimed, finished) else "job gone"

    def _after_death(self, claimed: ClaimedJob) -> str:
        """Return the job to the queue, unless it was cancelled or deleted, which is why the process was killed then."""
        self._store.put_back(claimed, counts=not self._stopping.is_set())
        return "worker died"

    def _set_current(self, id: str | None) -> None:
        with self._current_lock:
            self._current = id
