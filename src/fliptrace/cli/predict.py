"""The command `fliptrace predict`: triggers, emotions, or both, for every case or dialogue of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fliptrace.cli import hosted_options
from fliptrace.cli.console import done, note, progress
from fliptrace.cli.data import DataFolder, read_cases
from fliptrace.core.files import Json

DecodingKind = Literal["greedy", "sample", "exact"]
MODEL_HELP = (
    "embedded, rule:previous, rule:previous-or-self, rule:previous-plus-self, scripted:FILE, a folder (run, "
    "checkpoint, Hugging Face model, adapter, exported model), a Hub id, openai:MODEL, azure:DEPLOYMENT or "
    "http://HOST:PORT/v1#MODEL."
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
    out: Annotated[Path, typer.Option(help="The prediction file to write; a manifest goes beside it.")],
    task: Annotated[
        Literal["trigger", "emotion", "unified"],
        typer.Option(help="Triggers of given flips; emotions from bare text; or emotions, flips and triggers at once."),
    ] = "trigger",
    emotions: Annotated[
        Literal["gold", "predicted"],
        typer.Option(help="With --task trigger: whose emotions the model is shown, the labels or its own."),
    ] = "gold",
    decode: Annotated[
        Literal["greedy", "sample", "exact"] | None,
        typer.Option(
            help="One greedy answer, self-consistency over samples, or the probability of every answer. Default: "
            "greedy; exact for a model that writes no replies.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, help="Answers a case, with --decode sample; with exact and --ask chain rationales.")
    ] = 8,
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early",
            help="With --decode sample: ask no more about a case whose triggers no further answer can change. Support "
            "is then of fewer answers.",
        ),
    ] = False,
    constrain: Annotated[
        bool, typer.Option(help="Let an answer line name nothing but utterances that exist, up to the target.")
    ] = True,
    temperature: Annotated[float, typer.Option(help="Of the samples.")] = 0.7,
    top_p: Annotated[float, typer.Option(help="Sample from the most likely tokens of this mass.")] = 1.0,
    threshold: Annotated[
        float | None,
        typer.Option(help="Support that names a trigger. Default: what training chose on val, else 0.5."),
    ] = None,
    ask: Annotated[
        Literal["answer", "chain"] | None,
        typer.Option(help="The answer line alone, or reasons first. Default: as the model was trained, else answer."),
    ] = None,
    layout: Annotated[
        Literal["dialogue", "window"] | None,
        typer.Option(help="How cases are shown. Default: as the model was trained, else dialogue."),
    ] = None,
    judge: Annotated[bool, typer.Option("--judge", help="Let the model judge and improve its answers.")] = False,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest reply.")] = 256,
    seed: Annotated[int, typer.Option(help="Of the samples; batching changes nothing.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "auto",
    dtype: Annotated[
        Literal["auto", "fp32", "bf16"],
        typer.Option(help="bf16 is faster and rounds more; auto: as stored, fp32 on a CPU."),
    ] = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many cases.")] = None,
    data: DataFolder = None,
    concurrency: hosted_options.Concurrency = 8,
    max_cost: hosted_options.MaxCost = None,
    price: hosted_options.PriceText = None,
    timeout: hosted_options.Timeout = 120,
    answers: hosted_options.AnswersFile = None,
    body: hosted_options.Body = None,
    context: hosted_options.Context = None,
) -> None:
    """Name the triggers of every flip in FILE; or label emotions, or find flips and their triggers, from bare text.

    A killed run goes on where it stopped when given again. Cases that end on no flip are left out, with a note.
    Keys of hosted models are read from the environment (docs/hosted.md).
    """
    from fliptrace.inference.triggers import check_model, resolve_config
    from fliptrace.models.base import LogprobSampler, make_decoding
    from fliptrace.models.open_model import open_model

    if task != "trigger" and emotions == "predicted":
        raise typer.BadParameter(
            "goes with --task trigger; the other tasks predict emotions anyway", param_hint="--emotions"
        )
    read = read_cases if task == "trigger" else read_longest_prefixes
    items, source = read(file, data, limit)
    settings = hosted_options.hosted_settings(
        answers or hosted_options.reply_cache_path(out), concurrency, max_cost, price, timeout, body, context
    )
    opened = open_model(model, device, dtype, settings)
    source |= {"weights_sha256": opened.weights_sha256} | ({} if dtype == "auto" else {"dtype": dtype})
    decoding = make_decoding(
        kind=decode or default_decoding(opened.model), num_samples=samples, temperature=temperature,
        top_p=top_p, max_new_tokens=max_new_tokens, seed=seed, constrain=constrain,
    )  # fmt: skip
    config = resolve_config(
        opened.defaults, decoding, ask=ask, layout=layout, judge=judge, threshold=threshold, stop_early=stop_early,
        draws=isinstance(opened.model, LogprobSampler),
    )  # fmt: skip
    if task != "emotion":
        check_model(opened.model, config)
    source |= hosted_options.probe_server(opened.model)
    if task == "trigger":
        config = replace(config, emotions_from=emotions)
        predict_flips(opened, items, config, out, source)
    else:
        predict_dialogues(task, opened, items, config, out, source)
    hosted_options.print_cost(opened.model)


def default_decoding(model: Any) -> DecodingKind:
    """Greedy, or exact where a model weighs replies and gives none."""
    from fliptrace.models.base import ChatModel, ReplyScorer

    return "exact" if isinstance(model, ReplyScorer) and not isinstance(model, ChatModel) else "greedy"


def predict_flips(opened: Any, cases: Any, config: Any, out: Path, source: Json) -> None:
    """Name the triggers of flip cases, under their own emotions or those that the model gives them first."""
    from fliptrace.inference.task_files import relabel_cases
    from fliptrace.inference.triggers import predict_file

    if config.emotions_from == "predicted":
        with progress() as bar:
            hosted_options.watch(opened.model, bar)
            cases, *told = relabel_cases(opened.model, cases, config)
        source = source | dict(zip(("num_unparsed_emotions", "num_gold_pairs"), told, strict=True))
        _tell_unparsed(told[0])
        if told[1]:
            note(f"{told[1]:,} flips keep their own two labels: the model gave both ends the same, and no probability")
    with progress() as bar:
        hosted_options.watch(opened.model, bar)
        task = bar.add_task(f"predicting with {opened.ref}", total=len(cases))
        predicted = predict_file(
            opened.model, cases, config, out, source, lambda num_done: bar.update(task, completed=num_done)
        )
    _tell_resumed(predicted.num_resumed, "cases")
    if predicted.num_cut_cases:
        note(f"{predicted.num_cut_cases:,} dialogues did not fit the model's context: their oldest utterances were cut")
    if predicted.mean_remaining is not None:
        note(f"{predicted.mean_remaining:.1%} of the probability lies on answers that were not weighed")
    _tell_drawn([prediction.vote for prediction in predicted.predictions], config)
    unparsed = sum(prediction.vote.is_unparsed for prediction in predicted.predictions)
    done(f"{len(cases):,} flips, {unparsed:,} unparsed: {out}")


def predict_dialogues(
    task: Literal["emotion", "unified"], opened: Any, prefixes: Any, config: Any, out: Path, source: Json
) -> None:
    """Label the emotions of dialogues from bare text; in the unified task name the triggers of their flips besides."""
    from fliptrace.inference.task_files import predict_emotions_file, predict_unified_file

    write: Any = predict_emotions_file if task == "emotion" else predict_unified_file
    with progress() as bar:
        hosted_options.watch(opened.model, bar)
        shown = bar.add_task(f"predicting with {opened.ref}", total=len(prefixes))
        written = write(
            opened.model, prefixes, config, out, source, lambda num_done: bar.update(shown, completed=num_done)
        )
    _tell_resumed(written.num_resumed, "dialogues")
    _tell_unparsed(sum(row.num_unparsed for row in written.rows))
    if task == "unified":
        _tell_drawn([flip.vote for row in written.rows for flip in row.flips], config)
    num_utterances = sum(len(row.emotions) for row in written.rows)
    found = f", {sum(len(row.flips) for row in written.rows):,} flips found" if task == "unified" else ""
    done(f"{num_utterances:,} utterances in {len(prefixes):,} dialogues{found}: {out}")


def read_longest_prefixes(ref: str, root: Path | None, limit: int | None = None) -> tuple[tuple[Any, ...], Json]:
    """The dialogues of a corpus file of any form, flip cases as the dialogues they are taken from; and its manifest."""
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


def _tell_resumed(num_resumed: int, what: str) -> None:
    if num_resumed:
        note(f"{num_resumed:,} {what} were done already")


def _tell_drawn(votes: Sequence[Any], config: Any) -> None:
    if config.stop_early and votes:
        mean = sum(vote.num_samples for vote in votes) / len(votes)
        note(
            f"{mean:.1f} answers a flip were drawn, of {config.decoding.num_samples} at most: no other could change "
            "the triggers. Support is of those drawn"
        )


def _tell_unparsed(num_unparsed: int) -> None:
    if num_unparsed:
        note(f"{num_unparsed:,} replies on emotions could not be read: taken for neutral")
