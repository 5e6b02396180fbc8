"""The parts behind cli.py: what `predict` does for each task, and what `score` says of the unified one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from fliptrace.cli_hosted import watch
from fliptrace.console import console, done, figure, interval, note, progress, table
from fliptrace.store import Json

DecodingKind = Literal["greedy", "sample", "exact"]


def default_decoding(model: Any) -> DecodingKind:
    """Greedy, or exact where a model weighs replies and gives none."""
    from fliptrace.models.base import ChatModel, ReplyScorer

    return "exact" if isinstance(model, ReplyScorer) and not isinstance(model, ChatModel) else "greedy"


def predict_flips(opened: Any, cases: Any, reading: Any, out: Path, source: Json) -> None:
    """Name the triggers of flip cases, under their own emotions or those that the model gives them first."""
    from fliptrace.predict import predict_file
    from fliptrace.predict_tasks import relabel_cases

    if reading.emotions_from == "predicted":
        with progress() as bar:
            watch(opened.model, bar)
            cases, *told = relabel_cases(opened.model, cases, reading)
        source = source | dict(zip(("num_unparsed_emotions", "num_gold_pairs"), told, strict=True))
        _tell_unparsed(told[0])
        if told[1]:
            note(f"{told[1]:,} flips keep their own two labels: the model gave both ends the same, and no probability")
    with progress() as bar:
        watch(opened.model, bar)
        task = bar.add_task(f"predicting with {opened.ref}", total=len(cases))
        predicted = predict_file(
            opened.model, cases, reading, out, source, lambda num_done: bar.update(task, completed=num_done)
        )
    _tell_resumed(predicted.num_resumed, "cases")
    if predicted.num_cut_cases:
        note(f"{predicted.num_cut_cases:,} dialogues did not fit the model's context: their oldest utterances were cut")
    if predicted.mean_remaining is not None:
        note(f"{predicted.mean_remaining:.1%} of the probability lies on answers that were not weighed")
    _tell_drawn([prediction.vote for prediction in predicted.predictions], reading)
    unparsed = sum(prediction.vote.is_unparsed for prediction in predicted.predictions)
    done(f"{len(cases):,} flips, {unparsed:,} unparsed: {out}")


def predict_dialogues(
    task: Literal["emotion", "unified"], opened: Any, trunks: Any, reading: Any, out: Path, source: Json
) -> None:
    """Label the emotions of dialogues from bare text; in the unified task name the triggers of their flips besides."""
    from fliptrace.predict_tasks import predict_emotions_file, predict_unified_file

    write: Any = predict_emotions_file if task == "emotion" else predict_unified_file
    with progress() as bar:
        watch(opened.model, bar)
        shown = bar.add_task(f"predicting with {opened.ref}", total=len(trunks))
        written = write(
            opened.model, trunks, reading, out, source, lambda num_done: bar.update(shown, completed=num_done)
        )
    _tell_resumed(written.num_resumed, "dialogues")
    _tell_unparsed(sum(row.num_unparsed for row in written.rows))
    if task == "unified":
        _tell_drawn([flip.vote for row in written.rows for flip in row.flips], reading)
    num_utterances = sum(len(row.emotions) for row in written.rows)
    found = f", {sum(len(row.flips) for row in written.rows):,} flips found" if task == "unified" else ""
    done(f"{num_utterances:,} utterances in {len(trunks):,} dialogues{found}: {out}")


def read_trunks(ref: str, root: Path | None, limit: int | None = None) -> tuple[tuple[Any, ...], Json]:
    """The dialogues of a corpus file of any form, flip cases as the dialogues they are taken from; and its manifest."""
    from fliptrace.corpora.catalog import locate_ref
    from fliptrace.corpora.detect import read_corpus
    from fliptrace.corpora.results import EfrFile
    from fliptrace.corpora.trunks import Trunk, collect_trunks
    from fliptrace.errors import InputError
    from fliptrace.store import hash_file

    path = locate_ref(ref, root)
    file = read_corpus(path)
    if isinstance(file, EfrFile):
        trunks = collect_trunks(file.cases)
    else:
        trunks = tuple(Trunk(dialogue) for dialogue in file.dialogues)
    if file.left_out:
        note(f"{path.name}: {len(file.left_out):,} dialogues left out (fliptrace doctor tells why)")
    if not trunks:
        raise InputError(path, "holds no dialogue that can be used")
    kept = trunks[:limit]
    return kept, {
        "file": ref,
        "sha256": hash_file(path),
        "num_dialogues": len(kept),
        "num_left_out": len(file.left_out),
    }


def show_unified_scores(file: Path, scores: Any) -> None:
    """The scores of the unified task on a terminal."""
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
        f"\nemotions: weighted F1 {figure(result['weighted_f1'])} ({interval(result['emotion_interval'])}), "
        f"macro F1 {figure(result['macro_f1'])}, {result['num_utterances']:,} utterances"
    )
    console.print(
        f"{result['num_found_flips']:,} flips found, {result['num_flips']:,} labelled; "
        f"{result['num_unparsed']:,} answers and {result['num_unparsed_emotions']:,} emotions unparsed"
    )
    if result["num_unlabelled_flips"]:
        note(
            f"{result['num_unlabelled_flips']:,} flips are rightly found, but nobody labelled their triggers: "
            "what was named for them does not count"
        )


def _row(result: Json, name: str, ends: Any) -> tuple[str, ...]:
    return (
        figure(result[f"{name}_f1"]),
        interval(ends),
        figure(result[f"{name}_precision"]),
        figure(result[f"{name}_recall"]),
    )


def _tell_resumed(num_resumed: int, what: str) -> None:
    if num_resumed:
        note(f"{num_resumed:,} {what} were done already")


def _tell_drawn(votes: Sequence[Any], reading: Any) -> None:
    if reading.stop_early and votes:
        mean = sum(vote.num_samples for vote in votes) / len(votes)
        note(
            f"{mean:.1f} answers a flip were drawn, of {reading.decoding.num_samples} at most: no other could change "
            "the triggers. Support is of those drawn"
        )


def _tell_unparsed(num_unparsed: int) -> None:
    if num_unparsed:
        note(f"{num_unparsed:,} replies on emotions could not be read: taken for neutral")
