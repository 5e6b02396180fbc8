"""Our readers against pysubs2 and webvtt-py on well-formed subtitles: the same texts at the same times.

The files are written by pysubs2, except SAMI, which it only reads. Names and damage, where the
readers differ on purpose, are tested elsewhere.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fliptrace.transcripts.read import read_transcript

pysubs2 = pytest.importorskip("pysubs2")
webvtt = pytest.importorskip("webvtt")

FRAMES_PER_SECOND = 25.0


class Said(NamedTuple):
    """What is shown at one time, in milliseconds."""

    start: int
    end: int
    text: str


_WORDS = st.sampled_from(
    ["we", "lost", "it", "again", "nobody", "came", "café", "ärger", "Никто", "没有", "don't", "I"]
)
_LINES = st.lists(_WORDS, min_size=2, max_size=7).map(" ".join)
_TEXTS = st.lists(_LINES, min_size=1, max_size=2)
_STEPS = st.tuples(st.integers(10, 90), st.integers(10, 90))  # tenths of a second: shown, then a gap
_TALKS = st.lists(st.tuples(_STEPS, _TEXTS), min_size=2, max_size=12)
_SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def talk_of(drawn: list[tuple[tuple[int, int], list[str]]]) -> list[Said]:
    """The cues with times that only grow. Each text ends with its own number word, so that no cue is a copy."""
    said, time = [], 10
    for number, ((shown, gap), lines) in enumerate(drawn):
        text = "\n".join([f"{'abcdefghijkl'[number]}x {lines[0]}", *lines[1:]])
        said.append(Said(time * 100, (time + shown) * 100, text))
        time += shown + gap
    return said


def file_of(talk: list[Said], format: str) -> str:
    if format == "sami":
        return sami_of(talk)
    subtitles = pysubs2.SSAFile()
    for start, end, text in talk:
        subtitles.append(pysubs2.SSAEvent(start=start, end=end, text=text.replace("\n", "\\N")))
    content = str(subtitles.to_string(format, fps=FRAMES_PER_SECOND))
    return content.replace("{0}{0}", "{1}{1}", 1)  # where pysubs2 looks for the frame rate of MicroDVD


def sami_of(talk: list[Said]) -> str:
    syncs = [
        f"<SYNC Start={start}><P Class=EN>{text.replace(chr(10), '<br>')}\n<SYNC Start={end}><P Class=EN>&nbsp;\n"
        for start, end, text in talk
    ]
    return f"<SAMI><BODY>\n{''.join(syncs)}</BODY></SAMI>\n"


def ours(folder: Path, content: str, name: str, format: str) -> list[Said]:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    utterances = read_transcript(path, format=format).dialogue.utterances
    return [Said(round((u.start or 0) * 1000), round((u.end or 0) * 1000), u.text) for u in utterances]


def theirs(content: str, format: str) -> list[Said]:
    subtitles = pysubs2.SSAFile.from_string(content, format_=format)
    subtitles.sort()
    return [Said(event.start, event.end, joined(event.plaintext)) for event in subtitles if event.plaintext.strip()]


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("format", "pysubs2_format"),
    [
        ("srt", "srt"),
        ("vtt", "vtt"),
        ("ass", "ass"),
        ("ass", "ssa"),
        ("sami", "sami"),
        ("microdvd", "microdvd"),
        ("mpl2", "mpl2"),
        ("ttml", "ttml"),
    ],
)
@_SETTINGS
@given(drawn=_TALKS)
def test_we_read_what_pysubs2_reads(
    tmp_path: Path, drawn: list[tuple[tuple[int, int], list[str]]], format: str, pysubs2_format: str
) -> None:
    talk = talk_of(drawn)
    content = file_of(talk, pysubs2_format)
    found, expected = ours(tmp_path, content, f"talk.{pysubs2_format}", format), theirs(content, pysubs2_format)
    if format == "sami":  # pysubs2 guesses the ends from the length of the text, and does not read them
        expected = [said._replace(end=true.end) for said, true in zip(expected, talk, strict=True)]
    assert found == expected


@_SETTINGS
@given(drawn=_TALKS)
def test_we_read_what_webvtt_py_reads(tmp_path: Path, drawn: list[tuple[tuple[int, int], list[str]]]) -> None:
    content = file_of(talk_of(drawn), "vtt")
    found = [
        Said(milliseconds(each.start), milliseconds(each.end), joined(each.text))
        for each in webvtt.from_buffer(io.StringIO(content))
    ]
    assert ours(tmp_path, content, "talk.vtt", "vtt") == found


def milliseconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1000)
