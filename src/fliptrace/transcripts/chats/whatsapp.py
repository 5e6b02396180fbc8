"""Reader for text exports with a date, a time and a name per message: WhatsApp (Android, iOS), Signal and Element.

`1/4/25, 7:02 PM - Mara: Hi` or `[04.01.25, 19:02:10] Mara: Hi`. Exports follow the language and region of the phone,
so the order of day and month is found from all dates of the file. Lines without a date continue the message above.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fliptrace.transcripts.chats.clock import CLOCK, DATE, DateOrder, at, find_order, read_clock, read_date, read_day
from fliptrace.transcripts.chats.placeholders import placeholder_of, without_marks
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_SAMPLE_LINES = 400
_MAX_NAME = 60

# U+200E marks what the phone wrote itself. Other marks of direction and the blanks of some languages carry no meaning.
_GENERATED = "\u200e"
_INVISIBLE: dict[int, str | None] = {
    **dict.fromkeys((0x200B, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0xFEFF)),
    **dict.fromkeys((0x00A0, 0x2007, 0x2009, 0x202F), " "),
}

# Between date and time stands a comma, a blank or a short word ("à", "klo", "at"), and in Bulgarian "г.".
_BETWEEN = r"\s?(?:г\.)?(?:[,،、]\s?|\s)(?:(?:a\slas|[^\W\d_]{1,4}\.?)\s)??"
_WHEN = rf"({DATE}){_BETWEEN}({CLOCK})(?:\s(?:น\.|uhr|UTC|h))?"
_STYLES = {
    "bracketed": re.compile(rf"\[\s?{_WHEN}(?:\s?\|[^\[\]]{{1,40}})?\s?\]:?\s?", re.IGNORECASE),
    "dashed": re.compile(rf"{_WHEN} [-–—](?![->])\s?", re.IGNORECASE),
    "time first": re.compile(rf"\[?({CLOCK}),?\s({DATE})(?:\]:?\s| [-–—](?![->])\s?)", re.IGNORECASE),
    "loose": re.compile(rf"(?:\({_WHEN}\)\s|{_WHEN}(?:,\s|:\s|\s))", re.IGNORECASE),
}
_STARTS = re.compile(r"\W{0,3}\d|[^\W\d_]{3,10}\.?\s\d|\W{0,3}(?:上午|下午)")
_NAME = re.compile(rf"([^:\n]{{1,{_MAX_NAME}}}?)\s?:(?:\s|$)")
_QUOTED = re.compile('["“”„«»]')
_SIGNAL = re.compile(r"\[\d{4}-\d\d-\d\d,?\s\d\d:\d\d(?::\d\d)?\]\s")
_REACTIONS = re.compile(r"\(-\s[^()]{1,200}\s-\)\s*$")


class _Header(NamedTuple):
    """The first line of a message: its date and time as written, and the rest of the line."""

    date: str
    clock: str
    rest: str
    style: str


@dataclass(slots=True)
class _Message:
    """A message with the line it begins on; `name` is None in messages of the service."""

    line: int
    header: _Header
    name: str | None
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def read_whatsapp(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per message; messages of the service, media and deleted messages are left out."""
    source.refuse_part("WhatsApp")
    messages = _messages(source)
    if not messages:
        raise source.error("", "found no line with a date, a time and a name; expected lines as in a WhatsApp export")
    order = _order(messages)
    is_signal = _SIGNAL.match(source.text.lstrip("\ufeff")) is not None
    names = Counter(message.name for message in messages if message.name is not None)
    num_edited, undated = 0, list[int]()
    for message in messages:
        place, text = f"line {message.line}", message.text
        if message.name is None or _is_sentence(message.name, names, source.speakers):
            source.leave_out(place, message.header.rest, "system messages")
            continue
        text, edited = without_marks(text)
        num_edited += edited
        placeholder = placeholder_of(text, is_generated=text.startswith(_GENERATED))
        if placeholder is not None:
            text = placeholder.rest
            source.leave_out(place, placeholder.text, placeholder.why)
        if is_signal:
            text = _without_signal_marks(text, place, source)
        if not text.strip(_GENERATED + " \n") and message.text.strip():
            continue
        time = at(read_day(message.header.date, order.order), read_clock(message.header.clock))
        if time is None:
            undated.append(message.line)
        yield RawUtterance(place, text.replace(_GENERATED, ""), message.name, time)
    _note_dates(messages, order, undated, source)
    if num_edited:
        source.notes.append(f"marks of edited messages removed from the text: {num_edited:,}")


def _messages(source: Source) -> list[_Message]:
    """Split the file into messages; lines before the first one are left out."""
    messages: list[_Message] = []
    style = _style(source)
    for number, line in enumerate(source.lines, start=1):
        header = _header(line, style)
        if header is not None:
            name, text = _name_and_text(header)
            messages.append(_Message(number, header, name, [text]))
        elif messages:
            messages[-1].lines.append(line if line.isascii() else line.translate(_INVISIBLE))
        elif line.strip():
            source.leave_out(f"line {number}", line, "lines before the first message")
    return messages


