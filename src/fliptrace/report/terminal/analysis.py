"""Terminal view of an analysis: a summary with notes, then every flip with its words, triggers and reason.

The whole transcript follows only if asked for. Utterances are numbered from 1, as on the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fliptrace.analysis.doubts import why_uncertain
from fliptrace.analysis.reasons import tell_likeliest, tell_measured
from fliptrace.analysis.result import Analysis
from fliptrace.analysis.values import FoundFlip
from fliptrace.analysis.wording import clock, printable, printable_name
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

MAX_FLIPS = 30  # in the short view: two screens or three; the surest are shown
_MAX_SPEAKERS = 12
_MAX_QUOTE = 160  # characters of an utterance below a flip


def analysis_view(analysis: Analysis, *, full: bool = False) -> RenderableType:
    """The view of an analysis as a renderable for rich: the surest flips first.

    `full` shows every flip in the order of the transcript, and then the transcript.
    """
    later = analysis.consequences
    flips = analysis.flips if full else _surest(analysis.flips)
    parts: list[RenderableType] = [_heading(analysis), *_notes(analysis), _speakers(analysis)]
    for found in flips:
        lines = _details(analysis, found, later[found.flip], quote=not full)
        parts += ["", flip_sentence(_shown(found)), under_flip(lines)]
    parts += ["", *_closing(analysis, len(analysis.flips) - len(flips))]
    if full:
        targets = {found.flip.target for found in analysis.flips}
        uncertain = {i for i, is_uncertain in enumerate(analysis.uncertain) if is_uncertain}
        parts += ["", transcript_table(analysis.dialogue, targets, _shares(analysis), uncertain, analysis.measured)]
    return Group(*parts)


def _surest(flips: Sequence[FoundFlip]) -> list[FoundFlip]:
    """The most probable flips, the surest first. Of equals those with the most support, in the dialogue's order."""
    by_support = sorted(flips, key=lambda found: -max((found.support[i] for i in found.triggers), default=0.0))
    kept = sorted(by_support, key=_doubt)[:MAX_FLIPS]
    return sorted(sorted(kept, key=lambda found: found.flip.target), key=_doubt)


def _doubt(found: FoundFlip) -> float:
    return -(found.probability or 0.0)


def _heading(analysis: Analysis) -> Text:
    num_speakers = len(set(analysis.dialogue.speakers))
    size = f"{plural(len(analysis.dialogue), 'utterance')}, {plural(num_speakers, 'speaker')}"
    return Text.assemble((printable(analysis.dialogue.id), "bold"), f"  {size}, {plural(len(analysis.flips), 'flip')}")


def _notes(analysis: Analysis) -> Iterator[Text]:
    """How the transcript was read, and what a reader should know of it: before anything is believed."""
    for each in analysis.notes:
        yield Text.assemble(("note ", "yellow"), printable(each))


def _speakers(analysis: Analysis) -> Table:
    """One row per speaker: utterances, flips, and the emotions expressed most often."""
    emotions: dict[str, Counter[str]] = {}
    for utterance in analysis.dialogue.utterances:
        emotions.setdefault(utterance.speaker, Counter())[utterance.emotion or ""] += 1
    flips = Counter(found.flip.speaker for found in analysis.flips)
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    most = sorted(emotions, key=lambda name: -emotions[name].total())
    for name in most[:_MAX_SPEAKERS]:
        common = Text(", ").join(
            Text.assemble(emotion_text(emotion), (f" {number}", "dim"))
            for emotion, number in emotions[name].most_common(3)
        )
        said, flipped = plural(emotions[name].total(), "utterance"), plural(flips[name], "flip")
        grid.add_row(Text(printable(name), style="bold"), said, flipped, common)
    if len(most) > _MAX_SPEAKERS:
        grid.add_row(Text(f"and {len(most) - _MAX_SPEAKERS:,} more", style="dim"))
    return grid


def _shares(analysis: Analysis) -> list[float | None] | None:
    """The probability of each emotion shown; None where the transcript gives all emotions."""
    rows = zip(analysis.emotion_scores, analysis.dialogue.emotions, strict=True)
    shares = [None if scores is None else scores.get(emotion or "") for scores, emotion in rows]
    return None if all(share is None for share in shares) else shares


def _shown(found: FoundFlip) -> ShownFlip:
    vote = Vote(found.triggers, tuple(found.support), num_valid=1, num_samples=1)
    return ShownFlip(found.flip, vote, probability=found.probability)


def _details(analysis: Analysis, found: FoundFlip, later: Sequence[Flip], *, quote: bool) -> Iterator[Text]:
    if quote:
        for index in sorted({*found.triggers, found.flip.target}):
            yield _quote(analysis, index)
    if likeliest := tell_likeliest(found.flip, analysis.dialogue.emotions):
        yield Text(printable(likeliest), style="dim")
    yield Text(printable(found.reason))
    for sentence in tell_measured(analysis, found, position):
        yield Text.assemble(printable(sentence), (" Measured on the model.", "dim"))
    if later:
        line = Text("Led to ", style="dim")
        for number, flip in enumerate(later):
            parts = (", " if number else "", f"{printable_name(flip.speaker)}'s flip to ", emotion_text(flip.after))
            line.append_text(Text.assemble(*parts, (f" {position(flip.target)}", "dim")))
        yield line


def _quote(analysis: Analysis, index: int) -> Text:
    utterance = analysis.dialogue.utterances[index]
    words = printable(utterance.text)
    words = words if len(words) <= _MAX_QUOTE else f"{words[:_MAX_QUOTE].rstrip()} …"
    time = "" if utterance.start is None else f" {clock(utterance.start)}"
    line = Text.assemble(
        (f"{position(index)}{time} ", "dim"), (printable_name(utterance.speaker), "bold"), f": {words}"
    )
    if told := analysis.cue_words(index):
        line.append(f" · {printable(', '.join(told))}", style="dim")
    return line


def _closing(analysis: Analysis, num_hidden: int) -> Iterator[Text]:
    """What a reader should know about the lines above."""
    if num_hidden:
        less = "less sure" if any(found.probability is not None for found in analysis.flips) else "with less support"
        yield Text(f"{plural(num_hidden, 'flip')} {less} not shown; --full shows all.", style="dim")
    if not analysis.flips:
        yield Text("No flips: no speaker's emotion changes from one of their utterances to the next.", style="dim")
    elif all(found.reason_by == "template" for found in analysis.flips):
        yield Text("The reasons are filled in from a template; the model gave none of its own.", style="dim")
    yield Text(
        f"Emotions are what the words express, according to {printable(analysis.model)}; triggers have a support of "
        f"{analysis.threshold:.2f} or more{_flips_from(analysis)}.",
        style="dim",
    )
    if analysis.measured:
        yield Text("What follows a · is how it was said, as measured; no emotion here follows from it.", style="dim")
    if any(analysis.uncertain):
        number = sum(analysis.uncertain)
        yield Text(
            f"{plural(number, 'emotion')} {'is' if number == 1 else 'are'} uncertain: {why_uncertain(analysis)}; "
            "--full marks them with a question mark.",
            style="dim",
        )


def _flips_from(analysis: Analysis) -> str:
    if analysis.flip_threshold is None:
        return ""
    return f", flips a probability of {analysis.flip_threshold:.2f} or more"
