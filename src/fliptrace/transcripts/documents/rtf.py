"""Reader for Rich Text Format (.rtf), with striprtf."""

from __future__ import annotations

import re
from collections import Counter

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.transcripts.documents.blocks import as_text
from fliptrace.transcripts.documents.office import lines_of
from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, Extracted, Reader, Source

_MAX_MARKS = 4_000_000  # a letter beyond ASCII takes one; striprtf takes a microsecond for each
_MAX_LENGTH = 10_000_000  # characters without pictures: of which a day of talk takes about one tenth
_CODE_PAGE = re.compile(r"\\ansicpg(\d{3,5})")
_PICTURE = re.compile(r"(?:[0-9a-fA-F]{64,}\s{0,3})+")


def extract_rtf(source: Source) -> Extracted:
    """The text of the document; as a table if most lines have the same number of cells."""
    try:
        from striprtf.striprtf import rtf_to_text
    except ImportError as error:
        raise MissingExtra(source.name, "documents", "striprtf") from error

    raw = source.data.decode("latin-1")
    if raw.count("\\") + raw.count("{") > _MAX_MARKS:
        raise source.error("", f"over {_MAX_MARKS:,} control words; expected one dialogue per file")
    found = _CODE_PAGE.search(raw[:2_000])
    encoding = f"cp{found[1]}" if found else "cp1252"
    try:
        "".encode(encoding)
    except LookupError:
        encoding = "cp1252"
    try:
        # Pictures are megabytes of digits. Some programs write bytes beyond ASCII, which the standard forbids.
        plain = _PICTURE.sub("", raw).encode("latin-1").decode(encoding, "replace")
        if len(plain) > _MAX_LENGTH:
            raise source.error(
                "", f"over {_MAX_LENGTH // 1_000_000} MB without pictures; expected one dialogue per file"
            )
        text = rtf_to_text(plain, encoding=encoding, errors="replace")
    except InputError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise source.error("", f"unreadable RTF: {error}; save it as .docx or .txt") from error
    lines = text.split("\n")
    rows = [line.strip().removesuffix("|").split("|") for line in lines if line.strip()]
    if len(rows) > 1:
        width, number = Counter(map(len, rows)).most_common(1)[0]
        if width > 1 and number >= 0.8 * len(rows):
            return as_text([rows], source)
    return Extracted("\n".join(line.rstrip("|") for line in lines), ".txt")


def _sniff(source: Source) -> Evidence:
    return Evidence(1.0, "{\\rtf") if source.data.startswith(b"{\\rtf") else NO_EVIDENCE


READER = Reader(
    "rtf",
    (".rtf",),
    _sniff,
    lines_of,
    title="Rich Text Format",
    example="{\\rtf1\\ansi Ana: You are late.\\par}",
    extra="documents",
    has_columns=True,
    is_binary=True,
    extract=extract_rtf,
)
