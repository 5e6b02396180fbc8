"""The command `fliptrace`: one command a verb, each a thin skin over one library function.

Heavy imports stand inside the commands, so that --help answers at once. Exit codes: 0 done, 1 input or run at fault
(one message, no traceback), 2 usage.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fliptrace import (
    cli_analyze,
    cli_data,
    cli_export,
    cli_fake_provider,
    cli_hosted,
    cli_predict,
    cli_report,
    cli_study,
    cli_train,
)
from fliptrace.console import console, figure, interval, note, print_json, table
from fliptrace.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Find where a speaker's emotion flips in a dialogue, which utterances triggered it, and why.",
    epilog="Start with `fliptrace analyze sample`. To train a model: `fliptrace train recipes/demo.toml`, then "
    "`fliptrace predict runs/demo sample:test --out p.jsonl` and `fliptrace score p.jsonl`.",
)
app.command(epilog=cli_analyze.EPILOG)(cli_analyze.analyze)
app.add_typer(cli_data.app, name="data")
app.command()(cli_data.doctor)
app.command()(cli_train.curate)
app.command()(cli_train.train)
app.command()(cli_study.reproduce)
app.command()(cli_report.report)
app.command()(cli_report.show)
app.add_typer(cli_export.app, name="export")
app.command(epilog=cli_fake_provider.EPILOG)(cli_fake_provider.fake_provider)

DataFolder = cli_data.DataFolder
MODEL_HELP = (
    "embedded, rule:previous, rule:previous-or-self, rule:previous-plus-self, scripted:FILE, a folder (run, "
    "checkpoint, Hugging Face model, adapter, exported model), a Hub id, openai:MODEL, azure:DEPLOYMENT or "
    "http://HOST:PORT/v1#MODEL."
)


@app.command()
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
    concurrency: cli_hosted.Concurrency = 8,
    max_cost: cli_hosted.MaxCost = None,
    price: cli_hosted.PriceText = None,
    timeout: cli_hosted.Timeout = 120,
    answers: cli_hosted.AnswersFile = None,
    body: cli_hosted.Body = None,
    context: cli_hosted.Context = None,
) -> None:
    """Name the triggers of every flip in FILE; or label emotions, or find flips and their triggers, from bare text.

    A killed run goes on where it stopped when given again. Cases that end on no flip are left out, with a note.
    Keys of hosted models are read from the environment (docs/hosted.md).
    """
    from fliptrace.model_refs import open_model
    from fliptrace.models.base import SampleWeigher, make_decoding
    from fliptrace.predict import check_model, reading_of

    if task != "trigger" and emotions == "predicted":
        raise typer.BadParameter(
            "goes with --task trigger; the other tasks predict emotions anyway", param_hint="--emotions"
        )
    read = cli_data.read_cases if task == "trigger" else cli_predict.read_trunks
    items, source = read(file, data, limit)
    settings = cli_hosted.hosted_settings(
        answers or cli_hosted.beside(out), concurrency, max_cost, price, timeout, body, context
    )
    opened = open_model(model, device, dtype, settings)
    source |= {"weights_sha256": opened.weights_sha256} | ({} if dtype == "auto" else {"dtype": dtype})
    decoding = make_decoding(
        kind=decode or cli_predict.default_decoding(opened.model), num_samples=samples, temperature=temperature,
        top_p=top_p, max_new_tokens=max_new_tokens, seed=seed, constrain=constrain,
    )  # fmt: skip
    reading = reading_of(
        opened.habits, decoding, ask=ask, layout=layout, judge=judge, threshold=threshold, stop_early=stop_early,
        draws=isinstance(opened.model, SampleWeigher),
    )  # fmt: skip
    if task != "emotion":
        check_model(opened.model, reading)
    source |= cli_hosted.greet(opened.model)
    if task == "trigger":
        reading = replace(reading, emotions_from=emotions)
        cli_predict.predict_flips(opened, items, reading, out, source)
    else:
        cli_predict.predict_dialogues(task, opened, items, reading, out, source)
    cli_hosted.tell_spent(opened.model)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="A prediction file.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of tables.")] = False,
    draws: Annotated[int, typer.Option(min=100, help="Bootstrap draws, of groups of overlapping dialogues.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Score predictions beside the rules, with 95% intervals.

    Needs nothing but the prediction file. Trigger F1 is that of class "trigger", pooled over all utterances. The three
    experiments go under their names: triggers under gold emotions, under predicted emotions, end to end.
    """
    scores = _scoring("score").score_file(file, num_draws=draws, seed=seed)
    if json:
        print_json(scores.to_json())
        return
    result = scores.to_json()
    if result["task"] == "emotion":
        rows = [(name, figure(row["f1"]), f"{row['num_gold']:,}") for name, row in result["by_label"].items()]
        table(f"emotions of {result['num_utterances']:,} utterances", ("emotion", "F1", "utterances"), rows)
        console.print(f"weighted F1 {figure(result['weighted_f1'])} ({interval(result['interval'])}), "
                      f"macro F1 {figure(result['macro_f1'])}; {result['num_unparsed']:,} unparsed")  # fmt: skip
        return
    if result["task"] == "unified":
        cli_predict.show_unified_scores(file, scores)
        return
    _show_trigger_scores(file, scores)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A prediction file.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Another one, of the same cases.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of sentences.")] = False,
    draws: Annotated[int, typer.Option(min=100, help="Draws of groups, for the interval and the test.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
) -> None:
    """Tell whether B is better than A, or whether it is luck: a paired test over groups of dialogues."""
    result = _scoring("compare").compare_files(a, b, num_draws=draws, seed=seed)
    if json:
        print_json(result.to_json())
        return
    table(f"{result.num_flips:,} flips in {result.num_groups:,} groups", ("", "trigger F1"),
          [(f"A  {a}", figure(result.f1_a)), (f"B  {b}", figure(result.f1_b))])  # fmt: skip
    console.print(
        f"B - A = {result.difference:+.3f} (95% interval {interval(result.interval)}), p = {result.p_value:.4f}"
    )
    console.print(f"B wins {result.num_won:,} flips, loses {result.num_lost:,}, ties {result.num_tied:,}")


def main() -> None:
    """Run the command; whatever a user's input did wrong ends in one message and exit code 1."""
    try:
        app()
    except SystemExit as stop:
        if stop.code == 130:  # typer's own end of an interrupted command
            console.print("stopped; give the same command again to go on")
        raise
    except InputError as error:
        console.print(f"[bold red]error[/] {_plain(error)}", soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        console.print(f"[bold red]error[/] {_plain(error)}", soft_wrap=True)
        sys.exit(1)


def _plain(error: Exception) -> str:
    from rich.markup import escape

    return escape(str(error))


def _scoring(command: str) -> Any:
    cli_train.require(command, "study", "sklearn", "scipy")
    from fliptrace.scoring import scores

    return scores


def _show_trigger_scores(file: Path, scores: Any) -> None:
    rows = [
        (row.name, figure(row.f1), interval(row.interval), *map(figure, (row.precision, row.recall, row.exact_match)))
        for row in scores.rows()
    ]
    result = scores.to_json()
    title = f"{file}: {result['num_flips']:,} flips in {result['num_groups']:,} groups, {result['experiment']}"
    table(title, ("", "trigger F1", "95% interval", "precision", "recall", "exact set"), rows)
    for name, title in (("by_flip_type", "flip"), ("by_distance", "distance of trigger"), ("by_length", "utterances")):
        slices = list(result["breakdown"][name].items())[:8]
        rows = [(key, figure(row["f1"]), f"{row['num_flips']:,}") for key, row in slices]
        console.print()
        table(f"by {title}", (title, "trigger F1", "flips"), rows)
    found = {kind: count for kind, count in result["anomalies"].items() if count}
    console.print(
        f"\nmacro F1 {figure(result['macro_f1'])}, weighted F1 {figure(result['weighted_f1'])} (over both classes)"
    )
    console.print(
        f"{result['num_unparsed']:,} unparsed; anomalies in {result['num_answers']:,} answers: {found or 'none'}"
    )
    prevented = {kind: count for kind, count in result["prevented"].items() if count}
    if prevented:
        console.print(f"prevented by constrained decoding: {prevented}")
    if result["num_unlabelled"]:
        note(f"{result['num_unlabelled']:,} flips nobody labelled were left out")
