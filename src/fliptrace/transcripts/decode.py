"""Read a file as text: check its size, determine its encoding, and reject binary files."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import open_input

MAX_BYTES = 20_000_000  # hours of speech take under 1 MB, or about 10 MB with the times of words


class Decoded(NamedTuple):
    """A decoded text with line ends as newlines. `guessed` is the encoding if it had to be guessed, else None."""

    text: str
    guessed: str | None


# Byte order marks. UTF-32 comes before UTF-16 because its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_NO_TEXT = (
    (b"PK\x03\x04", "a ZIP or Office file (docx, xlsx)"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (doc, xls)"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "an RTF file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"PAR1", "a Parquet file"),
)

# Candidate encodings for text that is not UTF-8, most frequent first. The order decides between equally good guesses:
# French and Czech look alike to the detector, but French is more frequent. Without this list, short texts are detected
# as EBCDIC or UTF-7.
_LIKELY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r"),
    *("shift_jis", "gb18030", "big5", "euc_kr", "euc_jp"),
)

_DECLARATION = re.compile(
    rb"""<(?:\?xml|meta)\b[^<>]{0,200}?\b(?:encoding|charset)\s?=\s?["']?([A-Za-z][\w.:-]{1,40})""", re.I
)

_SAMPLE_BYTES = 100_000  # approximate size of the sample for the guess: enough to identify a language, and fast


def read_file(path: Path) -> bytes:
    """Read a file; InputError if it is missing or too large."""
    if path.is_dir():
        raise InputError(path, "a folder; expected a transcript file, or a ConvoKit corpus with utterances.jsonl")
    with open_input(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(path, f"over {MAX_BYTES // 1_000_000} MB; expected one dialogue per file")
    return data


def decode(data: bytes, name: str) -> Decoded:
    """Decode bytes by their byte order mark, else as UTF-8, else by charset-normalizer's best guess."""
    kind = kind_of_binary(data)
    if kind is not None:
        raise InputError(name, f"this is {kind}; expected text: save it as .txt or .csv")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(_lines_of(_decode_as(data[len(mark) :], encoding, name)), None)
    if b"\0" in data:
        utf16 = _utf16_without_mark(data)
        if utf16 is None:
            raise InputError(name, "contains NUL bytes: not text; save it as UTF-8")
        return Decoded(_lines_of(_decode_as(data, utf16, name)), None)
    try:
        return Decoded(_lines_of(data.decode()), None)
    except UnicodeDecodeError as error:
        declared = _declared(data)
        if declared is not None:
            return Decoded(_lines_of(_decode_as(data, declared, name)), None)
        guess = _guess(data)
        if guess is None:
            raise InputError(name, f"byte {error.start} is not UTF-8, and no other encoding fits") from error
        return Decoded(_lines_of(_decode_as(data, guess, name)), guess)


def _declared(data: bytes) -> str | None:
    """The encoding that an XML or HTML file declares for itself; None if there is none, or it does not fit."""
    found = _DECLARATION.search(data[:2_000])
    if found is None:
        return None
    try:
        encoding = codecs.lookup(found[1].decode("ascii")).name
        if encoding.startswith(("iso8859", "cp", "koi8", "mac", "shift", "gb", "big5", "euc")):
            data.decode(encoding)
            return encoding
    except (LookupError, UnicodeDecodeError):
        return None
    return None


def kind_of_binary(data: bytes) -> str | None:
    """What a file that is not text is, by its first bytes; None for anything else."""
    return next((kind for magic, kind in _NO_TEXT if data.startswith(magic)), None)


def _utf16_without_mark(data: bytes) -> str | None:
    """The byte order of UTF-16 without a mark: in most scripts every other byte of ASCII letters is NUL."""
    sample = data[:4000]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        nul, other = sample[offset::2], sample[1 - offset :: 2]
        if nul.count(0) > 0.2 * len(nul) and other.count(0) == 0:
            return encoding
    return None


def _guess(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    # Only lines with non-ASCII bytes help to identify the encoding, and megabytes of ASCII may precede them.
    sample = bytearray()
    for line in data.splitlines(keepends=True):
        if not line.isascii() and len(sample) < _SAMPLE_BYTES:  # whole lines, so that no character is cut
            sample += line
    matches = from_bytes(bytes(sample), cp_isolation=list(_LIKELY))
    best = matches.best()
    if best is None:
        return None
    near = (m for m in matches if m.chaos <= best.chaos + 0.01 and m.coherence >= best.coherence - 0.1)
    names = {name for match in near for name in match.could_be_from_charset}
    return next((name for name in _LIKELY if name in names), str(best.encoding))


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(name, f"byte {error.start} is not {encoding}; save the file as UTF-8") from error


def _lines_of(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
