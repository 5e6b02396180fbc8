"""The options for hosted models, as one value, and what the commands print about hosted models."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fliptrace.cli.console import HostedDisplay, console, done, note, print_json, table
from fliptrace.cli.option_groups import OptionGroup
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json

if TYPE_CHECKING:
    from rich.progress import Progress

    from fliptrace.models.hosted.budget import Budget
    from fliptrace.models.hosted.model import HostedModel, HostedSettings
    from fliptrace.models.open_model import OpenModel

PANEL = "Hosted models"


@dataclass(frozen=True, slots=True)
class HostedOptions(OptionGroup):
    """What --concurrency, --max-cost and the like say. Keys are read from the environment (docs/hosted.md)."""

    concurrency: Annotated[
        int, typer.Option(min=1, help="Number of requests in flight at a time.", rich_help_panel=PANEL)
    ] = 8
    max_cost: Annotated[
        float | None,
        typer.Option(
            help="Stop before a request that could bring the cost of this command above so many dollars; 0 prints the "
            "cost of the first round of requests, and stops.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    price: Annotated[
        str | None,
        typer.Option(
            help="Dollars per million tokens of prompts and of replies, as 0.4/1.6. Default: the published price.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    timeout: Annotated[
        float, typer.Option(help="Seconds after which a request is given up and retried.", rich_help_panel=PANEL)
    ] = 120
    body: Annotated[
        str | None,
        typer.Option(
            help='More fields for the body of every request, as JSON: \'{"reasoning_effort": "low"}\'.',
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    context: Annotated[
        int | None,
        typer.Option(
            min=64,
            help="The model's context length in tokens, where the server does not report it.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None

    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A host that a model folder may send text and key to, if the folder stands for a hosted model.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None

    def settings(self, replies: Path | None) -> HostedSettings:
        """The settings of the client; `replies` is the file that keeps every reply. InputError on a wrong option."""
        from fliptrace.models.hosted.budget import parse_price
        from fliptrace.models.hosted.client import CallSettings
        from fliptrace.models.hosted.model import HostedSettings

        return HostedSettings(
            calls=CallSettings(concurrency=self.concurrency, timeout_seconds=self.timeout),
            answers=replies,
            price=None if self.price is None else parse_price(self.price),
            max_cost=self.max_cost,
            context_tokens=self.context,
            more=_parse_body(self.body),
            allowed_hosts=tuple(self.allow_host or ()),
        )


TrainingPrice = Annotated[
    float | None,
    typer.Option(
        help="Dollars per million tokens trained on; no published list has this price.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]


def reply_file(default: str) -> Any:
    """The option that names the file of replies; `default` completes "Default: "."""
    return typer.Option(
        help=f"A file that keeps every reply, so that none is paid for twice. Default: {default}.",
        show_default=False,
        rich_help_panel=PANEL,
    )


def reply_cache_path(path: Path) -> Path:
    """Where the replies behind an output file are kept."""
    return path.with_name(f"{path.name}.answers")


def probe_server(model: HostedModel | None) -> Json:
    """Find out what a hosted model's server supports, print it, and return it for the manifest; empty for others."""
    if model is None:
        return {}
    from fliptrace.models.hosted.keys import hide_keys

    model.watcher = HostedDisplay()
    body = {"body": json.loads(hide_keys(json.dumps(dict(model.settings.more))))} if model.settings.more else {}
    return {"served": model.capabilities.to_json()} | body


def watch(model: HostedModel | None, bar: Progress) -> None:
    """Show the requests to a hosted model, and their cost, in this progress bar."""
    if model is not None:
        model.watcher = HostedDisplay(bar)


def print_cost(name: str, budget: Budget | None) -> None:
    """Print what a hosted model has cost, if it was asked anything."""
    if budget is None or not budget.spent.num_calls:
        return
    spent = budget.spent
    cost = "" if spent.dollars is None else f", ${spent.dollars:.4f}"
    retries = f", {spent.num_retries:,} retried" if spent.num_retries else ""
    done(
        f"{name}: {spent.num_calls:,} requests{retries}, {spent.num_prompt_tokens:,} prompt tokens, "
        f"{spent.num_tokens:,} reply tokens{cost}"
    )


def open_teacher(
    ref: str | None, device: str, settings: HostedSettings, budget: Budget | None = None
) -> OpenModel | None:
    """The model that writes rationales, if one is named."""
    if ref is None:
        return None
    from fliptrace.models.open_model import open_model

    return open_model(ref, device, hosted=settings, watcher=HostedDisplay(), budget=budget)


def show_dry_run(recipe: Any, cases: Any, price: str | None, training_price: float | None, *, as_json: bool) -> None:
    """Print what a hosted recipe would cost, without a request to anybody."""
    from fliptrace.models.hosted.budget import parse_price
    from fliptrace.training.hosted.dry_run import dry_run_hosted

    result = dry_run_hosted(recipe, cases, None if price is None else parse_price(price), training_price)
    if as_json:
        print_json(result.to_json())
        return
    stages = [
        (s.name, f"{s.num_rows:,}", s.num_epochs, f"{s.num_billed_tokens:,}", _dollars(s.dollars))
        for s in result.stages
    ]
    table(f"{recipe.name}: jobs", ("stage", "rows", "epochs", "tokens (about)", "cost"), stages)
    console.print()
    evaluations = [
        (r.name, f"{r.num_replies:,}", f"{r.num_prompt_tokens:,}", f"{r.max_tokens:,}", _dollars(r.dollars))
        for r in result.evaluations
    ]
    table(
        "evaluations on val",
        ("evaluation", "replies", "prompt tokens (about)", "reply tokens (at most)", "cost"),
        evaluations,
    )
    if result.dollars is None:
        note("the cost is unknown: give --training-price, and --price for the trained models, which no list has")
    else:
        done(
            f"about {_dollars(result.dollars)} if all replies are as long as allowed; without own answers, and without "
            "prompts repeated for a server that lacks n. --max-cost needs room: it assumes half as many tokens more"
        )


def _dollars(dollars: float | None) -> str:
    return "–" if dollars is None else f"${dollars:.2f}"


_OURS = frozenset({"messages", "model", "n", "seed", "stream"})


def _parse_body(text: str | None) -> Json:
    table: Any = {}
    if text is not None:
        table = None
        with suppress(ValueError, RecursionError):
            table = json.loads(text)
        if not isinstance(table, dict):
            raise InputError(f"--body {text!r}", 'expected a JSON object, such as {"reasoning_effort": "low"}')
        ours = _OURS & table.keys()
        if ours:
            raise InputError("--body", f"{', '.join(sorted(ours))}: set by the command itself")
    return dict(table)
