"""Subtitle formats besides WebVTT and SubRip: detected among all formats and read with speakers and times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.source import Source
from fliptrace.transcripts.subtitles import READERS
from fliptrace.transcripts.transcript import Transcript

ASS = "[Script Info]\nTitle: a film\n\n[Events]\n"
FORMAT = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
TT = (
    '<?xml version="1.0" encoding="UTF-16"?><tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="urn:m" xmlns:ttp="urn:p" '
    '{root}><head><metadata><ttm:agent xml:id="n"><ttm:name type="alias">No</ttm:name><ttm:name type="full">Nora '
    "Berg</ttm:name></ttm:agent></metadata></head><body><div>{body}</div></body></tt>"
)


def read(folder: Path, text: str, name: str = "talk.txt") -> Transcript:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_transcript(path)


def said(transcript: Transcript) -> list[tuple[float | None, str, str]]:
    return [(u.start, u.speaker, u.text) for u in transcript.dialogue.utterances]


FILES = {
    "ass": ASS
    + FORMAT
    + "Dialogue: 0,0:00:03.50,0:00:05.00,Default,Iver,0,0,0,,{\\k20}Here, {\\i1}I{\\i0} am.\n"
    + "Dialogue: 0,0:00:01.00,0:00:03.00,Default,Nora,0,0,0,,Where\\Nare you?\n",
    "ttml": TT.format(
        root="",
        body='<p begin="1s" end="3s" ttm:agent="n">Where<br/>are <span>you</span>?</p>'
        '<p begin="00:00:03.500" dur="900ms">IVER: Here, I am.</p>',
    ),
    "sbv": "0:00:01.000,0:00:03.000\nNora: Where\nare you?\n\n0:00:03.500,0:00:05.000\nIver: Here, I am.\n",
    "sami": "<SAMI><HEAD><STYLE><!-- .EN {Name:English;} --></STYLE></HEAD><BODY>\n<SYNC Start=1000><P Class=EN>Nora: "
    "Where<br>are you?\n<SYNC Start=3000><P Class=EN>&nbsp;\n<SYNC Start=3500><P Class=EN>Iver: Here, I am.\n</BODY>",
    "microdvd": "{1}{1}25.000\n{25}{75}{Y:i}Nora: Where|are you?\n{88}{125}Iver: Here, I am.\n",
    "mpl2": "[10][30]Nora: Where|/are you?\n[35][50]Iver: Here, I am.\n",
    "lrc": "[by:somebody]\n[00:01.00]Nora: Where <00:01.50>are you?\n[00:03.50]Iver: Here, I am.\n",
    "stl": "$FontName = Arial\n00:00:01:00 , 00:00:03:00 , Nora: Where|are ^Iyou^I?\n00:00:03:12 , 00:00:05:00 , "
    "Iver: Here, I am.\n",
    "timedtext": '<?xml version="1.0"?><transcript><text start="1" dur="2">Nora: Where\nare you?</text>'
    '<text start="3.5" dur="1">Iver: Here, I am.</text></transcript>',
    "json3": json.dumps(
        {
            "wireMagic": "pb3",
            "events": [
                {"tStartMs": 0, "id": 1},
                {"tStartMs": 1000, "dDurationMs": 2000, "segs": [{"utf8": "Nora: Where"}, {"utf8": " are you?"}]},
                {"tStartMs": 2000, "aAppend": 1, "segs": [{"utf8": "\n"}]},
                {"tStartMs": 3500, "dDurationMs": 900, "segs": [{"utf8": "Iver: Here, I am."}]},
            ],
        }
    ),
}


@pytest.mark.parametrize("format", FILES)
def test_a_format_is_detected_by_its_content_and_read(tmp_path: Path, format: str) -> None:
    transcript = read(tmp_path, FILES[format])
    assert transcript.format == format
    read_as = [(start, speaker.casefold(), text) for start, speaker, text in said(transcript)]
    first = "nora berg" if format == "ttml" else "nora"
    second = 3.48 if format == "stl" else pytest.approx(3.5, abs=0.03)
    assert read_as == [(1.0, first, "Where are you?"), (second, "iver", "Here, I am.")]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_example_of_a_format_is_recognised_as_it(reader: object) -> None:
    strengths = {each.name: each.sniff(Source("x", reader.example)).strength for each in READERS}  # type: ignore[attr-defined]
    assert max(strengths, key=lambda name: strengths[name]) == reader.name  # type: ignore[attr-defined]


# SubStation


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("Comment: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,to check", "comments"),
        ("Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 0{\\p0}", "drawings"),
        ("Dialogue: 0,0:00:02.00,0:00:03.00,Signs,,0,0,0,,EXIT", "on-screen texts"),
        ("Dialogue: 0,0:00:02.00,0:00:03.00,OP-Romaji,,0,0,0,,la la", "songs"),
        ("Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,fx,la", "karaoke effects"),
        ("Picture: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,a.png", "events that are not dialogue"),
        ("damaged", "lines that are not events"),
    ],
)
def test_events_that_are_not_speech_are_left_out_with_a_note(tmp_path: Path, event: str, why: str) -> None:
    transcript = read(tmp_path, f"{FILES['ass']}{event}\n", "t.ass")
    assert len(transcript.dialogue) == 2
    assert f"{why} left out: 1" in transcript.notes


def test_fields_of_events_are_those_of_the_format_line(tmp_path: Path) -> None:
    text = f"{ASS}Format: Start, End, Actor, Text\nDialogue: 0:00:01.00,oops,Nora,a, b\n"
    assert said(read(tmp_path, text, "t.ssa")) == [(1.0, "Nora", "a, b")]


def test_two_actors_of_an_event_with_dashes_speak_a_line_each(tmp_path: Path) -> None:
    text = f"{ASS}{FORMAT}Dialogue: 0,0:00:01.00,0:00:02.00,Default,Nora/Iver,0,0,0,,- a\\N- b\n"
    assert [each[1:] for each in said(read(tmp_path, text, "t.ass"))] == [("Nora", "a"), ("Iver", "b")]


# TTML


@pytest.mark.parametrize(
    ("root", "attributes", "start"),
    [
        ("", 'begin="00:01:02.500"', 62.5),
        ('ttp:frameRate="25"', 'begin="00:00:02:05"', 2.2),
        ('ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001"', 'begin="30f"', 1.001),
        ('ttp:tickRate="10000000"', 'begin="15000000t"', 1.5),
        ("", 'begin="2.5s"', 2.5),
        ("", 'begin="1500ms"', 1.5),
        ("", 'begin="1.5m"', 90.0),
        ("", 'begin="soon"', None),
        ("", "", None),
    ],
)
def test_times_of_ttml_are_read_in_all_units(tmp_path: Path, root: str, attributes: str, start: float | None) -> None:
    transcript = read(tmp_path, TT.format(root=root, body=f"<p {attributes}>hi</p>"), "t.dfxp")
    assert transcript.dialogue.utterances[0].start == start


def test_times_of_divisions_are_added_and_spans_have_their_own(tmp_path: Path) -> None:
    body = '<div begin="10s"><p begin="1s">a</p><p><span begin="3s">b</span> <span begin="5s">c</span></p></div>'
    assert [each[::2] for each in said(read(tmp_path, TT.format(root="", body=body)))] == [
        *((11.0, "a"), (13.0, "b"), (15.0, "c"))
    ]


def test_agents_of_spans_are_speakers_and_roles_are_no_speech(tmp_path: Path) -> None:
    body = '<p begin="1s"><span ttm:agent="n">a</span><br/><span ttm:agent="i">b</span></p><p ttm:role="music">la</p>'
    transcript = read(tmp_path, TT.format(root="", body=body))
    assert [each[1:] for each in said(transcript)] == [("Nora Berg", "a"), ("i", "b")]
    assert "music left out: 1" in transcript.notes


# Others


def test_the_other_languages_of_sami_are_left_out_with_a_note(tmp_path: Path) -> None:
    text = FILES["sami"].replace("\n<SYNC Start=3000>", "<P Class=FR>Nora: Où?\n<SYNC Start=3000>")
    transcript = read(tmp_path, text)
    assert len(transcript.dialogue) == 2
    assert "subtitles in other languages left out: 1" in transcript.notes


def test_frames_without_a_rate_are_no_times(tmp_path: Path) -> None:
    transcript = read(tmp_path, FILES["microdvd"].partition("\n")[2], "t.sub")
    assert [u.start for u in transcript.dialogue.utterances] == [None, None]
    assert any("times are left out" in note for note in transcript.notes)


def test_a_line_of_lyrics_with_two_times_is_said_twice(tmp_path: Path) -> None:
    text = "[ti:a song]\n[offset:500]\n[00:02.00][00:06.00]one\n[00:04.00]two\n"
    assert [each[::2] for each in said(read(tmp_path, text, "t.lrc"))] == [(1.5, "one"), (3.5, "two"), (5.5, "one")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.ass", f"{ASS}{FORMAT}", "no dialogue found"),
        ("t.ttml", TT.format(root="", body=""), "no paragraphs found"),
        ("t.ttml", "<tt><body><p>a</body></tt>", "not TTML: damaged XML"),
        ("t.ttml", '<!DOCTYPE tt [<!ENTITY a "b">]><tt><body><p>&a;</p></body></tt>', "the XML declares entities"),
        ("t.ttml", "<tt><body>" + "<div>" * 200 + "</div>" * 200 + "</body></tt>", "nested over 100 deep"),
        ("t.smi", "<SAMI><BODY></BODY></SAMI>", "no subtitles found"),
        ("t.xml", "<transcript></transcript>", "no captions found"),
        ("t.json3", '{"events": [{"tStartMs": 1, "segs": [1]}]}', "event 1: found segs that are not a list of objects"),
        ("t.sbv", "hello", "no subtitles found"),
        ("t.stl", "hello", "no subtitles found"),
        ("t.lrc", "hello", "no lines found"),
        ("t.mpl", "hello", "no subtitles found"),
    ],
)
def test_damaged_files_are_errors(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, name)


_PIECES = st.sampled_from(
    [
        *(
            "Nora: ",
            "[NORA] ",
            "- ",
            ">> ",
            "\n",
            "\n\n",
            "|",
            "{\\p1}",
            "{1}{2}",
            "[1][2]",
            "[00:01.00]",
            "<p>",
            "</p>",
        ),
        *(
            '<p begin="1s">',
            "<br/>",
            "<span>",
            "</span>",
            "<sync start=1>",
            "0:00:01.000,0:00:02.000\n",
            "&amp;",
            "&#0;",
        ),
        *("Dialogue: 0,0:00:01.00,0:00:02.00,Default,Nora,0,0,0,,hi\n", "[Events]\n", "00:00:01:00,00:00:02:00,hi\n"),
        *(
            "00:01.000 --> 00:02.000\n",
            "-->",
            "<v Nora>",
            "<",
            ">",
            "\\N",
            "♪",
            "hi",
            "SIGHS",
            '{"segs":',
            "9" * 20,
            "\x00",
        ),
    ]
)
_TEXTS = st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=30).map("".join)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=_TEXTS, format=st.sampled_from([reader.name for reader in READERS]), opened=st.booleans())
def test_any_content_is_read_or_refused(tmp_path: Path, text: str, format: str, opened: bool) -> None:
    path = tmp_path / "talk"
    path.write_text(
        FILES.get(format, "WEBVTT\n\n00:01.000 --> 00:02.000\n") * opened + text, encoding="utf-8", errors="replace"
    )
    try:
        transcript = read_transcript(path, format=format)
    except InputError as error:
        assert str(error).startswith("talk")
        return
    assert all(utterance.text for utterance in transcript.dialogue.utterances)
