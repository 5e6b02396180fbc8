"""The command `fliptrace`. Each subcommand is a thin layer over one library function and has a file of its own.

Heavy imports happen inside the commands, so that `--help` answers at once. Exit codes: 0 success; 1 invalid input or a
failed run (one message, no traceback); 2 wrong usage.
"""

from __future__ import annotations

import sys

import typer
from rich.markup import escape

from fliptrace.cli import (
    analyze,
    cues,
    curate,
    data,
    export,
    fake_provider,
    formats,
    importing,
    models,
    predict,
    report,
    score,
    serve,
    study,
    train,
)
from fliptrace.cli.console import console
from fliptrace.cli.option_groups import with_option_groups
from fliptrace.core.errors import InputError

ANALYZE, COMPARE, DATA, HOSTED = "Analyze", "Train and compare", "Data", "Hosted models"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Find where a speaker's emotion flips in a dialogue, which utterances triggered it, and why.",
    epilog="Start with `fliptrace analyze sample`. To train a model: `fliptrace train recipes/demo.toml`, then "
    "`fliptrace predict runs/demo sample:test --out p.jsonl` and `fliptrace score p.jsonl`.",
)
app.command(rich_help_panel=ANALYZE, epilog=analyze.EPILOG)(with_option_groups(analyze.analyze))
app.command(rich_help_panel=ANALYZE, epilog=cues.EPILOG)(cues.cues)
app.command(rich_help_panel=ANALYZE)(formats.formats)
app.command(rich_help_panel=ANALYZE)(report.show)
app.command(rich_help_panel=ANALYZE, epilog=serve.EPILOG)(with_option_groups(serve.serve))
app.command(rich_help_panel=COMPARE)(with_option_groups(train.train))
app.command(rich_help_panel=COMPARE)(with_option_groups(predict.predict))
app.command(rich_help_panel=COMPARE)(score.score)
app.command(rich_help_panel=COMPARE)(score.compare)
app.command(rich_help_panel=COMPARE)(report.report)
app.command(rich_help_panel=COMPARE)(study.reproduce)
app.add_typer(export.app, name="export", rich_help_panel=COMPARE)
app.add_typer(models.app, name="models", rich_help_panel=COMPARE)
app.add_typer(data.app, name="data", rich_help_panel=DATA)
app.add_typer(importing.app, name="import", rich_help_panel=DATA)
app.command(rich_help_panel=DATA)(data.doctor)
app.command(rich_help_panel=DATA)(with_option_groups(curate.curate))
app.command(rich_help_panel=HOSTED, epilog=fake_provider.EPILOG)(fake_provider.fake_provider)


def main() -> None:
    """Run the command; an error that the user can mend ends in one message and exit code 1."""
    try:
        app()
    except SystemExit as stop:
        if stop.code == 130:  # what typer exits with when a command is interrupted
            console.print("stopped; run the same command again to resume")
        raise
    except (InputError, OSError) as error:
        console.print(f"[bold red]error[/] {escape(_one_line(error))}", soft_wrap=True)
        sys.exit(1)
    except RecursionError:
        console.print("[bold red]error[/] an input is nested too deeply to be read")
        sys.exit(1)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
