"""The options that commands share on hosted models, and what is told of them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fliptrace.cli.console import HostedDisplay, console, done, note, print_json, table
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json

if TYPE_CHECKING:
    from rich.progress import Progress

    from fliptrace.models.hosted.model import HostedSettings

_PANEL = "Hosted models"

Concurrency = Annotated[int, typer.Option(min=1, help="Requests that are under way at a time.", rich_help_panel=_PANEL)]
MaxCost = Annotated[
    float | None,
    typer.Option(
        help="Dollars that no request may take this command past; 0 tells of the first round of requests, and stops.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
PriceText = Annotated[
    str | None,
    typer.Option(
        "--price",
        help="Dollars a million tokens of prompt and reply, as 0.4/1.6. Default: the published one, if any.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
TrainingPrice = Annotated[
    float | None,
    typer.Option(
        help="Dollars a million tokens that are trained on; published nowhere that can be read.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Timeout = Annotated[
    float, typer.Option(help="Seconds until a request is given up and made again.", rich_help_panel=_PANEL)
]
Context = Annotated[
    int | None,
    typer.Option(
        min=64,
        help="Tokens of prompt and reply that the model takes in, where the server does not tell.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
AnswersFile = Annotated[
    Path | None,
    typer.Option(
        help="The file that keeps every reply, so that none is paid for twice. Default: beside what is written.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Body = Annotated[
    str | None,
    typer.Option(
        help='What else goes into every request, as JSON: \'{"reasoning_effort": "low"}\'.',
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


def hosted_settings(
    answers: Path | None,
    concurrency: int = 8,
    max_cost: float | None = None,
    price: str | None = None,
    timeout: float = 120.0,
    body: str | None = None,
    context: int | None = None,
) -> HostedSettings:
    """What the options say; InputError where one cannot be."""
    from fliptrace.models.hosted.budget import parse_price
    from fliptrace.models.hosted.client import CallSettings
    from fliptrace.models.hosted.model import HostedSettings

    return HostedSettings(
        calls=CallSettings(concurrency=concurrency, timeout_seconds=timeout),
        answers=answers,
        price=None if price is None else parse_price(price),
        max_cost=max_cost,
        context_tokens=context,
        more=_parse_body(body),
    )


def reply_cache_path(path: Path) -> Path:
    """Where the replies lie that a file is made of."""
    return path.with_name(f"{path.name}.answers")


def probe_server(model: Any) -> Json:
    """What a hosted model's server honours, for a manifest, told first; nothing of other models."""
    from fliptrace.models.hosted.model import HostedModel
    from fliptrace.models.hosted.provider import hide_keys

    if not isinstance(model, HostedModel):
        return {}
    model.watcher = HostedDisplay()
    body = {"body": json.loads(hide_keys(json.dumps(dict(model.settings.more))))} if model.settings.more else {}
    return {"served": model.capabilities.to_json()} | body


def watch(model: Any, bar: Progress) -> None:
    """Show in this bar what a hosted model is asked and what it costs."""
    from fliptrace.models.hosted.model import HostedModel

    if isinstance(model, HostedModel):
        model.watcher = HostedDisplay(bar)


def print_cost(model: Any) -> None:
    """Say what a hosted model has cost."""
    from fliptrace.models.hosted.model import HostedModel

    if isinstance(model, HostedModel):
        print_budget(model.name, model.budget)


def print_budget(name: str, budget: Any) -> None:
    """Say what was spent, if anything was asked."""
    spent = budget.spent
    if not spent.num_calls:
        return
    cost = "" if spent.dollars is None else f", ${spent.dollars:.4f}"
    again = f", {spent.num_retries:,} asked again" if spent.num_retries else ""
    done(
        f"{name}: {spent.num_calls:,} requests{again}, {spent.num_prompt_tokens:,} tokens of prompts, "
        f"{spent.num_tokens:,} of replies{cost}"
    )


def show_dry_run(recipe: Any, cases: Any, price: str | None, training_price: float | None, *, as_json: bool) -> None:
    """What a hosted recipe would cost, asked of nobody."""
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
    table(f"{recipe.name}: jobs", ("stage", "rows", "epochs", "tokens, about", "cost"), stages)
    console.print()
    evaluations = [
        (r.name, f"{r.num_replies:,}", f"{r.num_prompt_tokens:,}", f"{r.max_tokens:,}", _dollars(r.dollars))
        for r in result.evaluations
    ]
    table(
        "readings of val",
        ("evaluation", "replies", "prompt tokens, about", "reply tokens, at most", "cost"),
        evaluations,
    )
    if result.dollars is None:
        note("for the cost give --training-price, and --price of the trained models, which no list has")
    else:
        done(
            f"about {_dollars(result.dollars)}, with all replies at their longest; own answers are not counted, nor "
            "prompts sent again to a server without n. --max-cost has to leave room: it takes half as many tokens again"
        )


def _dollars(dollars: float | None) -> str:
    return "–" if dollars is None else f"${dollars:.2f}"


_OURS = frozenset({"messages", "model", "n", "seed", "stream"})


def _parse_body(text: str | None) -> Json:
    table: Any = {}
    if text is not None:
        table = None
        with suppress(ValueError):
            table = json.loads(text)
        if not isinstance(table, dict):
            raise InputError(f"--body {text!r}", 'wanted an object of JSON, such as {"reasoning_effort": "low"}')
        ours = _OURS & table.keys()
        if ours:
            raise InputError("--body", f"{', '.join(sorted(ours))}: said by the command itself")
    return dict(table)
