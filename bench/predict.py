"""Inference speed: Hugging Face's `generate` against our sampled, greedy and exact decoding, side by side.

    python bench/predict.py                                # 10M weights; prints tables, writes bench/predict.json
    python bench/predict.py --sizes 10m 113m --growth      # more sizes; growth with samples and flips
    python bench/predict.py --arms generate "ours sampled" --prompts 8 --rounds 1

Every arm gets the same prompts, the flips of whole dialogues. Each runs in its own process, and the arms take turns,
round after round; the medians are reported. Corpora are found as in bench/train.py. Our greedy replies must equal those
of `generate`, token by token.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

import torch
from cases import SETS, Workload, draw_cases, last_flips, load_cases
from inference_arms import ARMS, NEW_TOKENS, InferenceJob, InferenceRound, open_arms
from measuring import Measured, common_options, count, describe_run, measure, multiply_rate, open_console
from rich.console import Console
from rich.table import Table
from sizes import SIZES, Size, save_once

from fliptrace.core.files import Json, write_json
from fliptrace.core.flips import FlipCase
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.loading import load_tokenizer
from fliptrace.models.trees.token_tree import Branch, count_tokens
from fliptrace.training.examples import Example

PEER = "generate"
GREEDY, THEIR_GREEDY = "ours greedy", "generate greedy"
EXACT, GREEDY_LINE = "ours exact", "ours greedy line"
SAMPLES = (1, 5, 10, 20, 40)
FLIPS = (1, 2, 4, 8, 16)
GROWTH_ARMS = (PEER, "ours sampled")


@dataclass(frozen=True, slots=True)
class Arm:
    """The medians of an arm over its rounds.

    `ratio` says how many times as fast as the peer it is on the same prompts; None without a peer. `tokens_a_reply` is
    the mean of the warm-up round, 0 where the arm writes no replies. `floor_share` is the time that the floor takes,
    as a share of the time measured; None where the arm writes no replies.
    """

    name: str
    seconds: float
    seconds_of_rounds: tuple[float, ...]
    replies_a_second: float
    ratio: float | None
    tokens_a_reply: float
    floor_share: float | None
    note: str
    held_before_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Floor:
    """The least work that the replies take, at 2 FLOP per weight and token.

    The unique tokens of the prompts and the tokens written go through the body. The last token of each prompt and the
    tokens written go through the head. `rates` is the speed of a large matrix product by dtype, in FLOP per second.
    """

    body_weights: int
    head_weights: int
    unique_tokens: int
    num_prompts: int
    rates: Mapping[str, float]

    @classmethod
    def of(cls, size: Size, prompts: Sequence[tuple[int, ...]]) -> Floor:
        unique = count_tokens([Branch(prompt[:-1], prompt[-1:]) for prompt in prompts])
        rates = {"fp32": multiply_rate(torch.float32), "bf16": multiply_rate(torch.bfloat16)}
        return cls(size.body_weights, size.head_weights, unique, len(prompts), rates)

    def seconds(self, num_written: int, dtype: str) -> float:
        through_body = self.body_weights * (self.unique_tokens + num_written)
        through_head = self.head_weights * (self.num_prompts + num_written)
        return 2.0 * (through_body + through_head) / self.rates[dtype]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All arms on one set with one model.

    `exact_over_greedy` is the time of exact decoding over that of our greedy decoding, both as in `fliptrace predict`.
    `num_equal` counts our greedy replies that equal those of `generate`. Each is None where an arm is missing.
    """

    size: str
    num_weights: int
    data: str
    data_sha256: str
    num_prompts: int
    num_samples: int
    num_prompt_tokens: int
    num_groups: int
    floor: Floor
    arms: tuple[Arm, ...]
    exact_over_greedy: float | None
    num_equal: int | None

    def wrong(self) -> Iterator[str]:
        if self.num_equal is not None and self.num_equal < self.num_prompts:
            yield f"{self.size}, {self.data}: {self.num_equal} of {self.num_prompts} greedy replies equal generate's"


