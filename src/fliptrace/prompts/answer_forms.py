"""The forms in which models name utterances: numbers in a row or a list, with words around them, in tags, as JSON.

Only what can mean one thing is read. Numbers are labels of the prompt here; answers.py says which utterances they name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

# Whether the words in parentheses after a number describe the utterance of this number: `2 (Ben)`.
Describes = Callable[[int, str], bool]


class Named(NamedTuple):
    """What a form names: numbers in the order of the text, and how often it says "none"."""

    numbers: tuple[int, ...]
    num_none: int = 0

    def agrees(self, other: Named) -> bool:
        """Whether both name the same utterances, in whatever order."""
        return (set(self.numbers), self.num_none) == (set(other.numbers), other.num_none)


# Full-width forms (U+FF01 to U+FF5E) and the punctuation of Chinese, Japanese and Arabic, as in ASCII.
_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x3001: ",", 0x3002: ".", 0x060C: ","}
# Markdown around the line is tolerated: `**Triggers:** 2 5`. So is `Final answer:` before it.
_LINE = re.compile(
    r"[\s*`>#-]*(?:(?:final[ ])?answer[\s*`]*:[\s*`]*)?"
    r"trigger(?:s|ing)?(?:[ ](?:utterances?|numbers?)(?:\(s\))?)?[\s*`]*[:=][\s*`]*(?P<rest>.*)",
    re.IGNORECASE,
)
_ANSWER_TAG = re.compile(r"<(?P<closes>/?)answer>", re.IGNORECASE)
_TAG_AT_LINE_END = re.compile(r"^[ \t]*<answer>|</answer>[ \t]*$", re.IGNORECASE | re.MULTILINE)
_BULLET = re.compile(r"[\s>]*[-*•][\s*`]+(?P<rest>.*)")
_SEPARATOR = re.compile(r"[\s*`]*(?:[,;&\s]|\band\b)[\s*`,;&]*(?:\band\b[\s*`]*)?", re.IGNORECASE)
_SPACES = re.compile(r"[\s*`]+")
# A noun before a number. `2 utterances` is a count, so a noun may not follow a number without a comma or "and".
_NOUN = re.compile(r"(?:the[ ])?(?:utterance|line|turn|number)(?P<plural>s?)[ ]*(?=[\[(#*`\d])", re.IGNORECASE)
_NUMBER = re.compile(r"[*`]*(?:\[(\d{1,6})\]|\((\d{1,6})\)|#?(\d{1,6}))(?![\d\])])[*`]*")
_NONE = re.compile(r"[\[(]?none\b[\])]?", re.IGNORECASE)
_WHO = re.compile(r"[ ]?\((?P<who>[^()\d]{1,80})\)")
_SIGNS = r"""[^\w"'“‘„«]*"""  # before the first word of a line: bullets, parentheses, Markdown, but no quotation
# A line by which the answer line before it goes on: `or 5`, `not 5`.
_GOES_ON = re.compile(
    rf"{_SIGNS}(?:or|and|but|not|except|without|maybe|perhaps|possibly|probably|also|plus|to|through)\b", re.IGNORECASE
)
# A line by which a reply takes back or completes what it has answered: `Actually, 5.`
_TAKES_BACK = re.compile(
    rf"{_SIGNS}(?:(?:actually|wait|hmm+|oops|correction|corrected|alternatively|additionally|furthermore|however|instead"
    r"|rather|sorry|edit|update|scratch[ ]that|on[ ]second[ ]thoughts?|p\.?[ ]?s\.?)(?!\w)|no[,.;:!—–-])",
    re.IGNORECASE,
)
_TRIGGERS_KEY = re.compile(r"""["']triggers?["']\s*:""", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d,\d{3}(?!\d)")  # 1,234 is one number to some readers and two to others
_LIST_NUMBER = re.compile(r"\s*\d{1,6}[.)]")  # `1.` begins an item of a list, or names utterance 1: nobody knows
_FIRST_NUMBER = re.compile(r"[\s\[(#*`>•-]*(?:(?:utterance|line|turn|number)s?[ ]*[\[(#]?)?(\d{1,6})", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([^\[\](){}]*)\]|\(([^\[\](){}]*)\)|\{([^\[\](){}]*)\}")


def as_ascii(text: str) -> str:
    """The text with full-width digits and punctuation as in ASCII.

    >>> as_ascii("Triggers：２，５")
    'Triggers:2,5'
    """
    return text if text.isascii() else text.translate(_ASCII)


def is_answer_line(line: str) -> bool:
    """Whether the line begins as an answer line does, readable or not."""
    return _LINE.match(line) is not None


def read_claims(text: str, describes: Describes) -> list[Named | None]:
    """What each form in a reply names: its last answer line, its last `<answer>`, its JSON object.

    None for a form that is there and cannot be read, or is taken back by what follows it.
    """
    claims: list[Named | None] = []
    lines = _lines(text)
    starts = [number for number, line in enumerate(lines) if is_answer_line(line)]
    if starts:
        claims.append(_read_lines(lines[starts[-1] :], describes))
    tagged = _last_tagged(text)
    if tagged is not None and "{" not in tagged.inside:
        claims += _read_tagged(tagged, describes)
    return claims + _read_json(text, describes)


def takes_back(lines: Iterable[str]) -> bool:
    """Whether one of the lines that follow an answer may revise it.

    >>> takes_back(["Because Ben shouts.", "Wait, it is 5."]), takes_back(["Ben waits."])
    (True, False)
    """
    return any(_TAKES_BACK.match(line) for line in lines)


def goes_on(line: str) -> bool:
    """Whether a line may go on with the answer in the line before it.

    >>> goes_on("(or 5)"), goes_on("Orders are given.")
    (True, False)
    """
    return _GOES_ON.match(line) is not None


def may_go_on(text: str) -> bool:
    """Whether a reply that was cut off ends in its last answer line or in the list below it.

    >>> may_go_on("Triggers: 1"), may_go_on("Triggers: 1\\nBecause"), may_go_on("Triggers:\\n- 1\\n")
    (True, False, True)
    """
    lines = _lines(text)
    starts = [number for number, line in enumerate(lines) if is_answer_line(line)]
    if not starts:
        return False
    first, *below = lines[starts[-1] :]
    match = _LINE.match(first)
    if match is not None and match["rest"].strip("*` \t"):
        return not below and text[-1:] not in ("\r", "\n")
    return all(not line.strip() or _BULLET.match(line) or line.strip().isdecimal() for line in below)


def without_answer(text: str) -> str:
    """A reply without the forms that name utterances, and what follows its answer line: its reasons.

    >>> without_answer('{"why": "Ben shouts.", "triggers": [2]}'), without_answer("Ben shouts.\\nTriggers: 2")
    ('Ben shouts.', 'Ben shouts.')
    """
    table, start, end = _find_json(text), text.find("{"), text.rfind("}")
    if table is not None:
        said = [value for name, value in table if isinstance(value, str) and not _is_about_triggers(name)]
        text = "\n".join((text[:start], *said, text[end + 1 :]))
    elif (tag := _ANSWER_TAG.search(text)) is not None:
        text = text[: tag.start()]
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if is_answer_line(line)]
    kept = lines[: starts[-1]] if starts else lines
    return "\n".join(line for line in kept if not is_answer_line(line) and not line.startswith("```")).strip()


def _lines(text: str) -> list[str]:
    """The lines of a reply; a tag that begins or ends a line stands on a line of its own."""
    return _TAG_AT_LINE_END.sub("\n<>\n", text).splitlines()


def _read_lines(lines: Sequence[str], describes: Describes) -> Named | None:
    """Read an answer line, or the list that follows an empty one: `Triggers:`, then `- 2` and `- 5`."""
    match = _LINE.match(lines[0])
    assert match is not None
    if match["rest"].strip("*` \t"):
        named, left = _read_row(match["rest"], describes), lines[1:]
    else:
        named, left = _read_list(lines[1:], describes)
    return None if named is None or _goes_on(left, named, describes) or takes_back(left) else named


def _read_list(lines: Sequence[str], describes: Describes) -> _ReadList:
    """Read the lines of a list, all with bullets or all without, and return the lines after it too."""
    first = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    is_bulleted = first < len(lines) and _BULLET.match(lines[first]) is not None
    items: list[Named | None] = []
    end = first
    for end, line in enumerate(lines[first:], start=first):
        item = _read_item(line, describes)
        belongs = _BULLET.match(line) is not None if is_bulleted else item is not None
        if line.strip() and items and not belongs:
            return _ReadList(_joined(items), lines[end:])
        if line.strip():
            items.append(item)
    return _ReadList(_joined(items), lines[end + 1 :])


class _ReadList(NamedTuple):
    """What a list names, and the lines after it."""

    named: Named | None
    left: Sequence[str]


def _goes_on(lines: Sequence[str], named: Named, describes: Describes) -> bool:
    """Whether the lines after an answer may belong to it: `Triggers: 2` and then `- 5`, or `or 5`."""
    first = next((line for line in lines if line.strip()), "")
    if _read_item(first, describes) or goes_on(first):
        return True
    leading = (_FIRST_NUMBER.match(line) for line in takewhile(str.strip, lines))
    return any(number is not None and int(number[1]) not in named.numbers for number in leading)


def _read_item(line: str, describes: Describes) -> Named | None:
    bullet = _BULLET.match(line)
    if bullet is None and _LIST_NUMBER.match(line):
        return None
    return _read_row(bullet["rest"] if bullet else line, describes)


def _joined(items: Iterable[Named | None]) -> Named | None:
    """All items as one; None if there are none or one of them cannot be read."""
    numbers: list[int] = []
    num_none = 0
    for item in items:
        if item is None:
            return None
        numbers += item.numbers
        num_none += item.num_none
    return Named(tuple(numbers), num_none) if numbers or num_none else None


def _read_row(text: str, describes: Describes) -> Named | None:
    """Read numbers in a row: `2, 5 (Ben) and utterance 7.` None unless every word of it is understood."""
    row = text.strip("*` \t\r\n\xa0").rstrip("*`. \t\r\n\xa0")
    if _THOUSANDS.search(row):
        return None
    bracketed = _BRACKETED.fullmatch(row)
    row = (bracketed[1] or bracketed[2] or bracketed[3] or "").strip() if bracketed else row
    numbers: list[int] = []
    num_none = place = 0
    may_have_noun = True
    while place < len(row):
        if none := _NONE.match(row, place):
            num_none, place = num_none + 1, none.end()
        else:
            noun = _NOUN.match(row, place)
            if noun and not (may_have_noun and (not noun["plural"] or not numbers)):
                return None
            number = _NUMBER.match(row, noun.end() if noun else place)
            if number is None:
                return None
            numbers.append(int(number[1] or number[2] or number[3]))
            place = number.end()
            who = _WHO.match(row, place)
            if who and not _NONE.fullmatch(f"({who['who']})"):
                if not describes(numbers[-1], who["who"]):
                    return None
                place = who.end()
        if place == len(row):
            break
        separator = _SEPARATOR.match(row, place)
        if separator is None or separator.end() == len(row):
            return None
        may_have_noun = not _SPACES.fullmatch(separator[0])
        place = separator.end()
    return Named(tuple(numbers), num_none) if numbers or num_none else None


class _Tagged(NamedTuple):
    """What stands in a tag, and what follows it; None if the tag is not closed."""

    inside: str
    after: str | None


def _read_tagged(tagged: _Tagged, describes: Describes) -> list[Named | None]:
    """Read an answer line or a row in a tag. In one that is not closed, an answer line is read as any other."""
    inside = tagged.inside.strip().splitlines() or [""]
    if tagged.after is None:
        return [] if any(map(is_answer_line, inside)) else [None]
    is_line = is_answer_line(inside[-1])
    named = _read_lines(inside[-1:], describes) if is_line else _read_row(tagged.inside, describes)
    return [None if takes_back(tagged.after.splitlines()) else named]


def _last_tagged(text: str) -> _Tagged | None:
    """The last `<answer>`, which goes on to the end if it is not closed; None without one."""
    tagged, start = None, -1
    for tag in _ANSWER_TAG.finditer(text):
        if not tag["closes"]:
            start = tag.end()
        elif start >= 0:
            tagged, start = _Tagged(text[start : tag.start()], text[tag.end() :]), -1
    return tagged if start < 0 else _Tagged(text[start:], None)


def _read_json(text: str, describes: Describes) -> list[Named | None]:
    """Read the JSON object of a reply, if it is one about triggers. None for several, or for one within another."""
    table = _find_json(text)
    if table is None:
        return [None] if _TRIGGERS_KEY.search(text) else []
    is_taken_back = takes_back(text[text.rfind("}") :].splitlines()[1:])
    named = (_read_value(value, describes) for name, value in table if _is_about_triggers(name))
    return [None if is_taken_back else each for each in named]


def _find_json(text: str) -> _Pairs | None:
    """The JSON object of a reply that says something about triggers; None without one."""
    start, end = text.find("{"), text.rfind("}")
    try:
        table: Any = json.loads(text[start : end + 1], object_pairs_hook=_Pairs) if 0 <= start < end else None
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, _Pairs) and any(_is_about_triggers(name) for name, _ in table) else None


def _is_about_triggers(name: str) -> bool:
    return name.lower() in ("trigger", "triggers")


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in order; a name may occur twice."""


def _read_value(value: Any, describes: Describes) -> Named | None:
    if isinstance(value, str):
        return _read_row(value, describes)
    if type(value) is int:
        return Named((value,)) if value >= 0 else None
    is_list = isinstance(value, list) and not isinstance(value, _Pairs)
    if not is_list or any(isinstance(item, list) for item in value):
        return None
    return _joined(_read_value(item, describes) for item in value) if value else Named((), 1)
