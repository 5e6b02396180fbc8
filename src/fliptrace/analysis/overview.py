"""Many analyzed dialogues at once: which emotions, which flips, whose triggers, by conversation, speaker and quarter.

A pure function from tallies (tally.py) to values for pages, tables and programs. Speakers with equal names are counted
together, also where they are different people, such as `Speaker 1`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from fliptrace.analysis.emotion_palette import emotion_palette
from fliptrace.analysis.matrices import Change
from fliptrace.analysis.tally import NUM_QUARTERS, Flipped, Said, Tally, add_up

MAX_LISTED = 500  # speakers and pairs of them; a table of strangers may have a speaker in every row
_MAX_NAMES = 10  # of the speakers of one conversation
Key = TypeVar("Key")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EmotionPart(_Part):
    label: str
    code: str = Field(description="Its first letters, which no other label begins with.")
    hue: str = Field(description="The name of its colour.")


class FlipCountPart(_Part):
    before: str
    after: str
    num: int


class CountedPart(_Part):
    num_utterances: int
    num_flips: int
    flips_per_100: float = Field(description="Flips per 100 utterances.")
    top_flip: FlipCountPart | None = Field(description="The most frequent one; null if there are no flips.")
    emotion_shares: dict[str, float] = Field(description="The share of each emotion in the utterances, 0 to 1.")


class ConversationPart(CountedPart):
    id: str
    name: str
    created_at: datetime = Field(description="When it was handed in.")
    num_corrections: int = Field(description="Corrections by people, which are counted here.")
    num_speakers: int
    speakers: tuple[str, ...] = Field(description="Those who say most, at most ten, the first says most.")


class QuarterPart(CountedPart):
    quarter: int = Field(description="1 to 4, by the position of utterances, and of the targets of flips.")


class SpeakerPart(CountedPart):
    name: str = Field(description="All speakers of this name, also those of different conversations.")
    num_conversations: int
    own_triggers: int = Field(description="Triggers of this speaker's flips that the speaker says.")
    others_triggers: int = Field(description="Triggers of this speaker's flips that others say.")
    triggers_of_others: int = Field(description="Triggers of others' flips that this speaker says.")
    num_untriggered: int = Field(description="This speaker's flips without a trigger.")
    num_unknown: int = Field(description="This speaker's flips with unknown triggers: people added them.")


class TriggerPart(_Part):
    trigger_speaker: str
    flip_speaker: str = Field(description="Whose emotion flips.")
    is_oneself: bool
    num: int = Field(description="Triggers. A flip may have several.")


class FlipMatrixPart(_Part):
    labels: tuple[str, ...] = Field(description="The emotions that occur in a flip.")
    counts: tuple[tuple[int, ...], ...] = Field(description="Flips from the emotion of a row to that of a column.")


class Overview(CountedPart):
    """What was found in a selection of conversations, corrections applied."""

    num_conversations: int
    num_corrected: int = Field(description="Conversations with corrections.")
    emotions: tuple[EmotionPart, ...] = Field(description="All labels of the conversations' emotion sets.")
    conversations: tuple[ConversationPart, ...]
    quarters: tuple[QuarterPart, ...] = Field(description="Of all conversations together.")
    flips: FlipMatrixPart
    num_speakers: int = Field(description="Different names.")
    speakers: tuple[SpeakerPart, ...] = Field(description="Those with most flips first, at most 500.")
    triggers: tuple[TriggerPart, ...] = Field(description="Most frequent first, at most 500.")
    own_triggers: int = Field(description="Triggers said by the speaker who flips.")
    others_triggers: int = Field(description="Triggers said by another speaker.")
    num_untriggered: int = Field(description="Flips without a trigger.")
    num_unknown: int = Field(description="Flips with unknown triggers: people added them.")


class CountedDialogue(NamedTuple):
    """A dialogue of a selection. `num_corrections` are those that its tally includes."""

    id: str
    name: str
    created_at: datetime
    num_corrections: int
    tally: Tally


@dataclass(frozen=True, slots=True)
class _Counts:
    """Utterances by emotion and flips by kind, of one row of a table."""

    emotions: Counter[str] = field(default_factory=Counter)
    changes: Counter[Change] = field(default_factory=Counter)


def make_overview(dialogues: Sequence[CountedDialogue]) -> Overview:
    """Sum dialogues up. The order of `conversations` is theirs.

    >>> make_overview([]).num_flips
    0
    """
    total = add_up(each.tally for each in dialogues)
    labels, speakers, whole = total.labels, _speaker_parts(dialogues, total), _whole(total)
    own = sum(num for pair, num in total.triggers.items() if pair.trigger_speaker == pair.flip_speaker)
    return Overview(
        **_counted(whole, labels),
        num_conversations=len(dialogues),
        num_corrected=sum(each.num_corrections > 0 for each in dialogues),
        emotions=tuple(
            EmotionPart(label=sign.label, code=sign.code, hue=sign.hue) for sign in emotion_palette(labels).values()
        ),
        conversations=tuple(_conversation_part(each, labels) for each in dialogues),
        quarters=tuple(_quarter_parts(total)),
        flips=_matrix_part(whole.changes, labels),
        num_speakers=len(speakers),
        speakers=tuple(sorted(speakers, key=lambda part: (-part.num_flips, -part.num_utterances))[:MAX_LISTED]),
        triggers=tuple(_trigger_parts(total)),
        own_triggers=own,
        others_triggers=total.triggers.total() - own,
        num_untriggered=total.untriggered.total(),
        num_unknown=total.unknown.total(),
    )


def _whole(tally: Tally) -> _Counts:
    return _split(tally, lambda _: None)[None]


def _split(tally: Tally, key: Callable[[Said | Flipped], Key]) -> defaultdict[Key, _Counts]:
    """Counts by a part of what is counted, such as the speaker."""
    found: defaultdict[Key, _Counts] = defaultdict(_Counts)
    for said, num in tally.utterances.items():
        found[key(said)].emotions[said.emotion] += num
    for flipped, num in tally.flips.items():
        found[key(flipped)].changes[Change(flipped.before, flipped.after)] += num
    return found


def _counted(counts: _Counts, labels: Sequence[str]) -> dict[str, Any]:
    """The values of a `CountedPart`."""
    num_utterances, num_flips = counts.emotions.total(), counts.changes.total()
    return {
        "num_utterances": num_utterances,
        "num_flips": num_flips,
        "flips_per_100": round(100 * num_flips / max(1, num_utterances), 2),
        "top_flip": _top_flip(counts.changes, labels),
        "emotion_shares": {label: round(counts.emotions[label] / max(1, num_utterances), 4) for label in labels},
    }


def _top_flip(changes: Counter[Change], labels: Sequence[str]) -> FlipCountPart | None:
    """The most frequent kind of flip; of several, the first in the order of the labels."""
    if not changes:
        return None
    top = min(changes, key=lambda each: (-changes[each], labels.index(each.before), labels.index(each.after)))
    return FlipCountPart(before=top.before, after=top.after, num=changes[top])


def _conversation_part(dialogue: CountedDialogue, labels: Sequence[str]) -> ConversationPart:
    talk: Counter[str] = Counter()
    for said, num in dialogue.tally.utterances.items():
        talk[said.speaker] += num
    return ConversationPart(
        **_counted(_whole(dialogue.tally), labels),
        id=dialogue.id,
        name=dialogue.name,
        created_at=dialogue.created_at,
        num_corrections=dialogue.num_corrections,
        num_speakers=len(talk),
        speakers=tuple(name for name, _ in talk.most_common(_MAX_NAMES)),
    )


def _quarter_parts(total: Tally) -> Iterator[QuarterPart]:
    found = _split(total, lambda each: each.quarter)
    for quarter in range(NUM_QUARTERS):
        yield QuarterPart(quarter=quarter + 1, **_counted(found[quarter], total.labels))


def _speaker_parts(dialogues: Sequence[CountedDialogue], total: Tally) -> list[SpeakerPart]:
    num_conversations = Counter(name for each in dialogues for name in {said.speaker for said in each.tally.utterances})
    own, others, of_others = Counter[str](), Counter[str](), Counter[str]()
    for (trigger_speaker, flip_speaker), num in total.triggers.items():
        if trigger_speaker == flip_speaker:
            own[flip_speaker] += num
        else:
            others[flip_speaker] += num
            of_others[trigger_speaker] += num
    return [
        SpeakerPart(
            **_counted(counts, total.labels),
            name=name,
            num_conversations=num_conversations[name],
            own_triggers=own[name],
            others_triggers=others[name],
            triggers_of_others=of_others[name],
            num_untriggered=total.untriggered[name],
            num_unknown=total.unknown[name],
        )
        for name, counts in _split(total, lambda each: each.speaker).items()
    ]


def _trigger_parts(total: Tally) -> Iterator[TriggerPart]:
    for pair, num in total.triggers.most_common(MAX_LISTED):
        yield TriggerPart(**pair._asdict(), is_oneself=pair.trigger_speaker == pair.flip_speaker, num=num)


def _matrix_part(changes: Counter[Change], labels: Sequence[str]) -> FlipMatrixPart:
    touched = {label for change in changes for label in change}
    shown = tuple(label for label in labels if label in touched)
    counts = tuple(tuple(changes[Change(before, after)] for after in shown) for before in shown)
    return FlipMatrixPart(labels=shown, counts=counts)
