"""Grammar of a line of subtitles: a change of speaker (`-`, `>>`), words that may be a name, and the words after it.

Names come as `Name:`, `NAME (O.S.):`, `[SPEAKER_00]:`, `(MARA)` or alone on the first line. Whether what may be a name
is one is decided in names.py. All patterns are bounded, so that matching takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from fliptrace.transcripts.subtitles.lines import Line
from fliptrace.transcripts.times import CLOCK

_MAX_NAME_WORDS = 8  # "Dr. Mara Lind | Acme Corp, Oslo": meeting tools let people write anything

_CHEVRONS = re.compile(r"\s{0,40}(?:[>»≫]{2,4}|≫)\s{0,5}")
_DASHES = frozenset("-–—‐‑−")
_DASH = re.compile(r"\s{0,40}[-–—‐‑−](?![-–—\d])\s{0,5}")
_MARKS = _DASHES | frozenset(">»≫")
_INNER_CHEVRONS = re.compile(r"\s(?=>{2,3}\s{0,3}[^\s>])")
_INNER_DASH = re.compile(r"(?<=[.?!…\"”)\]])\s(?=[-–—]\s{0,2}[^\W\d_a-zß-ÿ])")
_TIME_BEFORE = re.compile(rf"\s{{0,9}}[\[(]\s?{CLOCK}\s?[\])]\s{{0,9}}")

_COLON = re.compile(
    r"\s{0,40}([^\s:：<>\[\](){}♪][^:：<>\[\](){}♪]{0,79})((?:[\[(][^\[\]()]{1,60}[\])]\s{0,3}){0,3})[:：]"
)
_BRACKET_COLON = re.compile(
    r"\s{0,40}(?:\[([^\[\]]{1,60}?)\]\s?[:：]|\(([^()]{1,60}?)\)\s?[:：]|[\[(]([^\[\]()]{1,60}?)\s?[:：][\])])"
)
# Any words before a colon; they are a name only if nearly every cue of the file begins with words and a colon.
_PREFIX = re.compile(r"\s{0,40}([^\s:：<>{}\[♪][^:：<>{}♪]{0,79}?)\s?[:：]")
_OUTSIDE_PREFIXES = frozenset('?!;"“”„«»…=*')
# Names that may have such marks: masked telephone numbers, nicknames in quotation marks
_MARKED_NAME = re.compile(
    r"\+?[\d\s().*x-]{6,24}|[^\W\d_][\w.'’-]{0,30}(?:\s[\"“„«][\w.'’ -]{1,20}[\"”“»]|\s[\w.'’-]{1,30}){1,4}"
    r"|[\"“„«][\w.'’-]{1,20}[\"”“»](?:\s[\w.'’-]{1,30}){1,3}"
)
_LABEL = re.compile(r"(?i)\s{0,40}[\[(]\s?(?:speaker|spk)\s?:\s?(\d{1,3})\s?[\])]\s?[:：]?\s{0,9}")
_BRACKET = re.compile(r"\s{0,40}(?:\[([^\[\]:]{1,60})\]|\(([^():]{1,60})\))\s{0,9}")
_NOBODY = re.compile(r"(?i)(?:speaker|voice|person)?\s?\?{1,3}|unknown(?: speaker)?|unidentified(?: speaker)?")
_INSIDE = re.compile(r"[\[(]\s?([^\[\]()]{1,60}?)\s?[\])]")
_PRONOUNS = re.compile(r"(?i)\w{1,6}\s?/\s?\w{1,6}(?:\s?/\s?\w{1,6})?(?:\s?\|.*)?")

# Words that begin a sentence before a colon; they are names only if the file repeats them often.
_SENTENCE_OPENERS_TEXT = """
    listen look note warning remember result results fact example update tip hint step part chapter ps p.s plus
    so and but or now first second third finally question answer reminder attention breaking caution conclusion
    summary problem solution translation subtitles captions time date location place today tomorrow yesterday
    important meaning mind you think imagine guess okay ok well yes no wait see basically spoiler disclaimer
    lesson reason reasons rule rules proof status goal goals moral advice verdict topic bonus hypothesis confession
    source sources title subject re fw episode season scene act exterior interior previously meanwhile later
