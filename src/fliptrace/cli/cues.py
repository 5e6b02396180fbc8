"""The command `fliptrace cues`: how each utterance of a recording was said, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import console, done, note
from fliptrace.cli.cue_options import collect_with_bar
from fliptrace.cli.transcript_options import Columns, Format, Speakers, parse_columns, parse_speakers

EPILOG = """**Examples**

- `fliptrace cues call.vtt call.wav` shows the words with what is louder, higher, faster than usual.

- `fliptrace cues call.vtt call.wav --out cues.csv` writes the values, too; `analyze --cues cues.csv` shows them.

Values are in dB, Hz, semitones, characters per second and seconds: docs/cues.md.
"""


def cues(
    file: Annotated[str, typer.Argument(help="A transcript with times.", show_default=False)],
    recording: Annotated[
        Path, typer.Argument(help="Its recording: sound, or with ffmpeg a video.", show_default=False)
    ],
    *,
    out: Annotated[Path | None, typer.Option(help="Write a table, one row per utterance.", show_default=False)] = None,
    format: Format = None,
    speakers: Speakers = None,
    columns: Columns = None,
) -> None:
    """Measure how each utterance was said: loudness, pitch, pace, pauses.

    The words compare an utterance with what is usual for its speaker. They say how it sounds, not what is felt.
    Nothing leaves this machine.
    """
    from fliptrace.analysis.tables import cues_to_csv
    from fliptrace.core.files import write_text
    from fliptrace.report.terminal.dialogue import transcript_table
    from fliptrace.transcripts.bundled import transcript_path
    from fliptrace.transcripts.read import read_transcript

    transcript = read_transcript(
        transcript_path(file), format=format, columns=parse_columns(columns), speakers=parse_speakers(speakers)
    )
    found = collect_with_bar(transcript.dialogue, recording, (), "cues")
    console.print(transcript_table(transcript.dialogue, (), measured=found.utterances))
    for text in (*transcript.notes, *found.notes):
        note(text)
    if out is not None:
        write_text(out, cues_to_csv(transcript.dialogue, found))
        done(str(out))
