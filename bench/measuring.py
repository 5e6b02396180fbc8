"""Measures arms side by side: each in its own process, taking turns, one at work while the others wait.

A separate process makes the peak memory that of one arm. The process lives through all rounds, and an uncounted warm-up
round comes first, so start-up and loading are not part of the measured time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import psutil  # type: ignore[import-untyped]
import torch
from rich.console import Console

from fliptrace.core.files import Json, versions
from fliptrace.models.graphs import num_cpus

Result = TypeVar("Result")
# Children are forked from a server that has only imported the slow modules, not from this process: they must not
# inherit its threads and memory. The server finds installed modules only, not those of this folder.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["fliptrace.models.local.model", "fliptrace.training.packing.support"])
# Called in the new process, so it must be picklable: a function of a module, or a partial of one.
Open = Callable[[], Callable[[], Result]]


@dataclass(frozen=True, slots=True)
class Measured(Generic[Result]):
    """The results of an arm: of the warm-up round, which does not count, and of the measured rounds.

    `held_before` is the memory after opening the arm, `peak` the maximum, both in bytes.
    """

    warm_up: Result
    rounds: tuple[Result, ...]
    held_before: int
    peak: int


class _Failure(NamedTuple):
    text: str


def measure(arms: Mapping[str, Open[Result]], rounds: int, say: Callable[[str], None]) -> dict[str, Measured[Result]]:
    """Run every arm once to warm up, then all arms `rounds` times, in reverse order every other round."""
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_Worker(name, open_arm)) for name, open_arm in arms.items()}
        held = {name: worker.receive() for name, worker in workers.items()}
        results: dict[str, list[Any]] = {name: [] for name in arms}
        for number in range(rounds + 1):
            for name in list(arms)[:: -1 if number % 2 else 1]:
                results[name].append(workers[name].run())
                say(f"{name}: round {number} of {rounds}" if number else f"{name}: warmed up")
        peaks = {name: worker.peak() for name, worker in workers.items()}
    return {name: Measured(first, tuple(rest), held[name], peaks[name]) for name, (first, *rest) in results.items()}


class _Worker:
    def __init__(self, name: str, open_arm: Open[Any]) -> None:
        self.name = name
        self._pipe, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=_serve, args=(theirs, open_arm))

    def __enter__(self) -> _Worker:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def run(self) -> Any:
        self._pipe.send("run")
        return self.receive()

    def peak(self) -> int:
        self._pipe.send("peak")
        return int(self.receive())

    def receive(self) -> Any:
        """Return what the process sends; if it failed, exit with its traceback or its exit code."""
        while not self._pipe.poll(1):
            if not self._process.is_alive():
                sys.exit(
                    f"{self.name}: its process ended with {self._process.exitcode}; -9 usually means out of memory"
                )
        found = self._pipe.recv()
        if isinstance(found, _Failure):
            sys.exit(f"{self.name}:\n{found.text}")
        return found


def _serve(pipe: Connection, open_arm: Open[Any]) -> None:
    try:
        run = open_arm()
        pipe.send(psutil.Process().memory_info().rss)
        while True:
            pipe.send(run() if pipe.recv() == "run" else _peak_bytes())
    except Exception:  # any error is passed on to the parent, which reports it
        pipe.send(_Failure(traceback.format_exc()))


def _peak_bytes() -> int:
    """The peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def multiply_rate(dtype: torch.dtype) -> float:
    """FLOP per second of a large matrix product, the best of three: the speed of the machine at this moment."""
    size = 1536
    left, right = torch.randn(2, size, size, dtype=dtype)
    out = torch.empty(size, size, dtype=dtype)
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        torch.mm(left, right, out=out)
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds[1:])  # the first product includes kernel set-up


def open_console() -> Console:
    """Open a console that is wide enough for the tables when the output is not a terminal."""
    return Console(width=None if sys.stdout.isatty() else 120)


def count(text: str) -> int:
    """Parse a positive integer of the command line."""
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of at least 1")
    return int(text)


def common_options(
    description: str | None, sizes: Iterable[str], sets: Sequence[str], arms: Iterable[str], unusual: str
) -> argparse.ArgumentParser:
    """The options that both benches share; the arm `unusual` runs only when it is named."""
    arms = list(arms)
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--sizes", nargs="+", choices=sizes, default=["10m"], help="sizes of models; default: 10m")
    parser.add_argument("--sets", nargs="+", choices=sets, default=sets, help="sets of dialogues; default: both")
    parser.add_argument(
        "--arms",
        nargs="+",
        choices=[*arms, "all"],
        default=[name for name in arms if name != unusual],
        metavar="ARM",
        help=f"some of {arms}, or all; default: all but {unusual!r}",
    )
    parser.add_argument("--rounds", type=count, default=3, help="measured rounds, after one warm-up round; default: 3")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, cases and samples; default: 0")
    return parser


def describe_run(options: Mapping[str, Any]) -> Json:
    """The command, options, machine and versions of this run, for reproducing its figures."""
    packages = ("torch", "transformers", "trl", "accelerate", "tokenizers", "numpy")
    return {
        "command": " ".join(["python", *sys.argv]),
        "options": {name: _plain(value) for name, value in options.items()},
        "machine": {
            "processor": _processor(),
            "num_cpus": num_cpus(),
            "num_threads": torch.get_num_threads(),
            "memory_bytes": psutil.virtual_memory().total,
            "platform": platform.platform(),
            "environment": {name: os.environ[name] for name in ("OMP_NUM_THREADS",) if name in os.environ},
        },
        "versions": versions(*packages),
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines: Sequence[str] = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
