"""Text files that are certainly not transcripts: program code, markup, logs, calendars, playlists, tables of numbers.

A file is refused only for a signature at its beginning, or because nearly all of its lines look like nothing that
people say. `--format text` reads it anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fliptrace.transcripts.plain.words import words_of
from fliptrace.transcripts.source import Source

_SAMPLE = 400  # lines
_MAX_LINE = 2_000  # characters


class _Signature(NamedTuple):
    pattern: re.Pattern[str]
    kind: str


class _Grammar(NamedTuple):
    """Lines of one kind: `share` of all lines must fit the pattern, and at least `num` of them."""

    pattern: re.Pattern[str]
    kind: str
    share: float
    num: int


_SIGNATURES = (
    _Signature(re.compile(r"BEGIN:VCALENDAR\b"), "a calendar file"),
    _Signature(re.compile(r"BEGIN:VCARD\b"), "a contact card"),
    _Signature(re.compile(r"BEGIN:V[A-Z]{3,12}\b"), "a calendar or contact file"),
    _Signature(re.compile(r"#EXTM3U\b"), "a playlist"),
    _Signature(re.compile(r"\[playlist\]\s*\n", re.IGNORECASE), "a playlist"),
    _Signature(re.compile(r"#![ \t]?/[\w./-]{1,80}"), "a script"),
    _Signature(re.compile(r"Traceback \(most recent call last\):"), "an error message of Python"),
    _Signature(re.compile(r"-----BEGIN [A-Z0-9 ]{3,40}-----"), "a key or a certificate"),
    _Signature(re.compile(r"\\documentclass\b|\\begin\{document\}"), "LaTeX"),
    _Signature(re.compile(r"diff --git |--- \S.{0,200}\n\+\+\+ \S.{0,200}\n@@ -\d"), "a list of changes (diff)"),
    _Signature(re.compile(r"total \d{1,9}\n[-dl][rwxsStT-]{9}\W"), "a list of files"),
    _Signature(re.compile(r"%!PS-Adobe|%PDF-\d"), "a page description"),
)

# One statement or a part of it. Each alternative begins as a line of code does, and has signs of code.
_STATEMENT = re.compile(
    r"(?:import [\w.]{1,60}(?: as \w{1,40})?;?|from [\w.]{1,80} import [\w.*,() ]{1,200}|"
    r"(?:async )?def \w{1,60}\(.{0,200}|class \w{1,60}(?:\(.{0,100}\))?:?(?: ?\{)?|"
    r"(?:if|elif|while|for|with|switch|catch)\b.{1,160}[:{)]|(?:else|try|finally|do)\s?[:{]|return\b.{0,160}[;\w)\]}'\"]|"
    r"#\s?(?:include|define|ifdef|ifndef|endif|pragma)\b.{0,160}|using [\w.: ]{1,80};|package [\w.]{1,80};?|"
    r"(?:const|let|var|static|public|private|protected|function|func|fn|int|void|char|float|double|string|bool)\s.{0,200}"
    r"[;{})=]|@\w{1,40}(?:\(.{0,100}\))?|(?:set -\w{1,9}|done|fi|esac|then|do|echo .{1,160}|export \w{1,40}=.{0,160})|"
    r"(?:CREATE|INSERT INTO|SELECT|UPDATE|DELETE FROM|DROP|ALTER|BEGIN|COMMIT|SET|USE|LOCK|UNLOCK|GRANT)\b.{0,1900};|"
    r"(?:CREATE|SELECT|FROM|WHERE|JOIN|VALUES|PRIMARY KEY|ORDER BY|GROUP BY)\b.{0,200}[,(;)]?|"
    r"[\w.\[\]'\"]{1,80}\s?(?:[-+*/|&]?=|:=)\s?[^=].{0,200}|[\w.$#@:>()\[\]=*,~+ -]{1,160}\{.{0,400}\}?|"
    r"[\w.\->:]{1,80}\(.{0,300}\)\s?[;{:,]?|[\w-]{1,40}:\s?[^:;]{1,120};|.{0,200}[;{}]|[)}\]]{1,4}[;,)]{0,3}|"
    r"['\"][\w.-]{1,60}['\"]\s?[:,].{0,200}|(?://|/\*|\*/|--\s|<!--).{0,300})\s*"
)
# Speech hardly ever has these signs; in a file of code, many lines have one.
_CODE_SIGN = re.compile(
    r"[;{}]\s*$|^\s*[)}\]]|\w\(.{0,200}\)\s?[:;{]?\s*$|[^=<>!]=[^=]|==|=>|->|\$\{?\w|^\s*#\s?include|^\s*@\w|::|\)\s?\{|"
    r"^\s*(?:import|from|def|class|return|else:|try:|elif)\b"
)
# Lines that nobody says: a few of them show that the rest is code as well.
_DEFINITION = re.compile(
    r"from [\w.]{1,80} import [\w.*,() ]{1,200}|(?:async )?def \w{1,60}\(.{0,200}|"
    r"class \w{1,60}(?:\([\w., =\[\]]{0,100}\))?:|"
    r"if __name__ == .{1,20}:|#\s?include [<\"].{1,80}[>\"]|(?:export |async ){0,2}function \w{0,60}\(.{0,200}\) ?\{|"
    r"(?:public|private|protected) [\w<>\[\] ]{1,80}\(.{0,200}\) ?\{"
)
_PROSE = re.compile(
    r"(?!from \S{1,60} import )(?:[^\W\d_][\w'’-]{0,30}[,:]?\s){2,200}[^\W\d_][\w'’-]{0,30}[.,;:!?…]{0,3}"
)
_NAMED = re.compile(r"\s{0,9}[\[(*_>-]{0,3}[^\W\d_][\w .'’-]{0,40}(?:\([^()]{1,30}\))?[\])*_]{0,3}\s?[:：]\s{1,4}\S")
_GRAMMARS = (
    _Grammar(
        re.compile(
            r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d\S{0,12}\]?\s{1,4}(?:\[[^\]]{1,60}\]\s{0,3}|\S{1,60}\s){0,3}?"
            r"[\[(]?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b.*"
        ),
        "a log of a program",
        0.6,
        2,
    ),
    _Grammar(
        re.compile(r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)[:\]\s].*\S.*"),
        "a log of a program",
        0.9,
        4,
    ),
    _Grammar(re.compile(r"[-dlbcps][rwxsStT-]{9}[.+@]?\s{1,9}\d.*"), "a list of files", 0.6, 2),
    _Grammar(re.compile(r"[A-Za-z0-9+/]{24,2000}={0,2}"), "encoded data", 0.9, 1),
    _Grammar(re.compile(r"\[[\w .:-]{1,60}\]|[\w.-]{1,60}\s?=\s?.{0,300}|[;#].{0,300}"), "a file of settings", 1.0, 3),
)


_MARKUP = re.compile(
    r"\s{0,100}<(?:\?xml\b|!doctype\b|html\b|(?P<tag>[A-Za-z][\w:.\-]{0,60})(?:\s[^<>]{0,2000})?>)", re.IGNORECASE
)
_INLINE = words_of("b i u p em strong span br font")
_RTTM = re.compile(r"(?:SPEAKER|SPKR-INFO|LEXEME|SEGMENT|NON-SPEECH|NON-LEX|SU|NOSCORE|NO_RT_METADATA)\s+\S+\s+\d+\s")
LABEL = re.compile(r"\d{1,6}[.,]\d{1,9}\t\d{1,6}[.,]\d{1,9}\t")
_NO_WORDS = re.compile(
    r"[\[(<]?(?:\w+=)?\d[\d.:,]{0,20}s?\]?(?:[\s,;\t>\-–]{1,6}(?:\w+=)?\d[\d.:,]{0,20}s?[\])>]?:?){1,2}[\s,;\t:]{1,6}[\[(]?"
    r"(?:speaker|spk|spkr|speaker_SPEAKER|channel)[\s_\-]?(?:\d{1,4}|[A-Z])[\])]?\s*",
    re.IGNORECASE,
)


def refuse_other_files(source: Source) -> None:
    """InputError for markup and for lists of times without words, which would otherwise be read as speech."""
    text = source.text
    found = _MARKUP.match(text)
    if found is not None:
        tag = found["tag"]
        is_inline = tag is not None and tag.casefold() in _INLINE
        if not is_inline and (tag is None or f"</{tag}>" in text[-4000:] or "xmlns" in found[0]):
            markup = "HTML" if re.match(r"\s*<(?:!doctype html|html)", text, re.IGNORECASE) else "XML"
            raise source.error(
                "", f"this looks like {markup}, not like text; expected a transcript: save it as .txt or .vtt"
            )
    kind = None if source.is_format_given else kind_of_file(text)
    if kind is not None:
        raise source.error("", f"this looks like {kind}; expected a transcript (--format text reads it anyway)")
    lines = [line for line in source.lines if line.strip() and not line.startswith((";;", "#"))]
    if lines and all(_RTTM.match(line) for line in lines[:200]):
        raise source.error("", "this looks like RTTM, which has times and speakers but no words; expected a transcript")
    if lines and all(_NO_WORDS.fullmatch(line.strip()) for line in lines[:200]) and len(lines) >= 2:
        raise source.error("", "found times and speakers but no words; expected a transcript with what was said")


def is_log(lines: Sequence[str]) -> bool:
    """Whether most lines are those of a program's log: a date, a time and a level."""
    log = _GRAMMARS[0]
    return _fits([line.strip()[:_MAX_LINE] for line in lines], log.pattern.fullmatch, log.share, log.num)


