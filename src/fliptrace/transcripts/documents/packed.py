"""Read parts of a ZIP archive (docx, xlsx, odt), with a limit on what is unpacked."""

from __future__ import annotations

import io
import zipfile
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from fliptrace.transcripts.source import Source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_UNPACKED = 200_000_000  # bytes of all parts of a document together
_MAX_RATIO = 300  # of unpacked to packed bytes; text of office documents has 5 to 50
_SMALL = 10_000_000  # bytes; the ratio of a smaller part does not matter
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


@lru_cache(maxsize=4)
def part_names(data: bytes) -> frozenset[str]:
    """The names of the parts of an archive; none if it is not a ZIP archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return frozenset(archive.namelist())
    except _READ_ERRORS:
        return frozenset()


def check_archive(source: Source, kind: str) -> None:
    """InputError if the file is not a valid ZIP archive, or would take too much memory; `kind` is "Word", "Excel"."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            parts = archive.infolist()
    except _READ_ERRORS as error:
        raise source.error("", f"not a valid {kind} file: {error}") from error
    total = sum(part.file_size for part in parts)
    if total > MAX_UNPACKED:
        limit = MAX_UNPACKED // 1_000_000
        raise source.error("", f"{total / 1e6:,.0f} MB when unpacked; expected at most {limit} MB")
    for part in parts:
        if part.file_size > _SMALL and part.file_size > _MAX_RATIO * max(part.compress_size, 1):
            raise source.error(
                part.filename[:60], f"unpacks to {part.file_size / 1e6:,.0f} MB, over {_MAX_RATIO} times its size"
            )


def read_xml_part(source: Source, name: str, kind: str) -> Element:
    """Parse one part of an archive that `check_archive` has checked. A part never gives more bytes than it states."""
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            data = archive.read(name)
    except (KeyError, *_READ_ERRORS) as error:
        raise source.error(name, f"this part of the {kind} file is missing or damaged: {error}") from error
    try:
        root: Element = fromstring(data)
        return root
    except (ParseError, ValueError, LookupError) as error:  # ValueError: defusedxml refuses entities
        raise source.error(name, f"unreadable XML: {error}") from error