"""
_SENTENCE_OPENERS = frozenset(_SENTENCE_OPENERS_TEXT.split())
_SOUNDS = re.compile(
    r"(?i)\b(?:music|song|singing|sings|applause|applauds?|laugh|laughter|chuckl|giggl|sigh|gasp|cough|sniff|sniffl|sob"
    r"|cry|cries|scream|shout|yell|whisper|groan|moan|grunt|mutter|mumbl|murmur|chatter|bark|buzz|beep|knock|slam|door"
    r"|thunder|footsteps?|silence|paus|inaudible|unintelligible|indistinct|crosstalk|cross-?talk|cheer|clap|whistl"
    r"|humm?ing|hums|clears? (?:\w{1,8} )?throat|click|engine|siren|gunshot|explosion|phone|telephone|noise|static"
    r"|exhal|inhal|snort|wheez|gulp|kiss|hiss|growl|roar|howl|whimper|squeal|shriek|wail|weep|clatter|clang|crash|rustl"
    r"|rumbl|creak|squeak|thud|bang|honk|chirp|meow|chim|tick|babbl|retch|vomit|strain|exclaim|vocaliz|breath|breathes|pant|snor|sneez|yawn|scoff|snicker|stammer|stutter|narrating|doorbell|rings|ringing"
    r"|foreign|speaks|speaking|continues|plays|playing|translation|voice-?over|v\.?o\.?|o\.?s\.?|o\.?c\.?"
    r"|off-?screen|off-?camera|on radio|over radio|on phone|on tv|blank_audio|blank audio|noises?|cellphone"
    r"|musik|applaus|gelächter|lachen|lacht|seufzt|musique|rires|soupire|música|risas|aplausos|suspira|musica|risate)"
    r"(?:e?s|e?d|[a-z]?ing)?(?!\w)"
)
_SMALL_WORDS_TEXT = """
    al and bin ben da de del della der den di do dos du e el la le les of the und van von y zu zur et for from
    at in on
