"""Reader for WebVTT (https://www.w3.org/TR/webvtt1/) as tools write it: voices `<v Name>`, `Name: text`, identifiers.

Files that break the rules are read as well: without a header, with times of SubRip, with blank lines inside cues.
webvtt-py is not used: it drops cues that break the rules.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.subtitles.blocks import Block, read_blocks
from fliptrace.transcripts.subtitles.cues import utterances_of
from fliptrace.transcripts.subtitles.grammar import Shape, shape_of
from fliptrace.transcripts.subtitles.lines import Cue, Line
from fliptrace.transcripts.subtitles.markup import plain_lines, unescape

_HEADER = re.compile(r"\s{0,40}WEBVTT(?=\s|$)", re.IGNORECASE)
_HOURLESS = r"(?:\d{1,2}:)?\d{1,2}:\d{1,2}\.\d{1,3}"
_HEADLESS = re.compile(
    rf"\s{{0,40}}(?:[^\n]{{1,100}}\n)?{_HOURLESS}[ \t]{{0,9}}-->[ \t]{{0,9}}{_HOURLESS}(?P<settings>[^\n]{{0,200}})"
)
# Identifiers of Teams: `3f1c2a7e-1111-4222-8333-abcdefabcdef/12-0`. Teams names the speaker of every cue.
_TEAMS = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?:[/-]\S{0,40})?")
# Identifiers of Webex: `1 "Mara Lind" (1234567)`.
_WEBEX = re.compile(r'\d{1,9}\s{1,9}"([^"]{1,100})"(?:\s{1,9}\(\d{0,20}\))?')


def read_vtt(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each voice, name, dash or chevron in each cue."""
    source.refuse_part("WebVTT")
    blocks = read_blocks(source, is_vtt=True)
    has_header = _HEADER.match(source.text) is not None
    if not blocks and not has_header:
        raise source.error("", "not WebVTT; expected a first line WEBVTT, then cues with times")
    if not blocks and source.text.strip():
        raise source.error("", "no utterances found, read as vtt; expected times such as 00:01.000 --> 00:03.000")
    if not has_header:
        source.notes.append("the first line WEBVTT is missing")
    num_teams = sum(_TEAMS.fullmatch(block.identifier) is not None for block in blocks)
    spoken = [_spoken_of(block.text.strip()) for block in blocks]
    cues = []
    for block, line in zip(blocks, spoken, strict=True):
        place = f"line {block.line_number}"
        lines = (line,) if line is not None else plain_lines(block.text, place, source, is_vtt=True)
        cues.append(Cue(place, block.times.start, block.times.end, lines))
    cues = _with_identifiers(cues, blocks, source)
    yield from utterances_of(cues, source, names_every_cue=any(spoken) or num_teams > len(blocks) / 2)


def _spoken_of(text: str) -> Line | None:
    """The line in a cue that is a JSON object with speakerName and spokenText (Microsoft Graph); None for others."""
    if text[:1] != "{" or '"spokenText"' not in text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("spokenText"), str):
        return None
    name = found.get("speakerName")
    return Line(" ".join(found["spokenText"].split()), name.strip() if isinstance(name, str) else "")


def _with_identifiers(cues: Sequence[Cue], blocks: Sequence[Block], source: Source) -> list[Cue]:
    """The cues with the speakers that their identifiers name. Other identifiers of words are left out."""
    speakers = [unescape(found[1]) if (found := _WEBEX.fullmatch(block.identifier)) else "" for block in blocks]
    words = [block.identifier if " " in block.identifier or block.identifier.isalpha() else "" for block in blocks]
    counts = Counter(filter(None, words))
    if not any(speakers) and counts and max(counts.values()) > 1 and len(counts) <= 0.5 * counts.total():
        speakers = [word if shape_of(word) in (Shape.TITLE, Shape.UPPER) else "" for word in words]
        if any(speakers):
            source.notes.append("the identifiers of cues are repeated and look like names: they are read as speakers")
    named = []
    for cue, speaker, word in zip(cues, speakers, words, strict=True):
        if speaker and all(line.voice is None for line in cue.lines):
            cue = cue._replace(lines=tuple(Line(line.text, speaker) for line in cue.lines if line.text.strip()))
        elif word and not speaker:
            source.leave_out(cue.place, word, "identifiers of cues")
        named.append(cue)
    return named


def _sniff(source: Source) -> Evidence:
    if _HEADER.match(source.text) is not None:
        return Evidence(1.0, "the first line WEBVTT")
    found = _HEADLESS.match(source.text)
    if found is None:
        return NO_EVIDENCE
    is_certain = "<v " in source.text[:5_000] or re.match(r"\s{1,9}(?:align|line|position):", found["settings"])
    return Evidence(0.96 if is_certain else 0.9, "times such as 00:01.000 --> 00:03.000, without a header")


READER = Reader(
    "vtt",
    (".vtt", ".webvtt"),
    _sniff,
    read_vtt,
    title="WebVTT (Zoom, Teams, Webex, YouTube)",
    example="WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ana>You are late.",
    has_cues=True,
)
