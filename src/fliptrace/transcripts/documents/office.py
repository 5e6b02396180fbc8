"""Readers for Word (.docx) and OpenDocument (.odt, .ods): the text of their main part.

Only that part is needed, so files that some programs write without the others are read too.
"""

from __future__ import annotations

from collections.abc import Iterator

from fliptrace.transcripts.documents.blocks import as_text, blocks_of
from fliptrace.transcripts.documents.packed import check_archive, part_names, read_xml_part
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, Extracted, RawUtterance, Reader, Source

_WORD, _OPEN_DOCUMENT = "word/document.xml", "content.xml"


def extract_docx(source: Source) -> Extracted:
    """The paragraphs and tables of a Word document."""
    check_archive(source, "Word")
    return as_text(blocks_of(read_xml_part(source, _WORD, "Word")), source)


def extract_odt(source: Source) -> Extracted:
    """The paragraphs and tables of an OpenDocument file."""
    check_archive(source, "OpenDocument")
    return as_text(blocks_of(read_xml_part(source, _OPEN_DOCUMENT, "OpenDocument")), source)


def lines_of(source: Source) -> Iterator[RawUtterance]:
    """The lines of a text as utterances. `read_transcript` reads a document by `Reader.extract` instead."""
    for number, line in enumerate(source.lines, start=1):
        yield RawUtterance(f"line {number}", line)


def _sniff_docx(source: Source) -> Evidence:
    return Evidence(1.0, f"an archive with {_WORD}") if _WORD in part_names(source.data) else NO_EVIDENCE


def _sniff_odt(source: Source) -> Evidence:
    names = part_names(source.data)
    is_open = _OPEN_DOCUMENT in names and (
        b"application/vnd.oasis.opendocument" in source.data[:200] or "meta.xml" in names
    )
    return Evidence(1.0, "an OpenDocument archive") if is_open else NO_EVIDENCE


DOCX = Reader(
    "docx",
    (".docx",),
    _sniff_docx,
    lines_of,
    title="Word document (also from Teams, Zoom, Otter)",
    has_columns=True,
    is_binary=True,
    extract=extract_docx,
)
ODT = Reader(
    "odt",
    (".odt", ".ods"),
    _sniff_odt,
    lines_of,
    title="OpenDocument text or sheet",
    has_columns=True,
    is_binary=True,
    extract=extract_odt,
)
