"""Training speed: TRL's SFTTrainer, our loop on rows and our loop on prefix trees, side by side.

    python bench/train.py                                  # 10M weights; prints tables, writes bench/train.json
    python bench/train.py --sizes 10m 113m --growth        # more sizes; growth with the flips per dialogue
    python bench/train.py --arms "trl padded" trie --examples 32 --rounds 1
    python bench/train.py --sizes smol                     # an adapter on 135M frozen weights; TRL with PEFT

Every arm trains on the same examples. Each runs in its own process, and the arms take turns, round after round; the
medians are reported. Corpora are looked up in the folder that FLIPTRACE_DATA names. The sample corpus replaces a
missing one, and the tables say so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from cases import SETS, Workload, draw_cases, last_flips, load_cases
from measuring import Measured, common_options, count, describe_run, measure, open_console
from rich.console import Console
from rich.table import Table
from sizes import SIZES, Size, save_once
from training_arms import ARMS, TrainingJob, TrainingRound, open_arms

from fliptrace.core.files import Json, write_json
from fliptrace.core.flips import FlipCase
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.loading import load_tokenizer
from fliptrace.training.batching import Trees

PEER = "trl padded"
FLIPS = (1, 2, 4, 8, 16)  # numbers of last flips of a dialogue, for the growth table
GROWTH_ARMS = (PEER, "rows", "trie")
# If a token attends to one it must not see, the loss of an untrained model changes in its third digit. bf16 has about
# three digits.
_TOLERANCES = {"fp32": 1e-3, "bf16": 1e-2}


@dataclass(frozen=True, slots=True)
class Arm:
    """The medians of an arm over its rounds.

    `ratio` says how many times as fast as the peer it is; None without a peer. `floor_share` is the time that the
    unique tokens alone take at the speed of a large matrix product, as a share of the time measured. `loss_error` is
    relative to the loss of the peer, or of the first arm without a peer.
    """

    name: str
    seconds: float
    seconds_of_rounds: tuple[float, ...]
    examples_a_second: float
    ratio: float | None
    num_tokens_run: int
    num_steps: int
    floor_share: float
    loss: float
    loss_error: float
    held_before_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Floor:
    """The least work of the examples: every unique token goes through the body, every label through the head."""

    unique_tokens: int
    num_labels: int
    flops: float

    @classmethod
    def of(cls, size: Size, workload: Workload) -> Floor:
        trees = Trees.of(workload.tokenized, batch_tokens=sys.maxsize, pad_id=0)
        unique = sum(trees.count_tokens(bundle.members) for bundle in trees.bundles)
        labels = sum(len(each) - each.num_prompt_tokens for each in workload.tokenized.examples)
        return cls(unique, labels, size.flops_a_token * unique + size.flops_a_label * labels)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All arms on one set with one model."""

    size: str
    num_weights: int
    data: str
    data_sha256: str
    num_examples: int
    num_groups: int
    num_tokens: int
    floor: Floor
    arms: tuple[Arm, ...]

    def wrong(self) -> Iterator[str]:
        """Describe the arms whose loss shows that they trained on something else than the peer."""
        for arm in self.arms:
            if arm.loss_error > _TOLERANCES["bf16" if arm.name.endswith("bf16") else "fp32"]:
                yield f"{self.size}, {self.data}: {arm.name} has loss {arm.loss:.5f}, off by {arm.loss_error:.1e}"


@dataclass(frozen=True, slots=True)
class Bench:
    """The settings of the command line; `folder` holds the models while the bench runs."""

    arms: Sequence[str]
    rounds: int
    seed: int
    row_tokens: int
    tree_tokens: int
    folder: Path
    say: Callable[[str], None]

    def lay_out(self, size: str, data: str, cases: Sequence[FlipCase]) -> Workload:
        chat = ChatFormat.of(load_tokenizer(str(save_once(size, self.folder, self.seed))))
        return Workload.of(data, cases, chat, SIZES[size].spec.max_position_embeddings, SIZES[size].layout)

    def compare(self, size: str, workload: Workload, arms: Sequence[str]) -> Comparison:
        job = TrainingJob(
            self.folder / size,
            workload.instructions,
            workload.tokenized,
            self.seed,
            self.row_tokens,
            self.tree_tokens,
            SIZES[size].lora_rank,
        )
        measured = measure(open_arms(arms, job), self.rounds, lambda what: self.say(f"{size}, {workload.name}: {what}"))
        floor = Floor.of(SIZES[size], workload)
        return Comparison(
            size=size,
            num_weights=SIZES[size].spec.num_parameters(),
            data=workload.name,
            data_sha256=workload.sha256,
            num_examples=len(workload.cases),
            num_groups=len({case.group for case in workload.cases}),
            num_tokens=sum(map(len, workload.tokenized.examples)),
            floor=floor,
            arms=tuple(_summarise(measured, floor, len(workload.cases))),
        )

    def grow(self, size: str, num_examples: int) -> Iterator[Json]:
        """Compare on the same dialogues with a growing number of their last flips.

        Yields nothing where no dialogue has enough flips.
        """
        found = load_cases("masac", "train")
        arms = [arm for arm in GROWTH_ARMS if arm in self.arms]
        for num_flips in FLIPS if arms else ():
            cases = draw_cases(last_flips(found.cases, num_flips, max(FLIPS)), num_examples, self.seed)
            if cases:
                workload = self.lay_out(size, f"{found.name}, {num_flips} flips each", cases)
                yield {"num_flips": num_flips, **asdict(self.compare(size, workload, arms))}


