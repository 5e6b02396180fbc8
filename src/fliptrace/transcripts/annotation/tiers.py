"""Tiers of ELAN and Praat: which of them hold what people say, and who says it.

Each speaker has one tier of words; glosses, translations, gestures and sounds of single phones are other tiers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fliptrace.transcripts.source import RawUtterance, Source
from fliptrace.transcripts.tables.cells import shown

_WORDS_IN_A_TIER = re.compile(
    r"utt|text|txt|trans(?!l)|speech|spch|spoken|orth|phrase|sentence|dialog|talk|turn|default|said|verbal",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"gloss|transl|(?:^|[\W_])(?:pos|ft|mb|ge|ps|notes?|comments?|kommentare?|topics?|gaze|code|intent|id)(?:[\W_]|$)|gestur|morph"
    r"|phone|phonem|segment|syllab|annotat|noise|event|emotion|sentiment|silence|pitch|tone|break|laugh",
    re.IGNORECASE,
)
_WORD_TIER = re.compile(r"(?:^|[\W_])(?:words?|wd|tokens?|mau|ort)(?:[\W_]|$)|words$", re.IGNORECASE)
_SUFFIX = re.compile(
    r"[\s_@:.-]{1,3}(?:utterances?|utt|text|txt|transcript(?:ion)?|speech|spch|orth(?:ography)?|phrases?|words?|sentences?"
    r"|turns?|default|tx|ref|v|ort)$|^(?:tx|ref|text|utterances?|words?|utt)[\s_@:-]{1,3}",
    re.IGNORECASE,
)
_SILENT = frozenset(
    ("", "sil", "sp", "<sil>", "<p:>", "<p>", "silence", "silent", "sounding", "#", "pau", "<pause>", "_", "*")
)
_PAUSE = 0.8  # seconds between words that end an utterance, where a tier has only words: longer than a pause for breath


@dataclass(slots=True)
class Span:
    """A label of a tier with its time in seconds."""

    place: str
    text: str
    start: float | None
    end: float | None


@dataclass(slots=True)
class Tier:
    """A tier: its name, the speaker if the file names one, and the tier that it depends on."""

    name: str
    speaker: str = ""
    parent: str = ""
    spans: list[Span] = field(default_factory=list)

    @property
    def voiced(self) -> list[Span]:
        """The labels except those that mark silence."""
        return [span for span in self.spans if span.text.strip().casefold() not in _SILENT]

    @property
    def num_words(self) -> float:
        """Words per label, judged by the first labels; a label without letters counts as no words."""
        texts = [span.text for span in self.voiced[:500]]
        num_words = sum(len(text.split()) for text in texts if any(letter.isalpha() for letter in text[:200]))
        return num_words / max(len(texts), 1)

    def rank(self) -> tuple[bool, bool, bool, float]:
        """The higher, the likelier it is that the tier holds the words of a speaker."""
        return (
            self.num_words > 0,
            not _OTHER.search(self.name),
            not _WORD_TIER.search(self.name),
            self.num_words + 2 * bool(_WORDS_IN_A_TIER.search(self.name)) + (not self.parent),
        )


def speakers_of(tiers: Sequence[Tier], source: Source) -> Iterator[RawUtterance]:
    """Yield the utterances of the tiers with words, in the order of time; the other tiers are left out with a note."""
    voiced = [tier for tier in tiers if tier.voiced]
    by_name = {tier.name: tier for tier in voiced}
    chosen: dict[str, Tier] = {}
    for tier in voiced:
        key = _speaker(tier, by_name).casefold()
        if key not in chosen or tier.rank() > chosen[key].rank():
            chosen[key] = tier
    speaking = (
        [tier for tier in chosen.values() if tier.num_words and not _OTHER.search(tier.name)]
        or [tier for tier in chosen.values() if tier.num_words]
        or list(chosen.values())
    )
    others = [tier for tier in voiced if all(tier is not each for each in speaking)]
    for tier in others:
        for span in tier.voiced:
            source.leave_out(span.place, span.text, "annotations of other tiers")
    if others:
        read, left = shown((tier.name for tier in speaking), 8), shown((tier.name for tier in others), 8)
        source.notes.append(f"read as speech: {read}; tiers left out: {left}")
    utterances: list[RawUtterance] = []
    for tier in speaking:
        spans = tier.voiced
        if _WORD_TIER.search(tier.name) and tier.num_words < 1.2:
            spans = _joined_words(spans)
            source.notes.append(f"tier {tier.name!r} has single words: joined to utterances at pauses of {_PAUSE} s")
        name = _speaker(tier, by_name)
        utterances += [RawUtterance(span.place, span.text, name, span.start, span.end) for span in spans]
    yield from sorted(utterances, key=lambda each: each.start if isinstance(each.start, float) else 0.0)


def _speaker(tier: Tier, by_name: Mapping[str, Tier]) -> str:
    """The speaker of a tier: as the file says, or the name of the tier it depends on, without "text" and the like."""
    if tier.speaker.strip():
        return tier.speaker.strip()
    for _ in range(20):
        if tier.parent not in by_name:
            break
        tier = by_name[tier.parent]
        if tier.speaker.strip():
            return tier.speaker.strip()
    name = tier.parent or tier.name
    head, separator, last = name.rpartition(" - ")  # as forced aligners name tiers: "Mara - words", "Mara - phones"
    if separator and (_WORD_TIER.search(last) or _OTHER.search(last)):
        return head.strip()
    return (_SUFFIX.sub("", name) or name).strip()


def _joined_words(words: Sequence[Span]) -> list[Span]:
    """Utterances of words that follow each other without a pause."""
    joined: list[Span] = []
    for word in words:
        last = joined[-1] if joined else None
        if last is None or word.start is None or last.end is None or word.start - last.end >= _PAUSE:
            joined.append(Span(word.place, word.text.strip(), word.start, word.end))
        else:
            joined[-1] = Span(last.place, f"{last.text} {word.text.strip()}", last.start, word.end)
    return joined
