"""The lines of a plain text without its layout: invisible characters, Markdown, line numbers and rulers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from fliptrace.transcripts.plain.stamps import Stamp, take_leading
from fliptrace.transcripts.source import Source

_MAX_WORDED = 100_000  # five lines in each of 20,000 utterances; names are sought in all of them together
SAMPLE = 60_000  # characters; headers and names repeat within the first pages

# Direction marks, zero-width characters and soft hyphens are never part of a name or a word. Zero-width joiners stay
# inside words, where Persian, Hindi and emoji need them.
_INVISIBLE: dict[int, str | None] = dict.fromkeys(
    (0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
)
_INVISIBLE |= dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x0C, 0x0B), " ")
_ANY_INVISIBLE = re.compile(f"[{''.join(map(chr, _INVISIBLE))}]")
JOINERS = "\u200c\u200d"

_RULER = re.compile(
    r"\s{0,40}(?:[-=_*~#.•·—–+]\s?){3,400}\s{0,40}$|\s{0,9}```[\w ]{0,20}$|\s{0,9}\|?(?:\s?:?-{2,200}:?\s?\|){1,20}\s?"
)
_HEADING = re.compile(r"\s{0,3}#{1,6}\s{1,9}(?=\S)")
_QUOTE = re.compile(r"\s{0,3}>(?:\s?>){0,3}\s{0,3}(?!>)")
_DASH = re.compile(r"\s{0,40}(?:[-–—•](?=\s|[^\W\d_])|[*+](?=\s)|>{2,3})\s{0,9}(?=\S)")
_TAG = re.compile(r"</?(?:b|i|u|p|em|strong|span|br|font)(?:\s[^<>]{0,60})?\s?/?>", re.IGNORECASE)
_EMPHASIS = re.compile(r"\s{0,9}(\*{1,3}|_{1,2})(?=[^\s*_])([^*\n]{1,300}?)\1(?=\W|$)")
_ITALIC = re.compile(r"(?<![\w*_])([*_])(?=[^\s*_])([^*_\n]{1,80})\1(?![\w*_])")
_LINK = re.compile(
    r"!?\[([^\[\]]{1,200})\]\((?:https?://|mailto:|tel:|www\.|[#/.])[^()\s]{0,400}(?:\s\"[^\"]{0,80}\")?\)"
)
_MARKS = frozenset("#>-–—•*+_")  # before the words of a line
_NUMBERED = re.compile(r"\s{0,20}[\[(]?(\d{1,6})(?:[.)\]]\s{0,9}|\s{1,20}|$)(?![-–:])")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of words. `opens`: it is the first of a paragraph. `mark` is the dash, bullet or >> before it.

    `head` is the emphasised text at its beginning, `text` the line without that emphasis, and `body` the text after
    the `stamp` at its beginning, if there is one.
    """

    number: int
    text: str
    body: str
    stamp: Stamp | None = None
    opens: bool = False
    mark: str = ""
    head: str = ""
    is_heading: bool = False
    indent: int = 0


def read_page(source: Source) -> list[Line]:
    """Return the lines that have words. All other lines are recorded with `Source.leave_out`."""
    lines = list(source.lines)
    if not source.text.isascii() and _ANY_INVISIBLE.search(source.text) is not None:
        lines = source.text.translate(_INVISIBLE).split("\n")
    if lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:40]):
        end = next(i for i, line in enumerate(lines[1:40], start=1) if line.strip() == "---")
        for i in range(end + 1):
            source.leave_out(f"line {i + 1}", lines[i], "lines of metadata")
            lines[i] = ""
    lines = _without_numbers(lines, source)
    is_markdown = _looks_like_markdown(lines)
    page: list[Line] = []
    opens = True
    for number, line in enumerate(lines, start=1):
        if len(page) > _MAX_WORDED:
            raise source.error(f"line {number}", f"over {_MAX_WORDED:,} lines of words; expected one dialogue per file")
        if not line or line.isspace() or line.strip() in (">", "> >"):
            opens = True
            continue
        if line[0] in " \t-=_*~#.•·—–+`|" and _RULER.fullmatch(line) and (opens or line.strip(" .")):
            source.leave_out(f"line {number}", line, "lines without words")
            opens = True
            continue
        page.append(_line(number, line, opens, is_markdown))
        opens = page[-1].is_heading
    return page


@lru_cache(maxsize=1)
def read_sample(text: str) -> Sequence[Line]:
    """The lines of the first SAMPLE characters of a text, by which several formats tell whether it is theirs."""
    return read_page(Source("", text))


def _line(number: int, text: str, opens: bool, is_markdown: bool) -> Line:
    indent = len(text) - len(text.lstrip())
    is_heading, mark, head = False, "", ""
    if "<" in text and (tagged := _TAG.sub(" ", text)).strip():
        text = tagged
    if "](" in text:  # the words of a link in Markdown would pass for a cue
        text = _LINK.sub(r"\1", text)
    if text.lstrip()[:1] in _MARKS:
        if text.lstrip()[0] == "#" and (heading := _HEADING.match(text)):
            is_heading, text = True, text[heading.end() :].rstrip("# ")
        is_quote = text.lstrip()[:1] == ">" and text.lstrip()[:2] != ">>"
        if is_quote and (quote := _QUOTE.match(text)) and text[quote.end() :].strip():
            text, opens = text[quote.end() :], True
        if (dash := _DASH.match(text)) is not None and not text.startswith(("**", "__")):
            mark, text = dash[0].strip(), text[dash.end() :]
        if text.lstrip()[:1] in ("*", "_") and (strong := _EMPHASIS.match(text)):
            head, text = strong[2].strip(), strong[2] + text[strong.end() :]
    if is_markdown:
        text = _ITALIC.sub(r"\2", text.rstrip("\\ ").replace("**", ""))
    stamped = take_leading(text)
    if stamped is None:
        return Line(number, text, text.strip(), None, opens, mark, head, is_heading, indent)
    body = stamped.rest
    if body[:1] in ("*", "_") and (strong := _EMPHASIS.match(body)):
        head, body = strong[2].strip(), strong[2] + body[strong.end() :]
    if body[:1] in "-•" and (dash := _DASH.match(body)):
        body = body[dash.end() :]
    return Line(number, text, body.strip(), stamped.stamp, opens, mark, head, is_heading, indent)


def _looks_like_markdown(lines: list[str]) -> bool:
    return any("**" in line or _HEADING.match(line) for line in lines[:400])


def _without_numbers(lines: list[str], source: Source) -> list[str]:
    """Remove the numbers of lines or turns, as in depositions, if most lines have one."""
    filled = [i for i, line in enumerate(lines) if line.strip()]
    found = [(i, number) for i in filled if (number := _NUMBERED.match(lines[i])) and lines[i][number.end() :] != ":"]
    if len(found) < 3 or len(found) < 0.7 * len(filled):
        return lines
    values = [int(number[1]) for _, number in found]
    steps = sum(after == before + 1 or after == 1 for before, after in pairwise(values))
    is_list = all(set(number[0]) & set(".)]") for _, number in found)
    if steps < 0.8 * (len(values) - 1) or len(set(values)) < (3 if is_list else 4):
        return lines
    source.notes.append(f"line numbers at the beginning of {len(found):,} lines are left out")
    lines = list(lines)
    for i, number in found:
        lines[i] = lines[i][number.end() :]
    return lines