"""
_SMALL_WORDS = frozenset(_SMALL_WORDS_TEXT.split())
_OUTSIDE_NAMES = frozenset('?!;"“”„«»…=\\*')


SPEAKER_WORDS = re.compile(
    r"(?i)(?:(?:speaker|spk|participant|person|voice|guest|host|interviewer|interviewee|moderator|narrator|caller|agent"
    r"|customer|operator|man|woman|boy|girl|male|female|unknown(?: speaker)?|unidentified(?: speaker)?)"
    r"(?:[ _#-]{0,2}\w{1,3})?|[qa])"
)


class Form(Enum):
    """How a line names its speaker."""

    NONE = ""
    VOICE = "voice"
    COLON = "colon"
    PREFIX = "anything before a colon"
    BRACKET_COLON = "bracket and colon"
    BRACKET = "bracket"
    ALONE = "alone on the first line"


class Shape(Enum):
    """What words before a colon look like."""

    UPPER = "MARA LIND"
    TITLE = "Mara Lind"
    LOWER = "mara, the manager"
    NONE = "Really? I say"


class ReadLine(NamedTuple):
    """A line of a cue: its `mark` (">>", "-" or ""), the name it may begin with, and the words after the name.

    `pronouns` were in brackets after the name: "she/her".
    """

    text: str
    mark: str = ""
    form: Form = Form.NONE
    name: str = ""
    rest: str = ""
    cues: tuple[str, ...] = ()
    pronouns: str = ""


def read_lines(line: Line) -> list[ReadLine]:
    """Parse a line of a cue. A mark inside the line begins another line.

    >>> [(read.mark, read.name, read.rest) for read in read_lines(Line(">> MARA (O.S.): Where? >> Here."))]
    [('>>', 'MARA', 'Where?'), ('>>', '', '')]
    """
    if ">>" not in line.text and line.text.lstrip()[:1] not in _DASHES:  # most lines
        one = _read_one(line.text, line.voice)
        return [one] if one.text or one.mark or one.form is Form.VOICE else []
    texts = _INNER_CHEVRONS.split(line.text) if ">>" in line.text else [line.text]
    if _has_dash(line.text):
        texts = [part for text in texts for part in _INNER_DASH.split(text)]
    read = [_read_one(text, line.voice if number == 0 else None) for number, text in enumerate(texts)]
    return [each for each in read if each.text or each.mark or each.form is Form.VOICE]


def share_voice(lines: Sequence[Line]) -> Sequence[Line]:
    """Give each line its own voice in a cue with the voice "Ana, Ben" and a dash for each of them.

    >>> [line.voice for line in share_voice([Line("- Hi.", "Ana/Ben"), Line("- Ho.", "Ana/Ben")])]
    ['Ana', 'Ben']
    """
    if len(lines) < 2 or not lines[0].voice or any(line.voice != lines[0].voice for line in lines):
        return lines
    names = re.split(r"\s?[,/;&+]\s?|\sand\s", lines[0].voice)
    dashes = [_has_dash(line.text) for line in lines]
    if len(names) < 2 or sum(dashes) != len(names) or not dashes[0]:
        return lines
    positions = accumulate(dashes)
    return [Line(line.text, names[position - 1]) for line, position in zip(lines, positions, strict=True)]


def _has_dash(text: str) -> bool:
    return text.lstrip()[:1] in _DASHES and _DASH.match(text) is not None


def with_name_alone(lines: list[ReadLine]) -> list[ReadLine]:
    """The lines of a cue; the first may be a name without a colon if others follow."""
    if len(lines) < 2 or lines[0].form not in (Form.NONE, Form.PREFIX) or lines[1].mark or len(lines[0].text) > 60:
        return lines
    first = lines[0]
    is_like_name = first.text[-1:].isalnum() and len(first.text.split()) <= 4 and "," not in first.text
    if not is_like_name or shape_of(first.text) not in (Shape.TITLE, Shape.UPPER):
        return lines
    return [first._replace(form=Form.ALONE, name=first.text), *lines[1:]]


def _read_one(text: str, voice: str | None) -> ReadLine:
    if voice is not None:
        dash = _DASH.match(text)
        spoken = text[dash.end() if dash is not None else 0 :].strip()
        if voice and spoken.casefold().startswith(f"{voice.casefold()}:"):
            spoken = spoken[len(voice) + 1 :].strip()
        return ReadLine(spoken, "", Form.VOICE, voice, spoken)
    mark = ""
    text = text.strip()
    if text[:1] in _MARKS:
        chevrons, dash = _CHEVRONS.match(text), _DASH.match(text)
        found = chevrons or dash
        if found is not None:
            mark, text = ">>" if chevrons is not None else "-", text[found.end() :]
    time = _TIME_BEFORE.match(text) if text[:1] in ("[", "(") else None
    text = text[time.end() :].strip() if time is not None else text
    return _with_candidate(text, mark)


def _with_candidate(text: str, mark: str) -> ReadLine:
    read = _with_any_candidate(text, mark)
    return ReadLine(read.rest, mark, Form.VOICE, "", read.rest) if read.name and _is_nobody(read.name) else read


@lru_cache(maxsize=4096)
def _is_nobody(name: str) -> bool:
    return _NOBODY.fullmatch(name) is not None


def _with_any_candidate(text: str, mark: str) -> ReadLine:
    is_bracketed = text[:1] in ("[", "(")
    label = _LABEL.match(text) if is_bracketed else None
    if label is not None:  # "[speaker:0]"
        return ReadLine(text, mark, Form.BRACKET, f"Speaker {int(label[1])}", text[label.end() :].strip())
    found = _BRACKET_COLON.match(text) if is_bracketed else None
    if found is not None:
        name = next(group for group in found.groups() if group is not None).strip()
        return ReadLine(text, mark, Form.BRACKET_COLON, name, text[found.end() :].strip())
    found = None if is_bracketed else _COLON.match(text)
    if found is not None and _may_follow(text[found.end() :], text[found.end() - 1], text[found.end() - 2]):
        base = found[1].strip()
        if len(base.split()) <= _MAX_NAME_WORDS and shape_of(base) is not Shape.NONE:
            inside = _INSIDE.findall(found[2]) if found[2] else []
            pronouns = next((words for words in inside if _PRONOUNS.fullmatch(words)), "")
            name, cues = _sort_brackets(base, inside) if inside else (base, ())
            return ReadLine(text, mark, Form.COLON, name, text[found.end() :].strip(), cues, pronouns)
    if (":" in text or "：" in text) and (not is_bracketed or text[1:4].isdecimal()):  # "(555) 010-2233: Hi"
        return _with_prefix(text, mark)
    found = _BRACKET.match(text) if is_bracketed else None
    if found is None:
        return ReadLine(text, mark)
    words, rest = (found[1] or found[2]).strip(), text[found.end() :].strip()
    behind = _with_any_candidate(rest, mark) if ":" in rest and rest[:1] not in ("[", "(") else None
    if behind is not None and behind.form is Form.COLON:  # "[Guest] Ana: Hi"
        return behind._replace(text=text, cues=(*((words,) if is_sound(words) else ()), *behind.cues))
    return ReadLine(text, mark, Form.BRACKET, words, rest)


def _with_prefix(text: str, mark: str) -> ReadLine:
    """A line that begins with words before a colon that do not look like a name, such as a phone number."""
    found = _PREFIX.match(text)
    if found is None or not _may_follow(text[found.end() :], text[found.end() - 1], text[found.end() - 2]):
        return ReadLine(text, mark)
    name = found[1].rstrip()
    is_possible = len(name.split()) <= _MAX_NAME_WORDS and any(map(str.isalnum, name))
    if not is_possible or (_OUTSIDE_PREFIXES & set(name) and not _MARKED_NAME.fullmatch(name)):
        return ReadLine(text, mark)
    return ReadLine(text, mark, Form.PREFIX, name, text[found.end() :].strip())


def _sort_brackets(base: str, inside: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A name with the brackets that belong to it, such as a firm, and its cues. Pronouns and times are left out."""
    cues = []
    for words in inside:
        if re.fullmatch(rf"{CLOCK}|\d{{1,2}}:\d{{2}}\s?[ap]m", words) or _PRONOUNS.fullmatch(words):
            continue
        is_firm = shape_of(base) is not Shape.UPPER and words[0].isupper() and not is_sound(words)
        if is_firm or words.isdecimal():  # "iPad" and "iPad (2)" are two people
            base = f"{base} ({words})"
        elif any(letter.isalpha() for letter in words):
            cues.append(words)
    return base, tuple(cues)


