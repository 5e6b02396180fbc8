"""The speed of the hosted client, against a provider that answers in 20 ms and fails one request in 20.

    python bench/hosted.py                                     # prints a table, writes bench/hosted.json
    python bench/hosted.py --concurrency 16 --latency-ms 50
    python bench/hosted.py --flips 50 --rounds 1 --peer-flips 10

The provider is `fliptrace fake-provider` in its own process; its ledger lists all requests and what was billed twice.
Every run is a fresh client process that writes replies and predictions to disk. The peer is what one would write in
twenty lines: the official client with its own retries and a semaphore, and nothing on disk. No client can be faster
than the bound: the number of attempts that the provider saw, times its latency, divided by the concurrency.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import resource
import subprocess
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]

from fliptrace.core.files import Json, write_json
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Completion
from fliptrace.corpora.sample import SAMPLE_SPLITS, load_sample
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.sampling import answer_cases
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import predict_file
from fliptrace.models.base import Decoding, Request
from fliptrace.models.hosted.client import MAX_TOKENS, CallSettings
from fliptrace.models.hosted.json_schema import answer_format
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import find_provider

# measuring.py is imported in functions only: it imports torch, and the clients, whose memory is measured, import this
# module.

FLIPTRACE = [sys.executable, "-c", "from fliptrace.cli.main import main; main()"]
NAME = "fake-1"
PEER = "AsyncOpenAI, a request a reply"
MAX_RATIO = 1.3  # goal: seconds of a run over its bound


class Job(NamedTuple):
    """The work of a client; `url` is the provider as a MODEL."""

    url: str
    num_flips: int
    num_samples: int
    concurrency: int


class Used(NamedTuple):
    """What a client used.

    `held_before` is the memory before it began, `peak` the maximum, both in bytes. `num_read` counts the flips for
    which all answers could be read.
    """

    seconds: float
    cpu_seconds: float
    held_before: int
    peak: int
    num_read: int


@dataclass(frozen=True, slots=True)
class Billing:
    """The provider's ledger of one run; `whole` has the hashes of prompts with every reply billed exactly once."""

    num_attempts: int
    faults: Mapping[str, int]
    num_billed: int
    num_twice: int
    whole: frozenset[str]
    max_in_flight: int

    @classmethod
    def of(cls, ledger: Json, num_samples: int) -> Billing:
        """Count replies by the hash of their request and their number; the first number of a request is its seed."""
        numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in ledger["billed"]:
            asked = row["prompt_sha256"], row["request_sha256"]
            numbers[asked] += range(row["seed"], row["seed"] + row["num_choices"])
        counts = Counter((asked, number) for asked, row in numbers.items() for number in row)
        return cls(
            ledger["num_requests"],
            ledger["faults"],
            len(ledger["billed"]),
            sum(count - 1 for count in counts.values()),
            frozenset(prompt for (prompt, _), row in numbers.items() if sorted(row) == list(range(num_samples))),
            ledger["max_in_flight"],
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a client against a provider, from the first request to the last prediction on disk."""

    used: Used
    billing: Billing
    bound_seconds: float
    provider_cpu_seconds: float

    @property
    def ratio(self) -> float:
        return self.used.seconds / self.bound_seconds


@dataclass(frozen=True, slots=True)
class Arm:
    """The medians of an arm over its rounds; counts and memory are maxima.

    `over_peer` is the time per reply over that of the peer; None without a peer.
    """

    name: str
    num_flips: int
    num_requests: int
    num_retries: int
    num_twice: int
    seconds: float
    seconds_of_rounds: tuple[float, ...]
    bound_seconds: float
    ratio: float
    over_peer: float | None
    cpu_seconds: float
    provider_cpu_seconds: float
    held_before_bytes: int
    peak_bytes: int


# --- clients, each in its own process ---


def make_cases(num_flips: int) -> list[FlipCase]:
    """Return `num_flips` cases: those of the sample corpus, repeated with another first word in every dialogue."""
    sample = [case for split in SAMPLE_SPLITS for case in load_sample(split)]
    return [_copy(case, number) for number in range(num_flips // len(sample) + 1) for case in sample][:num_flips]


def _copy(case: FlipCase, number: int) -> FlipCase:
    dialogue = case.dialogue
    first, *rest = dialogue.utterances
    utterances = (replace(first, text=f"{number}: {first.text}"), *rest)
    name = f"{dialogue.id}-{number}"
    return replace(
        case, id=f"{case.id}-{number}", dialogue=replace(dialogue, id=name, group=name, utterances=utterances)
    )


def _evaluation(num_samples: int) -> InferenceConfig:
    return InferenceConfig(decoding=Decoding("sample", num_samples))


def ask_with_fliptrace(job: Job) -> Used:
    """Run inference as `fliptrace predict` does."""
    cases = make_cases(job.num_flips)
    with TemporaryDirectory() as folder:
        settings = HostedSettings(CallSettings(job.concurrency), Path(folder) / "answers")

        def predict() -> int:
            model = HostedModel(find_provider(job.url), settings)
            decoder = choose_decoder(model.as_model(), _evaluation(job.num_samples))
            predicted = predict_file(decoder, cases, Path(folder) / "p.jsonl", {})
            return sum(
                len(row.answers) == job.num_samples and all(answer.value is not None for answer in row.answers)
                for row in predicted.predictions
            )

        return _measured(predict)


def ask_with_peer(job: Job) -> Used:
    """Send the same prompts, one request per reply, and keep the text of each reply in memory."""
    recorder = _Recorder()
    answer_cases(recorder, make_cases(job.num_flips), _evaluation(job.num_samples))
    return _measured(lambda: asyncio.run(_ask_all(recorder.requests, job)))


async def _ask_all(requests: Sequence[Request], job: Job) -> int:
    from openai import AsyncOpenAI

    decoding, places = _evaluation(job.num_samples).decoding, asyncio.Semaphore(job.concurrency)
    async with AsyncOpenAI(api_key="none", base_url=job.url.partition("#")[0], max_retries=8) as client:

        async def ask(request: Request, seed: int) -> str | None:
            async with places:
                reply = await client.chat.completions.create(
                    model=NAME,
                    messages=[message.to_json() for message in request.messages],  # type: ignore[misc]
                    temperature=decoding.temperature,
                    seed=seed,
                    response_format=answer_format(request.line),
                    **{MAX_TOKENS: decoding.max_new_tokens},
                )
            return reply.choices[0].message.content

        texts = await asyncio.gather(*(ask(each, seed) for each in requests for seed in range(job.num_samples)))
    rows = [texts[start : start + job.num_samples] for start in range(0, len(texts), job.num_samples)]
    return sum(all(row) for row in rows)


class _Recorder:
    """A ChatModel that records its requests and answers nothing."""

    name = "recorder"

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        self.requests = requests
        return [(Completion("Triggers: none", 0, 0),) * decoding.num_replies for _ in requests]

    def fits(self, messages: object, max_new_tokens: int) -> bool:
        return True


def _measured(work: Callable[[], int]) -> Used:
    import openai  # noqa: F401  # imported first: takes a second, which must not be measured

    held_before, cpu, began = psutil.Process().memory_info().rss, time.process_time(), time.perf_counter()
    num_read = work()
    return Used(time.perf_counter() - began, time.process_time() - cpu, held_before, _peak_bytes(), num_read)


def _peak_bytes() -> int:
    """The peak memory of this process in bytes. `getrusage` alone would include its parent's before the start."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1])  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# --- provider ---


@dataclass(frozen=True, slots=True)
class Served:
    """A running provider; `url` is a MODEL for `fliptrace predict`."""

    url: str
    process: psutil.Process

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def ledger(self) -> Json:
        root = self.url.partition("/v1")[0]
        with urllib.request.urlopen(f"{root}/ledger/calls") as reply:
            found: Json = json.load(reply)
        return found


@contextmanager
def serving(latency_ms: float, share_of_faults: float, seed: int, *more: str) -> Iterator[Served]:
    """Run a provider whose faults are a third each: a 429 that asks to wait 50 ms, a 500, a closed connection."""
    third = str(share_of_faults / 3)
    command = [*FLIPTRACE, "fake-provider", "--port", "0", "--latency-ms", str(latency_ms), "--seed", str(seed)]
    command += ["--fail-429", third, "--fail-500", third, "--drop", third, "--retry-after", "0.05", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            first_line = process.stdout.readline()
            found = re.search(r"http://\S+", first_line)
            if found is None:
                sys.exit(f"{' '.join(command)}\n{first_line}{process.stdout.read()}")
            yield Served(found[0], psutil.Process(process.pid))
        finally:
            process.kill()


# --- comparing them ---


@dataclass(frozen=True, slots=True)
class Kind:
    """An arm: its client, its number of flips, and options of its provider."""

    ask: Callable[[Job], Used]
    num_flips: int
    provider: tuple[str, ...] = ()


def kinds(num_flips: int, peer_flips: int) -> dict[str, Kind]:
    return {
        "fliptrace, n replies a request": Kind(ask_with_fliptrace, num_flips),
        "fliptrace, a request a reply": Kind(ask_with_fliptrace, num_flips, ("--no-n",)),
        PEER: Kind(ask_with_peer, min(num_flips, peer_flips), ("--no-n",)),
    }


def run(kind: Kind, options: argparse.Namespace, seed: int) -> Run:
    with serving(options.latency_ms, options.faults, seed, *kind.provider) as served:
        before = served.cpu_seconds()
        job = Job(served.url, kind.num_flips, options.samples, options.concurrency)
        # Spawned, so that the client does not inherit the memory of this process.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as client:
            used = client.submit(kind.ask, job).result()
        billing = Billing.of(served.ledger(), options.samples)
        bound = billing.num_attempts * options.latency_ms / 1000 / options.concurrency
        return Run(used, billing, bound, served.cpu_seconds() - before)


def check(name: str, found: Run, kind: Kind, concurrency: int) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with a run."""
    billing, num_read = found.billing, found.used.num_read
    if num_read != kind.num_flips or len(billing.whole) != kind.num_flips:
        yield f"{name}: {num_read} of {kind.num_flips} flips have all answers, {len(billing.whole)} were billed in full"
    if billing.num_twice:
        yield f"{name}: {billing.num_twice} replies were billed twice"
    if billing.max_in_flight > concurrency:
        yield f"{name}: {billing.max_in_flight} concurrent requests; expected at most {concurrency}"


def check_equal(runs: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """Yield a sentence for every arm with other prompts; the peer sends only some of them."""
    most = max((run.billing.whole for rows in runs.values() for run in rows), key=len)
    for name, rows in runs.items():
        if not all(run.billing.whole <= most for run in rows):
            yield f"{name}: its prompts differ from those of the other arms"


def compare(runs: Mapping[str, Sequence[Run]], num_samples: int, peer_flips: int) -> list[Arm]:
    peer = [run.used.seconds / peer_flips for run in runs.get(PEER, ())]
    return [_arm(name, rows, num_samples, median(peer) if peer else None) for name, rows in runs.items()]


def _arm(name: str, runs: Sequence[Run], num_samples: int, peer_seconds_a_flip: float | None) -> Arm:
    num_flips, seconds = runs[0].used.num_read, median(run.used.seconds for run in runs)
    return Arm(
        name,
        num_flips,
        runs[0].billing.num_billed,
        max(run.billing.num_attempts - run.billing.num_billed for run in runs),
        max(run.billing.num_twice for run in runs),
        seconds,
        tuple(run.used.seconds for run in runs),
        median(run.bound_seconds for run in runs),
        median(run.ratio for run in runs),
        seconds / num_flips / peer_seconds_a_flip if peer_seconds_a_flip else None,
        median(run.used.cpu_seconds for run in runs),
        median(run.provider_cpu_seconds for run in runs),
        max(run.used.held_before for run in runs),
        max(run.used.peak for run in runs),
    )


def make_table(arms: Sequence[Arm], options: argparse.Namespace) -> Any:
    from rich.table import Table

    table = Table(
        title=f"{options.flips:,} flips, {options.samples} replies each, {options.concurrency} concurrent requests, "
        f"{options.latency_ms:g} ms each, {options.faults:.0%} of them fail"
    )
    table.add_column("arm")
    names = (
        "requests",
        "retries",
        "twice",
        "s",
        "bound s",
        "ratio",
        "of peer",
        "CPU s",
        "provider s",
        "peak MB",
        "before",
    )
    for name in names:
        table.add_column(name, justify="right")
    for arm in arms:
        table.add_row(
            arm.name,
            f"{arm.num_requests:,}",
            f"{arm.num_retries:,}",
            f"{arm.num_twice:,}",
            f"{arm.seconds:.2f}",
            f"{arm.bound_seconds:.2f}",
            f"{arm.ratio:.2f}x",
            "-" if arm.over_peer is None else f"{arm.over_peer:.2f}x",
            f"{arm.cpu_seconds:.1f}",
            f"{arm.provider_cpu_seconds:.1f}",
            f"{arm.peak_bytes / 1e6:,.0f}",
            f"{arm.held_before_bytes / 1e6:,.0f}",
        )
    return table


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    from measuring import count

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--flips", type=count, default=1000, help="default: 1000")
    parser.add_argument("--samples", type=count, default=10, help="replies per flip; default: 10")
    parser.add_argument("--concurrency", type=count, default=8, help="concurrent requests; default: 8")
    parser.add_argument(
        "--latency-ms", type=float, default=20, help="latency of every request, failed ones too; default: 20"
    )
    parser.add_argument("--faults", type=float, default=0.05, help="share of requests that fail; default: 0.05")
    parser.add_argument("--peer-flips", type=count, default=200, help="flips of the peer; default: 200")
    parser.add_argument(
        "--arms", nargs="+", choices=range(1, 4), type=int, default=(1, 2, 3), help="arms by row; default: all"
    )
    parser.add_argument("--rounds", type=count, default=3, help="default: 3")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    from measuring import describe_run, open_console

    options = parse(arguments)
    console = open_console()
    chosen = kinds(options.flips, options.peer_flips)
    chosen = {name: kind for row, (name, kind) in enumerate(chosen.items(), start=1) if row in options.arms}
    runs: dict[str, list[Run]] = {name: [] for name in chosen}
    wrong: list[str] = []
    for number in range(options.rounds):
        for name in list(chosen)[:: -1 if number % 2 else 1]:
            found = run(chosen[name], options, seed=number)
            runs[name].append(found)
            wrong += check(name, found, chosen[name], options.concurrency)
            print(f"{name}: round {number + 1} of {options.rounds}, {found.ratio:.2f} of the bound", file=sys.stderr)
    wrong += check_equal(runs)
    arms = compare(runs, options.samples, min(options.flips, options.peer_flips))
    console.print(make_table(arms, options))
    found_all = {"arms": [asdict(arm) for arm in arms], "runs": {k: [_flat(r) for r in v] for k, v in runs.items()}}
    write_json(options.out, describe_run(vars(options)) | found_all)
    console.print(str(options.out))
    if wrong:
        sys.exit("\n".join(wrong))


def _flat(run: Run) -> Json:
    """Return a run as JSON, with the number of hashes instead of the hashes."""
    return run.used._asdict() | asdict(run.billing) | {"whole": len(run.billing.whole), "ratio": run.ratio}


if __name__ == "__main__":
    main()
