"""Reader for the XML of SMS Backup & Restore (Android); `file.xml#NAME` if it contains several conversations.

Messages that the owner of the phone sent are from "Me". MMS have their text in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from fliptrace.transcripts.chats.clock import from_unix
from fliptrace.transcripts.chats.conversations import Conversation, choose
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_OWNER = "Me"
_SENT = frozenset(("2", "4", "5", "6", "128"))  # sent, waiting or failed; 128 is a sent MMS


def read_sms_xml(source: Source) -> Iterator[RawUtterance]:
    """Yield one utterance per text message."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    source.refuse_too_many("<", "tag")
    try:
        root = fromstring(source.text.lstrip("\ufeff \n").encode("utf-8", "replace"))
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise source.error("", f"unreadable XML: {error}") from error
    threads: dict[str, tuple[str, list[tuple[int, Element]]]] = {}
    for number, message in enumerate(root, start=1):
        if message.tag not in ("sms", "mms"):
            continue
        address = message.get("address", "")
        name = message.get("contact_name", "")
        name = address if name in ("", "(Unknown)", "null") else name
        threads.setdefault(address, (name, []))[1].append((number, message))
    chosen = choose([Conversation(name, address, found) for address, (name, found) in threads.items()], source)
    for number, message in chosen.content:
        place = f"message {number}"
        text = message.get("body") or ""
        if message.tag == "mms":
            parts = list(message.iter("part"))
            text = "\n".join(part.get("text", "") for part in parts if part.get("ct") == "text/plain")
            if any(not part.get("ct", "").startswith(("text/plain", "application/smil")) for part in parts):
                source.leave_out(place, "", "media")
        if not text.strip() or text == "null":
            if message.tag == "sms":
                source.leave_out(place, "", "messages without text")
            continue
        is_sent = message.get("type", message.get("msg_box", "")) in _SENT
        yield RawUtterance(place, text, _OWNER if is_sent else chosen.name, from_unix(message.get("date"), 1000))


def _sniff(source: Source) -> Evidence:
    head = source.text[:4000]
    if "<smses" in head and ("<sms " in head or "<mms " in head):
        return Evidence(0.98, "an element smses with messages, as SMS Backup & Restore writes it")
    return NO_EVIDENCE


READER = Reader(
    "sms-xml",
    (".xml",),
    _sniff,
    read_sms_xml,
    title="SMS Backup & Restore, XML",
    example='<smses><sms address="+1" date="1736013720000" type="1" body="You are late." contact_name="Ana" /></smses>',
    is_chat=True,
)
