"""Speakers in the lines of subtitles, by evidence over the whole file.

Words before a colon are also ordinary speech, and words in brackets are mostly sounds. So what a name looks like, how
often it comes, and how many cues begin with one decide together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.subtitles.grammar import (
    SPEAKER_WORDS,
    Form,
    ReadLine,
    Shape,
    is_manner,
    is_opener,
    is_sound,
    shape_of,
)

_FEW_CUES = 10  # in a file with fewer, a name that comes once is as good as any
_NAMED_SHARE = 0.5  # of the cues: then names are the rule in this file
_SOME_SHARE = 0.15

_NEARLY_ALL = 0.9  # of the cues: then whatever stands before the first colon is a name
_MIN_NEARLY_ALL = 3  # cues
_MAX_PHRASE_WORDS = 3  # in lower case; more are a sentence

_PHONE = re.compile(r"\+?[\d\s().*x-]{6,24}")
_NUMBERED_ALONE = re.compile(r"(?i)(?:speaker|spk|participant)[ _#-]{0,2}(?:\d{1,3}|[a-z])")
_NUMBERED = re.compile(
    r"(?i)(?:speaker|spk|participant|person|voice|guest|host|interviewer|interviewee)[ _#-]{0,2}\w{1,3}"
)


@dataclass(frozen=True)
class Names:
    """The names of a file. A line is spoken by `speaker_of`; what is not a name is part of the text."""

    colon: frozenset[str] = frozenset()
    bracket: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = field(default=None, compare=False)

    def is_named(self, line: ReadLine) -> bool:
        if line.form is Form.VOICE:
            return True
        if not line.name:
            return False
        if line.form is Form.BRACKET:
            return line.name.casefold() in self.bracket
        return line.name.casefold() in (self.alone if line.form is Form.ALONE else self.colon)


def find_names(cues: Sequence[Sequence[ReadLine]], source: Source) -> Names:
    """Decide which words before colons and in brackets are names. What was decided on thin evidence gets a note."""
    heads, others = Counter[str](), Counter[str]()
    spelling: dict[str, str] = {}
    prefixes: dict[str, str] = {}  # words before a colon that do not look like names
    num_named = num_lower = num_prefixed = 0
    uses = Counter(
        (line.form, line.name, position == 0, position == 0 or bool(line.mark))
        for cue in cues
        for position, line in enumerate(cue)
        if line.name and line.form is not Form.BRACKET
    )
    for (form, name, is_first, is_head), number in uses.items():
        key = name.casefold()
        if form is Form.ALONE:
            continue
        num_prefixed += number * is_first
        if form is Form.VOICE:
            num_named += number * is_first
            continue
        (heads if is_head else others)[key] += number
        if form is Form.PREFIX:
            prefixes.setdefault(key, name)
            continue
        spelling.setdefault(key, name)
        if is_first and not is_opener(name) and not is_manner(name):
            lower = form is Form.COLON and shape_of(name) is Shape.LOWER
            num_lower += number * lower
            num_named += number * (not lower)
    num_speech = sum(bool(cue) and not _is_only_sounds(cue) for cue in cues)
    voices = {name.casefold() for form, name, _, _ in uses if form is Form.VOICE}
    known = voices | {name.casefold() for name in source.speakers}
    is_rule = num_speech >= _MIN_NEARLY_ALL and num_prefixed >= _NEARLY_ALL * num_speech
    is_rule = is_rule and any(number > 1 for number in heads.values())
    evidence = _Evidence(num_speech, num_named, num_named + num_lower, is_rule)
    bracketed = {name.casefold() for form, name, _, _ in uses if form is Form.BRACKET_COLON}
    chevrons = {line.name.casefold() for cue in cues for line in cue if line.mark == ">>" and line.name}
    certain = bracketed | {key for key in chevrons & set(spelling) if shape_of(spelling[key]) is Shape.TITLE}
    colon = {
        key
        for key, name in spelling.items()
        if key in known or evidence.accepts(name, heads[key], others[key], certain=key in certain)
    }
    phones = {key for key, name in prefixes.items() if _PHONE.fullmatch(name)}
    believed = {key for key in phones if heads[key] and num_prefixed >= _NAMED_SHARE * num_speech}
    believed |= {key for key in prefixes if key in known or (is_rule and heads[key])}
    spelling |= {key: prefixes[key] for key in (phones | believed) - set(spelling)}
    colon |= believed
    refused = [name for key, name in spelling.items() if key not in colon and shape_of(name) is not Shape.LOWER]
    refused = [name for name in refused if not is_manner(name)]
    if refused and (colon or voices):
        shown = ", ".join(map(repr, refused[:3])) + (", ..." if len(refused) > 3 else "")
        source.notes.append(f"words before a colon that are read as speech, not as names: {shown}")
    bracket = _bracket_names(cues, frozenset(known | colon), len(bracketed), source)
    alone = _names_alone(cues, num_speech)
    return Names(frozenset(colon), frozenset(bracket), alone, _pattern_of([spelling[key] for key in colon]))


class _Evidence(NamedTuple):
    """How many cues a file has, and how many begin with a likely name, without and with lower case.

    `is_rule`: nearly every cue begins with words and a colon, which are therefore names.
    """

    num_cues: int
    num_named: int
    num_any: int
    is_rule: bool

    @property
    def named_share(self) -> float:
        return self.num_named / max(self.num_cues, 1)

    @property
    def any_share(self) -> float:
        return self.num_any / max(self.num_cues, 1)

    def accepts(self, name: str, num_heads: int, num_others: int, *, certain: bool) -> bool:
        """Whether words are a name; they begin `num_heads` cues or marked lines, and `num_others` other lines."""
        number, shape = num_heads + num_others, shape_of(name)
        if is_manner(name):
            return False
        if is_opener(name):
            return number >= 3 and number >= 0.1 * self.num_cues
        if certain or (SPEAKER_WORDS.fullmatch(name) and num_heads):
            return True
        if self.is_rule and num_heads:
            return number >= 2 or shape is not Shape.LOWER or _is_phrase(name)
        if shape is Shape.UPPER:
            return bool(num_heads) or number >= 2 or self.named_share >= _NAMED_SHARE
        if shape is Shape.TITLE and not num_heads:
            return number >= 2 or self.named_share >= _NAMED_SHARE
        if shape is Shape.TITLE and self.num_named == 1 and " " not in name:  # as in "Reason: I was afraid."
            return self.named_share >= _NAMED_SHARE
        if shape is Shape.TITLE:
            return number >= 2 or self.num_cues < _FEW_CUES or self.named_share >= _SOME_SHARE
        if "," in name and all(part.strip()[:1].isupper() for part in name.split(",")):
            return number >= 2 or self.any_share >= _NAMED_SHARE
        if len(name.split()) == 1:
            return (number >= 2 and self.any_share >= _SOME_SHARE) or (self.any_share >= _NAMED_SHARE and num_heads > 0)
        return number >= 2 and self.any_share >= _NAMED_SHARE


def _is_phrase(name: str) -> bool:
    """Whether words are too few for a sentence, or begin with a capital, such as "Dr. med. Ö. Lind"."""
    return len(name.split()) <= _MAX_PHRASE_WORDS or name[0].isupper()


def keep_apart(cues: Sequence[list[ReadLine]]) -> Sequence[list[ReadLine]]:
    """The lines with pronouns in the names of two people who differ in nothing else.

    >>> one, two = (ReadLine("", name="Ana", pronouns=words) for words in ("she/her", "they/them"))
    >>> [line.name for lines in keep_apart([[one], [two]]) for line in lines]
    ['Ana (she/her)', 'Ana (they/them)']
    """
    if not any(line.pronouns for lines in cues for line in lines):
        return cues
    variants: dict[str, set[str]] = {}
    for line in (line for lines in cues for line in lines if line.name):
        variants.setdefault(line.name.casefold(), set()).add(line.pronouns.casefold())
    return [
        [
            line._replace(name=f"{line.name} ({line.pronouns})")
            if line.pronouns and len(variants[line.name.casefold()]) > 1
            else line
            for line in lines
        ]
        for lines in cues
    ]


def _is_only_sounds(cue: Iterable[ReadLine]) -> bool:
    for line in cue:
        is_bare = line.form is Form.BRACKET and not line.rest
        if not is_bare and any(map(str.isalnum, line.text)):
            return False
    return True


def _bracket_names(
    cues: Sequence[Sequence[ReadLine]], known: frozenset[str], num_with_colon: int, source: Source
) -> set[str]:
    """The words in brackets at the beginning of lines that are names; all others are sounds."""
    spoken = Counter[str]()
    spelling: dict[str, str] = {}
    upper_sounds = num_heads = 0
    for cue in cues:
        num_heads += bool(cue) and not _is_only_sounds(cue)
        for position, line in enumerate(cue):
            if line.form is not Form.BRACKET:
                continue
            has_text = bool(line.rest) or (position + 1 < len(cue) and not cue[position + 1].mark)
            if has_text and not is_sound(line.name) and len(line.name.split()) <= 4:
                spoken[line.name.casefold()] += 1
                spelling.setdefault(line.name.casefold(), line.name)
            elif shape_of(line.name) is Shape.UPPER:
                upper_sounds += 1
    titled = num_with_colon + sum(number for key, number in spoken.items() if shape_of(spelling[key]) is Shape.TITLE)
    names, thin = set(), []
    for key, number in spoken.items():
        name = spelling[key]
        if key in known or _NUMBERED.fullmatch(name):
            names.add(key)
        elif shape_of(name) is Shape.UPPER and (number >= 2 or not (upper_sounds or name.endswith("ING"))):
            names.add(key)
            thin += [name] if number == 1 else []
        elif shape_of(name) is Shape.TITLE and titled >= max(2, _NAMED_SHARE * num_heads):
            names.add(key)
    if thin:
        shown = ", ".join(map(repr, thin[:3])) + (", ..." if len(thin) > 3 else "")
        source.notes.append(f"words in brackets that are read as names, but may be sounds: {shown}")
    return names


def _names_alone(cues: Sequence[Sequence[ReadLine]], num_speech: int) -> frozenset[str]:
    """The first lines of cues that are names: "Speaker 1" always, others if most cues begin with one of a few."""
    first = Counter(cue[0].name.casefold() for cue in cues if cue and cue[0].form is Form.ALONE)
    are_usual = first.total() >= max(3, 0.6 * num_speech) and len(first) <= first.total() / 2
    return frozenset(name for name in first if are_usual or _NUMBERED_ALONE.fullmatch(name))


def _pattern_of(names: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern for a name and a colon behind the end of a sentence, as where the lines of a cue were joined."""
    usable = sorted((re.escape(name) for name in names if len(name) > 1), key=len, reverse=True)[:50]
    if not usable:
        return None
    return re.compile(rf"(?<=[.?!…\"”)\]])\s(?=(?:{'|'.join(usable)})\s?:\s)")
