"""A running service: its database, its workers, its news, opened and closed together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from fliptrace.core.locks import sole_writer
from fliptrace.server.changes import Changes
from fliptrace.server.logs import log, log_error
from fliptrace.server.settings import ServerSettings
from fliptrace.server.storage.database import forget_deleted, open_database, prepare_folder
from fliptrace.server.storage.job_store import JobStore
from fliptrace.server.workers.short_tasks import ShortTasks
from fliptrace.server.workers.supervisor import Supervisor

_GRACE_SECONDS = 10.0  # for analyses that run when the service stops; later ones start again with the next service
_CLEANING_SECONDS = 3_600.0
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Service:
    settings: ServerSettings
    store: JobStore
    changes: Changes
    short_tasks: ShortTasks
    supervisor: Supervisor


@contextmanager
def running(settings: ServerSettings, grace_seconds: float = _GRACE_SECONDS) -> Iterator[Service]:
    """Open a service on its data folder and run its jobs until the `with` block ends.

    InputError if a model cannot be opened, RunError if another process uses the data folder or it is damaged.
    """
    with ExitStack() as stack:
        stack.callback(log, "service stopped")
        prepare_folder(settings.data)
        stack.enter_context(sole_writer(settings.data, option="--data"))
        engine = open_database(settings.data)
        stack.callback(engine.dispose)
        stack.callback(forget_deleted, engine)
        changes = Changes()
        store = JobStore(engine, changes.publish)
        num_recovered = store.recover()
        short_tasks = ShortTasks()
        stack.callback(short_tasks.close)
        short_tasks.warm_up()
        supervisor = Supervisor(store, changes, settings.models, settings.device, settings.workers)
        stack.callback(supervisor.stop, grace_seconds)
        supervisor.start()
        if settings.keep_days is not None:
            stack.enter_context(_cleaning(store, settings.keep_days * _DAY))
        prepare_folder(settings.data)  # the files that have come since
        log("service started", workers=settings.workers, jobs_queued_again=num_recovered)
        yield Service(settings, store, changes, short_tasks, supervisor)


@contextmanager
def _cleaning(store: JobStore, max_age_seconds: float) -> Iterator[None]:
    """Delete jobs of more than this age now, and every hour."""
    stopping = Event()

    def clean() -> None:
        while True:
            try:
                log("cleaned", num_deleted=store.delete_ended_before(time.time() - max_age_seconds))
            except Exception as error:  # such as a full disk; in an hour it may be better
                log_error("cleaning failed", error)
            if stopping.wait(_CLEANING_SECONDS):
                return

    thread = Thread(target=clean, name="cleaning", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
