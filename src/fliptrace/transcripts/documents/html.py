"""Reader for web pages (.html), with BeautifulSoup: pages that chat programs export, tables, and lines of text."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import Any, NamedTuple

from fliptrace.core.errors import MissingExtra
from fliptrace.transcripts.documents.blocks import Table, as_text
from fliptrace.transcripts.documents.conversation import holds_conversation
from fliptrace.transcripts.documents.office import lines_of
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, Extracted, Reader, Source

_MAX_TAGS = 300_000  # a chat of 15,000 messages; a tag takes some 30 microseconds
_MAX_DEPTH = 500  # of elements; pages have up to 50
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})([^<>]{0,2000}/(?=>))?")
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_FIRST_TAGS = "!doctype html|html|head|body|table|div|p|h1|h2|title|meta|center|form|script|style"
_HEAD = re.compile(
    rf"\s*(?:<\?xml[^<>]{{0,200}}\?>\s*)?(?:<!--[^<>]{{0,1000}}-->\s*)?<(?:{_FIRST_TAGS})\b", re.IGNORECASE
)
_BLOCKS = frozenset(
    (
        *("p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer"),
        *("blockquote", "ul", "ol", "dl", "dt", "dd", "pre", "main", "body", "table", "hr", "figure", "aside"),
        *("nav", "form", "tbody"),
    )
)
_UNSEEN = ("script", "style", "noscript", "template", "svg", "head", "nav", "button", "select", "iframe", "object")


class _Page(NamedTuple):
    """Where a chat program puts its messages: CSS selectors, and perhaps the attribute that has the time."""

    message: str
    name: str
    text: str
    time: str
    time_attribute: str = ""


_PAGES = (
    _Page("div.message.default", ".from_name", ".text, .media_wrap", ".date", "title"),  # Telegram Desktop
    _Page(
        ".chatlog__message-container", ".chatlog__author", ".chatlog__content", ".chatlog__timestamp", "title"
    ),  # Discord
    _Page("._a6-g", "._a6-h", "._a6-p", "._a6-o"),  # Messenger and Instagram
    _Page(".pam.uiBoxWhite", "._2lek", "._2let", "._2lem"),  # Messenger until 2021
    _Page("div.message", "cite.sender", "q", "abbr.dt", "title"),  # Google Voice
    _Page("div.message", ".sender", ".bubble", ".timestamp"),  # imessage-exporter
)
_WHATSAPP = re.compile(r"\[([^\[\]]{4,60})\]\s?(.{1,100}?):\s?$")


def extract_html(source: Source) -> Extracted:
    """Messages as a table, else the largest table, else the lines of the page."""
    try:
        from bs4 import BeautifulSoup
    except ImportError as error:
        raise MissingExtra(source.name, "documents", "beautifulsoup4") from error
    text = source.text
    _check_size(text, source)
    try:
        soup = BeautifulSoup(_closed(text), "html.parser")
        for element in soup(_UNSEEN):
            element.decompose()
        extracted = _messages(soup, source) or as_text(_blocks(soup), source)
        if not holds_conversation(extracted, _labels(soup)):
            expected = "expected lines such as Ana: words, a table or an exported chat; or save its text as .txt"
            raise source.error("", f"looks like a web page without a conversation; {expected}")
        return extracted
    except RecursionError as error:
        raise source.error("", "elements nested too deeply; expected a page of text") from error


def _labels(soup: Any) -> list[str]:
    """Texts set apart in bold or as terms, as the names of speakers often are."""
    found = soup.find_all(["b", "strong", "dt", "cite"], limit=2_000)
    return [" ".join(element.get_text(" ").split()) for element in found]


def _check_size(text: str, source: Source) -> None:
    """InputError for pages that would take minutes: those of very many tags or very deeply nested elements."""
    num_tags = text.count("<") + text.count("&") // 4  # a character such as &amp; takes less time
    if num_tags > _MAX_TAGS:
        raise source.error("", f"a page of {num_tags:,} tags; expected at most {_MAX_TAGS:,}: save its text as .txt")
    depths: Counter[str] = Counter()
    for tag in _TAG.finditer(text):
        name = tag[2].casefold()
        if name not in _VOID and not tag[3]:
            depths[name] = max(depths[name] - 1, 0) if tag[1] else depths[name] + 1
            if depths[name] > _MAX_DEPTH:
                place = f"line {text.count(chr(10), 0, tag.start()) + 1}"
                raise source.error(place, f"over {_MAX_DEPTH} nested elements {name!r}; save its text as .txt")


def _closed(text: str) -> str:
    """Escape markup that is never closed. The parser would search for its end again and again."""
    text = re.sub(r"&(?![a-zA-Z#][\w#]{1,30};)", "&amp;", text).replace("<![", "&lt;![")
    end = text.rfind("-->") + 1
    text = text[:end] + text[end:].replace("<!--", "&lt;!--")
    end = text.rfind(">") + 1
    return text[:end] + text[end:].replace("<", "&lt;")


def _messages(soup: Any, source: Source) -> Extracted | None:
    """The messages of a chat page as a table with the columns time, speaker and text; None if it is not one."""
    rows = _whatsapp(soup)
    for page in _PAGES if not rows else ():
        if page.name.rpartition(".")[2] not in source.text:  # a search of the whole page takes long
            continue
        found = soup.select(page.message)
        if len(found) > 1 and any(each.select_one(page.name) and each.select_one(page.text) for each in found[:20]):
            rows = _rows(found, page, source)
            break
    if not rows:
        return None
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("timestamp", "speaker", "text"), *rows])
    return Extracted(out.getvalue(), ".csv")


def _rows(found: list[Any], page: _Page, source: Source) -> list[tuple[str, str, str]]:
    rows, name = [], ""
    for number, message in enumerate(found, start=1):
        named, said, stamp = (message.select_one(selector) for selector in page[1:4])
        if named is not None:
            name = " ".join(named.get_text(" ").split())
        elif {"sent"} & set(message.get("class") or ()) or message.select_one(".sent") is not None:
            name = "Me"
        text = "" if said is None else " ".join(said.get_text(" ").split())
        when = (
            "" if stamp is None else str(stamp.get(page.time_attribute) or "") or " ".join(stamp.get_text(" ").split())
        )
        when = re.sub(r"\s*(?:UTC|GMT)([+-]\d{2}:\d{2})$", r" \1", re.sub(r"\s?\((?:Read|Delivered).*\)$", "", when))
        if text:
            rows.append((when, name, text))
        else:
            source.leave_out(f"message {number}", message.get_text(" ")[:200], "messages without text")
    return rows


def _whatsapp(soup: Any) -> list[tuple[str, str, str]]:
    """Messages of a saved page of WhatsApp Web, which states time and name in an attribute."""
    rows = []
    for element in soup.select("[data-pre-plain-text]"):
        head = _WHATSAPP.match(str(element["data-pre-plain-text"]).strip()[:200] + " ")
        if head is None:
            continue
        said = element.select_one(".selectable-text") or element
        clock, comma, date = head[1].partition(",")
        when = f"{date.strip()} {clock.strip()}" if comma and ":" in clock else head[1]
        rows.append((when, head[2], " ".join(said.get_text(" ").split())))
    return rows


def _blocks(soup: Any) -> list[str | Table]:
    """Lines of text and tables, in order."""
    from bs4 import NavigableString, Tag

    blocks: list[str | Table] = []
    line: list[str] = []

    def end_line() -> None:
        text = " ".join("".join(line).split())
        line.clear()
        blocks.append(text)

    stack: list[Any] = [soup]
    while stack:
        here = stack.pop()
        if here is None:
            end_line()
        elif isinstance(here, NavigableString):
            if type(here) is NavigableString:  # not a comment or a declaration
                line.append(str(here))
        elif isinstance(here, Tag):
            if here.name == "br":
                end_line()
            elif here.name == "pre":
                end_line()
                for each in here.find_all("br"):
                    each.replace_with("\n")
                blocks += here.get_text().split("\n")
            elif here.name == "table" and here.find("table") is None:
                end_line()
                blocks.append(_table_of(here))
            else:
                is_block = here.name in _BLOCKS
                if is_block:
                    end_line()
                    stack.append(None)
                stack += reversed(here.contents)
    end_line()
    return blocks


def _table_of(table: Any) -> Table:
    """The rows of a table that are not blank."""
    rows = ([" ".join(cell.get_text(" ").split()) for cell in row.find_all(["td", "th"])] for row in table("tr"))
    return [row for row in rows if any(row)]


def _sniff(source: Source) -> Evidence:
    return Evidence(0.95, "a web page") if _HEAD.match(source.text[:5_000].lstrip("\ufeff")) else NO_EVIDENCE


READER = Reader(
    "html",
    (".html", ".htm", ".xhtml"),
    _sniff,
    lines_of,
    title="Web page: tables, chats exported as pages, or text",
    example="<html><body><p>Ana: You are late.</p><p>Ben: The train stood.</p></body></html>",
    extra="documents",
    has_columns=True,
    extract=extract_html,
)
