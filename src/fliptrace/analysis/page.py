"""The page of an analysis: one self-contained HTML file to view, print and share.

Utterances are numbered from 1, as on the terminal. Jinja2 escapes everything that comes from the transcript or a model,
and it appears only in text and in quoted attributes, never in the script or the styles. The page's content security
policy allows no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from fliptrace.analysis import cue_lanes, lanes
from fliptrace.analysis.cards import FlipCard, flip_cards, surest_first
from fliptrace.analysis.doubts import doubts, tell_flip_shares, why_uncertain
from fliptrace.analysis.emotion_palette import emotion_palette
from fliptrace.analysis.matrices import Change, change_matrix, count_changes, first_seen, trigger_matrix, untriggered
from fliptrace.analysis.playback import Playback, playback_of
from fliptrace.analysis.values import AnalysisValues
from fliptrace.analysis.wording import clock, emotion_noun
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.files import versions, write_text
from fliptrace.inference.word_evidence import WordEvidence

MAX_QUOTED = 120  # characters of an utterance that is quoted outside the transcript
ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Headline:
    """The numbers at the top of the page. `change` is the most frequent kind of flip, None without flips.

    `num_changes` counts its flips. `seconds` is None if the transcript has no times.
    """

    num_utterances: int
    num_speakers: int
    num_flips: int
    num_triggered: int
    change: Change | None
    num_changes: int
    seconds: float | None


class Passage(NamedTuple):
    """A part of a text. `change` says what leaving it out does; "" where it was not measured."""

    text: str
    change: str = ""


def render_page(analysis: AnalysisValues, playback: Playback | None = None) -> str:
    """Render the whole page, which plays the recording if it is told how. The same values always give the same text."""
    dialogue = analysis.dialogue
    cards = flip_cards(analysis)
    script = _script()
    text: str = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            analysis=analysis,
            dialogue=dialogue,
            headline=headline(analysis),
            palette=emotion_palette(dialogue.emotion_set.labels),
            emotion_counts=emotion_counts(dialogue),
            speaker_numbers={speaker: row for row, speaker in enumerate(first_seen(dialogue.speakers))},
            speaker_counts=Counter(dialogue.speakers),
            flip_counts=Counter(card.flip.speaker for card in cards),
            picture=lanes.lay_out(analysis),
            size=lanes,
            cue_size=cue_lanes,
            playback=playback,
            ends=_ends(dialogue),
            cards=cards,
            index=surest_first(cards),
            has_probabilities=any(card.probability is not None for card in cards),
            doubts=doubts(analysis),
            why_uncertain=why_uncertain(analysis),
            flip_shares=tell_flip_shares(analysis),
            passages=passages(analysis),
            card_at=_by_target(cards, len(dialogue)),
            changes=count_changes(analysis),
            change_matrix=change_matrix(analysis),
            trigger_matrix=trigger_matrix(analysis),
            untriggered=untriggered(analysis),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            version=versions()["fliptrace"],
        )
    )
    return text + "\n"


def write_page(analysis: AnalysisValues, path: Path, recording: Path | None = None) -> bool:
    """Write the page to a UTF-8 file, completely or not at all. Return whether it plays the recording."""
    playback = None if recording is None else playback_of(recording, path)
    write_text(path, render_page(analysis, playback))
    return playback is not None


def headline(analysis: AnalysisValues) -> Headline:
    changes = count_changes(analysis)
    change = next(iter(changes), None)
    return Headline(
        num_utterances=len(analysis.dialogue),
        num_speakers=len(set(analysis.dialogue.speakers)),
        num_flips=len(analysis.flips),
        num_triggered=sum(bool(found.triggers) for found in analysis.flips),
        change=change,
        num_changes=changes[change] if change else 0,
        seconds=duration(analysis.dialogue),
    )


def duration(dialogue: Dialogue) -> float | None:
    """Return the seconds from the first known start to the last known start or end; None if no later time is known."""
    starts = [u.start for u in dialogue.utterances if u.start is not None]
    ends = [u.end for u in dialogue.utterances if u.end is not None]
    last = max([*starts, *ends], default=0.0)
    return last - min(starts) if starts and last > min(starts) else None


def emotion_counts(dialogue: Dialogue) -> dict[str, int]:
    """Count the utterances of each emotion that occurs, in the order of the emotion set."""
    found = Counter(dialogue.emotions)
    return {label: found[label] for label in dialogue.emotion_set.labels if found[label]}


def passages(analysis: AnalysisValues) -> list[list[Passage]]:
    """The passages of every utterance, which together are its text."""
    return [
        list(_split(utterance, analysis.words_in(index)))
        for index, utterance in enumerate(analysis.dialogue.utterances)
    ]


def _split(utterance: Utterance, words: Sequence[WordEvidence]) -> Iterator[Passage]:
    text, done = utterance.text, 0
    for word in words:
        if word.start > done:
            yield Passage(text[done : word.start])
        change = f"without this word, {emotion_noun(utterance.emotion or '')} falls from {word.with_it:.2f} to "
        yield Passage(text[word.start : word.end], f"{change}{word.without_it:.2f}")
        done = word.end
    if text[done:]:
        yield Passage(text[done:])


def quoted(text: str) -> str:
    """Put a text on one line, and shorten it to MAX_QUOTED characters.

    >>> quoted("So\\nlong."), len(quoted("word " * 100)) <= MAX_QUOTED
    ('So long.', True)
    """
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTED else line[: MAX_QUOTED - 1].rstrip() + "…"


def share(value: float) -> str:
    """Format a share with two decimals.

    >>> share(0.8249), share(1)
    ('0.82', '1.00')
    """
    return f"{value:.2f}"


def describe(card: FlipCard) -> str:
    """Describe a flip in one sentence, for screen readers.

    >>> from dataclasses import replace
    >>> from fliptrace.analysis.values import FoundFlip
    >>> from fliptrace.core.flips import Flip
    >>> from fliptrace.core.support import Support
    >>> found = FoundFlip(Flip("Ana", 0, 2, "joy", "fear"), frozenset({1}), Support.of((0, 0.8, 0)), "")
    >>> describe(FlipCard(found, (), (), ()))
    'Flip at 3, Ana: joy to fear'
    >>> describe(FlipCard(replace(found, probability=0.75), (), (), ()))
    'Flip at 3, Ana: joy to fear, with a probability of 0.75'
    """
    named = ", ".join(
        f"{trigger.utterance_index + 1} with support {share(trigger.support)}" for trigger in card.triggers
    )
    flip = card.flip
    text = f"Flip at {flip.target + 1}, {flip.speaker}: {flip.before} to {flip.after}"
    if card.probability is not None:
        text += f", with a probability of {share(card.probability)}"
    return f"{text}; triggered by {named}" if named else text


def _ends(dialogue: Dialogue) -> tuple[float | None, ...]:
    """When to stop playing each utterance: at its end, or at the next later start; None where nothing follows."""
    starts = [u.start for u in dialogue.utterances if u.start is not None]
    later = dict(pairwise(sorted(set(starts))))
    return tuple(u.end if u.end is not None or u.start is None else later.get(u.start) for u in dialogue.utterances)


def _by_target(cards: tuple[FlipCard, ...], num_utterances: int) -> tuple[FlipCard | None, ...]:
    """Return, for every utterance, the card of the flip whose target it is, or None."""
    by_target = {card.flip.target: card for card in cards}
    return tuple(by_target.get(i) for i in range(num_utterances))


def _clean(value: object) -> object:
    """Replace control characters and lone surrogates, which a transcript may contain but HTML may not."""
    return ILLEGAL.sub("\ufffd", value) if type(value) is str else value


@cache
def _script() -> str:
    return resources.files("fliptrace").joinpath("analysis/templates/page.js").read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fliptrace", "analysis/templates"),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": clock, "quoted": quoted, "share": share, "describe": describe}
    return environment
