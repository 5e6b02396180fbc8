"""Text chats of IRC clients, Zoom, LINE, iMessage and Discord: names, words, times and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.chats import READERS
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.source import Reader
from fliptrace.transcripts.transcript import Transcript

Said = list[tuple[float | None, str, str]]


def read(folder: Path, content: str, format: str) -> Transcript:
    path = folder / "chat.txt"
    path.write_text(content, encoding="utf-8")
    transcript = read_transcript(path)
    assert transcript.format == format
    return transcript


def said(transcript: Transcript) -> Said:
    return [(each.start, each.speaker, each.text) for each in transcript.utterances]


IDA_AND_JON: Said = [(0.0, "ida", "where are you"), (60.0, "jon", "at home: why?")]

IRC = [
    ("[20:15] <ida> where are you\n[20:16] <jon> at home: why?\n", IDA_AND_JON),
    ("20:15 <ida> where are you\n20:16 <@jon> at home: why?\n20:17 -!- jon [~j@host] has quit [bye]\n", IDA_AND_JON),
    ("20:15 < ida> where are you\n20:16 <+jon> at home: why?\n", IDA_AND_JON),
    (
        "2024-05-14 20:15:00\tida\twhere are you\n2024-05-14 20:15:10\t-->\tjon (~j@host) has joined #x\n"
        "2024-05-14 20:16:00\t@jon\tat home: why?\n2024-05-14 20:16:01\t--\tida is now known as i\n",
        IDA_AND_JON,
    ),
    (
        "May 14 20:15:00 <ida>\twhere are you\nMay 14 20:15:01 *\tjon has joined\n"
        "May 14 20:16:00 <jon>\tat home: why?\n",
        IDA_AND_JON,
    ),
    ("[2024-05-14T20:15:00Z] <ida> where are you\n[2024-05-14T20:16:00Z] <jon> at home: why?\n", IDA_AND_JON),
    (
        "[20:15:00] <ida> where are you\n[20:15:01] *** Joins: jon (j@host)\n[20:16:00] <jon> at home: why?\n",
        IDA_AND_JON,
    ),
    ("20:15:00      ida | where are you\n20:16:00      jon | at home: why?\n", IDA_AND_JON),
    ("<ida> where are you\n<jon> at home: why?\n", [(None, name, text) for _, name, text in IDA_AND_JON]),
]


@pytest.mark.parametrize(("content", "expected"), IRC)
def test_logs_of_many_irc_clients_are_read(tmp_path: Path, content: str, expected: Said) -> None:
    assert said(read(tmp_path, content, "irc")) == expected


MIDNIGHTS = [
    "[23:59] <ida> late\n[00:01] <jon> later\n",
    "23:59 <ida> late\n--- Day changed Wed May 15 2024\n00:01 <jon> later\n",
    "--- Log opened Tue May 14 20:00:00 2024\n23:59 <ida> late\n00:01 <jon> later\n",
    "May 14 23:59:00 <ida>\tlate\nMay 15 00:01:00 <jon>\tlater\n",
    "**** BEGIN LOGGING AT Tue Dec 31 20:00:00 2024\nDec 31 23:59:00 <ida>\tlate\nJan 01 00:01:00 <jon>\tlater\n",
]


@pytest.mark.parametrize("content", MIDNIGHTS)
def test_the_clock_of_a_log_goes_on_after_midnight(tmp_path: Path, content: str) -> None:
    assert said(read(tmp_path, content, "irc")) == [(0.0, "ida", "late"), (120.0, "jon", "later")]


def test_colours_and_styles_of_irc_are_no_text(tmp_path: Path) -> None:
    content = "[20:15] <ida> \x0304,12the server\x03 is \x02down\x0f\n[20:16] <\x0303jon\x03> again\n"
    assert said(read(tmp_path, content, "irc")) == [(0.0, "ida", "the server is down"), (60.0, "jon", "again")]


def test_actions_are_said_by_the_one_who_acts(tmp_path: Path) -> None:
    transcript = read(tmp_path, "[20:15] <ida> hi\n[20:16] * jon waves\n[20:17] * jon has joined #x\n", "irc")
    assert said(transcript) == [(0.0, "ida", "hi"), (60.0, "jon", "jon waves")]
    assert any("actions" in note for note in transcript.notes)
    assert [each.why for each in transcript.left_out] == ["joins, quits and notices"]


ZOOM = [
    "10:02:30 From Ida Moe to Everyone:\n\tWhere are you?\n"
    "10:02:40 From Jon to Ida Moe(Direct Message):\n\tAt home: why?\n",
    "10:02:30\t From  Ida Moe : Where are you?\n10:02:40\t From  Jon  to  Everyone : At home: why?\n",
    "10:02:30 Von Ida Moe an Alle:\n\tWhere are you?\n10:02:40 Von Jon an Alle:\n\tAt home: why?\n",
    "2024-05-14 10:02:30 From Ida Moe to Everyone:\n\tWhere are you?\n"
    "2024-05-14 10:02:40 From Jon to Everyone:\n\tAt home: why?\n",
    "00:02:30\tIda Moe:\tWhere are you?\n00:02:40\tJon:\tAt home: why?\n",
]


@pytest.mark.parametrize("content", ZOOM)
def test_the_chat_of_a_zoom_meeting_is_read(tmp_path: Path, content: str) -> None:
    expected = [(0.0, "Ida Moe", "Where are you?"), (10.0, "Jon", "At home: why?")]
    assert said(read(tmp_path, content, "zoom-chat")) == expected


def test_reactions_and_quotations_in_a_zoom_chat_are_left_out(tmp_path: Path) -> None:
    content = (
        "10:02:30 From Ida to Everyone:\n\tWhere are you?\n"
        '10:02:40 From Jon to Everyone:\n\tReplying to "Where are you..."\n\t\n\tAt home\n'
        '10:02:50 From Ida to Everyone:\n\tReacted to "At home" with 👍\n'
    )
    transcript = read(tmp_path, content, "zoom-chat")
    assert said(transcript) == [(0.0, "Ida", "Where are you?"), (10.0, "Jon", "At home")]
    assert "reactions left out: 1" in transcript.notes


LINE = [
    "[LINE] Chat history with Ida\nSaved on: 05/16/2024, 20:00\n\nTue, 05/14/2024\n20:15\tIda\tWhere?\n"
    '20:15\tJon\t[Sticker]\n20:16\tJon\t"At\nhome"\n20:17\t\tJon unsent a message.\nWed, 05/15/2024\n08:00\tIda\tOk\n',
    "[LINE] Idaとのトーク履歴\n保存日時：2024/05/16 20:00\n\n2024/05/14(火)\n午後8:15\tIda\tWhere?\n"
    "午後8:15\tJon\t[スタンプ]\n午後8:16\tJon\tAt home\n2024/05/15(水)\n午前8:00\tIda\tOk\n",
]


@pytest.mark.parametrize("content", LINE)
def test_line_chats_are_read_over_several_days(tmp_path: Path, content: str) -> None:
    transcript = read(tmp_path, content, "line")
    assert said(transcript) == [(0.0, "Ida", "Where?"), (60.0, "Jon", "At home"), (42300.0, "Ida", "Ok")]
    assert "media left out: 1" in transcript.notes


def test_an_imessage_export_is_read_without_what_the_exporter_adds(tmp_path: Path) -> None:
    content = (
        "May 14, 2024  8:15:00 PM (Read by them after 2 minutes)\nMe\nWhere are you?\n\nAnd why?\nTapbacks:\n"
        "    Loved by Ida\n\n    May 14, 2024  8:15:30 PM\n    Ida\n    At home\n\n"
        "May 14, 2024  8:15:30 PM\nIda\nAt home\nThis message responded to an earlier message.\n\n"
        "May 14, 2024  8:16:00 PM Ida named the conversation Trip\n\n"
        "May 14, 2024  8:16:30 PM\nIda\n/Users/ida/Library/Messages/Attachments/ab/map.HEIC\n\n"
        "May 14, 2024  8:17:00 PM\nIda\nteh map\nEdited 10 seconds later: the map\n\n"
    )
    transcript = read(tmp_path, content, "imessage")
    assert said(transcript) == [
        (0.0, "Me", "Where are you? And why?"),
        (30.0, "Ida", "At home"),
        (120.0, "Ida", "the map"),
    ]
    assert {each.why for each in transcript.left_out} == {
        *("tapbacks", "replies that the file contains twice", "remarks of the exporter", "system messages", "media"),
        "earlier versions of edited messages",
    }


def test_a_reply_that_stands_only_once_is_read(tmp_path: Path) -> None:
    content = (
        "May 14, 2024  8:15:00 PM\nMe\nWhere are you?\n\n    May 14, 2024  8:15:30 PM\n    Ida\n    At home\n\n"
        "May 14, 2024  8:16:00 PM\nMe\nI see\n"
    )
    assert [u.text for u in read(tmp_path, content, "imessage").utterances] == ["Where are you?", "At home", "I see"]


HEADED = [
    "[5/14/2024 8:15 PM] Ida Moe#1234\nWhere are you?\n\n[5/14/2024 8:16 PM] Jon (pinned)\nAt home:\nwhy?\n",
    "[14.05.2024 20:15] Ida Moe\nWhere are you?\n\n[14.05.2024 20:16] Jon\nAt home:\nwhy?\n",
    "[14-May-24 08:15 PM] Ida Moe\nWhere are you?\n\n[14-May-24 08:16 PM] Jon\nAt home:\nwhy?\n",
    "Ida Moe, [14.05.2024 20:15]\nWhere are you?\n\nJon, [14.05.2024 20:16]\nAt home:\nwhy?\n",
    "Ida Moe, [May 14, 2024 at 8:15:00 PM]:\nWhere are you?\n\nJon, [May 14, 2024 at 8:16:00 PM]:\nAt home:\nwhy?\n",
    "2024-05-14 20:15:00 Ida Moe\nWhere are you?\n\n2024-05-14 20:16:00 Jon(123456)\nAt home:\nwhy?\n",
]


@pytest.mark.parametrize("content", HEADED)
def test_chats_with_a_line_above_each_message_are_read(tmp_path: Path, content: str) -> None:
    expected = [(0.0, "Ida Moe", "Where are you?"), (60.0, "Jon", "At home: why?")]
    assert said(read(tmp_path, content, "headed-chat")) == expected


def test_what_discord_adds_to_messages_is_left_out(tmp_path: Path) -> None:
    rule = "=" * 62
    content = (
        f"{rule}\nGuild: Trip\nChannel: Text / maps\n{rule}\n\n[5/14/2024 8:15 PM] ida\nWhere are you?\n\n"
        "{Reactions}\n👍 (2)\n\n[5/14/2024 8:16 PM] jon\nJoined the server.\n\n[5/14/2024 8:17 PM] jon\nHere\n\n"
        f"{{Attachments}}\nhttps://x.org/map.png\n\n{rule}\nExported 3 message(s)\n{rule}\n"
    )
    transcript = read(tmp_path, content, "headed-chat")
    assert said(transcript) == [(0.0, "ida", "Where are you?"), (120.0, "jon", "Here")]
    assert {each.why for each in transcript.left_out} == {
        *("reactions", "system messages", "media", "lines of the header or footer"),
    }


TELEGRAM_PAGE = """<!DOCTYPE html><html><body><div class="history">
<div class="message service" id="message-1"><div class="body details">14 May 2024</div></div>
<div class="message default clearfix" id="message1"><div class="body">
  <div class="pull_right date details" title="14.05.2024 20:15:00 UTC+02:00">20:15</div>
  <div class="from_name">Ida </div>
  <div class="text">Where <strong>is</strong> it?<br>The map &amp; all</div></div></div>
