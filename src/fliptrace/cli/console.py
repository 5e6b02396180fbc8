"""What the commands print: tables, notes, progress bars. All of it goes to stderr; stdout is for JSON alone.

`SafeConsole` is the only writer to the terminal: text from transcripts, servers, files and models may hold escapes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, Self

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.segment import Segment
from rich.table import Table

from fliptrace.core.files import Json, to_json_text
from fliptrace.training.observer import TrainingObserver

_JOINERS = "\u200c\u200d"  # invisible, but they shape Devanagari and emoji


class SafeConsole(Console):
    """A console whose text holds no control characters, no lone surrogates, and no codes that stand for emoji."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, emoji=False, **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment("".join(map(_visible, segment.text)), segment.style)


def _visible(sign: str) -> str:
    if sign.isprintable() or sign == "\n" or sign in _JOINERS:
        return sign
    return " " if sign.isspace() else ""


console = SafeConsole(stderr=True)


def print_json(value: object) -> None:
    """Print the result of a command for programs to read."""
    sys.stdout.write(to_json_text(value) + "\n")


def note(text: str) -> None:
    console.print(f"[yellow]note[/] {escape(text)}")


def note_untaught(checks: Any, stage: str = "") -> None:
    """Say which cases are not taught, or only in part. `checks` has the counts of a `Preflight`."""
    if checks.num_cut_triggers:
        note(
            f"{stage}cases with a trigger outside the model's context: {checks.num_cut_triggers:,}; they are left out, "
            "unless the recipe says cut_triggers = 'keep'"
        )
    if checks.num_beyond_reach:
        note(
            f"{stage}cases without a rationale, because a trigger lies further back than rationales reach: "
            f"{checks.num_beyond_reach:,}"
        )


def done(text: str) -> None:
    console.print(f"[green]✓[/] {escape(text)}")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, with text aligned left and numbers right."""
    cells = [[str(cell) for cell in row] for row in rows]
    grid = Table(
        title=escape(title), title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False
    )
    for number, column in enumerate(columns):
        is_words = any(re.search(r"[A-Za-z]{3}", row[number].replace(" to ", "")) for row in cells)
        grid.add_column(column, justify="left" if is_words else "right", overflow="fold")
    for row in cells:
        grid.add_row(*map(escape, row))
    console.print(grid)


def decimals(value: float | None) -> str:
    """A score with three decimals; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


def interval(ends: Sequence[float] | None) -> str:
    return "–" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def size(num_bytes: float) -> str:
    """A number of bytes in a readable unit.

    >>> size(2_500_000)
    '2.5 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} TB"


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress bar with the time left; it disappears when done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeLeftColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield bar


class ShowStep(Protocol):
    """Called with a step of some work, how many of its items are done, and how many there are."""

    def __call__(self, what: str, num_done: int, total: int) -> None: ...


def show_steps(bar: Progress, *, hide_finished: bool = False) -> ShowStep:
    """A function that shows the steps of some work, each as a line of the bar."""
    tasks: dict[str, TaskID] = {}

    def show(what: str, num_done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=num_done, visible=num_done < total or not hide_finished)

    return show


class DownloadBar:
    """A progress bar for a download, driven by pooch."""

    def __init__(self, name: str) -> None:
        self._bar = Progress(
            TextColumn("fetching {task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(name, total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def total(self) -> int:
        return int(self._bar.tasks[0].total or 0)

    @total.setter
    def total(self, num_bytes: int) -> None:
        self._bar.update(self._task, total=num_bytes or None)

    def update(self, num_bytes: int) -> None:
        self._bar.advance(self._task, num_bytes)

    def reset(self) -> None:
        self._bar.reset(self._task)

    def close(self) -> None:
        """Part of pooch's interface; the bar closes with the context."""