def _may_follow(text: str, colon: str, before: str) -> bool:
    """Whether the text after a colon may be speech, not the rest of a time, an address or a smiley."""
    if not text or text[0].isspace() or colon == "：":
        return True
    return not before.isspace() and (text[0].isalpha() or text[0] in "\"'“‘„«*[(…¿¡♪")


@lru_cache(maxsize=4096)
def is_sound(words: str) -> bool:
    """Whether words describe a sound or a manner rather than name somebody.

    >>> [is_sound(words) for words in ("SIGHS", "door slams", "WHISPERING", "MARA", "Singh")]
    [True, True, True, False, False]
    """
    return _SOUNDS.search(words) is not None


@lru_cache(maxsize=4096)
def is_manner(words: str) -> bool:
    """Whether words before a colon are a sound or a manner, and do not only contain one, as MAN ON PHONE does."""
    return _SOUNDS.match(words) is not None and not SPEAKER_WORDS.fullmatch(words)


@lru_cache(maxsize=4096)
def shape_of(name: str) -> Shape:
    """What words before a colon look like.

    >>> [shape_of(words).name for words in ("R&D Room 4 | Oslo", "MARA", "Lind, Mara", "one more thing", "Oh! Well")]
    ['TITLE', 'UPPER', 'LOWER', 'LOWER', 'NONE']
    """
    if _OUTSIDE_NAMES & set(name) or not any(letter.isalpha() for letter in name):
        return Shape.NONE
    words = [word for word in name.split() if any(letter.isalpha() for letter in word)]
    if name.isupper() and sum(letter.isalpha() for letter in name) > 1:
        return Shape.UPPER
    # "iPhone" and "d'Arc" are capitalised in their own way
    lower = [word for word in words if word.lstrip("'’(#@")[:1].islower() and word[1:].islower() | (len(word) == 1)]
    if any(word not in _SMALL_WORDS for word in lower) or len(lower) == len(words) or "," in name:
        return Shape.LOWER
    return Shape.TITLE


def is_opener(name: str) -> bool:
    """Whether the first of the words before a colon is one that begins a sentence."""
    return name.split()[0].casefold().strip(".,") in _SENTENCE_OPENERS
