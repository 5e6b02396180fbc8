"""Time and memory of reading a large transcript in every format, from a file on disk to checked utterances.

    python bench/transcripts.py                  # all formats; prints a table, writes bench/transcripts.json
    python bench/transcripts.py --formats srt csv --utterances 1000 --repeats 3

The files (transcript_files.py) hold the same dialogue of random sentences from the sample corpus. A run includes the
detection of the format. The first run of a format is not timed: it checks which format was detected and how many
utterances were read, and measures the memory that Python allocates. The timed runs take turns over all formats.

Times are CPU seconds, as reading uses one thread and the wall time of a busy machine measures its other programs; the
JSON has both. Where other libraries read the same file, they take turns too: pysubs2 and webvtt for subtitles, and for
JSON and tables the parser of the standard library, which is the least that any reader of the file needs.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pysubs2
import webvtt
from rich.console import Console
from rich.table import Table
from transcript_files import WRITERS, can_write, make_dialogue

from fliptrace.core.errors import InputError
from fliptrace.core.files import versions, write_json
from fliptrace.transcripts.read import READERS, read_transcript

BAR = 20_000  # utterances per second that a reader should reach
_EXEMPT = ("docx", "odt", "rtf", "xlsx", "html", "parquet")  # listed, but the bar does not apply to documents
_WITHOUT_WORDS = ("rttm",)
_CLOSE = 0.99  # share of the utterances that must be read

_OURS = "fliptrace"
_Run = tuple[str, str]  # a format, and who reads it
Read = Callable[[Path], object]


class Cost(NamedTuple):
    """What one run took, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Subject:
    """One file to read, the other libraries that can read it, and what the first run found."""

    format: str
    path: Path
    peers: Mapping[str, Read]
    num_read: int
    peak_bytes: int
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the runs of one format; `ratios` compares our CPU time with that of each peer."""

    format: str
    num_bytes: int
    num_utterances: int
    num_read: int
    peak_bytes: int
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    utterances_per_second: int | None = None
    ratios: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def is_slow(self) -> bool:
        return self.utterances_per_second is not None and self.utterances_per_second < BAR


def peers_of(format: str, suffix: str) -> dict[str, Read]:
    """Other libraries that parse a file of this format, by name."""
    if format in ("srt", "vtt", "ass"):
        read_webvtt = webvtt.from_srt if format == "srt" else webvtt.read
        webvtts: dict[str, Read] = {} if format == "ass" else {"webvtt": lambda path: read_webvtt(str(path))}
        return {"pysubs2": lambda path: pysubs2.load(str(path)), **webvtts}
    if format in ("csv", "tsv", "whisper-tsv"):
        return {"csv": lambda path: list(csv.reader(_lines(path), delimiter="," if format == "csv" else "\t"))}
    if format in ("jsonl", "vosk"):
        return {"json": lambda path: [json.loads(line) for line in _lines(path)]}
    return {"json": lambda path: json.loads(path.read_text("utf-8"))} if suffix in (".json", ".json3") else {}


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def write_files(formats: Sequence[str], num_utterances: int, seed: int, folder: Path) -> dict[str, Path]:
    """Write the dialogue in each format; formats whose library is missing are left out."""
    said = make_dialogue(num_utterances, seed)
    paths = {}
    for format in filter(can_write, formats):
        content = WRITERS[format](said)
        paths[format] = folder / f"{format}{next(iter(READERS[format].suffixes), '.txt')}"
        paths[format].write_bytes(content if isinstance(content, bytes) else content.encode())
    return paths


def check(format: str, path: Path, num_utterances: int) -> Subject:
    """Read a file once, with the memory that this takes, and remark on anything that is not as expected."""
    print(f"check {format}", file=sys.stderr)
    peers = peers_of(format, path.suffix)
    tracemalloc.start()
    try:
        transcript = read_transcript(path)
    except InputError as error:
        return Subject(format, path, peers, 0, 0, (f"error: {error}",))
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    remarks = []
    if transcript.format != format:
        remarks.append(f"detected as {transcript.format}")
    if not _CLOSE * num_utterances <= len(transcript) <= num_utterances / _CLOSE:
        remarks.append(f"{len(transcript) - num_utterances:+,} utterances")
    return Subject(format, path, peers, len(transcript), peak, tuple(remarks))


def take_turns(runs: Mapping[_Run, Callable[[], object]], repeats: int) -> dict[_Run, list[Cost]]:
    """Run everything `repeats` times, in reverse order every other time."""
    costs: dict[_Run, list[Cost]] = {key: [] for key in runs}
    for number in range(repeats):
        for key in list(runs)[:: -1 if number % 2 else 1]:
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            runs[key]()
            costs[key].append(Cost(time.perf_counter() - wall, time.process_time() - cpu))
        print(f"round {number + 1} of {repeats}", file=sys.stderr)
    return costs


def measure(subjects: Sequence[Subject], num_utterances: int, repeats: int) -> list[Row]:
    """Time all files that can be read; the others keep their remarks."""
    runs: dict[_Run, Callable[[], object]] = {}
    for subject in subjects:
        readers = {_OURS: read_transcript, **subject.peers} if subject.num_read else {}
        runs |= {(subject.format, name): partial(read, subject.path) for name, read in readers.items()}
    costs = take_turns(runs, repeats)
    return [_row(subject, num_utterances, costs) for subject in subjects]


def _row(subject: Subject, num_utterances: int, costs: Mapping[_Run, Sequence[Cost]]) -> Row:
    row = Row(
        subject.format,
        subject.path.stat().st_size,
        num_utterances,
        subject.num_read,
        subject.peak_bytes,
        remarks=subject.remarks,
    )
    if not subject.num_read:
        return row
    ours = costs[subject.format, _OURS]
    cpu = median(cost.cpu for cost in ours)
    peers = {name: median(cost.cpu for cost in costs[subject.format, name]) for name in subject.peers}
    return replace(
        row,
        wall_seconds=round(median(cost.wall for cost in ours), 4),
        cpu_seconds=round(cpu, 4),
        utterances_per_second=round(num_utterances / cpu),
        ratios={name: round(cpu / theirs, 2) for name, theirs in peers.items()},
    )


def show(rows: Sequence[Row], unwritten: Sequence[str], console: Console) -> None:
    table = Table(title=f"read_transcript, with detection; the bar is {BAR:,} utterances/s")
    for name in ("format", "MB", "read", "CPU s", "utterances/s", "peak MB", "times the CPU of", "remarks"):
        table.add_column(name, justify="left" if name in ("format", "remarks") else "right")
    for row in rows:
        ratios = ", ".join(f"{name} {ratio:.1f}" for name, ratio in row.ratios.items())
        speed = f"{row.utterances_per_second:,}" if row.utterances_per_second else "-"
        table.add_row(
            row.format,
            f"{row.num_bytes / 1e6:.1f}",
            f"{row.num_read:,}",
            f"{row.cpu_seconds:.3f}" if row.cpu_seconds is not None else "-",
            f"[red]{speed}[/]" if row.is_slow else speed,
            f"{row.peak_bytes / 1e6:.0f}",
            ratios,
            "; ".join(row.remarks),
        )
    console.print(table)
    slow = sorted((row for row in rows if row.is_slow), key=lambda row: row.utterances_per_second or 0)
    for title, exempt in (("below the bar", False), ("documents below the bar, which are exempt", True)):
        named = [f"{row.format} {row.utterances_per_second:,}" for row in slow if (row.format in _EXEMPT) == exempt]
        console.print(f"{title}: {', '.join(named) or 'none'}")
    if unwritten:
        console.print(f"without a file, as a writer or its library is missing: {', '.join(unwritten)}")


def main(arguments: Sequence[str] | None = None) -> None:
    formats = [name for name in READERS if name not in _WITHOUT_WORDS]
    parser = argparse.ArgumentParser(description="Time and memory of reading a large transcript in every format.")
    parser.add_argument("--formats", nargs="+", choices=formats, default=formats, metavar="NAME", help="default: all")
    parser.add_argument("--utterances", type=int, default=10_000, metavar="N", help="in each file; default: 10000")
    parser.add_argument("--repeats", type=int, default=5, help="runs per file, whose median is taken; default: 5")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sentences; default: 0")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(options.formats, options.utterances, options.seed, Path(folder))
        subjects = [check(format, path, options.utterances) for format, path in paths.items()]
        rows = measure(subjects, options.utterances, options.repeats)
    from measuring import describe_run, open_console  # imports torch, whose objects would slow every garbage collection

    unwritten = [name for name in options.formats if name not in paths]
    show(rows, unwritten, open_console())
    run = describe_run(vars(options))
    run["versions"] |= versions("pysubs2", "webvtt-py", "defusedxml", "openpyxl", "beautifulsoup4", "striprtf")
    write_json(options.out, run | {"bar": BAR, "unwritten": unwritten, "formats": [asdict(row) for row in rows]})
    print(options.out)


if __name__ == "__main__":
    main()
