"""The command `fliptrace curate`: labelled flip cases to a file of instructions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fliptrace.cli import hosted_options
from fliptrace.cli.console import done
from fliptrace.cli.data import DataFolder, read_cases
from fliptrace.cli.hosted_options import HostedOptions, open_teacher


def curate(
    file: Annotated[str, typer.Argument(help="Flip cases: an EFR JSON file, or NAME:SPLIT.", show_default=False)],
    *,
    out: Annotated[Path, typer.Option(help="The JSONL file to write; its manifest is written beside it.")],
    mix: Annotated[
        str,
        typer.Option(
            help="Kinds of instruction and their weights: answer, chain, source, flips, emotion, unified; feedback and "
            "self-evaluation with --own."
        ),
    ] = "answer=1,chain=1",
    form: Annotated[
        Literal["trl", "hosted"], typer.Option(help="Prompt and completion for TRL, or messages for hosted providers.")
    ] = "trl",
    own: Annotated[
        Path | None, typer.Option(help="A prediction file of the same cases: the model's own answers, to be corrected.")
    ] = None,
    feedback_level: Annotated[
        Literal["verdict", "kind of error", "full"], typer.Option(help="How much the feedback reveals.")
    ] = "full",
    teacher: Annotated[str | None, typer.Option(help="A MODEL that writes the rationales.")] = None,
    layout: Annotated[Literal["dialogue", "shared", "window"], typer.Option(help="How cases are shown.")] = "dialogue",
    wordings: Annotated[int, typer.Option(min=1, help="Number of wordings of the rationales.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of wordings and order.")] = 0,
    data: DataFolder = None,
    hosted: HostedOptions,
) -> None:
    """Make instructions from labelled flip cases.

    The kinds are the plain question, chains of thought, feedback and self-evaluation; and, from bare text, the emotion
    of an utterance, or emotions and triggers in one reply.
    """
    from fliptrace.curate.curator import Curator
    from fliptrace.curate.files import curate_file, parse_mix
    from fliptrace.prompts.views import Layout

    weights = parse_mix(mix)
    cases, source = read_cases(file, data, to_train=True)
    opened = open_teacher(teacher, "auto", hosted.settings(hosted_options.reply_cache_path(out)))
    writer = None if opened is None else opened.require_chat("teacher")
    curator = Curator(wordings, feedback_level, seed, writer)
    written = curate_file(
        cases, out, curator=curator, weights=weights, layout=Layout(layout), form=form, own=own, source=source
    )
    if opened is not None and opened.hosted is not None:
        hosted_options.print_cost(opened.hosted.name, opened.hosted.budget)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in written.items())
    done(f"{sum(written.values()):,} instructions ({counts}): {out}")
