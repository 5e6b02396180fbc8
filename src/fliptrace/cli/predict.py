"""The command `fliptrace predict`: triggers, emotions, or both, for every case or dialogue of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fliptrace.cli import hosted_options
from fliptrace.cli.console import done, note, progress
from fliptrace.cli.data import DataFolder, read_cases
from fliptrace.cli.hosted_options import HostedOptions
from fliptrace.cli.inference_options import InferenceOptions
from fliptrace.core.files import Json
from fliptrace.core.messages import NUM_SHOWN, Answer, excerpt

if TYPE_CHECKING:
    from fliptrace.core.flips import FlipCase
    from fliptrace.core.voting import Vote
    from fliptrace.corpora.longest_prefixes import LongestPrefix
    from fliptrace.inference.config import InferenceConfig
    from fliptrace.models.open_model import OpenModel

MODEL_HELP = (
    "embedded, rule:previous, rule:previous-or-self, rule:previous-plus-self, scripted:FILE, a folder (run, "
    "checkpoint, Hugging Face model, adapter, exported model), a .gguf file, a name of `fliptrace models list`, a Hub "
    "id, openai:MODEL, azure:DEPLOYMENT or http://HOST:PORT/v1#MODEL."
)


def predict(
    model: Annotated[str, typer.Argument(help=MODEL_HELP, show_default=False)],
    file: Annotated[
        str,
        typer.Argument(
            help="NAME:SPLIT or a file: flip cases as EFR JSON; for the other tasks also dialogues as MaSaC JSON, "
            "MELD or EmoryNLP CSV.",
            show_default=False,
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="The prediction file to write; its manifest is written beside it.")],
    task: Annotated[
        Literal["trigger", "emotion", "unified"],
        typer.Option(help="Triggers of given flips; emotions from bare text; or emotions, flips and triggers at once."),
    ] = "trigger",
    emotions: Annotated[
        Literal["gold", "predicted"],
        typer.Option(help="With --task trigger: whose emotions the model is shown, the labels or its own."),
    ] = "gold",
    inference: InferenceOptions,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "auto",
    dtype: Annotated[
        Literal["auto", "fp32", "bf16"],
        typer.Option(help="bf16 is faster and less precise. auto: as stored; fp32 on a CPU that lacks bf16."),
    ] = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="Predict only the first so many cases.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output file of another model, of other data or settings.")
    ] = False,
    data: DataFolder = None,
    hosted: HostedOptions,
    answers: Annotated[Path | None, hosted_options.reply_file("beside the output file")] = None,
) -> None:
    """Name the triggers of every flip in FILE; or label emotions, or find flips and their triggers, from bare text.

    Run the same command again to resume a killed run. Cases that do not end on a flip are left out, with a note. Keys
    of hosted models are read from the environment (docs/hosted.md).
    """
    from fliptrace.models.open_model import open_model
    from fliptrace.predictions.writer import refuse_other_run

    if task != "trigger" and emotions == "predicted":
        raise typer.BadParameter(
            "goes with --task trigger; the other tasks predict emotions anyway", param_hint="--emotions"
        )
    read: Any = read_cases if task == "trigger" else read_longest_prefixes
    items, source = read(file, data, limit)
    settings = hosted.settings(answers or hosted_options.reply_cache_path(out))
    opened = open_model(model, device, dtype, settings)
    source |= {"weights_sha256": opened.weights_sha256} | ({"dtype": "bf16"} if opened.in_bf16 else {})
    config = replace(inference.config(opened), emotions_from=emotions)
    if not overwrite:
        refuse_other_run(out, {"model": opened.model.name, "inference": config.to_json(), "data": source})
    write: Any = {"trigger": _predict_triggers, "emotion": _predict_emotions, "unified": _predict_unified}[task]
    write(opened, items, config, out, source)
    if opened.hosted is not None:
        hosted_options.print_cost(opened.hosted.name, opened.hosted.budget)


def _predict_triggers(
    opened: OpenModel, cases: Sequence[FlipCase], config: InferenceConfig, out: Path, source: Json
) -> None:
    """Name the triggers of flip cases, under their gold emotions or those that the model gives them first."""
    from fliptrace.inference.seams import choose_decoder, choose_labeler
    from fliptrace.inference.task_files import relabel_cases
    from fliptrace.inference.triggers import predict_file

    decoder = choose_decoder(opened.model, config)
    source |= hosted_options.probe_server(opened.hosted)
    if config.emotions_from == "predicted":
        with progress() as bar:
            hosted_options.watch(opened.hosted, bar)
            relabelled = relabel_cases(choose_labeler(opened.model, config), cases)
        cases, num_gold_pairs = relabelled.cases, relabelled.num_gold_pairs
        source |= {
            "num_unparsed_emotions": relabelled.num_unparsed,
            "num_shortened_emotions": relabelled.num_shortened,
            "num_gold_pairs": num_gold_pairs,
        }
        _note_unparsed_emotions(relabelled.num_unparsed, relabelled.unparsed)
        _note_shortened(relabelled.num_shortened, "utterances")
        if num_gold_pairs:
            note(f"{num_gold_pairs:,} flips keep their gold labels: the model gave both ends the same, unscored label")
    with _bar(opened, len(cases)) as on_progress:
        predicted = predict_file(decoder, cases, out, source, on_progress)
    _note_resumed(predicted.num_resumed, "cases")
    if predicted.num_cut_cases:
        note(f"{predicted.num_cut_cases:,} dialogues did not fit the model's context: their oldest utterances were cut")
    _note_shortened(predicted.num_shortened_cases, "flips")
    if predicted.mean_remaining is not None:
        note(f"{predicted.mean_remaining:.1%} of the probability lies on answers that were not scored")
    _note_samples_drawn([prediction.vote for prediction in predicted.predictions], config)
    unparsed = [prediction for prediction in predicted.predictions if prediction.vote.is_unparsed]
    _show_unparsed((prediction.id, prediction.answers) for prediction in unparsed)
    done(f"{len(cases):,} flips, {len(unparsed):,} unparsed: {out}")


def _predict_emotions(
    opened: OpenModel, prefixes: Sequence[LongestPrefix], config: InferenceConfig, out: Path, source: Json
) -> None:
    """Label the emotions of dialogues from bare text."""
    from fliptrace.inference.seams import choose_labeler
    from fliptrace.inference.task_files import predict_emotions_file

    labeler = choose_labeler(opened.model, config)
    source |= hosted_options.probe_server(opened.hosted)
    with _bar(opened, len(prefixes)) as on_progress:
        written = predict_emotions_file(labeler, prefixes, config, out, source, on_progress)
    _note_resumed(written.num_resumed, "dialogues")
    _note_unparsed_emotions(
        sum(row.num_unparsed for row in written.rows), [r for row in written.rows for r in row.unparsed]
    )
    _note_shortened(sum(row.num_shortened for row in written.rows), "utterances")
    num_utterances = sum(len(row.emotions) for row in written.rows)
    done(f"{num_utterances:,} utterances in {len(prefixes):,} dialogues: {out}")


def _predict_unified(
    opened: OpenModel, prefixes: Sequence[LongestPrefix], config: InferenceConfig, out: Path, source: Json
) -> None:
    """Label the emotions of dialogues from bare text, find their flips and name the triggers of each."""
    from fliptrace.inference.seams import choose_decoder, choose_labeler
    from fliptrace.inference.task_files import predict_unified_file

    labeler = choose_labeler(opened.model, config, in_turns=True)
    decoder = choose_decoder(opened.model, config)
    source |= hosted_options.probe_server(opened.hosted)
    with _bar(opened, len(prefixes)) as on_progress:
        written = predict_unified_file(labeler, decoder, prefixes, out, source, on_progress)
    _note_resumed(written.num_resumed, "dialogues")
    _note_unparsed_emotions(
        sum(row.num_unparsed for row in written.rows), [r for row in written.rows for r in row.unparsed]
    )
    _note_shortened(sum(row.num_shortened for row in written.rows), "utterances")
    _note_shortened(sum(flip.num_shortened > 0 for row in written.rows for flip in row.flips), "flips")
    _note_samples_drawn([flip.vote for row in written.rows for flip in row.flips], config)
    _show_unparsed(
        (f"{row.id} flip {flip.flip.target + 1}", flip.answers)
        for row in written.rows
        for flip in row.flips
        if flip.vote.is_unparsed
    )
    num_utterances = sum(len(row.emotions) for row in written.rows)
    num_flips = sum(len(row.flips) for row in written.rows)
    done(f"{num_utterances:,} utterances in {len(prefixes):,} dialogues, {num_flips:,} flips found: {out}")


def read_longest_prefixes(
    ref: str, root: Path | None, limit: int | None = None
) -> tuple[tuple[LongestPrefix, ...], Json]:
    """The dialogues of a corpus file and its entry for a manifest; of flip cases, the dialogues that they belong to."""
    from fliptrace.core.errors import InputError
    from fliptrace.core.files import hash_file
    from fliptrace.corpora.catalog import locate_ref
    from fliptrace.corpora.corpus_file import EfrFile
    from fliptrace.corpora.detect import read_corpus
    from fliptrace.corpora.longest_prefixes import LongestPrefix, collect_longest_prefixes

    path = locate_ref(ref, root)
    file = read_corpus(path)
    if isinstance(file, EfrFile):
        prefixes = collect_longest_prefixes(file.cases)
    else:
        prefixes = tuple(LongestPrefix(dialogue) for dialogue in file.dialogues)
    if file.left_out:
        note(f"{path.name}: {len(file.left_out):,} dialogues left out (fliptrace doctor tells why)")
    if not prefixes:
        raise InputError(path, "holds no dialogue that can be used")
    kept = prefixes[:limit]
    return kept, {
        "file": ref,
        "sha256": hash_file(path),
        "num_dialogues": len(kept),
        "num_left_out": len(file.left_out),
    }


@contextmanager
def _bar(opened: OpenModel, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar over cases or dialogues; what it yields takes the number that is done."""
    with progress() as bar:
        hosted_options.watch(opened.hosted, bar)
        task = bar.add_task(f"predicting with {opened.ref}", total=total)
        yield lambda num_done: bar.update(task, completed=num_done)