@dataclass(frozen=True, slots=True)
class Bench:
    """The settings of the command line; `folder` holds the models while the bench runs."""

    arms: Sequence[str]
    rounds: int
    seed: int
    num_samples: int
    folder: Path
    say: Callable[[str], None]

    def compare(
        self, size: str, data: str, cases: Sequence[FlipCase], arms: Sequence[str], num_samples: int
    ) -> Comparison:
        chat = ChatFormat.of(load_tokenizer(str(save_once(size, self.folder, self.seed))))
        workload = Workload.of(data, cases, chat, SIZES[size].spec.max_position_embeddings - NEW_TOKENS)
        examples = workload.tokenized.examples
        line_tokens = round(mean(len(each) - each.num_prompt_tokens for each in examples))
        job = InferenceJob(self.folder / size, workload.cases, num_samples, line_tokens, self.seed)
        floor = Floor.of(
            SIZES[size], [each.ids[: each.num_prompt_tokens] for each in examples if isinstance(each, Example)]
        )
        found = measure(open_arms(arms, job), self.rounds, lambda what: self.say(f"{size}, {data}: {what}"))
        summed = {arm.name: arm for arm in _summarise(found, floor)}
        return Comparison(
            size=size,
            num_weights=SIZES[size].spec.num_parameters(),
            data=data,
            data_sha256=workload.sha256,
            num_prompts=len(workload.cases),
            num_samples=num_samples,
            num_prompt_tokens=sum(each.num_prompt_tokens for each in examples),
            num_groups=len({case.group for case in workload.cases}),
            floor=floor,
            arms=tuple(summed.values()),
            exact_over_greedy=summed[EXACT].seconds / summed[GREEDY_LINE].seconds
            if {EXACT, GREEDY_LINE} <= summed.keys()
            else None,
            num_equal=_count_equal(found),
        )

    def grow(self, size: str, num_prompts: int) -> dict[str, list[Json]]:
        if not self._growing:
            return {}
        return {
            "samples a prompt": list(self._grow_samples(size, num_prompts)),
            "flips a dialogue": list(self._grow_flips(size, num_prompts)),
        }

    def _grow_samples(self, size: str, num_prompts: int) -> Iterator[Json]:
        drawn = load_cases("masac", "val")
        cases = draw_cases(drawn.cases, num_prompts, self.seed)
        for num_samples in SAMPLES:
            data = f"{drawn.name}, {num_samples} samples a prompt"
            yield asdict(self.compare(size, data, cases, self._growing, num_samples))

    def _grow_flips(self, size: str, num_prompts: int) -> Iterator[Json]:
        """Compare on the same dialogues with a growing number of their last flips.

        Yields nothing where no dialogue has enough flips.
        """
        drawn = load_cases("masac", "val")
        for num_flips in FLIPS:
            cases = draw_cases(last_flips(drawn.cases, num_flips, max(FLIPS)), num_prompts, self.seed)
            if cases:
                data = f"{drawn.name}, {num_flips} flips each"
                yield asdict(self.compare(size, data, cases, self._growing, self.num_samples))

    @property
    def _growing(self) -> list[str]:
        return [arm for arm in GROWTH_ARMS if arm in self.arms]


def _summarise(measured: Mapping[str, Measured[InferenceRound]], floor: Floor) -> Iterator[Arm]:
    seconds = {name: median(each.seconds for each in arm.rounds) for name, arm in measured.items()}
    for name, arm in measured.items():
        written = arm.warm_up.written
        least = floor.seconds(written.num_tokens, "bf16" if name.endswith("bf16") else "fp32")
        yield Arm(
            name=name,
            seconds=seconds[name],
            seconds_of_rounds=tuple(each.seconds for each in arm.rounds),
            replies_a_second=written.num_replies / seconds[name],
            ratio=seconds[PEER] / seconds[name] if PEER in seconds else None,
            tokens_a_reply=written.num_tokens / written.num_replies,
            floor_share=least / seconds[name] if written.num_tokens else None,
            note=arm.warm_up.note,
            held_before_bytes=arm.held_before,
            peak_bytes=arm.peak,
        )


