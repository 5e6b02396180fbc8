"""WebVTT and SubRip as tools and people write them: who speaks, what is lost in other readers, what is noted."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Rows = list[tuple[str, str]]


def read(folder: Path, text: str, name: str = "talk.vtt") -> Transcript:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_transcript(path)


def rows_of(transcript: Transcript) -> Rows:
    return [(utterance.speaker, utterance.text) for utterance in transcript.dialogue.utterances]


def vtt(*payloads: str) -> str:
    """A WebVTT file with a cue of two seconds for each payload."""
    cues = [f"00:{2 * i:02}.000 --> 00:{2 * i + 2:02}.000\n{payload}\n" for i, payload in enumerate(payloads)]
    return "\n".join(["WEBVTT\n", *cues])


def srt(*payloads: str) -> str:
    """A SubRip file with a subtitle of two seconds for each payload."""
    return "\n".join(
        f"{i + 1}\n00:00:{2 * i:02},000 --> 00:00:{2 * i + 2:02},000\n{payload}\n" for i, payload in enumerate(payloads)
    )


# Names


@pytest.mark.parametrize(
    ("payloads", "rows"),
    [
        (["Q&A Desk | Room 2: hi", "Nora: ho"], [("Q&A Desk | Room 2", "hi"), ("Nora", "ho")]),
        (["Nora (she/her): hi", "Iver (Acme): ho"], [("Nora", "hi"), ("Iver (Acme)", "ho")]),
        (["Berg, Nora: hi", "Holt, Iver: ho"], [("Berg, Nora", "hi"), ("Holt, Iver", "ho")]),
        (["Nora's iPad: hi", "iPhone of Iver: ho"], [("Nora's iPad", "hi"), ("iPhone of Iver", "ho")]),
        (["nora: hi", "iver: ho", "nora: so"], [("nora", "hi"), ("iver", "ho"), ("nora", "so")]),
        (["[SPEAKER_00]: hi", "[SPEAKER_01] ho"], [("SPEAKER_00", "hi"), ("SPEAKER_01", "ho")]),
        (["(Nora): hi", "<Iver> ho", "[Nora:] so"], [("Nora", "hi"), ("Iver", "ho"), ("Nora", "so")]),
        (["Speaker 1\nhi", "Speaker 2\nho"], [("Speaker 1", "hi"), ("Speaker 2", "ho")]),
        (["नोरा: कैसे हो?", "इवर सेन: ठीक।"], [("नोरा", "कैसे हो?"), ("इवर सेन", "ठीक।")]),
        ([">> NORA: hi", ">> IVER: ho >> NORA: so"], [("NORA", "hi"), ("IVER", "ho"), ("NORA", "so")]),
        (["NORA: Where? IVER: Here.", "IVER: ok"], [("NORA", "Where?"), ("IVER", "Here."), ("IVER", "ok")]),
        (["MAN ON PHONE: hi", "NORA (O.S.): ho"], [("MAN ON PHONE", "hi"), ("NORA", "ho")]),
        (["[00:01] Nora: hi", "Iver (00:05): ho"], [("Nora", "hi"), ("Iver", "ho")]),
    ],
)
def test_a_line_names_its_speaker_in_many_ways(tmp_path: Path, payloads: list[str], rows: Rows) -> None:
    assert rows_of(read(tmp_path, vtt(*payloads))) == rows
    assert rows_of(read(tmp_path, srt(*payloads), "talk.srt")) == rows


def test_words_before_a_colon_are_speech_in_a_file_without_names(tmp_path: Path) -> None:
    payloads = ["We left."] * 10 + ["Remember: at six.", "The answer is: no.", "Tuesday: rain."]
    transcript = read(tmp_path, srt(*payloads), "talk.srt")
    assert rows_of(transcript)[-3:] == [("Speaker 1", text) for text in payloads[-3:]]


def test_words_that_open_a_sentence_are_no_name_among_names_and_get_a_note(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt("Nora: hi", "Iver: ho", "Nora: so", "Nora: and", "Listen: no"))
    assert rows_of(transcript)[-1] == ("Unknown", "Listen: no")
    assert "words before a colon that are read as speech, not as names: 'Listen'" in transcript.notes


@pytest.mark.parametrize(
    ("payload", "rows"),
    [
        ("<v Berg, Nora (Ext)>hi</v>", [("Berg, Nora (Ext)", "hi")]),
        ("<v.loud.first Nora O&apos;Neil>hi", [("Nora O'Neil", "hi")]),
        ("<v N&#243;ra>that&rsquo;s it</v>", [("Nóra", "that’s it")]),
        ("<v Nora>hi\nthere</v>\n<v Iver>ho</v>", [("Nora", "hi there"), ("Iver", "ho")]),
        ("<v Nora <n@example.org>>hi</v>", [("Nora", "hi")]),
        ("&lt;v Nora&gt;hi&lt;/v&gt;", [("Nora", "hi")]),
        ("<v Nora>Nora: hi</v>", [("Nora", "hi")]),
        ("<v >hi</v><v Iver>ho</v>", [("Unknown", "hi"), ("Iver", "ho")]),
    ],
)
def test_voice_tags_name_speakers(tmp_path: Path, payload: str, rows: Rows) -> None:
    assert rows_of(read(tmp_path, vtt(payload))) == rows


def test_identifiers_of_webex_name_speakers(tmp_path: Path) -> None:
    text = 'WEBVTT\n\n1 "Nora Berg" (77)\n00:01.000 --> 00:02.000\nhi\n\n2 "Iver" (0)\n00:02.000 --> 00:03.000\nho\n'
    assert rows_of(read(tmp_path, text)) == [("Nora Berg", "hi"), ("Iver", "ho")]


def test_a_name_that_stands_only_where_the_speaker_changes_is_carried_over(tmp_path: Path) -> None:
    transcript = read(tmp_path, srt("Nora Berg:\nI waited", "an hour.", "Iver:\nSorry.", "so sorry"), "talk.srt")
    assert [speaker for speaker, _ in rows_of(transcript)] == ["Nora Berg", "Nora Berg", "Iver", "Iver"]
    assert any(note.startswith("names appear only where the speaker changes: 2 subtitles") for note in transcript.notes)


def test_where_every_cue_is_named_a_cue_without_a_name_is_nobodys(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt("Nora: hi", "Nora: you", "Iver: ho", "Iver: so", "who is there"))
    assert rows_of(transcript)[-1] == ("Unknown", "who is there")
    assert "1 utterance without a speaker, assigned to 'Unknown'" in transcript.notes


def test_a_name_alone_in_a_cue_belongs_to_the_next_one(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt("Nora:", "Where?", "Iver:", "Here."))
    assert rows_of(transcript) == [("Nora", "Where?"), ("Iver", "Here.")]


@pytest.mark.parametrize(
    "payload", ["- Where?\n- Here.", "- Where? - Here.", "-Where?\n-Here.", "&gt;&gt; Where?\n>> Here."]
)
def test_dashes_and_chevrons_are_speakers_without_a_name(tmp_path: Path, payload: str) -> None:
    transcript = read(tmp_path, srt("Nora: hi", payload), "talk.srt")
    assert rows_of(transcript)[1:] == [("Unknown", "Where?"), ("Unknown", "Here.")]
    assert "changes of speaker that are marked without a name: 2" in transcript.notes


def test_the_marks_of_whisper_cpp_are_changes_of_speaker_without_a_name(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt("Where? [SPEAKER_TURN]", "Here. [SPEAKER_TURN] Why?", "so"))
    assert [text for _, text in rows_of(transcript)] == ["Where?", "Here.", "Why?", "so"]
    assert "changes of speaker that are marked without a name: 2" in transcript.notes


def test_a_chevron_without_a_name_ends_the_turn_of_the_last_name(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt(">> NORA: hi", "there", ">> who?", "me"))
    assert [speaker for speaker, _ in rows_of(transcript)] == ["NORA", "NORA", "Unknown", "Unknown"]


def test_a_name_that_begins_paragraphs_is_carried_over(tmp_path: Path) -> None:
    payloads = ["Nora: I waited", "an hour.", "Nora: Then it rained", "all day.", "Iver: Sorry.", "so sorry"]
    speakers = [speaker for speaker, _ in rows_of(read(tmp_path, vtt(*payloads)))]
    assert speakers == ["Nora"] * 4 + ["Iver"] * 2


@pytest.mark.parametrize("payload", ["me", "(speaker ?) me", "Unknown Speaker: me", "[SPEAKER ?]: me"])
def test_a_cue_that_speech_recognition_assigns_to_nobody_stays_unknown(tmp_path: Path, payload: str) -> None:
    transcript = read(tmp_path, vtt("[SPEAKER_00]: who", payload, "[SPEAKER_01]: you"))
    assert rows_of(transcript)[1] == ("Unknown", "me")


# Sounds


def test_sounds_are_left_out_with_a_note(tmp_path: Path) -> None:
    payloads = ["NORA: Come!", "[a phone rings in the next room]", "DOOR SLAMS", "WHISPERING: Not now.", "[sighs] Go."]
    transcript = read(tmp_path, srt(*payloads), "talk.srt")
    assert rows_of(transcript) == [("NORA", "Come!"), ("Unknown", "Not now."), ("Unknown", "Go.")]
    assert [u.cues for u in transcript.dialogue.utterances] == [(), ("WHISPERING",), ("sighs",)]
    assert {"sounds in brackets left out: 1", "sounds in capitals left out: 1"} <= set(transcript.notes)


def test_a_name_in_capitals_in_brackets_is_a_name_with_a_note(tmp_path: Path) -> None:
    transcript = read(tmp_path, srt("(NORA) Come!", "[door slams]", "IVER: No."), "talk.srt")
    assert rows_of(transcript) == [("NORA", "Come!"), ("IVER", "No.")]
    assert "words in brackets that are read as names, but may be sounds: 'NORA'" in transcript.notes


def test_shouting_is_no_sound(tmp_path: Path) -> None:
    assert rows_of(read(tmp_path, srt("I left.", "STOP!", "You did."), "t.srt"))[1] == ("Speaker 1", "STOP!")


# Captions that roll


ROLLING = [
    "<c>so</c><00:00:00.500><c> we</c> left",
    "so we left\n ",
    "so we left\nand<00:00:05.000><c> it</c> rained",
    "and it rained\n ",
    "and it rained\n&gt;&gt; no",
]


def test_lines_of_rolling_captions_are_said_once(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt(*ROLLING))
    assert [(u.start, u.text) for u in transcript.dialogue.utterances] == [
        *((0.0, "so we left"), (4.0, "and it rained"), (8.0, "no"))
    ]
    assert "repeated lines of rolling captions left out: 4" in transcript.notes


def test_the_last_line_that_stands_above_a_new_one_after_a_pause_is_not_said_again(tmp_path: Path) -> None:
    text = vtt(*ROLLING) + "\n01:00.000 --> 01:02.000\n&gt;&gt; no\nyes\n"
    assert [text for _, text in rows_of(read(tmp_path, text))] == ["so we left", "and it rained", "no", "yes"]


def test_a_line_that_grows_is_said_once(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt("so", "so we", "so we left", "so we left\nand", "so we left\nand so"))
    assert " ".join(text for _, text in rows_of(transcript)) == "so we left and so"


def test_a_line_said_twice_in_other_subtitles_stays_twice(tmp_path: Path) -> None:
    assert [text for _, text in rows_of(read(tmp_path, srt("No.", "No.", "Why?", "Go."), "t.srt"))] == [
        *("No.", "No.", "Why?", "Go.")
    ]


def test_an_exact_copy_of_a_cue_is_left_out_with_a_note(tmp_path: Path) -> None:
    cue = "00:01.000 --> 00:02.000\nNora: hi\n\n"
    transcript = read(tmp_path, f"WEBVTT\n\n{cue}{cue}")
    assert (rows_of(transcript), transcript.notes) == ([("Nora", "hi")], ("repeated cues left out: 1",))


# Damage


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("00:00:04,500 --> 00:00:06,500", 4.5, 6.5),
        ("00:00:04.500 --> 00:00:06.500 align:start position:0%", 4.5, 6.5),
        ("00:00:04,500 --> 00:00:06,500  X1:10 X2:20 Y1:1 Y2:2", 4.5, 6.5),
        ("0:04.5-->0:06.5", 4.5, 6.5),
        ("1:00:04,5 --> 1:00:06", 3604.5, 3606.0),
        ("00:00:04:500 -> 00:00:06:500", 4.5, 6.5),
        ("00: 00: 04, 500 -> 00: 00: 06, 500", 4.5, 6.5),
        ("00:00:0x,500 --> 00:00:06,500", None, 6.5),
        ("--> 00:00:06,500", None, 6.5),
        ("00:00:04,500 -->", 4.5, None),
        ("00:00:04,500 00:00:06,500", 4.5, 6.5),
        ("00:00:74,500 --> 00:00:76,500", None, None),
        ("00:00:06,500 --> 00:00:04,500", 6.5, None),
        ("NaN:NaN:NaN,NaN --> NaN:NaN:NaN,NaN", None, None),
    ],
)
def test_a_cue_with_a_damaged_time_is_read_all_the_same(
    tmp_path: Path, line: str, start: float | None, end: float | None
) -> None:
    first = "00:00:01,000 --> 00:00:02,000\nNora: hi\n"
    for text, name in [
        (f"1\n{first}\n2\n{line}\nIver: ho\n", "t.srt"),
        (f"WEBVTT\n\n{first}\n{line}\nIver: ho\n", "t.vtt"),
    ]:
        transcript = read(tmp_path, text, name)
        assert rows_of(transcript) == [("Nora", "hi"), ("Iver", "ho")], name
        assert (transcript.dialogue.utterances[1].start, transcript.dialogue.utterances[1].end) == (start, end), name
        assert bool(transcript.notes) == (start is None or line.startswith("00:00:06")), name


def test_a_start_that_the_next_cue_contradicts_is_left_out(tmp_path: Path) -> None:
    text = srt("Nora: a", "Iver: b", "Nora: c").replace("00:00:02,000 -->", "00:09:02,000 -->")
    assert [u.start for u in read(tmp_path, text, "t.srt").dialogue.utterances] == [0.0, None, 4.0]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1\n{t1}\nNora: one\n\ntwo\n\n\nthree\n\n2\n{t2}\nIver: ho\n", [("Nora", "one two three"), ("Iver", "ho")]),
        ("1\n{t1}\n\nNora: hi\n\n2\n\n{t2}\n\nIver: ho\n", [("Nora", "hi"), ("Iver", "ho")]),
        ("{t1}\nNora: hi\n{t2}\nIver: ho\n", [("Nora", "hi"), ("Iver", "ho")]),
        ("1\n{t1}\nNora: how many?\n42\n\n2\n{t2}\nIver: 7\n", [("Nora", "how many? 42"), ("Iver", "7")]),
        ("1\n{t1} Nora: hi\n2\n{t2} Iver: ho\n", [("Nora", "hi"), ("Iver", "ho")]),
        ("1\n{t1}\nNora: hi\n\n1\n{t2}\nIver: ho", [("Nora", "hi"), ("Iver", "ho")]),
    ],
)
def test_blank_lines_and_missing_numbers_lose_nothing(tmp_path: Path, text: str, rows: Rows) -> None:
    text = text.format(t1="00:00:01,000 --> 00:00:02,000", t2="00:00:02,000 --> 00:00:03,000")
    assert rows_of(read(tmp_path, text, "t.srt")) == rows


def test_what_is_not_speech_in_webvtt_is_left_out_with_a_note(tmp_path: Path) -> None:
    text = (
        "WEBVTT - talk\nKind: captions\n\nSTYLE\n::cue {\n\n color: red;\n}\n\nREGION\nid:low\n\nNOTE draft\n\nintro\n"
        "00:01.000 --> 00:02.000\nNora: hi\n\nNOTE Confidence: 0.9\n\n7\n00:02.000 --> 00:03.000\nIver: ho\n"
    )
    transcript = read(tmp_path, text)
    assert rows_of(transcript) == [("Nora", "hi"), ("Iver", "ho")]
    assert [left.why for left in transcript.left_out] == [
        *("header lines", "styles", "regions", "comments", "comments", "identifiers of cues")
    ]


def test_a_missing_header_is_noted(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt("<v Nora>hi").removeprefix("WEBVTT\n"))
    assert (transcript.format, rows_of(transcript)) == ("vtt", [("Nora", "hi")])
    assert "the first line WEBVTT is missing" in transcript.notes


def test_lines_above_the_first_subtitle_are_left_out_with_a_note(tmp_path: Path) -> None:
    transcript = read(tmp_path, "made by somebody\n\n" + srt("Nora: hi"), "t.srt")
    assert (transcript.format, rows_of(transcript)) == ("srt", [("Nora", "hi")])
    assert "lines above the first cue left out: 1" in transcript.notes


def test_subtitles_grouped_by_speaker_are_put_in_order_with_a_note(tmp_path: Path) -> None:
    stamps = [(at, "Nora") for at in (1, 5, 9, 13, 17)] + [(at, "Iver") for at in (3, 7, 11, 15, 19)]
    text = "\n".join(f"00:00:{at:02},000 --> 00:00:{at + 1:02},000\n{who}: {at}\n" for at, who in stamps)
    transcript = read(tmp_path, text, "t.srt")
    assert [u.start for u in transcript.dialogue.utterances] == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]
    assert "4 subtitles put in the order of time" in transcript.notes


def test_one_wrong_time_keeps_the_order_of_the_file_and_is_noted(tmp_path: Path) -> None:
    text = srt("Nora: a", "Iver: b", "Nora: c").replace("00:00:02,000 --> 00:00:04", "01:00:02,000 --> 01:00:04")
    transcript = read(tmp_path, text, "t.srt")
    assert [text for _, text in rows_of(transcript)] == ["a", "b", "c"]
    reason = "because a time may be wrong: line 10"
    assert f"subtitles that start before the previous one, kept in the order of the file {reason}" in transcript.notes


@pytest.mark.parametrize("text", ["WEBVTT\n\nhello\n", "WEBVTT\n\nNOTE\nnothing\n"])
def test_webvtt_without_times_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="no utterances found, read as vtt"):
        read(tmp_path, text)
