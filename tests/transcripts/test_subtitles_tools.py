"""Subtitles as meeting tools and speech recognition write them: any display name, labels, and cues out of order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Rows = list[tuple[str, str]]


def read(folder: Path, text: str, name: str = "talk.vtt", *, speakers: tuple[str, ...] = ()) -> Transcript:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_transcript(path, speakers=speakers)


def rows_of(transcript: Transcript) -> Rows:
    return [(utterance.speaker, utterance.text) for utterance in transcript.dialogue.utterances]


def vtt(*cues: tuple[float, float, str]) -> str:
    return "WEBVTT\n\n" + "\n".join(f"00:{start:06.3f} --> 00:{end:06.3f}\n{text}\n" for start, end, text in cues)


def spoken(*texts: str) -> str:
    """A WebVTT file in which each text is shown for two seconds."""
    return vtt(*((2 * number, 2 * number + 2, text) for number, text in enumerate(texts)))


def order_of(transcript: Transcript) -> str:
    return " ".join(utterance.text for utterance in transcript.dialogue.utterances)


# The order of time


def test_a_subtitle_in_the_wrong_place_is_put_in_the_order_of_time_with_a_note(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt((5, 7, "Iver: c"), (1, 3, "Nora: a"), (3, 5, "Nora: b"), (7, 8, "Iver: d")))
    assert order_of(transcript) == "a b c d"
    assert transcript.notes == ("1 cue put in the order of time",)


def test_the_tracks_of_two_speakers_are_merged_by_time(tmp_path: Path) -> None:
    tracks = [(0, 2, "<v Nora>a"), (5, 6, "<v Nora>c"), (3, 4, "<v Iver>b"), (7, 8, "<v Iver>d")]
    assert order_of(read(tmp_path, vtt(*tracks))) == "a b c d"


def test_cues_that_start_together_keep_the_order_of_the_file(tmp_path: Path) -> None:
    transcript = read(tmp_path, vtt((4, 5, "Nora: c"), (1, 2, "Nora: a"), (1, 3, "Iver: b")))
    assert order_of(transcript) == "a b c"


ABC = spoken("Nora: a", "Iver: b", "Nora: c")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ABC + spoken("Iver: d", "Nora: e").removeprefix("WEBVTT\n"), "times begin again at zero"),
        (ABC.replace("00:02.000 --> 00:04", "58:02.000 --> 58:04"), "a time may be wrong"),
        (ABC.replace("00:00.000 -->", "0x:09.000 -->") + "\n00:01.000 --> 00:02.000\nd", "starts are missing"),
    ],
)
def test_the_order_of_the_file_is_kept_where_times_cannot_be_trusted(tmp_path: Path, text: str, reason: str) -> None:
    transcript = read(tmp_path, text)
    assert "a b c d e".startswith(order_of(transcript))
    assert any(f"kept in the order of the file because {reason}" in note for note in transcript.notes)


# Names


@pytest.mark.parametrize(
    "name",
    [
        *("+44 20 7946 0018", "(555) 010-2233", "0049-30-1234", "4915550001122", "Prof. em. Ö. Lind"),
        *("Nora & Iver / Room 2", "王五 (Wu)", "n.berg@example.net", "Q.", "x_77", "Haus #4", "Cruz, Ana"),
    ],
)
def test_where_every_cue_has_a_name_any_words_before_the_colon_are_one(tmp_path: Path, name: str) -> None:
    texts = ["Nora: hi", f"{name}: it is 10:30, so: hurry", "Nora: no", "Iver: ho", "Iver: why"]
    assert rows_of(read(tmp_path, spoken(*texts)))[1] == (name, "it is 10:30, so: hurry")


def test_a_telephone_number_that_speaks_twice_is_a_name_among_some_cues_without_one(tmp_path: Path) -> None:
    texts = ["Nora: hi", "+1 555 010 3344: ho", "yes", "Nora: so", "+1 555 010 3344: bye"]
    assert rows_of(read(tmp_path, spoken(*texts)))[1] == ("+1 555 010 3344", "ho")


@pytest.mark.parametrize("text", ["Really? I say: no", "one more thing I want to add: no", "Look: a bird"])
def test_a_sentence_with_a_colon_is_speech_even_where_every_cue_has_a_name(tmp_path: Path, text: str) -> None:
    texts = ["Nora: hi", "Iver: ho"] * 8 + [text]
    assert rows_of(read(tmp_path, spoken(*texts)))[-1][1] == text


@pytest.mark.parametrize(
    "names",
    [
        ("Galaxy", "Galaxy (2)"),
        ("Ana (she/her)", "Ana (they/them)"),
        ("Ana", "Ana (she/her)"),
        ("Room (1)", "Room (2)"),
    ],
)
def test_two_people_whose_names_differ_only_in_brackets_stay_two(tmp_path: Path, names: tuple[str, str]) -> None:
    one, two = names
    transcript = read(tmp_path, spoken(f"{one}: hi", f"{two}: ho", f"{one}: so", f"{two}: no"))
    assert rows_of(transcript) == [(one, "hi"), (two, "ho"), (one, "so"), (two, "no")]


@pytest.mark.parametrize("text", ["Motive: she was cold.", "Lesson: take a coat."])
def test_a_single_word_before_a_colon_is_no_name_in_a_file_without_names(tmp_path: Path, text: str) -> None:
    transcript = read(tmp_path, spoken("We stood in the rain.", text, "It was late.", "Nobody came."))
    assert rows_of(transcript)[1] == ("Speaker 1", text)


def test_a_single_word_before_a_colon_is_a_name_if_the_user_says_so(tmp_path: Path) -> None:
    texts = ["We stood in the rain.", "Motive: she was cold.", "It was late.", "Nobody came."]
    transcript = read(tmp_path, spoken(*texts), speakers=("Motive",))
    assert rows_of(transcript)[1] == ("Motive", "she was cold.")


def test_a_name_that_never_comes_again_does_not_claim_what_follows(tmp_path: Path) -> None:
    transcript = read(tmp_path, spoken("We left.", "MAN: Wait!", "It rained.", "So it goes."))
    assert [speaker for speaker, _ in rows_of(transcript)] == ["Unknown", "MAN", "Unknown", "Unknown"]


# Speech recognition


@pytest.mark.parametrize(
    ("label", "name"),
    [
        *(("[speaker:0]", "Speaker 0"), ("[Speaker: 0]", "Speaker 0"), ("[spk:0]", "Speaker 0"), ("[spk_0]", "spk_0")),
        *(("[Speaker 0]", "Speaker 0"), ("[speaker#0]", "speaker#0"), ("[speaker0]", "speaker0")),
    ],
)
def test_a_label_in_brackets_alone_on_a_line_is_a_speaker_until_the_next_one(
    tmp_path: Path, label: str, name: str
) -> None:
    other = label.replace("0", "1")
    texts = [f"{label}\nI waited\nan hour.", "It rained.", f"{other}\nSorry.", f"{label}\nNever mind."]
    speakers = [speaker for speaker, _ in rows_of(read(tmp_path, spoken(*texts)))]
    assert speakers == [name, name, name.replace("0", "1"), name]


def test_cues_of_json_from_microsoft_graph_are_read_by_their_fields(tmp_path: Path) -> None:
    texts = [
        json.dumps({"startDateTime": "2026-03-01T10:00:00Z", "speakerName": who, "spokenText": said})
        for who, said in [("Berg, Nora", "Who is: there?"), ("Iver", 'Only "me".'), ("", "hm")]
    ]
    assert rows_of(read(tmp_path, spoken(*texts))) == [
        *(("Berg, Nora", "Who is: there?"), ("Iver", 'Only "me".'), ("Unknown", "hm"))
    ]


def test_a_line_of_named_captions_that_roll_is_said_once(tmp_path: Path) -> None:
    texts = ["<v Nora>we stood\nin the cold and</v>", "<v Nora>in the cold and\nit rained</v>", "<v Iver>oh no</v>"]
    assert rows_of(read(tmp_path, spoken(*texts))) == [
        *(("Nora", "we stood in the cold and"), ("Nora", "it rained"), ("Iver", "oh no"))
    ]


# TTML


@pytest.mark.parametrize(
    ("body", "starts"),
    [
        (
            '<div begin="10.0" end="20.0"><p begin="10.0" end="14.0"><span begin="10.0" end="12.0">a</span> '
            '<span begin="12.0" end="14.0">b</span></p><p begin="15.5" end="20.0">c</p></div>',
            [10.0, 12.0, 15.5],
        ),
        ('<div begin="10s" end="30s"><p begin="1s" end="3s">a</p><p begin="4s" end="12s">b</p></div>', [11.0, 14.0]),
        ('<div><p begin="1:05.5" end="1:10.0">a</p></div>', [65.5]),
    ],
)
def test_times_of_nested_elements_are_added_unless_they_lie_within_each_other(
    tmp_path: Path, body: str, starts: list[float]
) -> None:
    text = f'<tt xmlns="http://www.w3.org/ns/ttml"><body>{body}</body></tt>'
    assert [u.start for u in read(tmp_path, text, "talk.ttml").dialogue.utterances] == starts


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("+47 *****581", "+47 *****581"),
        ("1 (630) ***-**77", "1 (630) ***-**77"),
        ('Olav "Ollie" Ness', 'Olav "Ollie" Ness'),
        ('"Ollie" Ness', '"Ollie" Ness'),
        ("[Guest] Ollie", "Ollie"),
    ],
)
def test_masked_numbers_nicknames_and_tags_before_a_name_are_read(tmp_path: Path, label: str, name: str) -> None:
    transcript = read(tmp_path, spoken(f"{label}: Hello?", "Nora: Who is it?", f"{label}: Me.", "Nora: At last."))
    assert rows_of(transcript) == [(name, "Hello?"), ("Nora", "Who is it?"), (name, "Me."), ("Nora", "At last.")]
