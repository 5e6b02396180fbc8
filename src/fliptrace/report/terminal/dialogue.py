"""One dialogue on a terminal: its transcript, its flips, what triggered them and why the model thinks so.

Utterances are numbered from 1, as in prompts of the `dialogue` layout and in sample files, so that the numbers in a
reply point at the lines above it. All text of the transcript and of the model goes through rich's Text: it can hold no
markup, and no control characters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from fliptrace.analysis.wording import clock, printable
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.flips import Flip
from fliptrace.core.voting import Vote
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.views import LayoutName

# The colours of the sixteen that any terminal has, so that its own theme keeps them legible, light or dark.
EMOTION_STYLES: Mapping[str, str] = {
    "neutral": "dim",
    "joy": "green",
    "joyful": "green",
    "peaceful": "green",
    "powerful": "yellow",
    "surprise": "yellow",
    "anger": "red",
    "mad": "red",
    "contempt": "magenta",
    "disgust": "magenta",
    "sadness": "blue",
    "sad": "blue",
    "fear": "cyan",
    "scared": "cyan",
}
FLIP_MARK = "↯"


@dataclass(frozen=True, slots=True)
class ShownFlip:
    """A flip and what is said of it. `gold` is None where nobody labelled it; `reply` is the model's own text.

    `triggers` and `gold` are 0-based positions in the dialogue, as everywhere but on the screen.
    """

    flip: Flip
    vote: Vote
    gold: frozenset[int] | None = None
    reply: str = ""

    @classmethod
    def of(cls, prediction: Prediction) -> ShownFlip:
        """As predicted; of several replies the first that names what the vote named, as it gives the reasons."""
        agree = [answer.text for answer in prediction.answers if answer.value == prediction.vote.triggers]
        texts = agree or [answer.text for answer in prediction.answers]
        return cls(prediction.flip, prediction.vote, prediction.gold, texts[0] if texts else "")


def show_dialogue(
    console: Console, dialogue: Dialogue, flips: Sequence[ShownFlip], layout: LayoutName = "dialogue"
) -> None:
    """Print a dialogue and its flips in the order they land. `layout` tells how the replies number utterances."""
    console.print(dialogue_view(dialogue, flips, layout))


def dialogue_view(dialogue: Dialogue, flips: Sequence[ShownFlip], layout: LayoutName = "dialogue") -> RenderableType:
    """The same as something rich can print."""
    in_order = sorted(flips, key=lambda shown: shown.flip.target)
    parts: list[RenderableType] = [Text(printable(dialogue.id), style="bold")]
    parts.append(transcript_table(dialogue, {shown.flip.target for shown in in_order}))
    if not in_order:
        parts.append(Text("No flips.", style="dim"))
    for shown in in_order:
        parts += ["", flip_sentence(shown), *_reasoning(shown, layout)]
    return Group(*parts)


def transcript_table(
    dialogue: Dialogue, targets: Collection[int], probabilities: Sequence[float | None] | None = None
) -> Table:
    """Number, time, mark, speaker, emotion, its probability and text of every utterance, as far as they are known."""
    has_times = any(utterance.start is not None for utterance in dialogue.utterances)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", no_wrap=True)
    if has_times:
        grid.add_column(justify="right", no_wrap=True, style="dim")
    grid.add_column(no_wrap=True)
    grid.add_column(max_width=16, overflow="fold")
    grid.add_column(no_wrap=True)
    if probabilities is not None:
        grid.add_column(justify="right", no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for i, utterance in enumerate(dialogue.utterances):
        cells: list[RenderableType] = [Text(position(i), style="dim")]
        if has_times:
            cells.append("" if utterance.start is None else clock(utterance.start))
        cells.append(Text(FLIP_MARK if i in targets else " ", style="bold"))
        cells.append(Text(printable(utterance.speaker), style="bold"))
        cells.append(emotion_text(utterance.emotion or ""))
        if probabilities is not None:
            share = probabilities[i]
            cells.append("" if share is None else f"{share:.2f}")
        grid.add_row(*cells, _words(utterance))
    return grid


def _words(utterance: Utterance) -> Text:
    words = Text(printable(utterance.text))
    if utterance.cues:
        words.append(f" ({printable(', '.join(utterance.cues))})", style="italic")
    return words


def flip_sentence(shown: ShownFlip) -> Text:
    """`Rachel flips from neutral [3] to anger [7]; triggered by [5] (support 0.75), [6]; gold: [5]`."""
    flip, gold = shown.flip, shown.gold
    line = Text.assemble(
        (f"{FLIP_MARK} {printable(flip.speaker)}", "bold"),
        " flips from ",
        emotion_text(flip.before),
        f" {position(flip.source)} to ",
        emotion_text(flip.after),
        f" {position(flip.target)}; {_triggers(shown.vote)}",
    )
    if gold is None:
        return line
    return Text.assemble(line, f"; gold: {_list(gold)} ", _mark(gold, shown.vote))


def _mark(gold: frozenset[int], vote: Vote) -> Text:
    """In a word, since colour alone does not reach everyone."""
    if gold == vote.triggers and not vote.is_unparsed:
        return Text("(right)", style="green")
    return Text("(partly right)", style="yellow") if gold & vote.triggers else Text("(wrong)", style="red")


def _triggers(vote: Vote) -> str:
    """Support stands where it says more than the vote: at less than all answers."""
    if vote.is_unparsed:
        return "no answer could be read"
    if not vote.triggers:
        return "triggered by nothing in the dialogue"
    named = (
        position(i) + (f" (support {vote.support[i]:.2f})" if vote.support[i] < 1 else "")
        for i in sorted(vote.triggers)
    )
    return f"triggered by {', '.join(named)}"


def _reasoning(shown: ShownFlip, layout: LayoutName) -> list[RenderableType]:
    """Nothing where the reply is but the answer line, which the sentence above it says already."""
    said = shown.reply.strip().splitlines()
    if not said or (len(said) == 1 and said[0].startswith("Triggers:")):
        return []
    lines = [Text(printable(line)) for line in said]
    if layout == "window":
        lines.insert(0, Text("(numbers count back from the target)", style="italic"))
    return [under_flip(lines)]


def under_flip(lines: Iterable[Text]) -> Table:
    """Lines that belong to the flip above them."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row("   │", line)
    return grid


def emotion_text(name: str) -> Text:
    return Text(name, style=EMOTION_STYLES.get(name, ""))


def _list(indices: Iterable[int]) -> str:
    return ", ".join(position(i) for i in sorted(indices)) or "none"


def position(index: int) -> str:
    return f"[{index + 1}]"
