"""Time and memory of `fliptrace analyze TABLE --by call --out DIR` over many conversations, by one process and several.

    python bench/batch.py                     # embedded model; prints a table, writes bench/batch.json
    python bench/batch.py --sizes 200 --processes 1 2 4 --repeats 1

A conversation has 30 utterances, each of two random sentences of the sample corpus: hardly any is said twice, and read
from memory. Every run is a fresh process into a new folder, and the arms take turns. `peak` is that of the largest
process.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from analyze import PEOPLE, Run, run_process
from rich.console import Console
from rich.table import Table

from fliptrace.core.files import versions, write_json
from fliptrace.corpora.sample import load_sample_dialogues
from fliptrace.models.graphs import num_cpus

_UTTERANCES = 30
_FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over all runs with a number of processes; `speedup` is over one process on as many conversations."""

    num_processes: int
    num_conversations: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    conversations_a_second: float
    speedup: float


def write_table(path: Path, num_conversations: int, seed: int) -> None:
    rng = random.Random(seed)
    sentences = [utterance.text for dialogue in load_sample_dialogues("train") for utterance in dialogue.utterances]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("call", "speaker", "text"))
        for i in range(num_conversations):
            said = (" ".join(rng.choices(sentences, k=2)) for _ in range(_UTTERANCES))
            writer.writerows((f"call-{i}", rng.choice(PEOPLE), text) for text in said)


def measure(sizes: Sequence[int], processes: Sequence[int], model: str, repeats: int, seed: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in sizes:
            table = folder / f"{size}.csv"
            write_table(table, size, seed)
            runs: dict[int, list[Run]] = {number: [] for number in processes}
            for repeat in range(repeats):
                for number in processes:
                    out = folder / f"{size}-{number}-{repeat}"
                    options = ["--by", "call", "--out", str(out), "--processes", str(number), "--model", model]
                    runs[number].append(run_process([*_FLIPTRACE, "analyze", str(table), *options], table))
            yield from _rows(runs, size)


def _rows(runs: dict[int, list[Run]], size: int) -> Iterator[Row]:
    walls = {number: median(run.wall_seconds for run in found) for number, found in runs.items()}
    for number, found in runs.items():
        yield Row(
            number,
            size,
            round(walls[number], 2),
            round(median(run.cpu_seconds for run in found), 2),
            max(run.peak_bytes for run in found),
            round(size / walls[number], 2),
            round(walls[min(walls)] / walls[number], 2),
        )


def show(rows: Sequence[Row], model: str) -> None:
    table = Table(title=f"fliptrace analyze --out --model {model}, {num_cpus()} CPUs")
    for name in ("conversations", "processes", "wall s", "CPU s", "peak MB", "a second", "times one process"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row.num_conversations:,}",
            str(row.num_processes),
            f"{row.wall_seconds:.1f}",
            f"{row.cpu_seconds:.1f}",
            f"{row.peak_bytes / 1e6:,.0f}",
            f"{row.conversations_a_second:.1f}",
            f"{row.speedup:.2f}",
        )
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of `fliptrace analyze --out`.")
    parser.add_argument("--model", default="embedded", help="any MODEL on this machine; default: embedded")
    parser.add_argument("--sizes", type=int, nargs="+", default=(200, 1_000), metavar="N", help="conversations")
    parser.add_argument("--processes", type=int, nargs="+", default=(1, 2), metavar="N", help="default: 1 2")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the median is taken; default: 3")
    parser.add_argument("--seed", type=int, default=0, help="seed of the conversations; default: 0")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    options = parser.parse_args()
    rows = list(measure(options.sizes, options.processes, options.model, options.repeats, options.seed))
    show(rows, options.model)
    settings = {"model": options.model, "repeats": options.repeats, "seed": options.seed, "num_cpus": num_cpus()}
    write_json(options.out, settings | {"rows": [asdict(row) for row in rows], "versions": versions("onnxruntime")})
    print(options.out)


if __name__ == "__main__":
    main()
