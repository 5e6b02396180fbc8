"""The command `fliptrace analyze`: from a transcript to flips, triggers and reasons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fliptrace.cli import hosted_options
from fliptrace.cli.batch_options import BatchOptions, analyze_all, refuse_with_many
from fliptrace.cli.console import console, done, note, print_json, progress, show_steps
from fliptrace.cli.cue_options import CueOptions
from fliptrace.cli.hosted_options import HostedOptions
from fliptrace.cli.option_groups import OptionGroup
from fliptrace.cli.transcript_options import Columns, Format, Speakers, parse_columns, parse_speakers

if TYPE_CHECKING:
    from fliptrace.analysis.analyze import OnProgress
    from fliptrace.analysis.result import Analysis
    from fliptrace.batch.settings import AnalysisSettings
    from fliptrace.models.hosted.model import HostedModel, HostedSettings

EPILOG = """**Examples**

- `fliptrace analyze sample` analyzes a call that ships with fliptrace.

- `fliptrace analyze call.vtt --html call.html` writes a page to click through.

- `fliptrace analyze call.vtt --audio call.wav --html call.html` adds what is louder, higher or faster than usual.

- `fliptrace analyze call.vtt --min-flip-probability 0.7` reports only the flips that the model is sure of.

- `fliptrace analyze chat.csv --columns speaker=caller,text=words --csv flips.csv` reads and writes tables.

- `fliptrace analyze calls/ --out tables --processes 4` analyzes a folder into Parquet tables.

- `fliptrace analyze call.vtt --json | jq '.flips[] | {speaker, before, after, reason}'` passes flips to programs.

Formats, columns and how far to trust the result: docs/analyze.md.
"""

Threshold = Annotated[
    float | None, typer.Option(help="Support that makes a trigger. Default: chosen in training.", show_default=False)
]
MinFlipProbability = Annotated[
    float | None,
    typer.Option(
        help="Report a flip from this probability that the speaker's emotion changed, above 0 to 1. Lower finds more, "
        "higher is surer. Default: chosen in training, else where the likeliest emotions differ.",
        show_default=False,
    ),
]
Rationales = Annotated[
    int, typer.Option(min=0, help="Rationales that a local model writes, of the surest flips; others are built.")
]
Evidence = Annotated[
    Literal["triggers", "all", "words", "none"] | None,
    typer.Option(
        help="Leave an utterance out, and measure how likely the new emotion is then: each trigger of the 50 surest "
        "flips, or all candidates of all flips. With `words`, triggers, and single words of these flips' sources and "
        "targets. Default: triggers with an encoder model, for which it is cheap; none with others.",
        show_default=False,
    ),
]
EmotionLabels = Annotated[
    str | None,
    typer.Option(
        help="The emotion labels: masac8, which includes contempt, meld7, or a TOML file with your own. Default: "
        "emotions.toml beside INPUT, else masac8.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Outputs(OptionGroup):
    """Where the analysis is shown and written."""

    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of the view.")] = False
    full: Annotated[bool, typer.Option("--full", help="Show all flips, and the whole transcript.")] = False
    html: Annotated[
        Path | None,
        typer.Option(help="Write an HTML page: one file, no network.", show_default=False),
    ] = None
    csv: Annotated[Path | None, typer.Option(help="Write a table, one row per utterance.", show_default=False)] = None

    def write(self, analysis: Analysis, recording: Path | None) -> None:
        if self.json:
            print_json(analysis.to_json())
        else:
            from fliptrace.report.terminal.analysis import analysis_view

            console.print(analysis_view(analysis, full=self.full))
        for text in analysis.notes if self.json else ():
            note(text)
        if self.csv is not None:
            analysis.to_csv(self.csv)
            done(str(self.csv))
        if self.html is not None:
            plays = analysis.to_html(self.html, recording)
            done(f"{self.html}: open it in a browser")
            if recording is not None and not plays:
                note(
                    f"{recording}: too large to be put into the page; to play it there, write the page into its folder"
                )


def analyze(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="A transcript, or `sample`, or `sample:hindi-english`. With --out also several, folders, patterns.",
            show_default=False,
        ),
    ],
    *,
    model: Annotated[str, typer.Option(help="As for predict; `embedded` and `smol` ship with fliptrace.")] = "embedded",
    format: Format = None,
    speakers: Speakers = None,
    columns: Columns = None,
    outputs: Outputs,
    batch: BatchOptions,
    cues: CueOptions,
    threshold: Threshold = None,
    min_flip_probability: MinFlipProbability = None,
    rationales: Rationales = 20,
    evidence: Evidence = None,
    emotion_set: EmotionLabels = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; the embedded model runs on the CPU.")] = "auto",
    hosted: HostedOptions,
    answers: Annotated[Path | None, hosted_options.reply_file("replies are not kept")] = None,
) -> None:
    """Find in a transcript where a speaker's emotion flips, what triggered it, and why.

    INPUT needs no labels. Its format is detected: lines of `Name: text`, CSV, JSON, WebVTT, SRT, WhisperX and others.
    Emotions that it holds are kept. With the embedded model nothing leaves this machine; a hosted model is sent the
    whole transcript.
    """
    from fliptrace.batch.settings import AnalysisSettings
    from fliptrace.corpora.own_emotions import emotion_set_called

    settings = AnalysisSettings(
        model=model,
        device=device,
        format=format,
        columns=parse_columns(columns),
        speakers=parse_speakers(speakers),
        emotion_set=None if emotion_set is None else emotion_set_called(emotion_set),
        threshold=threshold,
        min_flip_probability=min_flip_probability,
        num_rationales=rationales,
        evidence=evidence,
    )
    batch.check(inputs)
    if batch.out is None:
        outputs.write(_analyze_one(inputs[0], settings, hosted.settings(answers), cues), cues.recording)
    else:
        refuse_with_many({"--json": outputs.json, "--full": outputs.full, "--html": outputs.html, "--csv": outputs.csv})
        refuse_with_many({"--audio": cues.audio, "--video": cues.video, "--cues": cues.cues})
        analyze_all(inputs, batch, settings)


def _analyze_one(name: str, settings: AnalysisSettings, hosted: HostedSettings, cues: CueOptions) -> Analysis:
    from fliptrace.analysis.analyze import analyze as analyze_dialogue
    from fliptrace.models.open_model import open_model
    from fliptrace.transcripts.bundled import transcript_path
    from fliptrace.transcripts.read import read_transcript

    transcript = read_transcript(
        transcript_path(name),
        format=settings.format,
        columns=settings.columns,
        speakers=settings.speakers,
        emotion_set=settings.emotion_set,
    )
    measured = cues.collect(transcript.dialogue)
    opened = open_model(settings.model, settings.device, hosted=hosted)
    hosted_options.probe_server(opened.hosted)
    with _bar(opened.hosted) as on_progress:
        analysis = analyze_dialogue(
            transcript,
            opened,
            threshold=settings.threshold,
            min_flip_probability=settings.min_flip_probability,
            num_rationales=settings.num_rationales,
            evidence=settings.evidence,
            on_progress=on_progress,
        )
    if opened.hosted is not None:
        hosted_options.print_cost(opened.hosted.name, opened.hosted.budget)
    return analysis if measured is None else analysis.with_cues(measured)


@contextmanager
def _bar(hosted: HostedModel | None) -> Iterator[OnProgress]:
    """A progress bar for each step of an analysis."""
    with progress() as bar:
        hosted_options.watch(hosted, bar)
        yield show_steps(bar)
