"""Parse an XML file without entities and external files. The formats in XML are in other modules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fliptrace.transcripts.source import Source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DECLARATION = re.compile(r"\s*<\?xml[^<>]{0,200}\?>")
_ROOT = re.compile(r"<([A-Za-z_][\w:.-]{0,60})[\s/>]")


def parse_xml(source: Source) -> Element:
    """Return the root element; InputError names the line of a syntax error, or says that entities are not read."""
    from defusedxml.ElementTree import ParseError, fromstring

    root: Element
    source.refuse_too_many("<", "tag")
    try:
        try:
            root = fromstring(source.data)  # the encoding is the one that the file declares
        except (ParseError, LookupError):
            text = source.text.lstrip("\ufeff")
            declaration = _DECLARATION.match(text)
            root = fromstring(text[declaration.end() if declaration else 0 :])
    except ParseError as error:
        line, column = error.position
        raise source.error(
            f"line {line} column {column + 1}", f"not XML: {error.msg if hasattr(error, 'msg') else error}"
        ) from error
    except ValueError as error:  # defusedxml: entities; or a lone surrogate
        raise source.error("", f"unreadable XML: {type(error).__name__}; expected a file without entities") from error
    return root


def root_tag(source: Source) -> str:
    """The name of the root element, without parsing the file; "" if it is not XML."""
    head = source.text[:4_000].lstrip("\ufeff \n\t")
    if not head.startswith("<"):
        return ""
    found = _ROOT.search(re.sub(r"<!--[^<>]{0,2000}-->", "", head))
    return found[1] if found else ""


def local(element: Element) -> str:
    """The tag of an element without its namespace; "" for comments and processing instructions."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Element, name: str) -> str:
    """An attribute, whatever its namespace; "" if there is none."""
    found = element.get(name)
    if found is None:
        found = next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")
    return found.strip()
