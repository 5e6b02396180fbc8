"""Speakers in the lines of subtitles, by evidence over the whole file.

Words before a colon may be ordinary speech, and words in brackets are mostly sounds. So three things decide together:
what a name looks like, how often it occurs, and how many cues begin with a name.
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

_FEW_CUES = 10  # in a file with fewer cues, a name that occurs once counts as much as any other
_NAMED_SHARE = 0.5  # of the cues: then names are the rule in this file
_SOME_SHARE = 0.15

_NEARLY_ALL = 0.9  # of the cues: then any words before the first colon are a name
_MIN_NEARLY_ALL = 3  # cues
_MAX_PHRASE_WORDS = 3  # in lower case; more are a sentence

_PHONE = re.compile(r"\+?[\d\s().*x-]{6,24}")
_NUMBERED_ALONE = re.compile(r"(?i)(?:speaker|spk|participant)[ _#-]{0,2}(?:\d{1,3}|[a-z])")
_NUMBERED = re.compile(
    r"(?i)(?:speaker|spk|participant|person|voice|guest|host|interviewer|interviewee)[ _#-]{0,2}\w{1,3}"
)


@dataclass(frozen=True)
class Names:
    """The names of a file, in lower case, by the form in which they are written; anything else is part of the text.

    `pattern` finds a name before a colon inside a text.
    """

    colon: frozenset[str] = frozenset()
    bracket: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = field(default=None, compare=False)

    def is_named(self, line: ReadLine) -> bool:
        """Whether the words that may name the speaker of a line are a name."""
        if line.form is Form.VOICE:
            return True
        if not line.name:
            return False
        if line.form is Form.BRACKET:
            return line.name.casefold() in self.bracket
        return line.name.casefold() in (self.alone if line.form is Form.ALONE else self.colon)


class _Usage(NamedTuple):
    """How often words stand before colons in a file, by their key in lower case.

    `heads` counts the cues and marked lines that begin with them, `others` other lines. `spelling` has the words that
    look like names, `prefixes` those that do not. `num_prefixed` cues begin with a voice or any words before a colon;
    `num_named` of them with a voice or a likely name, and `num_any` counts likely names in lower case as well.
    """

    heads: Counter[str]
    others: Counter[str]
    spelling: dict[str, str]
    prefixes: dict[str, str]
    voices: set[str]
    bracketed: set[str]
    num_prefixed: int
    num_named: int
    num_any: int


def find_names(cues: Sequence[Sequence[ReadLine]], source: Source) -> Names:
    """Decide which words before colons and in brackets are names. A decision on thin evidence gets a note."""
    usage = _usage_of(cues)
    num_speech = sum(bool(cue) and not _is_only_sounds(cue) for cue in cues)
    known = usage.voices | {name.casefold() for name in source.speakers}
    is_rule = num_speech >= _MIN_NEARLY_ALL and usage.num_prefixed >= _NEARLY_ALL * num_speech
    is_rule = is_rule and any(number > 1 for number in usage.heads.values())
    phones = {key for key, name in usage.prefixes.items() if _PHONE.fullmatch(name)}
    believed = {key for key in phones if usage.heads[key] and usage.num_prefixed >= _NAMED_SHARE * num_speech}
    believed |= {key for key in usage.prefixes if key in known or (is_rule and usage.heads[key])}
    colon = believed | _likely_names(cues, usage, known, _Evidence(num_speech, usage.num_named, usage.num_any, is_rule))
    added = {key: name for key, name in usage.prefixes.items() if key in phones | believed}
    spelling = usage.spelling | {key: name for key, name in added.items() if key not in usage.spelling}
    if colon or usage.voices:
        _note_refused([name for key, name in spelling.items() if key not in colon], source)
    bracket = _bracket_names(cues, frozenset(known | colon), len(usage.bracketed), source)
    alone = _names_alone(cues, num_speech)
    return Names(frozenset(colon), frozenset(bracket), alone, _pattern_of([spelling[key] for key in colon]))


def _usage_of(cues: Sequence[Sequence[ReadLine]]) -> _Usage:
    """Count the voices and the words before colons."""
    uses = Counter(
        (line.form, line.name, position == 0, position == 0 or bool(line.mark))
        for cue in cues
        for position, line in enumerate(cue)
        if line.name and line.form not in (Form.BRACKET, Form.ALONE)
    )
    heads, others = Counter[str](), Counter[str]()
    spelling, prefixes = dict[str, str](), dict[str, str]()
    num_prefixed = num_named = num_lower = 0
    for (form, name, is_first, is_head), number in uses.items():
        num_prefixed += number * is_first
        if form is Form.VOICE:
            num_named += number * is_first
            continue
        key = name.casefold()
        (heads if is_head else others)[key] += number
        if form is Form.PREFIX:
            prefixes.setdefault(key, name)
            continue
        spelling.setdefault(key, name)
        if is_first and not is_opener(name) and not is_manner(name):
            is_lower = form is Form.COLON and shape_of(name) is Shape.LOWER
            num_lower += number * is_lower
            num_named += number * (not is_lower)
    voices = {name.casefold() for form, name, _, _ in uses if form is Form.VOICE}
    bracketed = {name.casefold() for form, name, _, _ in uses if form is Form.BRACKET_COLON}
    num_any = num_named + num_lower
    return _Usage(heads, others, spelling, prefixes, voices, bracketed, num_prefixed, num_named, num_any)


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


def _likely_names(cues: Sequence[Sequence[ReadLine]], usage: _Usage, known: set[str], evidence: _Evidence) -> set[str]:
    """The keys of words that look like names and are accepted as such."""
    chevrons = {line.name.casefold() for cue in cues for line in cue if line.mark == ">>" and line.name}
    spelling = usage.spelling
    certain = usage.bracketed | {key for key in chevrons & set(spelling) if shape_of(spelling[key]) is Shape.TITLE}
    return {
        key
        for key, name in spelling.items()
        if key in known or evidence.accepts(name, usage.heads[key], usage.others[key], certain=key in certain)
    }


def _note_refused(names: Sequence[str], source: Source) -> None:
    """Add a note on words before a colon that look like names but are read as speech."""
    refused = [name for name in names if shape_of(name) is not Shape.LOWER and not is_manner(name)]
    if refused:
        source.notes.append(f"words before a colon that are read as speech, not as names: {_shown(refused)}")


def _shown(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")


def _is_phrase(name: str) -> bool:
    """Whether words are too few for a sentence, or begin with a capital letter, such as "Dr. med. Ö. Lind"."""
    return len(name.split()) <= _MAX_PHRASE_WORDS or name[0].isupper()


def keep_apart(cues: Sequence[list[ReadLine]]) -> Sequence[list[ReadLine]]:
    """The lines, with pronouns added to names that differ only in the pronouns after them.

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
        source.notes.append(f"words in brackets that are read as names, but may be sounds: {_shown(thin)}")
    return names


def _names_alone(cues: Sequence[Sequence[ReadLine]], num_speech: int) -> frozenset[str]:
    """The first lines of cues that are names: "Speaker 1" always, others if most cues begin with one of a few."""
    first = Counter(cue[0].name.casefold() for cue in cues if cue and cue[0].form is Form.ALONE)
    are_usual = first.total() >= max(3, 0.6 * num_speech) and len(first) <= first.total() / 2
    return frozenset(name for name in first if are_usual or _NUMBERED_ALONE.fullmatch(name))


def _pattern_of(names: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern for a name and a colon after the end of a sentence, as where the lines of a cue were joined."""
    usable = sorted((re.escape(name) for name in names if len(name) > 1), key=len, reverse=True)[:50]
    if not usable:
        return None
    return re.compile(rf"(?<=[.?!…\"”)\]])\s(?=(?:{'|'.join(usable)})\s?:\s)")
