"""Kill commands at random moments (SIGKILL, without cleanup), and start them again until they end.

What they write has to be the same, byte for byte, as if nobody had killed them. A kill hits the command alone or its
workers too; without their parent they have to end by themselves. Moments are drawn by a seed as shares of the time that
the command takes undisturbed, from its first write on.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil

import fliptrace
from fliptrace.core.files import hash_file, read_json
from tools.attack.tiny import write_corpus, write_recipe, write_study

_PATIENCE_SECONDS = 600  # after which a command is given up
_WORKER_SECONDS = 60  # in which workers have to end without their parent
_SHARE_ENDED = 0.3  # of kills after which the command is started once more and may end
_SOURCE = Path(fliptrace.__file__).parents[1]  # the commands are those of this code, not of an installed one
Result = Mapping[str, str]


class Job(NamedTuple):
    """A command of fliptrace, started in a folder that `prepare` fills, and what it has to write there."""

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], object]
    result: Callable[[Path], Result]


@dataclass
class KillOutcomes:
    """How often a command was killed, how often it then ended with the same result, and what was wrong elsewhere."""

    num_kills: int = 0
    num_same: int = 0
    failures: list[str] = field(default_factory=list)


def make_jobs(folder: Path) -> list[Job]:
    """The commands that resume. `predict` uses the model that the first job trains undisturbed."""
    data = write_corpus(folder)
    recipe, model = folder / "recipe.toml", folder / "train-whole" / "run"
    write_recipe(recipe, data)
    sampled = ("--samples", "5", "--max-new-tokens", "16", "--out", "p.jsonl")
    return [
        Job("train", ("train", str(recipe), "--out", "run"), lambda _: None, hash_files),
        Job("predict", ("predict", str(model), "sample:val", *sampled), lambda _: None, hash_files),
        Job(
            "reproduce",
            ("reproduce", "study.toml", "--runs", "runs", "--jobs", str(os.cpu_count() or 1)),  # one thread each
            lambda target: write_study(target / "study.toml", data),
            read_cells,
        ),
    ]


def hash_files(folder: Path) -> Result:
    """The hash of every file in a folder, by its name."""
    return {str(path.relative_to(folder)): hash_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def read_cells(folder: Path) -> Result:
    """The cells and the facts of a study, without the seconds that they took."""
    files = [*sorted(folder.glob("cells/*.json")), folder / "facts.json"]
    return {path.name: json.dumps(_timeless(read_json(path))) for path in files}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key != "seconds"}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def try_kills(job: Job, seed: int, num_kills: int, folder: Path) -> KillOutcomes:
    """Kill a command so many times; folders with a wrong result are kept in `folder`."""
    draw, outcomes = random.Random(f"{job.name} {seed}"), KillOutcomes()
    whole = _fill(job, folder / f"{job.name}-whole")
    seconds = _Command(job, whole).run()
    expected = job.result(whole)
    for number in range(1, 2 * num_kills + 1):  # a command may end before its kill
        target = _fill(job, folder / f"{job.name}-{number}")
        moments: list[float] = []
        try:
            _kill_until_ended(job, target, draw, seconds, moments, num_kills - outcomes.num_kills)
            found = job.result(target)
        except (OSError, RuntimeError) as error:
            found, wrong = {}, str(error)
        else:
            wrong = _difference(expected, found)
        outcomes.num_kills += len(moments)
        if wrong:
            told = ", ".join(f"{moment:.2f}" for moment in moments)
            outcomes.failures.append(f"{target.name}, killed {told} s after it began to write: {wrong}")
        else:
            outcomes.num_same += 1
            shutil.rmtree(target)
        if outcomes.num_kills >= num_kills:
            break
    return outcomes


def _fill(job: Job, target: Path) -> Path:
    if target.exists():
        shutil.rmtree(target)  # of an earlier campaign
    target.mkdir(parents=True)
    job.prepare(target)
    return target


def _kill_until_ended(
    job: Job, target: Path, draw: random.Random, seconds: float, moments: list[float], most: int
) -> None:
    """Kill a command at one or more moments, which are added to `moments`, then let it end."""
    while len(moments) < most:
        moment, with_workers, is_last = draw.uniform(0, seconds), draw.random() < 0.5, draw.random() < _SHARE_ENDED
        if not _Command(job, target).kill_after(moment, with_workers=with_workers):
            return  # it ended before
        moments.append(moment)
        if is_last:
            break
    _Command(job, target).run()


def _difference(expected: Result, found: Result) -> str:
    """What differs between two results; "" if nothing does."""
    names = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    return f"{', '.join(names)} differ" if names else ""


class _Command:
    """A process that runs a job in a folder. RuntimeError with its last line where it fails or takes too long."""

    def __init__(self, job: Job, target: Path) -> None:
        self._target, self._log = target, target.with_suffix(".log")
        self._before = self._written()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from fliptrace.cli.main import main; main()", *job.arguments],
                cwd=target,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(_SOURCE)},
            )

    def run(self) -> float:
        """Wait until the command has ended; return how many seconds it took from its first write on."""
        begun = self._wait_for_write()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill(with_workers=True)
            raise RuntimeError(f"not done after {_PATIENCE_SECONDS} seconds") from None
        self._check()
        return time.monotonic() - begun

    def kill_after(self, seconds: float, *, with_workers: bool) -> bool:
        """Kill the command so long after its first write; return whether it had not ended by then."""
        begun = self._wait_for_write()
        try:
            self._process.wait(begun + seconds - time.monotonic())
        except subprocess.TimeoutExpired:
            return self._kill(with_workers=with_workers)
        self._check()
        return False

    def _wait_for_write(self) -> float:
        """Wait until the command has begun to write, or has ended; return that moment."""
        while self._process.poll() is None and self._written() == self._before:
            time.sleep(0.01)
        return time.monotonic()

    def _written(self) -> dict[Path, int]:
        """The time at which each file was last changed. Files may vanish meanwhile."""
        found = {}
        for place, _, names in os.walk(self._target):
            for path in (Path(place, name) for name in names):
                try:
                    found[path] = path.stat().st_mtime_ns
                except FileNotFoundError:
                    continue
        return found

    def _kill(self, *, with_workers: bool) -> bool:
        try:
            workers = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            workers = []
        self._process.kill()
        for worker in workers if with_workers else ():
            try:
                worker.kill()
            except psutil.NoSuchProcess:
                continue
        is_killed = self._process.wait() == -signal.SIGKILL
        _, left = psutil.wait_procs(workers, timeout=_WORKER_SECONDS)
        alive = [worker for worker in left if _is_alive(worker)]
        if alive:
            raise RuntimeError(f"a worker of the killed command still runs after {_WORKER_SECONDS} seconds")
        return is_killed

    def _check(self) -> None:
        if self._process.returncode:
            lines = self._log.read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"exit code {self._process.returncode}: {' / '.join(lines[-3:])}")


def _is_alive(worker: psutil.Process) -> bool:
    try:
        return bool(worker.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