def has_no_words(lines: Sequence[str]) -> bool:
    """Whether all lines have times and speakers, but no words."""
    return all(map(_RTTM.match, lines)) or all(_NO_WORDS.fullmatch(line.strip()) for line in lines)


def kind_of_file(text: str) -> str | None:
    """What kind of file a text is if it is certainly not a transcript; None for anything that people may have said.

    >>> kind_of_file("BEGIN:VCARD\\nFN:Mara Lind"), kind_of_file("12 44\\n7 1"), kind_of_file("Ana: hi; (1) is = 2")
    ('a contact card', 'a table of numbers', None)
    """
    start = text[:_MAX_LINE].lstrip("\ufeff \t\r\n")
    for signature in _SIGNATURES:
        if signature.pattern.match(start):
            return signature.kind
    if not any(letter.isalpha() for letter in text):
        return "a table of numbers" if any(letter.isdigit() for letter in text) else None
    lines = [line.strip()[:_MAX_LINE] for line in text[: _SAMPLE * 200].split("\n")[:_SAMPLE] if line.strip()]
    for grammar in _GRAMMARS:
        if _fits(lines, grammar.pattern.fullmatch, grammar.share, grammar.num):
            return grammar.kind if grammar.kind != "encoded data" or _is_encoded(lines) else None
    return "program code" if _is_code(lines) else None