<div class="message default clearfix joined" id="message2"><div class="body">
  <div class="pull_right date details" title="14.05.2024 20:15:30 UTC+02:00">20:15</div>
  <div class="text">Hello?</div></div></div>
<div class="message default clearfix" id="message3"><div class="body">
  <div class="pull_right date details" title="14.05.2024 20:16:00 UTC+02:00">20:16</div>
  <div class="from_name">Jon</div>
  <div class="media_wrap clearfix"><a class="media clearfix block_link" href="x"></a></div>
  <div class="text">Here</div></div></div>
</div></body></html>"""
KAKAO = (
    "Trip 님과 카카오톡 대화\n저장한 날짜 : 2024-05-16 20:00:00\n\n"
    "--------------- 2024년 5월 14일 화요일 ---------------\n"
    "[Ida] [오후 8:15] Where is it?\nThe map & all\n[Jon] [오후 8:15] 사진\n[Jon] [오후 8:16] Here\n"
)
SMS = """<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><smses count="3">
<sms address="+1" date="1715717700000" type="1" body="Where is it?" contact_name="Ida" />
<mms address="+1" date="1715717760000" msg_box="2" contact_name="Ida"><parts><part ct="image/png" />
<part ct="text/plain" text="Here" /></parts></mms></smses>"""


@pytest.mark.parametrize(
    ("content", "format", "expected"),
    [
        (
            TELEGRAM_PAGE,
            "telegram-html",
            [(0.0, "Ida", "Where is it? The map & all"), (30.0, "Ida", "Hello?"), (60.0, "Jon", "Here")],
        ),
        (KAKAO, "kakaotalk", [(0.0, "Ida", "Where is it? The map & all"), (60.0, "Jon", "Here")]),
        (SMS, "sms-xml", [(0.0, "Ida", "Where is it?"), (60.0, "Me", "Here")]),
    ],
)
def test_media_beside_a_text_are_left_out(tmp_path: Path, content: str, format: str, expected: Said) -> None:
    transcript = read(tmp_path, content, format)
    assert said(transcript) == expected
    assert "media left out: 1" in transcript.notes


def test_one_conversation_of_a_backup_of_messages_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "sms.xml"
    path.write_text(SMS.replace("<mms", '<sms address="+2" date="1" type="1" body="Hi" contact_name="Jon" /><mms'))
    with pytest.raises(InputError, match=r"2 conversations \('Ida', 'Jon'\)"):
        read_transcript(path)
    assert said(read_transcript(f"{path}#Jon")) == [(0.0, "Jon", "Hi")]


def test_entities_of_a_hostile_backup_are_not_expanded(tmp_path: Path) -> None:
    path = tmp_path / "sms.xml"
    path.write_text('<!DOCTYPE smses [<!ENTITY a "aaaa">]><smses><sms body="&a;" date="1" type="1" /></smses>')
    with pytest.raises(InputError, match=r"^sms\.xml: unreadable XML"):
        read_transcript(path, format="sms-xml")


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_the_example_of_a_format_is_detected_and_read(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / f"chat{reader.suffixes[0]}"
    path.write_text(reader.example, encoding="utf-8")
    transcript = read_transcript(path)
    assert transcript.format == reader.name
    assert transcript.utterances


TEXT_READERS = [reader for reader in READERS if ".json" not in reader.suffixes]


@pytest.mark.parametrize("reader", TEXT_READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("content", ["", "Ida: hello\nJon: hi\n", "\x01", "[" * 1000, "12:00 " * 1000])
def test_other_text_is_an_error_when_the_format_is_named(tmp_path: Path, reader: Reader, content: str) -> None:
    path = tmp_path / "chat.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"^chat\.txt"):
        read_transcript(path, format=reader.name)
