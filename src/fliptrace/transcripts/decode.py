"""From a path to text: sizes, encodings, and what is no text at all."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.transcripts.source import MAX_BYTES


class Decoded(NamedTuple):
    """The text, line ends as newlines; `guessed` is the encoding where nothing but a guess could tell it."""

    text: str
    guessed: str | None


# The longer marks first: UTF-32's begins with UTF-16's.
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
)

# What transcripts are written in where it is not UTF-8, and which of equally good guesses comes first: French and Czech
# look alike to a guesser, French is met more often. Without the list short texts are taken for EBCDIC or UTF-7.
_LIKELY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r"),
    *("shift_jis", "gb18030", "big5", "euc_kr", "euc_jp"),
)

_SAMPLE_BYTES = 100_000  # about what the guess is made on: enough to tell a language, and quick


def read_file(path: Path) -> Decoded:
    """The text of a file; InputError where it is missing, too large or no text."""
    try:
        if path.is_dir():
            raise InputError(path, "a folder; expected a transcript file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(path, "no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(path, getattr(error, "strerror", None) or str(error)) from error
    if len(data) > MAX_BYTES:
        raise InputError(path, f"over {MAX_BYTES // 1_000_000} MB; a transcript is smaller: give one dialogue a file")
    return decode(data, path.name)


def decode(data: bytes, name: str) -> Decoded:
    """Bytes as text: by their byte order mark, else as UTF-8, else by charset-normalizer's best guess."""
    for magic, kind in _NO_TEXT:
        if data.startswith(magic):
            raise InputError(name, f"this is {kind}; expected text: save it as .txt or .csv")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(_lines_of(_decode_as(data[len(mark) :], encoding, name)), None)
    if b"\0" in data:
        raise InputError(name, "holds NUL bytes: not text, or UTF-16 without its mark; save it as UTF-8")
    try:
        return Decoded(_lines_of(data.decode()), None)
    except UnicodeDecodeError as error:
        guess = _guess(data)
        if guess is None:
            raise InputError(name, f"byte {error.start} is not UTF-8, nor is it like other text") from error
        return Decoded(_lines_of(_decode_as(data, guess, name)), guess)


def _guess(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    # Lines of plain ASCII say nothing, and there may be megabytes of them before the first that does.
    telling = bytearray()
    for line in data.splitlines(keepends=True):
        if not line.isascii() and len(telling) < _SAMPLE_BYTES:  # whole lines: half a character would spoil the guess
            telling += line
    matches = from_bytes(bytes(telling), cp_isolation=list(_LIKELY))
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
