"""Time and memory of `fliptrace analyze`, from process start to written report, over transcripts of growing length.

    python bench/analyze.py                      # embedded model; prints a table, writes bench/analyze.json
    python bench/analyze.py --model FOLDER --sizes 20 1000 --repeats 5

The transcripts are random sequences of sentences from the sample corpus, drawn by seed. They make no sense, but cost as
much to analyze as real ones. Each run is a fresh process: wall time is what a user waits, and CPU time stays meaningful
on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from fliptrace.core.files import versions, write_json
from fliptrace.corpora.sample import load_sample_dialogues
from fliptrace.models.graphs import num_cpus

SIZES = (20, 100, 300, 1_000, 3_000)
PEOPLE = ("Asha", "Ben", "Chitra", "Dev")
FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]


@dataclass(frozen=True, slots=True)
class Run:
    """One process; `peak_bytes` is its peak resident memory."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    num_flips: int


@dataclass(frozen=True, slots=True)
class Size:
    """Medians over all runs on one transcript; `peak_bytes` is the maximum over the runs."""

    num_utterances: int
    num_flips: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    milliseconds_an_utterance: float

    @classmethod
    def of(cls, num_utterances: int, runs: Sequence[Run]) -> Size:
        wall = median(run.wall_seconds for run in runs)
        return cls(
            num_utterances,
            runs[0].num_flips,
            round(wall, 3),
            round(median(run.cpu_seconds for run in runs), 3),
            max(run.peak_bytes for run in runs),
            round(1000 * wall / num_utterances, 2),
        )


def make_transcript(num_utterances: int, seed: int) -> str:
    """Return lines of `Name: text`. With the same seed, a longer transcript starts with the shorter one."""
    rng = random.Random(seed)
    sentences = [utterance.text for dialogue in load_sample_dialogues("train") for utterance in dialogue.utterances]
    return "".join(f"{rng.choice(PEOPLE)}: {rng.choice(sentences)}\n" for _ in range(num_utterances))


def analyze(transcript: Path, model: str) -> Run:
    """Run the command in a fresh process; if it fails, exit with its error output."""
    command = [*FLIPTRACE, "analyze", str(transcript), "--model", model, "--json"]
    command += ["--html", str(transcript.with_suffix(".html"))]
    with transcript.with_suffix(".json").open("w") as out, transcript.with_suffix(".err").open("w") as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)  # the usage of this child alone
        wall_seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)}\n{transcript.with_suffix('.err').read_text()}")
    num_flips = len(json.loads(transcript.with_suffix(".json").read_text())["flips"])
    peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # kilobytes, except on macOS: bytes
    return Run(wall_seconds, used.ru_utime + used.ru_stime, peak_bytes, num_flips)


def measure(sizes: Sequence[int], model: str, repeats: int, seed: int) -> Iterator[Size]:
    with tempfile.TemporaryDirectory() as folder:
        for num_utterances in sizes:
            transcript = Path(folder) / f"{num_utterances}.txt"
            transcript.write_text(make_transcript(num_utterances, seed), encoding="utf-8")
            yield Size.of(num_utterances, [analyze(transcript, model) for _ in range(repeats)])


def show(rows: Sequence[Size], model: str) -> None:
    table = Table(title=f"fliptrace analyze --model {model}, {num_cpus()} CPUs")
    for name in ("utterances", "flips", "wall s", "CPU s", "peak MB", "ms per utterance"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row.num_utterances:,}",
            f"{row.num_flips:,}",
            f"{row.wall_seconds:.2f}",
            f"{row.cpu_seconds:.2f}",
            f"{row.peak_bytes / 1e6:,.0f}",
            f"{row.milliseconds_an_utterance:.1f}",
        )
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of `fliptrace analyze` over growing transcripts.")
    parser.add_argument("--model", default="embedded", help="any MODEL of fliptrace; default: embedded")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="number of utterances of each transcript"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs per size, of which the median is taken; default: 3"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the transcripts; default: 0")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    options = parser.parse_args()
    rows = list(measure(options.sizes, options.model, options.repeats, options.seed))
    show(rows, options.model)
    settings = {"model": options.model, "repeats": options.repeats, "seed": options.seed, "num_cpus": num_cpus()}
    found = {"sizes": [asdict(row) for row in rows], "versions": versions("onnxruntime", "tokenizers", "numpy")}
    write_json(options.out, settings | found)
    print(options.out)


if __name__ == "__main__":
    main()
