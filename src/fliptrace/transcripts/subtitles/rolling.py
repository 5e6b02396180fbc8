"""Captions that roll or grow: each line is shown two or three times and must be read once.

YouTube shows the last line again above the new one; broadcast captions roll up by a line; live captions grow by a word.
Whether a file has such captions is decided by the whole file: in other files, a line that is said twice stays twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from fliptrace.transcripts.source import Source
from fliptrace.transcripts.subtitles.lines import Cue, Line

_MAX_GAP_SECONDS = 2.0  # a line shown again after a longer gap is said again
_MIN_ROLLING = 2  # cues that repeat a line and add one
_LONG_WORDS = 3  # words; one repeated line as long as this is enough, as nobody repeats it in such a place
_MIN_SHARE = 0.25  # of such cues: in YouTube's captions it is every other cue
_MAX_LINES = 4  # captions show at most four lines


def is_rolling(cues: Sequence[Cue]) -> bool:
    """Whether many cues begin with the last lines of the cue before and add a line or words."""
    num_rolling = num_cues = 0
    has_long = False
    shown: list[str] = []
    last: Cue | None = None
    for cue in cues:
        lines = _texts(cue.lines)
        if not lines:
            continue
        num_cues += 1
        if last is not None and _may_repeat(shown, lines) and _follows(last, cue):
            num_repeated = _num_repeated(shown, lines)
            is_rolled = 0 < num_repeated < len(lines)
            num_rolling += is_rolled or _grown(shown, lines) is not None
            has_long = has_long or (is_rolled and len(lines[0].split()) >= _LONG_WORDS)
        shown, last = lines, cue
    return num_rolling >= (1 if has_long else _MIN_ROLLING) and num_rolling >= _MIN_SHARE * num_cues


def _may_repeat(shown: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether a cue may repeat lines; a fast check, as most cues repeat nothing."""
    return lines[0] in shown or (len(shown) == 1 and lines[0].startswith(shown[0]))


def drop_repeated(cues: Sequence[Cue], source: Source, *, rolling: bool, noun: str) -> list[Cue]:
    """Return the cues without lines that only repeat what is shown. Exact copies of a cue are always dropped."""
    if not rolling and not any(_is_copy(before, after) for before, after in pairwise(cues)):
        return list(cues)
    kept: list[Cue] = []
    shown: list[str] = []
    last: Cue | None = None
    for cue in cues:
        if last is not None and _is_copy(last, cue):
            if shown:
                source.leave_out(cue.place, " ".join(shown), f"repeated {noun}s")
            continue
        lines = _texts(cue.lines)
        if not rolling or last is None or not lines:
            kept.append(cue)
        elif (grown := _grown(shown, lines)) is not None and kept and kept[-1].lines and _follows(last, cue):
            position = len(shown) - 1
            more = Line(grown, _spoken(cue.lines)[position].voice)
            kept[-1] = kept[-1]._replace(end=cue.end, lines=(*kept[-1].lines, more, *_spoken(cue.lines)[len(shown) :]))
        else:
            num_repeated = _num_repeated(shown, lines)
            # A cue of repeated lines only is said again if it comes later; above a new line, the old one is only shown.
            if num_repeated == len(lines) and not _follows(last, cue):
                num_repeated = 0
            if num_repeated:
                source.leave_out(cue.place, "\n".join(lines[:num_repeated]), "repeated lines of rolling captions")
            if num_repeated < len(lines):
                kept.append(cue._replace(lines=tuple(_spoken(cue.lines)[num_repeated:])))
        if lines:
            shown, last = lines, cue
    return kept


def _spoken(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.text.strip()]


def _texts(lines: Iterable[Line]) -> list[str]:
    return [text for line in lines if (text := " ".join(line.text.split()))]


def _is_copy(last: Cue, cue: Cue) -> bool:
    return cue.start is not None and last.start == cue.start and last[1:] == cue[1:]


def _follows(last: Cue, cue: Cue) -> bool:
    """Whether a cue is shown directly after another one, or while it is shown."""
    if last.end is None or cue.start is None or last.start is None:
        return True
    return last.start <= cue.start <= last.end + _MAX_GAP_SECONDS


def _num_repeated(shown: list[str], lines: list[str]) -> int:
    """How many of the first lines are the last lines shown.

    >>> _num_repeated(["so today", "we lost"], ["we lost", "the match"])
    1
    """
    for number in range(min(len(shown), len(lines), _MAX_LINES), 0, -1):
        if shown[-number:] == lines[:number]:
            return number
    return 0


def _grown(shown: list[str], lines: list[str]) -> str | None:
    """The words by which the last line shown has grown; None if it has not.

    >>> _grown(["so today", "we"], ["so today", "we lost"])
    'lost'
    """
    num_shown = len(shown)
    if not 0 < num_shown <= min(len(lines), _MAX_LINES) or lines[: num_shown - 1] != shown[:-1]:
        return None
    more = lines[num_shown - 1].removeprefix(shown[-1])
    return more.strip() if more.startswith(" ") and len(more) < len(lines[num_shown - 1]) else None