def _count_equal(measured: Mapping[str, Measured[InferenceRound]]) -> int | None:
    if not {GREEDY, THEIR_GREEDY} <= measured.keys():
        return None
    ours, theirs = (measured[name].warm_up.written.texts for name in (GREEDY, THEIR_GREEDY))
    return sum(left == right for left, right in zip(ours, theirs, strict=True))


def show(found: Comparison, console: Console) -> None:
    title = f"{found.size} ({found.num_weights / 1e6:.1f}M weights), {found.data}: {found.num_prompts} prompts "
    title += f"on {found.num_groups} dialogues, {found.num_prompt_tokens:,} tokens, {found.num_samples} samples each"
    table = Table(title=title)
    table.add_column("arm", no_wrap=True)
    for name in ("s per round", "replies/s", "ratio", "tokens per reply", "of the floor", "peak MB", "before"):
        table.add_column(name, justify="right")
    table.add_column("")
    for arm in found.arms:
        table.add_row(
            arm.name,
            f"{arm.seconds:.2f}",
            f"{arm.replies_a_second:.2f}",
            "-" if arm.ratio is None else f"{arm.ratio:.2f}x",
            f"{arm.tokens_a_reply:.1f}" if arm.tokens_a_reply else "-",
            "-" if arm.floor_share is None else f"{arm.floor_share:.0%}",
            f"{arm.peak_bytes / 1e6:,.0f}",
            f"{arm.held_before_bytes / 1e6:,.0f}",
            arm.note,
        )
    console.print(table)
    if found.exact_over_greedy is not None:
        console.print(
            f"exact takes {found.exact_over_greedy:.2f} times as long as greedy, both as in fliptrace predict"
        )
    if found.num_equal is not None:
        console.print(
            f"{found.num_equal} of {found.num_prompts} greedy replies equal those of generate, token by token"
        )


def show_growth(title: str, rows: Sequence[Json], console: Console) -> None:
    table = Table(title=title)
    table.add_column("")
    for arm in rows[0]["arms"]:
        table.add_column(f"{arm['name']}, s", justify="right")
    table.add_column("ratio", justify="right")
    for row in rows:
        last = row["arms"][-1]["ratio"]
        seconds = (f"{arm['seconds']:.2f}" for arm in row["arms"])
        table.add_row(row["data"], *seconds, "-" if last is None else f"{last:.2f}x")
    console.print(table)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = common_options(__doc__, SIZES, SETS, ARMS, unusual="generate bf16")
    parser.add_argument(
        "--prompts", type=count, help="prompts per round; default: as many as take some seconds at this size"
    )
    parser.add_argument("--samples", type=count, default=10, help="replies per prompt of the sampled arms; default: 10")
    parser.add_argument(
        "--growth", action="store_true", help="also measure growth with samples and flips, with the first size"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    console, progress = open_console(), Console(stderr=True)
    found: list[Comparison] = []
    with TemporaryDirectory() as folder:
        arms = list(ARMS) if "all" in options.arms else options.arms
        bench = Bench(arms, options.rounds, options.seed, options.samples, Path(folder), progress.print)
        num_prompts = {size: options.prompts or SIZES[size].num_prompts for size in options.sizes}
        for size in options.sizes:
            for data in options.sets:
                drawn = load_cases(data, "val")
                cases = draw_cases(drawn.cases, num_prompts[size], options.seed)
                found.append(bench.compare(size, drawn.name, cases, arms, options.samples))
                show(found[-1], console)
        grown = bench.grow(size := options.sizes[0], num_prompts[size]) if options.growth else {}
    for what, rows in grown.items():
        if rows:
            show_growth(f"how the gain grows with the {what}", rows, console)
    comparisons = [asdict(each) for each in found]
    write_json(options.out, describe_run(vars(options)) | {"comparisons": comparisons, "growth": grown})
    console.print(str(options.out))
    if wrong := [each for comparison in found for each in comparison.wrong()]:
        sys.exit("greedy replies differ:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