def _style(source: Source) -> str:
    """The style of most headers of the file, so that a quoted header of another style is text."""
    found = (_header(line, "") for line in source.first_lines(_SAMPLE_LINES))
    styles = Counter(header.style for header in found if header is not None)
    return styles.most_common(1)[0][0] if styles else ""


def _header(line: str, style: str) -> _Header | None:
    """Parse the first line of a message, in any style if `style` is empty."""
    if not line.isascii():
        line = line.translate(_INVISIBLE).lstrip(_GENERATED)
    if not _STARTS.match(line):
        return None
    header = _parse(line, style)
    if header is None and _GENERATED in line[:40]:  # marks between the numbers of a date
        header = _parse(line[:40].replace(_GENERATED, "") + line[40:], style)
    return header


def _parse(line: str, style: str) -> _Header | None:
    for name, pattern in _STYLES.items():
        found = pattern.match(line) if style in ("", name) else None
        if found is None or (name == "loose" and _NAME.match(line, found.end()) is None):
            continue
        date, clock = (group for group in found.groups() if group is not None)
        date, clock = (clock, date) if name == "time first" else (date, clock)
        return _Header(date, clock, line[found.end() :], name)
    return None


def _name_and_text(header: _Header) -> tuple[str | None, str]:
    found = _NAME.match(header.rest)
    if found is None:
        return None, header.rest
    name = found[1].replace(_GENERATED, "").strip().removeprefix("~").strip()
    return name or None, header.rest[found.end() :]


def _is_sentence(name: str, names: Counter[str], speakers: tuple[str, ...]) -> bool:
    """Whether a name is the beginning of a system message with a colon, such as `Mara changed the subject to "Cake`."""
    if name in speakers or names[name] > 1:
        return False
    words = name.split()
    begins_with_name = any(" ".join(words[:count]) in names for count in range(1, len(words)))
    return len(words) > 2 and (begins_with_name or _QUOTED.search(name) is not None)


def _without_signal_marks(text: str, place: str, source: Source) -> str:
    """Remove what Signal exporters add to a message: attachments, quoted messages, reactions."""
    kept = []
    for line in text.split("\n"):
        if line.startswith(">"):
            source.leave_out(place, line, "quoted lines")
        elif re.fullmatch(r"(?:!?\[[^\[\]]{0,200}\]\([^()]{1,300}\)\s*)+", line.strip()):
            source.leave_out(place, line, "media")
        else:
            kept.append(line)
    text = "\n".join(kept)
    reactions = _REACTIONS.search(text[-300:])
    if reactions is not None:
        source.leave_out(place, reactions[0], "reactions")
        text = text[: len(text) - len(reactions[0])]
    return text


# --- dates ---


def _order(messages: list[_Message]) -> DateOrder:
    """The order of day and month. In doubt, 1/4/25 with AM or PM in capitals is month first, as Americans write."""
    first = messages[0].header
    written = read_date(first.date)
    dates = [date for message in messages if (date := read_date(message.header.date)) is not None]
    is_padded = any(date.is_padded for date in dates)
    is_american = written is not None and written.separator == "/" and not is_padded and "M" in first.clock
    if not is_american and not is_padded and written is not None and written.separator == "/":
        texts = (message.text for message in messages[:_SAMPLE_LINES])
        is_lower = any(half in first.clock for half in ("am", "pm", "m."))
        is_american = not is_lower and any("omitted" in text or "end-to-end encrypted" in text for text in texts)
    return find_order(dates, "mdy" if is_american else "dmy")


def _note_dates(messages: list[_Message], order: DateOrder, undated: list[int], source: Source) -> None:
    if not order.is_certain:
        source.notes.append(order.note(messages[0].header.date))
    if undated:
        lines = ", ".join(map(str, undated[:3]))
        source.notes.append(f"dates or times that do not exist: {len(undated):,} (line {lines}); those have no start")


def _sniff(source: Source) -> Evidence:
    lines = [line for line in source.first_lines(_SAMPLE_LINES) if line.strip()]
    headers = [(number, header) for number, line in enumerate(lines) if (header := _header(line, "")) is not None]
    num_named = sum(_NAME.match(header.rest) is not None for _, header in headers)
    if not headers or headers[0][0] > 10 or 5 * num_named < len(headers):
        return NO_EVIDENCE
    share = len(headers) / len(lines)
    if share < 0.1 and len(headers) < 5:
        return NO_EVIDENCE
    is_loose = headers[0][1].style == "loose"
    strength = (0.6 if is_loose else 0.85) if share >= 0.5 else (0.4 if is_loose else 0.75)
    return Evidence(strength, f"{len(headers)} of {len(lines)} lines begin with a date, a time and a name")


READER = Reader(
    "whatsapp",
    (".txt",),
    _sniff,
    read_whatsapp,
    title="WhatsApp, Signal and Element text exports",
    example="1/4/25, 7:02 PM - Ana: You are late.\n1/4/25, 7:03 PM - Ben: The train stood still.",
    is_chat=True,
)
