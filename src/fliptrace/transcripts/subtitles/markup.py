"""Turns markup of subtitles into plain lines: tags of WebVTT, SubRip and SubStation, voices, and entities."""

from __future__ import annotations

import html
import re

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.subtitles.lines import Line

# `<v Name>`, with classes, perhaps without a name; some tools write an address `<a@b.c>` after the name.
_VOICE = re.compile(r"(?i)<v(?:\.[^\s<>]{0,100})?(?:[ \t\n]([^<>]{0,200})(?:<[^<>\s]{0,100}>\s?)?)?>")
_VOICE_END = re.compile(r"(?i)</v\s?>")
_ESCAPED_VOICE = re.compile(r"(?i)&lt;(/?v(?:[. ](?:(?!&[lg]t;)[^<>\n]){0,200})?)&gt;")
_BREAK = re.compile(r"(?i)<br\s?/?>")
_KNOWN_TAG = re.compile(
    r"(?i)</?(?:[cibuspv]|em|strong|lang|ruby|rt|font|span|div|small|big|center|sub|sup)(?:[ .:=/][^<>]{0,300})?>"
    r"|<\d[\d:.,]{0,30}>"
)
_NAME_TAG = re.compile(r"<([A-Z][^<>/=]{0,40})>(?=[ \t]{0,3}\S)")
_UNKNOWN_TAG = re.compile(r"<[^<>]{0,200}>")
_UNKNOWN_WORD_TAG = re.compile(r"</?[A-Za-z][^<>]{0,100}>")
_OVERRIDE = re.compile(r"\{\\[^{}]{0,300}\}|\{[yYcCfFsSpPoO]:[^{}]{0,60}\}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Marks that only set the direction of writing; they are not part of names or words.
_DIRECTIONS = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def plain_lines(payload: str, place: str, source: Source, *, is_vtt: bool) -> tuple[Line, ...]:
    """The lines of a cue without markup. Lines after `<v Name>` have that voice.

    >>> plain_lines("<v.low R&amp;D>Late <i>again</i>?</v>", "line 3", Source("", ""), is_vtt=True)
    (Line(text='Late again?', voice='R&D'),)
    """
    if "<" not in payload and "&" not in payload and "{" not in payload and "\\" not in payload:
        payload = payload if payload.isascii() else payload.translate(_DIRECTIONS)
        return tuple([Line(line) for line in payload.split("\n")])
    payload = _ESCAPED_VOICE.sub(r"<\1>", payload)
    before, *voices = _VOICE.split(_VOICE_END.sub("", payload))  # text, name, text, name, text ...
    lines = [Line(line) for line in _plain(before, place, source, is_vtt).split("\n")] if before.strip() else []
    for name, text in zip(voices[::2], voices[1::2], strict=True):
        voice = unescape(name or "").strip().rstrip(":").rstrip()
        spoken = [line for line in _plain(text, place, source, is_vtt).split("\n") if line.strip()]
        lines += [Line(line, voice) for line in spoken or [""]]
    return tuple(lines)


def _plain(text: str, place: str, source: Source, is_vtt: bool) -> str:
    text = _KNOWN_TAG.sub("", _BREAK.sub("\n", text.replace("\\N", "\n").replace("\\h", " ")))
    text = _OVERRIDE.sub("", text)
    if "<" in text:
        text = _NAME_TAG.sub(r"[\1]: ", text)
        unknown = _UNKNOWN_TAG if is_vtt else _UNKNOWN_WORD_TAG
        for tag in unknown.findall(text):
            source.leave_out(place, tag, "unknown tags")
        text = unknown.sub("", text)
    return unescape(text)


def unescape(text: str) -> str:
    """Decode entities that end with a semicolon, and drop marks of direction.

    >>> unescape("Tom&#225;s &amp;amp; R&D &rsquo;"), unescape("&copy")
    ('Tomás &amp; R&D ’', '&copy')
    """
    text = _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text
    return text if text.isascii() else text.translate(_DIRECTIONS)
