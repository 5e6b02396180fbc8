"""Services for tests: their tasks run in this process, so that they start at once and stop where a test wants."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from fliptrace.core.errors import InputError
from fliptrace.server.changes import Changes, Progress
from fliptrace.server.options import AnalysisOptions
from fliptrace.server.serve import bind, make_server
from fliptrace.server.service import Service
from fliptrace.server.settings import ServerSettings
from fliptrace.server.storage.database import open_database, prepare_folder
from fliptrace.server.storage.job_store import JobStore
from fliptrace.server.storage.jobs import NewJob
from fliptrace.server.web.app import make_app
from fliptrace.server.workers.tasks import AnalysisTask, prepare_analyses, prepare_short_tasks

ADDRESS = "http://127.0.0.1:8090"
MODELS = {"previous": "rule:previous", "itself": "rule:previous-or-self"}

# With its emotions, so that a rule can analyze it. Two flips: Ana from joy to fear, Bo from neutral to surprise.
TABLE = """speaker,text,emotion
Ana,What a marvellous zucchini!,joy
Bo,Is that smoke over there?,neutral
Ana,The barn is burning,fear
Bo,Oh no,surprise
"""


def table(*lines: tuple[str, str, str]) -> str:
    """A transcript of (speaker, text, emotion) as CSV; none of them holds a comma or a quote."""
    return "\n".join(["speaker,text,emotion", *map(",".join, lines)]) + "\n"


def long_table(num_utterances: int) -> str:
    """A transcript with a flip at nearly every utterance, which takes a rule a while."""
    emotions = ("joy", "fear", "anger")
    return table(*((f"S{i % 2}", f"Utterance number {i}", emotions[i // 2 % 3]) for i in range(num_utterances)))


class InlineTasks:
    """Stands for ShortTasks: performs the same tasks in a thread of this process."""

    def __init__(self) -> None:
        self._perform = prepare_short_tasks()

    async def run(self, task: Any) -> Any:
        return await asyncio.to_thread(self._perform, task, lambda *_: None)


@dataclass
class InlineSupervisor:
    """Stands for Supervisor: runs jobs when a test says so, or at once where `is_eager`."""

    store: JobStore
    changes: Changes
    models: dict[str, str]
    is_eager: bool = False
    num_alive: int = 1

    def __post_init__(self) -> None:
        self._perform: Callable[..., Any] = prepare_analyses(self.models, "cpu")
        self._lock = threading.Lock()
        self.abandoned: list[str] = []

    def wake(self) -> None:
        if self.is_eager:
            threading.Thread(target=self.run_all, daemon=True).start()

    def abandon(self, id: str) -> None:
        self.abandoned.append(id)

    def run_all(self) -> None:
        """Run every queued job."""
        with self._lock:
            while (claimed := self.store.claim()) is not None:
                job = claimed.job
                task = AnalysisTask(job.name, claimed.content, AnalysisOptions(**job.options), job.model)

                def report(step: str, num_done: int, total: int, id: str = job.id) -> None:
                    self.changes.report(id, Progress(step, num_done, total))

                try:
                    self.store.finish(claimed, self._perform(task, report))
                except InputError as error:
                    self.store.fail(claimed, str(error))
                self.changes.report(job.id, None)


def open_store(folder: Path, changes: Changes | None = None) -> tuple[JobStore, Any]:
    """A store on a data folder, and its engine, which the caller disposes of."""
    prepare_folder(folder)
    engine = open_database(folder)
    return JobStore(engine, (changes or Changes()).publish), engine


@contextmanager
def inline_service(folder: Path, *, is_eager: bool = False, **settings: Any) -> Iterator[Service]:
    """A service without processes."""
    chosen = replace(ServerSettings(folder, dict(MODELS)), **settings)
    with ExitStack() as stack:
        changes = Changes()
        store, engine = open_store(folder, changes)
        stack.callback(engine.dispose)
        supervisor = InlineSupervisor(store, changes, dict(chosen.models), is_eager)
        yield Service(chosen, store, changes, InlineTasks(), supervisor)  # type: ignore[arg-type]


@contextmanager
def client_of(service: Service) -> Iterator[TestClient]:
    app = make_app(service)
    with TestClient(app, base_url=ADDRESS, raise_server_exceptions=False, client=("127.0.0.1", 50_000)) as client:
        yield client


@contextmanager
def listening(service: Service) -> Iterator[str]:
    """Serve on a port of this machine, as browsers need it; yields the address."""
    with bind("127.0.0.1", 0) as listener:
        server = make_server(service)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def new_job(text: str = TABLE, key: str | None = None, model: str = "previous") -> NewJob:
    return NewJob("farm.csv", text.encode(), model, AnalysisOptions().model_dump(mode="json"), key)


def submit(client: TestClient, text: str = TABLE, name: str = "farm.csv", **fields: Any) -> dict[str, Any]:
    """Hand in a transcript and return its job."""
    answer = client.post("/api/v1/conversations", files={"file": (name, text.encode())}, data=fields)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def bytes_in(folder: Path) -> bytes:
    """Everything that the files of a folder hold."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return b"\n".join(path.read_bytes() for path in files)
