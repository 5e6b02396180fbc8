"""Time and memory of `fliptrace analyze`, from process start to written page, and of what else reads emotions.

    python bench/analyze.py                      # embedded model; prints a table, writes bench/analyze.json
    python bench/analyze.py --model FOLDER --sizes 20 1000 --repeats 5 --arms fliptrace

The transcripts are random sequences of sentences from the sample corpus, drawn by seed. They make no sense, but cost as
much to analyze as real ones. Each run is a fresh process, and the arms take turns: wall time is what a user waits, and
CPU time stays meaningful on a busy machine. The peers are those of peers.py: they only label lines.
"""

from __future__ import annotations

import argparse
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
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from fliptrace.core.files import versions, write_json
from fliptrace.corpora.sample import load_sample_dialogues
from fliptrace.models.graphs import num_cpus

SIZES = (20, 100, 1_000, 3_000, 10_000)
PEOPLE = ("Asha", "Ben", "Chitra", "Dev")
ARMS = ("fliptrace", "words", "pipeline")
MOST_OF_PIPELINE = 1_000  # utterances; beyond, it takes minutes
_FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]
_PEERS = [sys.executable, str(Path(__file__).with_name("peers.py"))]


class Run(NamedTuple):
    """One process; `peak_bytes` is its peak resident memory."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over all runs of one arm on one transcript; `peak_bytes` is the maximum over the runs."""

    arm: str
    num_utterances: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    milliseconds_an_utterance: float

    @classmethod
    def of(cls, arm: str, num_utterances: int, runs: Sequence[Run]) -> Row:
        wall = median(run.wall_seconds for run in runs)
        return cls(
            arm,
            num_utterances,
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


def command_of(arm: str, transcript: Path, model: str, classifier: Path) -> list[str]:
    if arm == "fliptrace":
        page = str(transcript.with_suffix(".html"))
        return [*_FLIPTRACE, "analyze", str(transcript), "--model", model, "--json", "--html", page]
    return [*_PEERS, arm, str(transcript), *([str(classifier)] if arm == "pipeline" else [])]


def run_process(command: Sequence[str], transcript: Path) -> Run:
    """Run a command in a fresh process; if it fails, exit with its error output."""
    with transcript.with_suffix(".out").open("w") as out, transcript.with_suffix(".err").open("w") as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)  # the usage of this child alone
        wall_seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)}\n{transcript.with_suffix('.err').read_text()}")
    peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # kilobytes, except on macOS: bytes
    return Run(wall_seconds, used.ru_utime + used.ru_stime, peak_bytes)


def measure(sizes: Sequence[int], arms: Sequence[str], model: str, repeats: int, seed: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        classifier = Path(folder) / "classifier"
        if "pipeline" in arms:  # in a process of its own: children of a large process count its memory as their own
            words = Path(folder) / "words.txt"
            words.write_text(make_transcript(SIZES[-1], seed), encoding="utf-8")
            subprocess.run([*_PEERS, "make", str(words), str(classifier)], check=True, capture_output=True)
        for num_utterances in sizes:
            transcript = Path(folder) / f"{num_utterances}.txt"
            transcript.write_text(make_transcript(num_utterances, seed), encoding="utf-8")
            run_here = [arm for arm in arms if arm != "pipeline" or num_utterances <= MOST_OF_PIPELINE]
            runs: dict[str, list[Run]] = {arm: [] for arm in run_here}
            for _ in range(repeats):
                for arm in run_here:
                    runs[arm].append(run_process(command_of(arm, transcript, model, classifier), transcript))
            yield from (Row.of(arm, num_utterances, found) for arm, found in runs.items())


def show(rows: Sequence[Row], model: str) -> None:
    table = Table(title=f"fliptrace analyze --model {model} beside peers, {num_cpus()} CPUs")
    for name in ("utterances", "arm", "wall s", "CPU s", "peak MB", "ms per utterance", "times fliptrace"):
        table.add_column(name, justify="left" if name == "arm" else "right")
    ours = {row.num_utterances: row.wall_seconds for row in rows if row.arm == "fliptrace"}
    for row in rows:
        own = ours.get(row.num_utterances)
        table.add_row(
            f"{row.num_utterances:,}",
            row.arm,
            f"{row.wall_seconds:.2f}",
            f"{row.cpu_seconds:.2f}",
            f"{row.peak_bytes / 1e6:,.0f}",
            f"{row.milliseconds_an_utterance:.1f}",
            f"{row.wall_seconds / own:.2f}" if own else "",
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
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS, help="what to measure; default: all")
    parser.add_argument("--seed", type=int, default=0, help="seed of the transcripts; default: 0")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    options = parser.parse_args()
    rows = list(measure(options.sizes, options.arms, options.model, options.repeats, options.seed))
    show(rows, options.model)
    settings = {"model": options.model, "repeats": options.repeats, "seed": options.seed, "num_cpus": num_cpus()}
    found = {"rows": [asdict(row) for row in rows], "versions": versions("onnxruntime", "transformers", "nrclex")}
    write_json(options.out, settings | found)
    print(options.out)


if __name__ == "__main__":
    main()
