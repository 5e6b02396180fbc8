"""Parses XML of subtitles, without entities."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from fliptrace.transcripts.source import Source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# The declaration may name the encoding of the bytes, but these are decoded already.
_DECLARATION = re.compile(r"\s*+<\?xml[^<>]{0,200}\?>")
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|(?:amp|lt|gt|quot|apos);)")


def parse_xml(source: Source, format: str) -> Element:
    """Parse a file as XML; InputError if it is damaged or declares entities."""
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    source.refuse_too_many("<", "tag")
    declaration = _DECLARATION.match(source.text)
    text = source.text[declaration.end() if declaration else 0 :].strip()
    text = _BARE_AMPERSAND.sub("&amp;", text.replace("\x00", ""))
    try:
        root: Element = fromstring(text.encode("utf-8", "replace"))
    except DefusedXmlException as error:
        raise source.error("", f"the XML declares entities; expected {format} without a document type") from error
    except (ParseError, ValueError) as error:
        raise source.error("", f"not {format}: damaged XML ({error})") from error
    return root


@lru_cache(maxsize=1024)
def local_name(tag: object) -> str:
    """The name of an element or attribute without its namespace; comments have none."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
