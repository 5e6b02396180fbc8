"""Analyzes many conversations, in this process or in several, and writes what is done part by part."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from fliptrace.batch.conversations import Conversation
from fliptrace.batch.folder import BatchFolder
from fliptrace.batch.rows import Done
from fliptrace.batch.settings import AnalysisSettings
from fliptrace.batch.worker import Worker, analyze_in_process, start
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.locks import sole_writer

_AT_ONCE = 8  # conversations that a process is given at a time
_WAITING = 3  # such tasks for each process, so that none ever waits, and few conversations are in memory
_A_PART = 500  # conversations; or as many as were analyzed in
_SECONDS = 20.0  # this time, which is what a killed run may lose
PAGES = "pages"
_LONGEST_STEM = 60


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a run did: conversations analyzed now and earlier, and those that failed, by id, with their errors."""

    num_analyzed: int
    num_earlier: int
    failed: dict[str, str]


def analyze_many(
    conversations: Iterable[Conversation],
    settings: AnalysisSettings,
    out: Path,
    *,
    num_processes: int = 1,
    pages: bool = False,
    retry_failed: bool = False,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> BatchResult:
    """Analyze conversations into the tables of folder `out` (folder.py). What is finished there is not done again.

    A conversation that cannot be analyzed is set aside and told in the result and in failed.jsonl. `on_progress` gets
    how many are finished. RunError if `out` belongs to a run with other settings, or is being written, or if a
    conversation that it has was changed since; InputError for what is wrong before any conversation is read.
    """
    out.mkdir(parents=True, exist_ok=True)  # before it is locked, since the lock lies inside
    with sole_writer(out):
        folder = BatchFolder.open(out, settings.to_json())
        earlier = len(folder.done)
        pending = _Pending(folder, retry_failed)
        num_analyzed = 0
        for part in _parts(_analyzed(pending.of(conversations), settings, num_processes, out if pages else None)):
            folder.write(part)
            num_analyzed += len(part)
            on_progress(pending.num_skipped + num_analyzed)
        folder.write_failed()
        failed = {done.id: done.error for done in folder.failed()}
    return BatchResult(num_analyzed, min(earlier, pending.num_skipped), failed)


class _Pending:
    """Leaves out what is finished."""

    def __init__(self, folder: BatchFolder, retry_failed: bool) -> None:
        self._folder = folder
        self._retry_failed = retry_failed
        self.num_skipped = 0

    def of(self, conversations: Iterable[Conversation]) -> Iterator[Conversation]:
        seen: set[str] = set()
        for each in conversations:
            if each.id in seen:
                raise InputError(each.id, "named twice; expected every conversation once")
            seen.add(each.id)
            done = self._folder.done.get(each.id)
            if done is None or (done.error and (self._retry_failed or done.sha256 != each.sha256)):
                yield each
            elif done.sha256 != each.sha256:
                raise RunError(
                    each.id, f"was changed since it was analyzed into {self._folder.path}; expected another --out"
                )
            else:
                self.num_skipped += 1


def _analyzed(
    conversations: Iterator[Conversation], settings: AnalysisSettings, num_processes: int, out: Path | None
) -> Iterator[Done]:
    """Analyze in order."""
    if num_processes == 1:
        first = next(conversations, None)
        if first is not None:  # without any, no model is opened
            worker = Worker.open(settings)
            yield worker.analyze(first, page_path(out, first))
            for each in conversations:
                yield worker.analyze(each, page_path(out, each))
        return
    tasks = iter(lambda: list(islice(conversations, _AT_ONCE)), [])
    pool = ProcessPoolExecutor(num_processes, get_context("spawn"), initializer=start, initargs=(settings,))
    with pool:
        waiting: deque[Future[list[Done]]] = deque()
        try:
            while True:
                for task in islice(tasks, num_processes * _WAITING - len(waiting)):
                    waiting.append(pool.submit(analyze_in_process, task, [page_path(out, each) for each in task]))
                if not waiting:
                    return
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise RunError(
                "analyze --out", "one of its processes was killed; run it again, and it goes on where it was"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _parts(finished: Iterable[Done]) -> Iterator[list[Done]]:
    part: list[Done] = []
    begun = time.monotonic()
    for done in finished:
        part.append(done)
        if len(part) >= _A_PART or time.monotonic() - begun >= _SECONDS:
            yield part
            part, begun = [], time.monotonic()
    if part:
        yield part


def page_path(out: Path | None, conversation: Conversation) -> Path | None:
    """Where the page of a conversation goes. Its name may be anything, so only a part of it names the file."""
    if out is None:
        return None
    stem = re.sub(r"[^\w-]+", "-", Path(conversation.name).stem)[:_LONGEST_STEM].strip("-")
    return out / PAGES / f"{stem}-{sha256(conversation.id.encode('utf-8', 'replace')).hexdigest()[:8]}.html"
