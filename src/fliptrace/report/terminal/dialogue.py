"""Terminal view of a dialogue: its transcript, its flips, their triggers and the reasons that the model gives.

Utterances are numbered from 1, as in prompts of the `dialogue` layout and in sample files, so that the numbers in a
reply refer to the lines above it. All text of the transcript and of the model is printed through rich's Text, without
control characters, so that none of it acts as markup.
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
from fliptrace.cues.values import UtteranceCues
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.views import LayoutName

# Only colours of the standard sixteen, which the theme of a terminal keeps legible on light and dark backgrounds.
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
    """A flip to show, with its predicted triggers. `gold` is None for an unlabelled flip; `reply` is the model's text.

    The triggers in `vote` and `gold` are 0-based positions in the dialogue, as everywhere but on the screen.
    `probability` is that of the flip, None where it is unknown.
    """

    flip: Flip
    vote: Vote
    gold: frozenset[int] | None = None
    reply: str = ""
    probability: float | None = None

    @classmethod
    def of(cls, prediction: Prediction) -> ShownFlip:
        """The flip of a prediction. Of several replies, the first that agrees with the vote gives the reasons."""
        agree = [answer.text for answer in prediction.answers if answer.value == prediction.vote.triggers]
        texts = agree or [answer.text for answer in prediction.answers]
        return cls(prediction.flip, prediction.vote, prediction.gold, texts[0] if texts else "")


def show_dialogue(
    console: Console, dialogue: Dialogue, flips: Sequence[ShownFlip], layout: LayoutName = "dialogue"
) -> None:
    """Print a dialogue, and its flips in the order of their targets. `layout` is the one that replies number by."""
    console.print(dialogue_view(dialogue, flips, layout))


def dialogue_view(dialogue: Dialogue, flips: Sequence[ShownFlip], layout: LayoutName = "dialogue") -> RenderableType:
    """The view of a dialogue as a renderable for rich; see `show_dialogue`."""
    in_order = sorted(flips, key=lambda shown: shown.flip.target)
    parts: list[RenderableType] = [Text(printable(dialogue.id), style="bold")]
    parts.append(transcript_table(dialogue, {shown.flip.target for shown in in_order}))
    if not in_order:
        parts.append(Text("No flips.", style="dim"))
    for shown in in_order:
        parts += ["", flip_sentence(shown), *_reasoning(shown, layout)]
    return Group(*parts)


def transcript_table(
    dialogue: Dialogue,
    targets: Collection[int],
    probabilities: Sequence[float | None] | None = None,
    uncertain: Collection[int] = (),
    measured: Sequence[UtteranceCues] = (),
) -> Table:
    """A table of the utterances: number, time, flip mark, speaker, emotion, its probability, and text, where known.

    The emotions of `uncertain` utterances get a question mark. `measured` are the cues of all utterances, or empty.
    """
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
        emotion = emotion_text(utterance.emotion or "")
        cells.append(Text.assemble(emotion, "?") if i in uncertain else emotion)
        if probabilities is not None:
            share = probabilities[i]
            cells.append("" if share is None else f"{share:.2f}")
        grid.add_row(*cells, _words(utterance, measured[i].words if measured else ()))
    return grid


def _words(utterance: Utterance, measured: Sequence[str]) -> Text:
    words = Text(printable(utterance.text))
    if utterance.cues:
        words.append(f" ({printable(', '.join(utterance.cues))})", style="italic")
    if measured:
        words.append(f" · {printable(', '.join(measured))}", style="dim")
    return words


def flip_sentence(shown: ShownFlip) -> Text:
    """A sentence like `Rachel flips from neutral [3] to anger [7]; triggered by [5] (support 0.75), [6]; gold: [5]`.

    Behind the emotions stands the probability of the flip, where it is known and below 1: `(probability 0.83)`.
    """
    flip, gold = shown.flip, shown.gold
    doubted = shown.probability is not None and shown.probability < 1
    line = Text.assemble(
        (f"{FLIP_MARK} {printable(flip.speaker)}", "bold"),
        " flips from ",
        emotion_text(flip.before),
        f" {position(flip.source)} to ",
        emotion_text(flip.after),
        f" {position(flip.target)}",
        f" (probability {shown.probability:.2f})" if doubted else "",
        f"; {_triggers(shown.vote)}",
    )
    if gold is None:
        return line
    return Text.assemble(line, f"; gold: {_list(gold)} ", _mark(gold, shown.vote))


def _mark(gold: frozenset[int], vote: Vote) -> Text:
    """Whether the prediction is right, in words, since not everyone sees colours."""
    if gold == vote.triggers and not vote.is_unparsed:
        return Text("(right)", style="green")
    return Text("(partly right)", style="yellow") if gold & vote.triggers else Text("(wrong)", style="red")


def _triggers(vote: Vote) -> str:
    """The named triggers. Support is shown only below 1, where not all answers agree."""
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
    """The lines of the reply. Nothing where it is only the answer line, which the sentence above already states."""
    reply = shown.reply.strip().splitlines()
    if not reply or (len(reply) == 1 and reply[0].startswith("Triggers:")):
        return []
    lines = [Text(printable(line)) for line in reply]
    if layout == "window":
        lines.insert(0, Text("(numbers count back from the target)", style="italic"))
    return [under_flip(lines)]


def under_flip(lines: Iterable[Text]) -> Table:
    """Indent lines that belong to the flip above them."""
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
