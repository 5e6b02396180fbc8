"""Terminal view of an analysis: transcript with emotions, flips, triggers with support, reasons and consequences.

Utterances are numbered from 1, as on the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from fliptrace.analysis.result import Analysis
from fliptrace.analysis.values import FoundFlip
from fliptrace.analysis.wording import printable, printable_name
from fliptrace.core.flips import Flip
from fliptrace.core.voting import Vote
from fliptrace.report.terminal.dialogue import (
    ShownFlip,
    emotion_text,
    flip_sentence,
    position,
    transcript_table,
    under_flip,
)
from fliptrace.report.wording import plural


def analysis_view(analysis: Analysis) -> RenderableType:
    """The view of an analysis as a renderable for rich."""
    flips, later = analysis.flips, analysis.consequences
    targets = {found.flip.target for found in flips}
    parts: list[RenderableType] = [_heading(analysis), transcript_table(analysis.dialogue, targets, _shares(analysis))]
    for found in flips:
        parts += ["", flip_sentence(_shown(found)), under_flip(_details(found, later[found.flip]))]
    return Group(*parts, "", *_closing(analysis))


def _heading(analysis: Analysis) -> Text:
    num_speakers = len(set(analysis.dialogue.speakers))
    size = f"{plural(len(analysis.dialogue), 'utterance')}, {plural(num_speakers, 'speaker')}"
    return Text.assemble((printable(analysis.dialogue.id), "bold"), f"  {size}, {plural(len(analysis.flips), 'flip')}")


def _shares(analysis: Analysis) -> list[float | None] | None:
    """The probability of each emotion shown; None where the transcript gives all emotions."""
    rows = zip(analysis.emotion_scores, analysis.dialogue.emotions, strict=True)
    shares = [None if scores is None else scores.get(emotion or "") for scores, emotion in rows]
    return None if all(share is None for share in shares) else shares


def _shown(found: FoundFlip) -> ShownFlip:
    return ShownFlip(found.flip, Vote(found.triggers, found.support, num_valid=1, num_samples=1))


def _details(found: FoundFlip, later: Sequence[Flip]) -> Iterator[Text]:
    yield Text(printable(found.reason))
    if later:
        line = Text("Led to ", style="dim")
        for number, flip in enumerate(later):
            parts = (", " if number else "", f"{printable_name(flip.speaker)}'s flip to ", emotion_text(flip.after))
            line.append_text(Text.assemble(*parts, (f" {position(flip.target)}", "dim")))
        yield line


def _closing(analysis: Analysis) -> Iterator[Text]:
    """What a reader should know about the lines above."""
    if not analysis.flips:
        yield Text("No flips: no speaker's emotion changes from one of their utterances to the next.", style="dim")
    elif all(found.reason_by == "template" for found in analysis.flips):
        yield Text("The reasons are filled in from a template; the model gave none of its own.", style="dim")
    yield Text(
        f"Emotions are what the words express, according to {printable(analysis.model)}; triggers have a support of "
        f"{analysis.threshold:.2f} or more.",
        style="dim",
    )
