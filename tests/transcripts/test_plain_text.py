"""Plain text: who speaks is decided by evidence over the whole file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Rows = list[tuple[str, str]]


def read(folder: Path, text: str, speakers: tuple[str, ...] = (), name: str = "talk.txt") -> Transcript:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_transcript(path, speakers=speakers)


def rows_of(transcript: Transcript) -> Rows:
    """Speakers and words; what one speaker says in a row is one text."""
    rows: Rows = []
    for utterance in transcript.utterances:
        if rows and rows[-1][0] == utterance.speaker:
            rows[-1] = (utterance.speaker, f"{rows[-1][1]} {utterance.text}")
        else:
            rows.append((utterance.speaker, utterance.text))
    return rows


def talk(form: str, *names: str) -> str:
    """A short dialogue of two, with `form` for each turn: {name}, {text}, {time}, {clock}."""
    first, second = (*names, *("Ines", "Paul"))[:2]
    said = ["Where is the key?", "No idea.", "You had it, so look: it must be here.", "I did look."]
    return "".join(
        form.format(name=(first, second)[i % 2], text=text, time=f"0:{4 + 9 * i:02}", clock=f"00:0{i}:12", i=i + 1)
        for i, text in enumerate(said)
    )


def expected(*names: str) -> Rows:
    first, second = (*names, *("Ines", "Paul"))[:2]
    return [
        (first, "Where is the key?"),
        (second, "No idea."),
        (first, "You had it, so look: it must be here."),
        (second, "I did look."),
    ]


LINES = [
    "{name}: {text}\n",
    "{name} : {text}\n",
    "{name}：{text}\n",
    "{name}:\t{text}\n",
    "{name}:{text}\n",
    "{name}\t{text}\n",
    "{name} - {text}\n",
    "{name} – {text}\n",
    "{name} — {text}\n",
    "{name}     {text}\n",
    "{name} | {text}\n",
    "| {name} | {text} |\n",
    "{name} > {text}\n",
    "{name} >> {text}\n",
    "[{name}] {text}\n",
    "[{name}]: {text}\n",
    "({name}) {text}\n",
    "({name}): {text}\n",
    "<{name}> {text}\n",
    "{{{name}}} {text}\n",
    "- {name}: {text}\n",
    "* {name}: {text}\n",
    ">> {name}: {text}\n",
    "> {name}: {text}\n",
    "{i}. {name}: {text}\n",
    "{i} {name}: {text}\n",
    "{i}\t{name}: {text}\n",
    "**{name}:** {text}\n\n",
    "**{name}**: {text}\n\n",
    "**{name}** {text}\n\n",
    "*{name}:* {text}\n\n",
    "__{name}__: {text}\n\n",
    "### {name}\n\n{text}\n\n",
    "**{name}**\n\n{text}\n\n",
    "{name}:\n{text}\n\n",
    "{name}\n{text}\n\n",
    "{name}\n\n{text}\n\n",
    "{name}\n{text}\n",
    "[{name}]\n{text}\n\n",
]

TIMED = [
    "[{time}] {name}: {text}\n",
    "({time}) {name}: {text}\n",
    "{time} {name}: {text}\n",
    "{time} - {name}: {text}\n",
    "{time}\t{name}: {text}\n",
    "{time} | {name} | {text}\n",
    "{name} [{time}]: {text}\n",
    "{name} ({time}): {text}\n",
    "{name} {time}: {text}\n",
    "{name} [{time}] {text}\n",
    "{name} ({time}) {text}\n",
    "{name}: [{time}] {text}\n",
    "{name}: ({time}) {text}\n",
    "[{name} {time}] {text}\n",
    "[{time}] [{name}] {text}\n",
    "[{time}] {name} - {text}\n",
    "**{name}** ({time}): {text}\n\n",
    "**{name}** [{time}] {text}\n\n",
    "**[{time}] {name}:** {text}\n\n",
    "**{name} ({time}):** {text}\n\n",
    "{name} {time}\n{text}\n\n",
    "{name}  {time}  \n{text}\n\n",
    "{name}\t{time}\n{text}\n\n",
    "{name} ({time}):\n{text}\n\n",
    "{name} ({time})\n{text}\n\n",
    "{name} [{time}]\n{text}\n\n",
    "{name} - {time}\n{text}\n\n",
    "{name} | {time}\n{text}\n\n",
    "{name} · {time}\n{text}\n\n",
    "{name}, {time}\n{text}\n\n",
    "{name}: {time}\n{text}\n\n",
    "[{name}] {time}\n{text}\n\n",
    "[{name}] [{time}]\n{text}\n\n",
    "{time} {name}\n{text}\n\n",
    "{time} - {name}\n{text}\n\n",
    "{time} | {name}\n{text}\n",
    "[{time}] {name}\n{text}\n\n",
    "({time}) {name}\n{text}\n",
    "{time}\n{name}\n{text}\n\n",
    "[{time}]\n{name}\n{text}\n\n",
    "{name}\n{time}\n{text}\n\n",
    "{name}\n[{time}]\n{text}\n",
    "{time}\n{name}:\n{text}\n\n",
    "{time}\n{name}: {text}\n\n",
    "[{time}]\n{name}: {text}\n",
    "**{name}**\n{time}\n{text}\n\n",
    "### {name} ({time})\n\n{text}\n\n",
    "{name}\n\n{time}\n\n{text}\n\n",
    "{name} {time} {text}\n",
]

NAMES = [
    ("Ines", "Paul"),
    ("ines", "paul"),
    ("Ines Vega", "Paul Orn"),
    ("INES", "PAUL"),
    ("SPEAKER_00", "SPEAKER_01"),
    ("Speaker 1", "Speaker 2"),
    ("speaker_1", "speaker_2"),
    ("Interviewer", "P07"),
    ("team lead", "night nurse"),
    ("Front desk clerk", "Guest"),
    ("Dr. Vega", "Mr. O'Neil"),
    ("Ines (Ext)", "Paul 🌵"),
    ("Jean-Luc d'Arc", "Ludwig van der Ro"),
    ("इनेस जी", "पॉल"),
    ("إيناس", "بول"),
    ("Jürgen Groß", "Zoë"),
    ("小红", "小明"),
    ("Vega, Ines", "Orn, Paul"),
    ("Will", "Mark"),
]


@pytest.mark.parametrize("form", LINES)
@pytest.mark.parametrize("names", [("Ines", "Paul"), ("Ines Vega", "Paul Orn"), ("Speaker 1", "Speaker 2")])
def test_a_name_stands_before_or_above_the_words_in_many_ways(
    tmp_path: Path, form: str, names: tuple[str, ...]
) -> None:
    assert rows_of(read(tmp_path, talk(form, *names))) == expected(*names)


@pytest.mark.parametrize("form", TIMED)
@pytest.mark.parametrize("names", [("Ines", "Paul"), ("Ines Vega", "Paul Orn"), ("Speaker 1", "Speaker 2")])
def test_a_time_stands_beside_the_name_in_many_ways(tmp_path: Path, form: str, names: tuple[str, ...]) -> None:
    transcript = read(tmp_path, talk(form, *names))
    assert rows_of(transcript) == expected(*names)
    assert [utterance.start for utterance in transcript.utterances] == [4.0, 13.0, 22.0, 31.0]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("form", ["{name}: {text}\n", "[{time}] {name}: {text}\n", "{name}:\n{text}\n\n"])
def test_a_name_may_be_written_in_any_way(tmp_path: Path, names: tuple[str, ...], form: str) -> None:
    assert rows_of(read(tmp_path, talk(form, *names))) == expected(*names)


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize(
    "form", ["{name}  {time}\n{text}\n\n", "[{time}]\n{name}\n{text}\n\n", "{name} ({time}): {text}\n"]
)
def test_a_header_may_have_any_name(tmp_path: Path, names: tuple[str, ...], form: str) -> None:
    assert rows_of(read(tmp_path, talk(form, *names))) == expected(*names)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        # What is said, not who says it.
        (
            "Ines: My list.\nFirst: milk.\nTotal: two.\nPaul: Fine.\nNote: be quick.\nInes: Yes.\n",
            [("Ines", "My list. First: milk. Total: two."), ("Paul", "Fine. Note: be quick."), ("Ines", "Yes.")],
        ),
        (
            "INES: Look.\nReminder: it rains.\nPAUL: Oh.\nAccordion: mine.\nINES: Yes.\n",
            [("INES", "Look. Reminder: it rains."), ("PAUL", "Oh. Accordion: mine."), ("INES", "Yes.")],
        ),
        (
            "[0:01] Ines: Look.\nTango: it is mine.\n[0:04] Paul: Oh.\n[0:09] Ines: Yes.\n",
            [("Ines", "Look. Tango: it is mine."), ("Paul", "Oh."), ("Ines", "Yes.")],
        ),
        (
            "Ines: at 10:30: now\nhttp://x.org: there\nPaul: 3:1 :)\n",
            [("Ines", "at 10:30: now http://x.org: there"), ("Paul", "3:1 :)")],
        ),
        # Who says it, although it is an ordinary word.
        (
            "Question: Where?\nAnswer: Here.\nQuestion: When?\nAnswer: Now.\n",
            [("Question", "Where?"), ("Answer", "Here."), ("Question", "When?"), ("Answer", "Now.")],
        ),
        ("1: hello\n2: hi\n1: so\n", [("Speaker 1", "hello"), ("Speaker 2", "hi"), ("Speaker 1", "so")]),
        (
            "मीरा: सुनो\nनोट: यह ज़रूरी है\nराहुल: ठीक\nमीरा: हाँ\n",
            [("मीरा", "सुनो नोट: यह ज़रूरी है"), ("राहुल", "ठीक"), ("मीरा", "हाँ")],
        ),
        (
            "Moderator: Hi.\nFemale 1: Ho.\nAll: Yes.\nModerator: Bye.\n",
            [("Moderator", "Hi."), ("Female 1", "Ho."), ("All", "Yes."), ("Moderator", "Bye.")],
        ),
        # A role that speaks once.
        (
            "Agent: Hello.\nCaller: Help!\nqueue robot: la la\nAgent: Yes.\nnight supervisor: I take over.\n",
            [
                *(("Agent", "Hello."), ("Caller", "Help!"), ("queue robot", "la la"), ("Agent", "Yes.")),
                ("night supervisor", "I take over."),
            ],
        ),
        # Depositions.
        (
            "1                 EXAMINATION\n2   BY MR. ROE:\n3       Q.  Where were you on\n4   that day?\n"
            "5       A.  At home.\n6           MS. POE:  Objection.\n7       Q.  Alone?\n8       A.  Yes.\n",
            [
                *(("Q", "Where were you on that day?"), ("A", "At home."), ("MS. POE", "Objection.")),
                *(("Q", "Alone?"), ("A", "Yes.")),
            ],
        ),
        (
            "Q   Where?\nA   Here.\nQ   Alone?\nA   Yes.\n",
            [("Q", "Where?"), ("A", "Here."), ("Q", "Alone?"), ("A", "Yes.")],
        ),
        # Turns in one line.
        ("Ines: hi Paul: hello Ines: bye\n", [("Ines", "hi"), ("Paul", "hello"), ("Ines", "bye")]),
        ("agent: hi customer: help agent: bye\n", [("agent", "hi"), ("customer", "help"), ("agent", "bye")]),
        ("[0:01] Ines: Hi. [0:03] Paul: Ho. [0:05] Ines: So.\n", [("Ines", "Hi."), ("Paul", "Ho."), ("Ines", "So.")]),
        (
            "Ines: I told Paul: go away. Then I said: no.\nPaul: Oh.\nInes: Yes.\n",
            [("Ines", "I told Paul: go away. Then I said: no."), ("Paul", "Oh."), ("Ines", "Yes.")],
        ),
        # A name at the change of the speaker only.
        ("Ines: One.\n\nTwo.\n\nPaul: Three.\n\nFour.\n", [("Ines", "One. Two."), ("Paul", "Three. Four.")]),
        # Direction marks and zero-width characters.
        (
            "\u200fإيناس\u200f: مرحبا\n\u2068بول\u2069: أهلا\n\u200e\u202bإيناس\u202c: شكرا\n",
            [("إيناس", "مرحبا"), ("بول", "أهلا"), ("إيناس", "شكرا")],
        ),
        ("Ines\u200b: hi\nPaul\u2060: ho\n\ufeffInes: so\n", [("Ines", "hi"), ("Paul", "ho"), ("Ines", "so")]),
        # Short names of broadcasters, quotation marks, chat windows as copied.
        (
            "ANA LEE, HOST: Hello.\nBEN OX, MAYOR: Hi.\nLEE: And?\nOX: So.\n",
            [("ANA LEE", "Hello."), ("BEN OX", "Hi."), ("ANA LEE", "And?"), ("BEN OX", "So.")],
        ),
        ("田中「はい」\n鈴木「いいえ」\n田中「怒った」\n", [("田中", "はい"), ("鈴木", "いいえ"), ("田中", "怒った")]),
        (
            "You said:\nHelp!\nChatGPT said:\nHow?\nYou said:\nNow!\n",
            [("You", "Help!"), ("ChatGPT", "How?"), ("You", "Now!")],
        ),
    ],
)
def test_who_speaks_is_decided_over_the_whole_file(tmp_path: Path, text: str, rows: Rows) -> None:
    assert rows_of(read(tmp_path, text)) == rows


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "Sync\nMon, Jan 06, 2025 9:00AM • 1:02\n\nSPEAKERS\nAna Lee, Ben\n\nAna Lee  0:01\nhi\n\nBen  0:03\nho\n",
            "date lines",
        ),
        (
            "March 4, 2025, 10:02AM\n\nAna Lee started transcription\n\nAna Lee   0:01\nhi\n\nBen   0:03\nho\n",
            "date lines",
        ),
        ("Project: Door\nDate: 3 May 2024\n\nAna Lee: hi\nBen: ho\n", "lines of metadata"),
        (
            "# Notes\n\n## Summary\n\nThey met. All went well.\n\n## Transcript\n\n**Ana Lee:** hi\n\n**Ben:** ho\n",
            "lines of metadata",
        ),
        ("Ana Lee: hi\nBen: ho\n\nMeeting ended after 00:01:02\n", "messages of the transcription tool"),
        ("Ana Lee: hi\n\nPage 2 of 3\n\nBen: ho\nTranscribed by Zed\n", "messages of the transcription tool"),
        ("---\ntitle: x\n---\nAna Lee: hi\nBen: ho\n", "lines of metadata"),
        ("Ana Lee: hi\n------\nBen: ho\n", "lines without words"),
    ],
)
def test_what_is_not_speech_is_left_out_and_counted(tmp_path: Path, text: str, why: str) -> None:
    transcript = read(tmp_path, text)
    assert rows_of(transcript) == [("Ana Lee", "hi"), ("Ben", "ho")]
    assert any(note.startswith(f"{why} left out: ") for note in transcript.notes)
    assert why in {each.why for each in transcript.left_out}


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("0:00\nso we lost\n0:04\n4 seconds\nand I cried\n1:02:03\noh\n", [0.0, 4.0, 3723.0]),
        ("[00:00.000 --> 00:03.800]  so\n[00:03.800 --> 00:06.000]  well\n", [0.0, 3.8]),
        ("[0.00s -> 3.80s]  so\n[3.80s -> 6.00s]  well\n", [0.0, 3.8]),
        ("0.10\t1.90\tso\n2.00\t4.00\twell\n", [0.1, 2.0]),
        ("10:02 AM Ana: so\n10:03 AM Ben: well\n", [0.0, 60.0]),
        ("Ana  11:59 PM\nso\n\nBen  12:01 AM\nwell\n", [0.0, 120.0]),
        ("[Ana] 19:02:15\nso\n\n[Ben] 19:02:20\nwell\n", [0.0, 5.0]),
        (
            "Ana\n0 minutes 4 seconds\n0:04\nAna 0 minutes 4 seconds\nso\n"
            "Ben\n0 minutes 9 seconds\n0:09\nBen 0 minutes 9 seconds\nwell\n",
            [4.0, 9.0],
        ),
        ("0:0:4.210 --> 0:0:8.0\nAna Lee\nso\n\n0:0:8.1 --> 0:0:9.0\nBen Ox\nwell\n", [4.21, 8.1]),
        ("00:00:04:12 - 00:00:08:10\nSpeaker 1\nso\n\n00:00:09:00 - 00:00:10:00\nSpeaker 2\nwell\n", [4.0, 9.0]),
        ("[75:02.54 - 75:03.33] speaker_1: so\n[75:04.00 - 75:05.33] speaker_2: well\n", [4502.54, 4504.0]),
        ("[0:01] Ana: so\n[0:04] well\n", [1.0, 4.0]),
        ("Ana: so\n10:30 is fine\nBen: well\n", [None, None]),
        ("May 0:04\nso\n\nMara 0:09\nwell\n", [4.0, 9.0]),
    ],
)
def test_times_are_read_in_many_ways(tmp_path: Path, text: str, starts: list[float | None]) -> None:
    assert [utterance.start for utterance in read(tmp_path, text).utterances] == starts


def test_hours_and_minutes_are_told_from_minutes_and_seconds_by_the_pace(tmp_path: Path) -> None:
    said = "did you really eat all of the cake that I baked for her birthday"
    transcript = read(tmp_path, f"19:02 ana: {said}\n19:03 ben: {said}\n19:05 ana: no\n")
    assert [utterance.start for utterance in transcript.utterances] == [0.0, 60.0, 180.0]
    assert any("hours and minutes" in note for note in transcript.notes)


def test_a_note_names_words_read_as_speech_with_their_lines_and_the_speakers_option_decides(tmp_path: Path) -> None:
    text = "Ines: My list.\nSummary: all is well.\nPaul: Fine.\nInes: Yes.\n"
    (note,) = (note for note in read(tmp_path, text).notes if "--speakers" in note)
    assert "'Summary' (line 2)" in note
    given = read(tmp_path, text, ("Ines", "summary", "Paul"))
    assert [utterance.speaker for utterance in given.utterances] == ["Ines", "Summary", "Paul", "Ines"]


def test_with_speakers_given_no_other_prefix_is_a_name(tmp_path: Path) -> None:
    text = "Ines: Hi.\nBrandon: a place I know.\nPaul: Fine.\n"
    assert rows_of(read(tmp_path, text, ("Ines", "Paul"))) == [
        ("Ines", "Hi. Brandon: a place I know."),
        ("Paul", "Fine."),
    ]
    assert len(rows_of(read(tmp_path, "Ines - Hi.\nit was so\nPaul - No.\n", ("Ines", "Paul")))) == 2


def test_a_file_without_names_is_an_utterance_per_line(tmp_path: Path) -> None:
    transcript = read(tmp_path, "Roses are red\nViolets are blue\n\nThe plan: none\n")
    assert len(transcript) == 3
    assert transcript.notes[0].startswith("the file names no speakers")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "INT. SHED - DAY\n\nIt rains.\n\nINES\n(softly)\nWhere?\n\nPAUL (V.O.)\nHere.\nOr there.\n\nCUT TO:\n",
            [("INES", "Where?"), ("PAUL", "Here. Or there.")],
        ),
        (
            "                    INES\n          Where?\n\n                    PAUL (CONT'D)\n          Here.\n\n"
            "He leaves.\n\n"
            "                    INES\n          Oh.\n",
            [("INES", "Where?"), ("PAUL", "Here."), ("INES", "Oh.")],
        ),
    ],
)
def test_screenplays_keep_only_what_is_said(tmp_path: Path, text: str, rows: Rows) -> None:
    transcript = read(tmp_path, text)
    assert (transcript.format, rows_of(transcript)) == ("screenplay", rows)
    assert "lines of action" in {each.why for each in transcript.left_out}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SPEAKER a 1 0.1 1.9 <NA> <NA> S0 <NA> <NA>\nSPEAKER a 1 2.0 2.0 <NA> <NA> S1 <NA> <NA>\n",
            "looks like RTTM, which has times and speakers but no words",
        ),
        ("start=0.2s stop=1.5s speaker_SPEAKER_00\nstart=1.8s stop=3.9s speaker_SPEAKER_01\n", "no words"),
        ("0.10\t1.90\tSPEAKER_00\n2.00\t4.00\tSPEAKER_01\n", "no words"),
        ("<!DOCTYPE html>\n<html><body><p>Ana: hi</p></body></html>\n", "looks like HTML"),
        ('<?xml version="1.0"?>\n<talk><u>hi</u></talk>\n', "looks like XML"),
        ("Transcribed by https://example.org\n", "no utterances found"),
        (" \n\t\n", "no utterances found"),
    ],
)
def test_what_has_no_words_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "talk.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_transcript(path, format="text")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        # A lone name in a file where nearly every line has one, whatever its words begin with.
        ("Ines: Hm.\nPaul: So?\nInes: No.\nmax_77: same here\n", ("max_77", "same here")),
        ("Ines: Hm.\nPaul: So?\nInes: No.\nAnja: no idea\n", ("Anja", "no idea")),
        ("nurse: who?\nvisitor: me.\nnurse: go.\nhead of security: come on.\n", ("head of security", "come on.")),
    ],
)
def test_a_name_may_come_only_once(tmp_path: Path, text: str, rows: tuple[str, str]) -> None:
    assert rows_of(read(tmp_path, text))[-1] == rows


@pytest.mark.parametrize(
    "form",
    [
        *("{name}—{text}\n", "{name}.—{text}\n", "{name}--{text}\n", "{name}:— {text}\n", "{name}:- {text}\n"),
        *("{name} :{text}\n", "({i}) {name}: {text}\n"),
    ],
)
@pytest.mark.parametrize("names", [("INES", "PAUL"), ("Mrs. Roe", "Dr. Lind")])
def test_a_dash_or_a_colon_may_join_name_and_words(tmp_path: Path, form: str, names: tuple[str, str]) -> None:
    assert rows_of(read(tmp_path, talk(form, *names))) == expected(*names)


def test_dashes_in_prose_are_no_separators(tmp_path: Path) -> None:
    transcript = read(
        tmp_path, "I was tired—so tired.\nIt was cold—so cold.\nNobody came—nobody.\nI was tired—still.\n"
    )
    assert {utterance.speaker for utterance in transcript.utterances} == {"Speaker 1"}


def test_the_directions_of_a_play_are_left_out(tmp_path: Path) -> None:
    text = (
        "ACT II\n\nScene 1. A garden.\n\nA bench under a lime tree.\n\nMRS. LORNE. You came after all.\n\n"
        "DR. HALE (laughing). I always come.\n\n[They embrace. A dog barks beyond the garden wall.]\n\n"
        "MRS. LORNE. Hush!\n\nSCENE TWO\n\nThe same, an hour later.\n\nDR. HALE. It is cold.\n"
    )
    transcript = read(tmp_path, text)
    assert rows_of(transcript) == [
        ("MRS. LORNE", "You came after all."),
        ("DR. HALE", "I always come."),
        ("MRS. LORNE", "Hush!"),
        ("DR. HALE", "It is cold."),
    ]
    assert transcript.utterances[1].cues == ("laughing",)
    assert [each.why for each in transcript.left_out] == ["stage directions"] * 6


def test_a_title_or_an_indented_block_does_not_end_a_cue_of_a_screenplay(tmp_path: Path) -> None:
    text = (
        "INT. SHED - DAY\n\nRain.\n\n          MRS. HOLT\n     Who broke it?\n\n     And why?\n\n"
        "          J. R. WEBB\n     I did.\n\n          PROF. McADAM (O.S.)\n     Let him be.\n\nShe leaves.\n"
    )
    assert rows_of(read(tmp_path, text)) == [
        ("MRS. HOLT", "Who broke it? And why?"),
        ("J. R. WEBB", "I did."),
        ("PROF. McADAM", "Let him be."),
    ]


def test_a_link_is_speech_unless_a_tool_signs_with_it(tmp_path: Path) -> None:
    text = "Ines: Look:\nhttps://example.org/a?b=c\nPaul: Oh no.\nInes: Oh yes.\nhttps://otter.ai\n"
    transcript = read(tmp_path, text)
    assert rows_of(transcript)[0] == ("Ines", "Look: https://example.org/a?b=c")
    assert [each.text for each in transcript.left_out] == ["https://otter.ai"]


def test_the_words_of_a_markdown_link_are_no_cue(tmp_path: Path) -> None:
    text = "**Ines:** See [my list](https://example.org/list), please.\n\n**Paul:** I did.\n"
    assert rows_of(read(tmp_path, text, name="talk.md"))[0] == ("Ines", "See my list, please.")


@pytest.mark.parametrize("form", ["<{time}> {name}: {text}\n", "<{name}>: {text}\n", "{time}\t{name}\t{text}\n"])
def test_times_and_colons_beside_angle_brackets_and_tabs_are_no_words(tmp_path: Path, form: str) -> None:
    assert rows_of(read(tmp_path, talk(form))) == expected()


@pytest.mark.parametrize(
    ("above", "why"),
    [
        ("*Recorded in a kitchen, and shortened by the editor of this magazine, who was there.*\n\n", "editor's notes"),
        ("Overview\nAll went well.\n\nTo do\n- Ines: call him\n- Paul: pay\n\nTranscript\n\n", "lines above"),
        ("# Call\n\n## Next steps\n\n- Ines: call him\n\n## Full transcript\n\n", "lines above"),
        ("Participants: I = Ines, P = Paul\n\n", "lines of metadata"),
        ("I = Ines\nP = Paul\n\n", "lines of metadata"),
        ("Attendees: Ines, Paul\nApologies: Cy Dunn\n\n", "lines of metadata"),
        ("Talking today: Ines and Paul\n", "lines of metadata"),
        ("https://example.org/recording\n\n", "lines of metadata"),
    ],
)
def test_what_stands_above_the_first_turn_is_no_speech(tmp_path: Path, above: str, why: str) -> None:
    transcript = read(tmp_path, above + talk("{name}: {text}\n"), name="talk.md")
    assert rows_of(transcript) == expected()
    assert any(each.why.startswith(why) for each in transcript.left_out)


def test_times_at_the_ends_of_lines_are_starts(tmp_path: Path) -> None:
    transcript = read(tmp_path, "Ines: Where is it? (0:03)\nPaul: Gone. [0:07]\nInes: Oh no. [0:09]\n")
    assert [(each.text, each.start) for each in transcript.utterances] == [
        ("Where is it?", 3.0),
        ("Gone.", 7.0),
        ("Oh no.", 9.0),
    ]


FILES = [
    ("BEGIN:VCALENDAR\nSUMMARY:Lunch\nEND:VCALENDAR\n", "a calendar file"),
    ("BEGIN:VCARD\nFN:Ines Roe\nEND:VCARD\n", "a contact card"),
    ("#EXTM3U\n#EXTINF:9,\na.ts\n", "a playlist"),
    ("#!/usr/bin/env bash\nset -e\necho hi\n", "a script"),
    ('Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1\n', "an error message"),
    ("from os import path\n\ndef run(a):\n    if a:\n        return path.join(a)\n", "program code"),
    (
        '"""Says when the shop is open."""\n\nfrom os import path\n\n\ndef opens(day):\n'
        '    """The hour at which it opens, which nobody knows."""\n\n\nclass Shop:\n    """A shop with a door."""\n',
        "program code",
    ),
    ("#include <math.h>\nint main(void) {\n  int a = 1;\n  return a;\n}\n", "program code"),
    ("h1 { color: red; }\n.a p:hover { margin: 0; }\n", "program code"),
    ("let a = 1;\nfunction go(b) {\n  return a + b;\n}\ngo(2);\n", "program code"),
    ("DROP TABLE a;\nCREATE TABLE a (b INT);\nINSERT INTO a VALUES (1);\n", "program code"),
    ("2025-01-02 10:00:00,001 INFO db: up\n2025-01-02 10:00:01,002 ERROR db: down\n", "a log of a program"),
    ("2025-01-02T10:00:00Z [main] WARN slow\n2025-01-02T10:00:01Z [main] INFO ok\n", "a log of a program"),
    ("12 44 9\n1 2 3\n", "a table of numbers"),
    ("[a]\nb = 1\nc = 2\n", "a file of settings"),
    ("\\documentclass{book}\n\\begin{document}\nHi.\n", "LaTeX"),
    ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-no\n+yes\n", "a list of changes"),
    ("total 4\n-rw-r--r-- 1 a a 10 Mar 4 10:00 x.txt\n", "a list of files"),
    ("SGVsbG8gdGhlcmUsIHRoaXMgaXMgbm90aGluZyB0aGF0IGFueWJvZHkgc2FpZC4=\n", "encoded data"),
]


@pytest.mark.parametrize(("text", "kind"), FILES)
def test_what_is_certainly_not_a_transcript_is_refused_unless_forced(tmp_path: Path, text: str, kind: str) -> None:
    with pytest.raises(InputError, match=f"looks like {kind}.*--format text"):
        read(tmp_path, text)
    if kind != "a table of numbers":
        assert len(read_transcript(tmp_path / "talk.txt", format="text")) > 0


@pytest.mark.parametrize(
    "text",
    [
        "Ines: import it from there; (1) is = 2.\nPaul: {what} == that?\nInes: return it();\n",
        "If you want it, take it.\nWhile I was out, he came.\nFor me: nothing.\n",
        "So I said: no;\nand then he left;\nI cried;\n",
        "ERROR: that is all it says.\nInfo: I know.\nERROR: still.\nInfo: Oh dear.\n",
        "Select the blue one.\nUpdate me later.\nDelete it!\n",
        "Traceback is a funny word.\nIs it?\n",
        "Abcdefghijklmnopqrstuvwxyzabcdef\n",
        "42\nThe answer.\n",
    ],
)
def test_talk_about_code_is_talk(tmp_path: Path, text: str) -> None:
    assert len(read(tmp_path, text)) > 0


@pytest.mark.parametrize(
    "seed",
    [
        *("Ana: x Ben: ", "[0:01] ", "Ana 0:04 ", "**a", "Mar 4", "a  ", "a\t", "1 hour ", "A. ", "(a) "),
        *("A—", "[a](", "f(a); ", "MR. ", "a = ", "A=1 ", "{a ", "Aa0"),
    ],
)
def test_hostile_text_takes_linear_time(tmp_path: Path, seed: str) -> None:
    text = seed * (500_000 // len(seed))
    begun = time.process_time()
    for format in ("text", "headers", "screenplay"):
        path = tmp_path / "talk.txt"
        path.write_text(f"Ana: {text}\n", encoding="utf-8")
        try:
            read_transcript(path, format=format)
        except InputError as error:
            assert str(error)
    assert time.process_time() - begun < 20


@pytest.mark.parametrize(
    ("one", "name"),
    [
        ("[Old Nils] ", "Old Nils"),
        ("Old Nils — ", "Old Nils"),
        ("de la Cruz, Inés: ", "de la Cruz, Inés"),
        ("【Inés】", "Inés"),
        ("Inés.- ", "Inés"),
        ("00:00:07 - 00:00:09 Zora\n", "Zora"),
    ],
)
def test_names_of_more_looks_and_marks_are_read(tmp_path: Path, one: str, name: str) -> None:
    other = one.replace("Old Nils", "Big Ida").replace("de la Cruz, Inés", "Ek, Ida").replace("Inés", "Ida")
    other = other.replace("00:00:07 - 00:00:09 Zora", "00:00:10 - 00:00:12 Ida")
    path = tmp_path / "talk.txt"
    path.write_text(
        "".join(f"{who}It is {word} now.\n\n" for who, word in zip([one, other] * 3, "abcdef", strict=True))
    )
    said = read_transcript(path).dialogue.utterances
    assert [utterance.text for utterance in said] == [f"It is {word} now." for word in "abcdef"]
    assert {utterance.speaker for utterance in said[::2]} == {name}