def _summarise(measured: Mapping[str, Measured[TrainingRound]], floor: Floor, num_examples: int) -> Iterator[Arm]:
    seconds = {name: median(each.seconds for each in arm.rounds) for name, arm in measured.items()}
    expected = measured.get(PEER, next(iter(measured.values()))).warm_up.loss
    for name, arm in measured.items():
        rate = median(each.flops_a_second for each in arm.rounds)
        yield Arm(
            name=name,
            seconds=seconds[name],
            seconds_of_rounds=tuple(each.seconds for each in arm.rounds),
            examples_a_second=num_examples / seconds[name],
            ratio=seconds[PEER] / seconds[name] if PEER in seconds else None,
            num_tokens_run=arm.warm_up.num_run,
            num_steps=arm.warm_up.num_steps,
            floor_share=floor.flops / rate / seconds[name],
            loss=arm.warm_up.loss,
            loss_error=abs(arm.warm_up.loss / expected - 1),
            held_before_bytes=arm.held_before,
            peak_bytes=arm.peak,
        )


def show(found: Comparison, console: Console) -> None:
    floor = found.floor
    title = f"{found.size} ({found.num_weights / 1e6:.1f}M weights), {found.data}: {found.num_examples} examples "
    title += f"of {found.num_groups} dialogues, {found.num_tokens:,} tokens, {floor.unique_tokens:,} of them unique"
    table = Table(title=title)
    table.add_column("arm", no_wrap=True)
    for name in ("s per round", "examples/s", "ratio", "tokens run", "of the floor", "peak MB", "before", "loss"):
        table.add_column(name, justify="right")
    for arm in found.arms:
        table.add_row(
            arm.name,
            f"{arm.seconds:.2f}",
            f"{arm.examples_a_second:.2f}",
            "-" if arm.ratio is None else f"{arm.ratio:.2f}x",
            f"{arm.num_tokens_run:,}",
            f"{arm.floor_share:.0%}",
            f"{arm.peak_bytes / 1e6:,.0f}",
            f"{arm.held_before_bytes / 1e6:,.0f}",
            f"{arm.loss:.5f}",
        )
    console.print(table)


def show_growth(rows: Sequence[Json], console: Console) -> None:
    """Show the seconds of every arm, and the ratio of each other arm to the last one."""
    *others, last = [arm["name"] for arm in rows[0]["arms"]]
    table = Table(title=f"how the gain grows with the flips per dialogue: {rows[0]['size']}")
    for name in ("last flips", *(f"{name}, s" for name in (*others, last)), *(f"{name} / {last}" for name in others)):
        table.add_column(name, justify="right")
    for row in rows:
        seconds = [arm["seconds"] for arm in row["arms"]]
        gains = (f"{each / seconds[-1]:.2f}x" for each in seconds[:-1])
        table.add_row(str(row["num_flips"]), *(f"{each:.2f}" for each in seconds), *gains)
    console.print(table)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = common_options(__doc__, SIZES, SETS, ARMS, unusual="trl padded bf16")
    parser.add_argument(
        "--examples", type=count, help="examples per round; default: as many as take some seconds at this size"
    )
    parser.add_argument(
        "--growth", action="store_true", help="also measure growth with the flips per dialogue, with the first size"
    )
    parser.add_argument(
        "--row-tokens", type=count, default=4096, help="tokens per pass of the arms on rows; default: 4096"
    )
    parser.add_argument(
        "--tree-tokens",
        type=count,
        default=8192,
        help="tokens per pass of the arms on trees, counted before sharing; default: 8192",
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="the JSON file to write")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    console, progress = open_console(), Console(stderr=True)
    arms = list(ARMS) if "all" in options.arms else options.arms
    if find_spec("trl") is None:
        arms = [arm for arm in arms if not arm.startswith("trl")]
        progress.print("trl is not installed, so its arms are left out; expected: pip install 'fliptrace[bench]'")
    with TemporaryDirectory() as folder:
        bench = Bench(
            arms, options.rounds, options.seed, options.row_tokens, options.tree_tokens, Path(folder), progress.print
        )
        found = []
        num_examples = {size: options.examples or SIZES[size].num_examples for size in options.sizes}
        for size in options.sizes:
            for data in (each for each in options.sets if each in SIZES[size].sets):
                drawn = load_cases(data, "train")
                cases = draw_cases(drawn.cases, num_examples[size], options.seed)
                found.append(bench.compare(size, bench.lay_out(size, drawn.name, cases), arms))
                show(found[-1], console)
        grown = list(bench.grow(size := options.sizes[0], num_examples[size])) if options.growth else []
    if grown:
        show_growth(grown, console)
    write_json(
        options.out,
        describe_run(vars(options)) | {"comparisons": [asdict(each) for each in found], "growth": grown},
    )
    console.print(str(options.out))
    if wrong := [each for comparison in found for each in comparison.wrong()]:
        sys.exit("the arms did unequal work, so these figures compare nothing:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