def _fits(lines: Sequence[str], fits: Callable[[str], object], share: float, num: int) -> bool:
    found = sum(fits(line) is not None for line in lines)
    return found >= max(num, share * len(lines))


def _is_encoded(lines: Sequence[str]) -> bool:
    """Whether lines of letters and digits are base64, which mixes upper case, lower case and digits."""
    whole = "".join(lines)
    return len(whole) >= 40 and any(map(str.isdigit, whole)) and any(map(str.isupper, whole)) and not whole.isupper()


def _is_code(lines: Sequence[str]) -> bool:
    """Whether nearly all lines are statements and most have signs of code, and few begin like a turn or are prose."""
    said = sum(_NAMED.match(line) is not None and not line.endswith((";", "{", "}", ",")) for line in lines)
    prose = sum(_PROSE.fullmatch(line) is not None for line in lines)
    if said > 0.1 * len(lines):
        return False
    definitions = sum(_DEFINITION.fullmatch(line) is not None for line in lines)
    if definitions >= max(3, 0.04 * len(lines)):
        return True  # with comments and docstrings, which are prose
    if prose > 0.5 * len(lines):
        return False
    statements = sum(_STATEMENT.fullmatch(line) is not None for line in lines)
    signs = sum(_CODE_SIGN.search(line) is not None for line in lines)
    return len(lines) >= 2 and statements >= 0.8 * len(lines) and signs >= 0.5 * len(lines)