class HostedDisplay:
    """Shows the requests to a hosted model, their expected cost and their cost so far. A `Watcher` of hosted models.

    With `only_money` requests without a known price are not announced: training makes many evaluations.
    """

    def __init__(self, bar: Progress | None = None, *, only_money: bool = False) -> None:
        self._bar = bar
        self._only_money = only_money
        self._shown: set[str] = set()
        self._task: TaskID | None = None
        self._num_left = 0

    def found(self, remark: str) -> None:
        """Show a remark once for all models of a run; its first word is the model's name."""
        text = remark.partition(" ")[2]
        if text not in self._shown:
            self._shown.add(text)
            note(remark)

    def begins(self, estimate: Any) -> None:
        self._clear()
        if estimate.dollars is not None or not self._only_money:
            self._announce(estimate)
        if self._bar is not None and estimate.num_calls:
            self._task, self._num_left = self._bar.add_task("requests", total=estimate.num_calls), estimate.num_calls

    def _announce(self, estimate: Any) -> None:
        known = f"{estimate.num_known:,} replies are already on disk" if estimate.num_known else ""
        if not estimate.num_calls:
            if known:
                note(f"{known}: no requests are needed")
            return
        cost = "no price is known" if estimate.dollars is None else f"at most about ${estimate.dollars:.4f}"
        console.print(
            f"{estimate.num_calls:,} requests: about {estimate.num_prompt_tokens:,} prompt tokens, at most "
            f"{estimate.max_tokens:,} reply tokens; {cost}{'; ' if known else ''}{known}"
        )

    def answered(self, spent: Any) -> None:
        if self._bar is None or self._task is None:
            return
        retries = f", {spent.num_retries:,} retried" if spent.num_retries else ""
        cost = f"{spent.num_prompt_tokens + spent.num_tokens:,} tokens"
        if spent.dollars is not None:
            cost = f"${spent.dollars:.4f}"
        self._bar.update(self._task, advance=1, description=f"requests ({cost}{retries})")
        self._num_left -= 1
        if not self._num_left:
            self._clear()

    def _clear(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None


class TrainingDisplay(TrainingObserver):
    """Shows the progress of a run: the data of each stage, its steps, its scores."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._shown = ""

    def stage_begins(self, number: int, num_stages: int, name: str) -> None:
        console.rule(f"stage {number} of {num_stages}: {name}", align="left")

    def preflight(self, checks: Any) -> None:
        if checks.num_cut_views:
            note(
                f"{checks.num_cut_views:,} cases are too long for the model: their oldest utterances, "
                f"{checks.num_dropped_utterances:,} in all, are left out"
            )
        note_untaught(checks)
        if checks.not_packed:
            note(f"not packed as prefix trees: {checks.not_packed}")
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in checks.num_by_kind.items())
        dropped = f"; {checks.num_dropped:,} rows left out as too long" if checks.num_dropped else ""
        console.print(f"{checks.num_tokens:,} tokens, {checks.num_trained_tokens:,} trained on: {kinds}{dropped}")
        for kind, text in checks.samples.items():
            console.print(f"[dim]{kind}[/]  {escape(' ⏎ '.join(text.splitlines()))}", overflow="ellipsis", no_wrap=True)

    def stepped(self, step: int, num_steps: int) -> None:
        self._show("training", step, num_steps)

    def logged(self, row: Json) -> None:
        if "eval_trigger_f1" in row:
            console.print(f"  step {row['step']:,}: trigger F1 on val {row['eval_trigger_f1']:.3f}")

    def evaluation(self, name: str, num_cases: int, num_done: int) -> None:
        self._show(f"evaluating val: {name}", num_done, num_cases)

    def stage_ends(self, name: str, scores: Json) -> None:
        self._clear()
        if not scores:
            return
        rows = [
            (f"{name}: {evaluation}", decimals(s["trigger_f1"]), interval(s["interval"]), s["num_unparsed"])
            for evaluation, s in scores.items()
        ]
        rules = next(iter(scores.values()))["baselines"]
        rows += [(f"rule: {r}", decimals(s["trigger_f1"]), interval(s["interval"]), "") for r, s in rules.items()]
        table(f"val after {name}", ("evaluation", "trigger F1", "95% interval", "unparsed"), rows)

    def _show(self, what: str, num_done: int, total: int) -> None:
        if self._task is None or self._shown != what:
            self._clear()
            self._task, self._shown = self._bar.add_task(what, total=total), what
        self._bar.update(self._task, completed=num_done)
        if num_done >= total:
            self._clear()

    def _clear(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
