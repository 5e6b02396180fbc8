"""Tables: who speaks, what is said and when, by the names of columns and by what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Rows = list[tuple[str, str]]


def read(folder: Path, content: str, name: str = "talk.csv", part: str = "") -> Transcript:
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return read_transcript(f"{folder / name}{part}")


def rows_of(transcript: Transcript) -> Rows:
    return [(utterance.speaker, utterance.text) for utterance in transcript.utterances]


def texts_of(transcript: Transcript) -> tuple[str, ...]:
    return tuple(utterance.text for utterance in transcript.utterances)


SPOKEN = ("Who took my umbrella?", "I thought it was mine.", "Bring it back today.")


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize(
    ("content", "speakers"),
    [
        (table("agent,channel,text", *(f"Ida,{i % 2},{text}" for i, text in enumerate(SPOKEN))), (0, 1)),
        (
            table(
                "agent_name,speaker_channel,text",
                *(f"Ida,{('left', 'right')[i % 2]},{t}" for i, t in enumerate(SPOKEN)),
            ),
            ("left", "right"),
        ),
        (table("agent_name,callLeg,text", *(f"Ida,{'xy'[i % 2]},{t}" for i, t in enumerate(SPOKEN))), ("x", "y")),
        (table("agent_name,audio side,text", *(f"Ida,{'xy'[i % 2]},{t}" for i, t in enumerate(SPOKEN))), ("x", "y")),
        (table("channel_id,text", *(f"{i % 2},{text}" for i, text in enumerate(SPOKEN))), (0, 1)),
        (table("agent,role,text", *(f"Ida,{'ba'[i % 2]},{t}" for i, t in enumerate(SPOKEN))), ("b", "a")),
        (table("agent,inbound,body", *(f"Ida,{i % 2 == 0},{t}" for i, t in enumerate(SPOKEN))), ("customer", "agent")),
        (table("agent,is_agent,body", *(f"Ida,{i % 2},{t}" for i, t in enumerate(SPOKEN))), ("customer", "agent")),
        (table("Agent,Caller,Words", *(f"Ida,{'xy'[i % 2]},{t}" for i, t in enumerate(SPOKEN))), ("x", "y")),
        (
            table("agent,direction,text", *(f"Ida,{('in', 'out')[i % 2]},{t}" for i, t in enumerate(SPOKEN))),
            ("in", "out"),
        ),
        (
            table("sender_type,agent_name,text", f"bot,,{SPOKEN[0]}", f"staff,Ida,{SPOKEN[1]}", f"bot,,{SPOKEN[2]}"),
            ("bot", "Ida"),
        ),
    ],
)
def test_who_speaks_is_told_by_the_column_that_alternates(
    tmp_path: Path, content: str, speakers: tuple[object, object]
) -> None:
    first, second = (f"Speaker {each}" if isinstance(each, int) else str(each) for each in speakers)
    assert rows_of(read(tmp_path, content)) == list(zip((first, second, first), SPOKEN, strict=True))


def test_a_name_in_every_row_is_told_with_the_option_that_mends_the_choice(tmp_path: Path) -> None:
    rows = [f"Ida,{'NS'[i % 2]},{text}" for i, text in enumerate(SPOKEN)]
    (note,) = read(tmp_path, table("agent,channel,text", *rows)).notes
    assert note.startswith("column 'agent' names one person ('Ida')") and note.endswith("--columns speaker=agent")
    (note,) = read(tmp_path, table("speaker,desk,text", *rows)).notes
    assert note.startswith("'Ida' is the speaker of (nearly) all rows") and note.endswith("--columns speaker=desk")


def test_a_channel_that_does_not_alternate_is_no_speaker(tmp_path: Path) -> None:
    rows = [f"{'mail' if i else 'phone'},Sentence number {i} of the call." for i in range(8)]
    assert set(read(tmp_path, table("contact_channel,text", *rows)).speakers) == {"Speaker 1"}


def test_agents_who_hand_over_a_call_are_not_taken_for_both_sides(tmp_path: Path) -> None:
    rows = [f"{'Ida' if i < 4 else 'Jon'},{i % 2},Sentence number {i} of the call." for i in range(8)]
    assert read(tmp_path, table("agent,channel,text", *rows)).speakers == ("Speaker 0", "Speaker 1") * 4


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("who;said so\nAna;you are late\nBen;the train stood\nAna;so you say\n", "Ana you are late"),
        ("quien,palabras\nAna,you are late\nBen,the train stood\nAna,so you say\n", "Ana you are late"),
        ("Ana,You are late again.\nBen,The train stood still.\nAna,So you say.\n", "Ana You are late again."),
        ('"You are late again.",Ana\n"The train stood still.",Ben\n', "Ana You are late again."),
        ("0:01|Ana|You are late again.\n0:04|Ben|The train stood still.\n", "Ana You are late again."),
        ("Quality report\nCalls;3\nTime;Speaker;Text\n0:01;Ana;You are late.\n", "Ana You are late."),
        ("Speaker,Text\nAna,You are late.\nSpeaker,Text\nBen,So what?\n", "Ana You are late."),
        ("| Speaker | Text |\n|---|---|\n| Ana | You are late. |\n| Ben | Yes. |\n", "Ana You are late."),
        ("name,text\nAna,Well, you are late.\n", "Ana Well, you are late."),
        ("note,text\na,Ana: You are late.\nb,Ben: The train stood.\na,Ana: Again.\nc,Ben: Yes.\n", "Ana You are late."),
        ("ask,answer\nWhy are you late?,The train stood.\n", "ask Why are you late?"),
    ],
)
def test_columns_are_found_by_what_is_in_them(tmp_path: Path, content: str, rows: str) -> None:
    first = read(tmp_path, content).utterances[0]
    assert f"{first.speaker} {first.text}" == rows


@pytest.mark.parametrize(
    "header", ["agent,customer", "user_message,bot_response", "prompt,response", "Speaker A,Speaker B", "message,reply"]
)
def test_a_column_for_each_speaker_gives_an_utterance_per_cell(tmp_path: Path, header: str) -> None:
    transcript = read(tmp_path, f"{header}\nHow can I help?,My lamp is dark.\nI am sorry.,\n,So am I.\n")
    assert texts_of(transcript) == ("How can I help?", "My lamp is dark.", "I am sorry.", "So am I.")
    first, second = (name.removesuffix("_message").removesuffix("_response") for name in header.split(","))
    assert transcript.speakers == (first, second, first, second)


# Several dialogues

TICKETS = table(
    "ticket_id,created_at,role,message",
    "7,2025-02-01 09:00,client,My lamp is dark.",
    "8,2025-02-01 09:01,client,Where is my chair?",
    "7,2025-02-01 09:03,desk,I will send another.",
)
SCENES = table("Utterance,Speaker,Scene_ID,Episode", "Good day to you,Ana,1,1", "Go away now,Ben,1,2")
TWEETS = table(
    "tweet_id,author_id,inbound,created_at,text,in_response_to_tweet_id",
    "3,77,True,Tue Oct 31 22:12:45 +0000 2017,thank you,2",
    "2,shop,False,Tue Oct 31 22:11:45 +0000 2017,so sorry,1",
    "1,77,True,Tue Oct 31 22:10:45 +0000 2017,my lamp is dark,",
    "5,shop,False,Tue Oct 31 22:10:50 +0000 2017,hello there,4",
    "4,78,True,Tue Oct 31 22:10:40 +0000 2017,is anybody there,",
)


@pytest.mark.parametrize(
    ("content", "part", "listed", "texts"),
    [
        (TICKETS, "7", "'7', '8'", ("My lamp is dark.", "I will send another.")),
        (SCENES, "1.1", "'1.1', '2.1'", ("Good day to you",)),
        (TWEETS, "1", "'1', '4'", ("my lamp is dark", "so sorry", "thank you")),
    ],
)
def test_one_of_several_dialogues_is_selected_and_all_are_listed(
    tmp_path: Path, content: str, part: str, listed: str, texts: tuple[str, ...]
) -> None:
    assert texts_of(read(tmp_path, content, part=f"#{part}")) == texts
    with pytest.raises(InputError, match=rf"2 dialogues in .*\({listed}\); expected one: select it with talk.csv#NAME"):
        read(tmp_path, content)


# Times and order


@pytest.mark.parametrize(
    ("header", "times", "starts"),
    [
        ("created_at", ("2025-02-01 09:00:00", "2025-02-01T09:01:00Z"), (0, 60)),
        ("sent", ("1.2.2025 09:00", "2.2.2025 09:00"), (0, 86_400)),
        ("sent at", ("2/13/2025 9:00 AM", "2/13/2025 1:00 PM"), (0, 14_400)),
        ("timestamp", ("Sat Feb 01 09:00:00 +0000 2025", "Sat Feb 01 09:01:30 +0000 2025"), (0, 90)),
        ("timestamp", ("1738400000", "1738400060"), (0, 60)),
        ("timestamp_ms", ("1738400000000", "1738400060000"), (0, 60)),
        ("time", ("10:59 PM", "12:01 AM"), (0, 3_720)),
        ("time", ("0:10", "1:10"), (10, 70)),
        ("start (ms)", ("500", "2500"), (0.5, 2.5)),
        ("startMillis", ("500", "2500"), (0.5, 2.5)),
        ("Start time (s)", ("0.5", "2,5"), (0.5, 2.5)),
        ("start", ("500", "2500"), (500, 2500)),
        ("begin", ("PT1.5S", "PT1M"), (1.5, 60)),
        ("time", ("0:01 - 0:04", "0:05 - 0:06"), (1, 5)),
        ("date", ("2025-02-01", "2025-02-02"), (None, None)),
        ("created_at", ("1999-12-31 23:00", "2031-01-01 00:00"), (0, 978_310_800)),
    ],
)
def test_times_are_read_by_their_form_and_the_name_of_their_column(
    tmp_path: Path, header: str, times: tuple[str, str], starts: tuple[float | None, ...]
) -> None:
    content = f'{header};who;text\n"{times[0]}";Ana;You are late.\n"{times[1]}";Ben;So what?\n'
    assert tuple(u.start for u in read(tmp_path, content).utterances) == starts


def test_a_date_and_a_time_of_day_in_two_columns_are_one_time(tmp_path: Path) -> None:
    content = "Date,Time,From,Message\n2025-02-01,23:59,Ana,You are late.\n2025-02-02,00:01,Ben,So what?\n"
    assert [u.start for u in read(tmp_path, content).utterances] == [0, 120]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("when,sent_at,text\nx,2025-02-01 09:01,two of them\nx,2025-02-01 09:00,one of them\n", "dates (1 step back)"),
        ("turn,who,text\n2,Ben,two of them\n1,Ana,one of them\n", "numbers in column 'turn' (1 step back)"),
        ("start,who,text\n9,Ben,two of them\n3,Ana,one of them\n", "start times (1 step back)"),
        ("id,reply_to,text\nb,a,two of them\na,,one of them\n", "rows came before the row that they answer (1)"),
    ],
)
def test_rows_are_put_in_order_with_a_note(tmp_path: Path, content: str, note: str) -> None:
    transcript = read(tmp_path, content)
    assert texts_of(transcript) == ("one of them", "two of them")
    assert any(note in each for each in transcript.notes)


def test_rows_of_one_minute_in_a_file_with_the_newest_first_are_reversed_too(tmp_path: Path) -> None:
    rows = [f"2025-02-01 09:0{minute},{text}" for minute, text in ((2, "d e"), (1, "c d"), (1, "b c"), (0, "a b"))]
    assert texts_of(read(tmp_path, table("sent_at,text", *rows))) == ("a b", "b c", "c d", "d e")


def test_an_order_of_day_and_month_that_nothing_tells_is_noted(tmp_path: Path) -> None:
    notes = read(tmp_path, "date;text\n3/4/2025 9:00;you are late\n3/5/2025 9:00;so what then\n").notes
    assert (
        "dates in column 'date' such as '3/4/2025 9:00' are read with the month before day, which is a guess" in notes
    )


def test_marks_of_switchboard_are_no_words(tmp_path: Path) -> None:
    rows = ('o,A,1,"{D Well, } [ I, + I ] see. /"', "sd,B,1,{F Uh } it rained <laughter> --/")
    transcript = read(tmp_path, table("act_tag,caller,utterance_index,text", *rows))
    assert texts_of(transcript) == ("Well, I, I see.", "Uh it rained")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,who\nhi, you,Ana\n", "talk.csv line 2: 3 fields, expected 2"),
        (",".join(f"c{i}" for i in range(1_500)) + "\n1,2\n", "talk.csv line 1: 1,500 fields; expected at most 1,000"),
        ("id,number\n1,2\n", "talk.csv: columns 'id', 'number'; expected one for the text"),
    ],
)
def test_what_is_no_table_of_utterances_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, content)
    assert str(error.value).startswith(message)


CLOCKS = ("00:00:01.0,00:00:02.5", "00:00:03.0,00:00:04.0", "00:00:05.0,00:00:06.0")
FRAMES = ("00:00:01:00,00:00:02:10", "00:00:03:05,00:00:04:00", "00:00:05:20,00:00:06:00")
NAMES = ("Ida Berg", "Ida Lund", "Ida Berg")


@pytest.mark.parametrize("name", ["talk.csv", "talk.txt"])
def test_first_and_last_names_are_one_speaker_and_the_file_no_subtitles(tmp_path: Path, name: str) -> None:
    rows = (f"{c},{n.replace(' ', ',')},{t}" for c, n, t in zip(CLOCKS, NAMES, SPOKEN, strict=True))
    transcript = read(tmp_path, table("Start,End,First Name,Last Name,Caption", *rows), name)
    assert (transcript.format, rows_of(transcript)) == ("csv", list(zip(NAMES, SPOKEN, strict=True)))
    assert [utterance.start for utterance in transcript.utterances] == [1, 3, 5]


@pytest.mark.parametrize(
    ("header", "speaker"),
    [
        ("agent_first_name,agent_last_name,text", "Ida Berg"),
        ("Vorname,Nachname,Text", "Ida Berg"),
        ("first_name,last_name,text", "Ida Berg"),
        ("First Name,Note,Text", "Ida"),
        ("Last Name,Speaker,Text", "Berg"),
    ],
)
def test_a_whole_name_comes_before_its_parts(tmp_path: Path, header: str, speaker: str) -> None:
    transcript = read(tmp_path, table(header, f"Ida,Berg,{SPOKEN[0]}", f"Per,Lund,{SPOKEN[1]}"))
    assert transcript.utterances[0].speaker == speaker


@pytest.mark.parametrize(
    ("times", "starts"), [(CLOCKS, [1, 3, 5]), (FRAMES, [1, 3.2, 5.8])], ids=["fractions", "frames"]
)
def test_a_table_without_a_header_but_with_two_times_is_no_subtitle_file(
    tmp_path: Path, times: tuple[str, ...], starts: list[float]
) -> None:
    rows = [f"{clock},{name},{text}" for clock, name, text in zip(times, NAMES, SPOKEN, strict=True)]
    transcript = read(tmp_path, table(*rows))
    assert (transcript.format, rows_of(transcript)) == ("csv", list(zip(NAMES, SPOKEN, strict=True)))
    assert [utterance.start for utterance in transcript.utterances] == starts


def test_frames_in_times_are_read_with_a_note(tmp_path: Path) -> None:
    rows = (f"{n},{c},{t}" for n, c, t in zip(NAMES, FRAMES, SPOKEN, strict=True))
    transcript = read(tmp_path, table("Speaker Name,Start Time,End Time,Text", *rows))
    assert [(u.start, u.end) for u in transcript.utterances] == [(1, 2.4), (3.2, 4), (5.8, 6)]
    assert transcript.notes == ("times with frames are read at 25 frames per second",)


@pytest.mark.parametrize(
    "header",
    [
        *("Sprecher,Zeit,Text", "Sprecher,Uhrzeit,Text", "Locuteur,Horodatage,Propos", "Hablante,Hora,Texto"),
        *("Спикер,Время,Текст", "वक्ता,समय,पाठ", "Falante,Início,Texto", "話者,时间,内容"),
    ],
)
def test_headers_of_other_languages_are_known(tmp_path: Path, header: str) -> None:
    rows = (f"{n},00:00:0{i},{t}" for i, (n, t) in enumerate(zip(NAMES, SPOKEN, strict=True)))
    transcript = read(tmp_path, table(header, *rows))
    assert rows_of(transcript) == list(zip(NAMES, SPOKEN, strict=True))
    assert [utterance.start for utterance in transcript.utterances] == [0, 1, 2]