def _note_resumed(num_resumed: int, what: str) -> None:
    if num_resumed:
        note(f"{num_resumed:,} {what} were already done")


def _note_shortened(num_shortened: int, what: str) -> None:
    if num_shortened:
        note(f"{num_shortened:,} {what} are too long for the model, which read only their beginning")


def _note_samples_drawn(votes: Sequence[Vote], config: InferenceConfig) -> None:
    if config.stop_early and votes:
        mean = sum(vote.num_samples for vote in votes) / len(votes)
        note(
            f"{mean:.1f} of {config.decoding.num_samples} answers per flip were sampled on average: no further answer "
            "could change the triggers. Support is based on the answers that were sampled"
        )


def _show_unparsed(unparsed: Iterable[tuple[str, Sequence[Answer]]]) -> None:
    """Show the first replies that could not be parsed, with the case that they answer."""
    for id, answers in islice(unparsed, NUM_SHOWN):
        note(f"unparsed, {excerpt(id)}: {excerpt(answers[0].text) or '(empty)'}")


def _note_unparsed_emotions(num_unparsed: int, replies: Sequence[str]) -> None:
    """Say how many replies could not be parsed, and show the first."""
    if num_unparsed:
        note(f"{num_unparsed:,} replies on emotions could not be parsed: taken as neutral")
    for reply in replies[:NUM_SHOWN]:
        note(f"unparsed: {excerpt(reply) or '(empty)'}")
