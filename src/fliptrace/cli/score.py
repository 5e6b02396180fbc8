"""The commands `fliptrace score` and `fliptrace compare`: prediction files to scores on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from fliptrace.cli.console import console, decimals, interval, note, print_json, table
from fliptrace.cli.extras import require
from fliptrace.core.files import Json


def score(
    file: Annotated[Path, typer.Argument(help="A prediction file.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of tables.")] = False,
    draws: Annotated[int, typer.Option(min=100, help="Bootstrap draws of groups of overlapping dialogues.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
) -> None:
    """Score predictions beside the rules, with 95% intervals.

    The prediction file is all it needs. Trigger F1 is that of class "trigger", pooled over all utterances. The three
    experiments are named apart: triggers under gold emotions, under predicted emotions, and end to end.
    """
    scores = _scoring("score").score_file(file, num_draws=draws, seed=seed)
    if json:
        print_json(scores.to_json())
        return
    result = scores.to_json()
    _warn_of_missing(file, result["num_missing"])
    _warn_of_labels(file, result["labels_match"])
    if result["task"] == "emotion":
        rows = [(name, decimals(row["f1"]), f"{row['num_gold']:,}") for name, row in result["by_label"].items()]
        table(f"emotions of {result['num_utterances']:,} utterances", ("emotion", "F1", "utterances"), rows)
        console.print(f"weighted F1 {decimals(result['weighted_f1'])} ({interval(result['interval'])}), "
                      f"macro F1 {decimals(result['macro_f1'])}, kappa {decimals(result['kappa'])}; "
                      f"{result['num_unparsed']:,} unparsed")  # fmt: skip
        return
    if result["task"] == "unified":
        _show_unified_scores(file, scores)
        return
    _show_trigger_scores(file, scores)


def compare(
    a: Annotated[Path, typer.Argument(help="A prediction file.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Another prediction file of the same cases.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of sentences.")] = False,
    draws: Annotated[int, typer.Option(min=100, help="Draws of groups for the interval and the test.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Compare files that lack rows of those that their manifests count.")
    ] = False,
    allow_other_labels: Annotated[
        bool,
        typer.Option("--allow-other-labels", help="Compare files whose labels were changed after they were written."),
    ] = False,
) -> None:
    """Test whether B is better than A, with a paired test over groups of dialogues."""
    result = _scoring("compare").compare_files(
        a, b, num_draws=draws, seed=seed, allow_missing=allow_missing, allow_other_labels=allow_other_labels
    )
    if json:
        print_json(result.to_json())
        return
    _warn_of_missing(a, result.num_missing_a)
    _warn_of_missing(b, result.num_missing_b)
    _warn_of_labels(a, result.labels_match_a)
    _warn_of_labels(b, result.labels_match_b)
    table(f"{result.num_flips:,} flips in {result.num_groups:,} groups", ("", "trigger F1"),
          [(f"A  {a}", decimals(result.f1_a)), (f"B  {b}", decimals(result.f1_b))])  # fmt: skip
    console.print(
        f"B - A = {result.difference:+.3f} (95% interval {interval(result.interval)}), p = {result.p_value:.4f}"
    )
    console.print(f"B wins {result.num_won:,} flips, loses {result.num_lost:,}, ties {result.num_tied:,}")


def _warn_of_missing(file: Path, num_missing: int | None) -> None:
    """Say first whether the file has other rows than its manifest counts: the scores are then of a selection."""
    if num_missing:
        found = f"{num_missing:,} rows are missing" if num_missing > 0 else f"{-num_missing:,} rows are too many"
        console.print(f"[red]warning[/] {escape(f'{file}: {found}, by its manifest. The scores are of the others')}")


def _warn_of_labels(file: Path, match: bool | None) -> None:
    """Say first whether the file has other cases or labels than it was written with."""
    if match is False:
        told = f"{file}: its cases or labels were changed after it was written, by its manifest"
        console.print(f"[red]warning[/] {escape(told)}")


def _scoring(command: str) -> Any:
    require(command, "study", "sklearn", "scipy")
    from fliptrace.scoring import scores

    return scores


def _show_trigger_scores(file: Path, scores: Any) -> None:
    rows = [
        (
            row.name,
            decimals(row.f1),
            interval(row.interval),
            *map(decimals, (row.precision, row.recall, row.exact_match)),
        )
        for row in scores.rows()
    ]
    result = scores.to_json()
    title = f"{file}: {result['num_flips']:,} flips in {result['num_groups']:,} groups, {result['experiment']}"
    table(title, ("", "trigger F1", "95% interval", "precision", "recall", "exact set"), rows)
    for name, title in (("by_flip_type", "flip"), ("by_distance", "distance of trigger"), ("by_length", "utterances")):
        slices = list(result["breakdown"][name].items())[:8]
        rows = [(key, decimals(row["f1"]), f"{row['num_flips']:,}") for key, row in slices]
        console.print()
        table(f"by {title}", (title, "trigger F1", "flips"), rows)
    found = {kind: count for kind, count in result["anomalies"].items() if count}
    console.print(
        f"\nmacro F1 {decimals(result['macro_f1'])}, weighted F1 {decimals(result['weighted_f1'])} (over both classes)"
    )
    console.print(
        f"{result['num_unparsed']:,} unparsed; anomalies in {result['num_answers']:,} answers: {found or 'none'}"
    )
    prevented = {kind: count for kind, count in result["prevented"].items() if count}
    if prevented:
        console.print(f"prevented by constrained decoding: {prevented}")
    if result["num_unlabelled"]:
        note(f"{result['num_unlabelled']:,} unlabelled flips were left out")


def _show_unified_scores(file: Path, scores: Any) -> None:
    """Print the scores of the unified task."""
    result = scores.to_json()
    title = f"{file}: {result['num_dialogues']:,} dialogues, end to end from bare text"
    rows = [
        ("triggers", *_row(result, "trigger", result["interval"])),
        ("flips", *_row(result, "flip", result["flip_interval"])),
    ]
    rows += [(f"triggers, {name}", *_row(row, "trigger", row["interval"])) for name, row in result["baselines"].items()]
    rows.append(("triggers of the flips that were found", *_row(result["matched"], "trigger", None)))
    table(title, ("", "F1", "95% interval", "precision", "recall"), rows)
    console.print(
        f"\nemotions: weighted F1 {decimals(result['weighted_f1'])} ({interval(result['emotion_interval'])}), "
        f"macro F1 {decimals(result['macro_f1'])}, {result['num_utterances']:,} utterances"
    )
    console.print(
        f"{result['num_found_flips']:,} flips found, {result['num_flips']:,} labelled; "
        f"{result['num_unparsed']:,} answers and {result['num_unparsed_emotions']:,} emotions unparsed"
    )
    if result["num_unlabelled_flips"]:
        note(
            f"{result['num_unlabelled_flips']:,} flips were found correctly, but their triggers are unlabelled: "
            "what was named for them does not count"
        )


def _row(result: Json, name: str, ends: Any) -> tuple[str, ...]:
    return (
        decimals(result[f"{name}_f1"]),
        interval(ends),
        decimals(result[f"{name}_precision"]),
        decimals(result[f"{name}_recall"]),
    )
