"""The options that give an analysis cues beside the words: a recording, a video, tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fliptrace.cli.console import progress, show_steps
from fliptrace.cli.extras import require
from fliptrace.cli.option_groups import OptionGroup
from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fliptrace.core.dialogue import Dialogue
    from fliptrace.cues.values import Cues

PANEL = "How it was said"


@dataclass(frozen=True, slots=True)
class CueOptions(OptionGroup):
    """Where the cues of an analysis come from. They are shown beside the words; no model reads them."""

    audio: Annotated[
        Path | None,
        typer.Option(
            help="The recording: loudness, pitch and pace of each utterance are shown beside it; the page plays it. "
            "The transcript needs times.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    video: Annotated[
        Path | None,
        typer.Option(help="The same from the sound of a video.", show_default=False, rich_help_panel=PANEL),
    ] = None
    cues: Annotated[
        list[Path] | None,
        typer.Option(
            help="A CSV table of cues: one row per utterance, or the frames of OpenFace, py-feat or MediaPipe. May be "
            "given several times.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None

    @property
    def recording(self) -> Path | None:
        """The file with the sound; InputError if two are named."""
        if self.audio is not None and self.video is not None:
            raise InputError("--audio and --video", "two recordings; expected one of them")
        return self.audio or self.video

    def collect(self, dialogue: Dialogue) -> Cues | None:
        """The cues of all sources; None if there is no source."""
        if self.recording is None and not self.cues:
            return None
        return collect_with_bar(dialogue, self.recording, self.cues or (), "analyze")


def collect_with_bar(dialogue: Dialogue, recording: Path | None, tables: Sequence[Path], command: str) -> Cues:
    """Measure and read all cues while a bar shows the utterances measured; MissingExtra names the extra to install."""
    from fliptrace.cues.collect import collect_cues

    if recording is not None:
        require(command, "cues", "soundfile", "soxr", "librosa")
    with progress() as bar:
        step = show_steps(bar)
        return collect_cues(dialogue, recording, tables, lambda done, total: step("cues", done, total))
