from __future__ import annotations

import json
from pathlib import Path

import pytest

from fliptrace.core.emotion_sets import EMORYNLP7, MASAC8
from fliptrace.core.errors import InputError
from fliptrace.transcripts import formats
from fliptrace.transcripts.read import READERS, read_transcript
from fliptrace.transcripts.source import NO_EVIDENCE, RawUtterance, Reader, parse_json
from fliptrace.transcripts.transcript import Transcript

FOLDER = Path(__file__).parent / "fixtures"

Rows = list[tuple[str, str]]


def write(folder: Path, text: str, name: str = "talk.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def rows_of(transcript: Transcript) -> Rows:
    return [(utterance.speaker, utterance.text) for utterance in transcript.dialogue.utterances]


def read_rows(folder: Path, text: str, name: str = "talk.txt") -> Rows:
    return rows_of(read_transcript(write(folder, text, name)))


@pytest.mark.parametrize(
    ("file", "format", "rows"),
    [
        (
            "kitchen.txt",
            "text",
            [
                ("Ana", "You promised to be home by six."),
                ("Ben", "I know. The train stood still for an hour, and my phone was dead."),
                ("Ana", "Dead again?"),
                ("Ben", "I am sorry, really."),
            ],
        ),
        (
            "kitchen.csv",
            "csv",
            [("Ana", "You promised, again."), ("Ben", "I know. I am sorry."), ("Ana", "Fine.")],
        ),
        ("kitchen.tsv", "tsv", [("Ana", "You promised."), ("Ben", '"No" is not what I said.')]),
        ("kitchen.json", "json", [("Ana", "You promised."), ("Ben", "I know. Sorry."), ("Ana", "Fine.")]),
        ("kitchen.jsonl", "jsonl", [("Ana", "You promised."), ("Ben", "I know.")]),
        (
            "kitchen.vtt",
            "vtt",
            [
                ("Ana", "You promised to be home & awake."),
                ("Ben", "I know."),
                ("Ana", "Do you?"),
                ("Ben", "The train stood still."),
            ],
        ),
        (
            "kitchen.srt",
            "srt",
            [
                ("ANA", "You promised to be home."),
                ("BEN", "I know."),
                ("ANA", "Do you?"),
                ("BEN", "The train stood still."),
            ],
        ),
        (
            "kitchen.whisperx.json",
            "whisperx",
            [("SPEAKER_00", "You promised."), ("SPEAKER_01", "I know, I know."), ("Unknown", "Fine.")],
        ),
        (
            "kitchen_efr.json",
            "efr",
            [("Ana", "You promised."), ("Ben", "I know."), ("Ana", "Fine, sit down."), ("Ben", "Thank you!")],
        ),
    ],
)
def test_every_format_has_a_fixture_that_is_detected_and_read(file: str, format: str, rows: Rows) -> None:
    transcript = read_transcript(FOLDER / file)
    assert (transcript.format, rows_of(transcript)) == (format, rows)
    assert rows_of(read_transcript(FOLDER / file, format=format)) == rows


def test_a_dialogue_is_named_after_its_file_and_a_group_of_its_own() -> None:
    dialogue = read_transcript(str(FOLDER / "kitchen.txt")).dialogue
    assert (dialogue.id, dialogue.group, dialogue.corpus, dialogue.split) == ("kitchen", "kitchen", "", "")
    assert dialogue.emotion_set == MASAC8


def test_a_new_format_is_one_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Reader(
        "bars", (".bars",), lambda source: NO_EVIDENCE, lambda source: [RawUtterance("line 1", source.text, "Ana")]
    )
    monkeypatch.setattr(formats, "READERS", {**READERS, "bars": new})
    assert read_transcript(write(tmp_path, "hello", "talk.bars")).format == "bars"


# Times and cues


@pytest.mark.parametrize(
    ("file", "times"),
    [
        ("kitchen.txt", [(2.0, None), (5.0, None), (11.0, None), (14.0, None)]),
        ("kitchen.csv", [(2.0, 4.0), (4.5, 6.0), (6.5, 7.0)]),
        ("kitchen.json", [(2.0, None), (4.5, None), (6.0, None)]),
        ("kitchen.vtt", [(2.0, 4.0), (4.5, 6.0), (4.5, 6.0), (6.0, 8.25)]),
        ("kitchen.srt", [(2.0, 4.0), (4.5, 6.0), (4.5, 6.0), (6.0, 8.25)]),
        ("kitchen.whisperx.json", [(2.0, 4.0), (4.5, 6.0), (6.5, 7.0)]),
    ],
)
def test_times_are_seconds(file: str, times: list[tuple[float, float | None]]) -> None:
    assert [(u.start, u.end) for u in read_transcript(FOLDER / file).dialogue.utterances] == times


def test_columns_in_milliseconds_say_so_in_their_name(tmp_path: Path) -> None:
    path = write(tmp_path, "text,start_ms,end_ms\nhi,1500,2500\nho,soon,3000\n", "talk.csv")
    transcript = read_transcript(path)
    assert [(u.start, u.end) for u in transcript.dialogue.utterances] == [(1.5, 2.5), (None, 3.0)]
    assert "1 time left out: unreadable, negative or ending before the start" in transcript.notes


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        ("NaN", "2", (None, 2.0)),
        ("-1", "2", (None, 2.0)),
        ("5", "2", (None, None)),
        ("1714557600", "", (None, None)),
        ('"later"', "2", (None, 2.0)),
        ("1e400", "[]", (None, None)),
        ("true", "{}", (None, None)),
    ],
)
def test_impossible_times_are_left_out_and_told(
    tmp_path: Path, start: str, end: str, kept: tuple[float | None, float | None]
) -> None:
    path = write(tmp_path, f'[{{"who": "Ana", "text": "hi", "start": {start}, "end": {end or "null"}}}]', "talk.json")
    transcript = read_transcript(path)
    (utterance,) = transcript.dialogue.utterances
    assert (utterance.start, utterance.end) == kept
    assert any("left out: unreadable, negative" in note for note in transcript.notes)


@pytest.mark.parametrize(
    ("line", "text", "cues"),
    [
        ("Ana: Well [sighs], fine.", "Well, fine.", ("sighs",)),
        ("Ana (laughing): Fine.", "Fine.", ("laughing",)),
        ("Ana: Fine (but only until you have paid it back).", "Fine (but only until you have paid it back).", ()),
        ("Ana: ♪ tra la la ♪", "tra la la", ("music",)),
        ("Ana: [laughs]", "[laughs]", ()),
        ("Ana: It cost [12] and (34).", "It cost [12] and (34).", ()),
    ],
)
def test_short_words_in_brackets_are_cues(tmp_path: Path, line: str, text: str, cues: tuple[str, ...]) -> None:
    (utterance,) = read_transcript(write(tmp_path, line)).dialogue.utterances
    assert (utterance.text, utterance.cues) == (text, cues)


def test_brackets_in_tables_are_text(tmp_path: Path) -> None:
    (utterance,) = read_transcript(write(tmp_path, "who,text\nAna,Well [sighs]\n", "talk.csv")).dialogue.utterances
    assert (utterance.text, utterance.cues) == ("Well [sighs]", ())


def test_a_cue_of_nobody_is_no_utterance(tmp_path: Path) -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,000\n[applause]\n\n2\n00:00:02,000 --> 00:00:03,000\nANA: Thanks.\n"
    transcript = read_transcript(write(tmp_path, srt, "talk.srt"))
    assert rows_of(transcript) == [("ANA", "Thanks.")]
    assert transcript.notes == ("1 cue between utterances left out",)


# Speakers


def test_without_names_there_is_one_speaker_and_a_note(tmp_path: Path) -> None:
    transcript = read_transcript(write(tmp_path, "I waited.\n\nAnd you?\n"))
    assert rows_of(transcript) == [("Speaker 1", "I waited."), ("Speaker 1", "And you?")]
    assert transcript.notes[0].startswith("the file names no speakers")


def test_where_some_speakers_are_missing_they_are_unknown(tmp_path: Path) -> None:
    transcript = read_transcript(write(tmp_path, "who,text\nAna,hi\n,who is there\n , \n", "talk.csv"))
    assert rows_of(transcript) == [("Ana", "hi"), ("Unknown", "who is there")]
    assert transcript.notes == ("1 utterance without a speaker, assigned to 'Unknown'",)


def test_names_that_differ_in_case_are_one_speaker(tmp_path: Path) -> None:
    transcript = read_transcript(write(tmp_path, "Ana Lee: hi\nANA  LEE: you there?\n"))
    assert {utterance.speaker for utterance in transcript.dialogue.utterances} == {"Ana Lee"}
    assert transcript.notes == ("speaker names that differ only in case are read as one speaker: 'ANA LEE'",)


def test_a_bare_number_is_a_speaker_of_that_number(tmp_path: Path) -> None:
    assert read_rows(tmp_path, '[{"speaker": 0, "transcript": "hi"}]', "talk.json") == [("Speaker 0", "hi")]


def test_words_before_a_colon_that_may_be_no_name_are_told(tmp_path: Path) -> None:
    transcript = read_transcript(write(tmp_path, "Ana: hi\nBen: hi\nListen: no.\nAna: yes\nBen: no\n"))
    (note,) = transcript.notes
    assert note.startswith("words before a colon read as speech, not as speakers: 'Listen' (line 3)")
    assert rows_of(transcript)[1] == ("Ben", "hi Listen: no.")


def test_titles_above_the_first_speaker_are_left_out_and_told(tmp_path: Path) -> None:
    transcript = read_transcript(write(tmp_path, "Call of May\nAna: hi\nBen: hi\n"))
    assert (rows_of(transcript), transcript.notes) == ([("Ana", "hi"), ("Ben", "hi")], ("titles left out: 1",))


# Emotions


def test_emotions_of_the_set_are_kept_and_others_told_never_guessed() -> None:
    transcript = read_transcript(FOLDER / "kitchen.csv")
    assert transcript.dialogue.emotions == ("anger", "sadness", None)
    (note,) = transcript.notes
    assert note.startswith("1 emotion not in masac8 (anger,") and note.endswith("left out: 'relief'")


def test_another_emotion_set_keeps_its_own_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "text,emotion\nhi,Scared\nho,fear\n", "talk.csv")
    assert read_transcript(path, emotion_set=EMORYNLP7).dialogue.emotions == ("scared", None)


@pytest.mark.parametrize("emotion", ["[]", "{}", "7", "true", '""', "NaN", '"\\ud800"'])
def test_no_emotion_is_an_error(tmp_path: Path, emotion: str) -> None:
    path = write(tmp_path, f'[{{"text": "hi", "emotion": {emotion}}}]', "talk.json")
    transcript = read_transcript(path)
    assert transcript.dialogue.emotions == (None,)
    "".join(transcript.notes).encode()


# Detecting formats


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("talk.txt", "WEBVTT\n\n00:01.000 --> 00:02.000\nAna: hi\n", "vtt"),
        ("talk.txt", "1\n00:00:01,000 --> 00:00:02,000\nAna: hi\n", "srt"),
        ("talk.vtt", "1\n00:00:01,000 --> 00:00:02,000\nAna: hi\n", "srt"),
        ("talk.txt", '[{"speaker": "Ana", "text": "hi"}]', "json"),
        ("talk.txt", '{"speaker": "Ana", "text": "hi"}\n{"speaker": "Ben", "text": "ho"}\n', "jsonl"),
        ("talk.json", '{"speaker": "Ana", "text": "hi"}\n{"speaker": "Ben", "text": "ho"}\n', "jsonl"),
        ("talk.jsonl", '[{"speaker": "Ana", "text": "hi"}]', "json"),
        ("talk", '{"segments": [{"text": "hi", "start": 0, "end": 1}]}', "whisperx"),
        ("talk.json", '{"segments": [{"text": "hi", "speaker": "Ana"}]}', "json"),
        ("talk.json", '{"speakers": ["Ana"], "utterances": ["hi"]}', "efr"),
        ("talk.json", '{"utterances": [{"speaker": "Ana", "text": "hi"}]}', "json"),
        ("talk.txt", "Speaker;Text\nAna;hi\n", "csv"),
        ("talk.txt", "who\tmessage\nAna\thi\n", "tsv"),
        ("talk.csv", "who|message\nAna|hi\n", "csv"),
        ("talk.CSV", "sep=;\r\nwho;message\r\nAna;hi\r\n", "csv"),
        ("talk.txt", "[00:01:02] Ana: hi\n", "text"),
        ("talk.log", "Ana: hi, it is {me}\n", "text"),
        ("talk", "Text: hi, who are you\n", "text"),
    ],
)
def test_the_suffix_is_asked_and_the_content_decides(tmp_path: Path, name: str, text: str, format: str) -> None:
    transcript = read_transcript(write(tmp_path, text, name))
    assert (transcript.format, transcript.dialogue.utterances[0].text) == (
        format,
        transcript.dialogue.utterances[0].text,
    )


def test_a_format_can_be_forced(tmp_path: Path) -> None:
    path = write(tmp_path, "speaker,text\nAna,hi\n", "talk.csv")
    assert len(read_transcript(path, format="text").dialogue) == 2


def test_an_unknown_format_is_an_error_that_names_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"format: found 'whisper', expected one of vtt, srt.*did you mean 'whisperx'"):
        read_transcript(write(tmp_path, "Ana: hi"), format="whisper")


# Lines of text


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Ana: hi\nBen: ho\n", [("Ana", "hi"), ("Ben", "ho")]),
        ("00:01 Ana: hi\n0:02 - Ben: ho", [("Ana", "hi"), ("Ben", "ho")]),
        ("(0:01 - 0:02) Ana: hi\n[1:02:03.5]Ben: ho", [("Ana", "hi"), ("Ben", "ho")]),
        ("Ana (00:02):\nhi\nthere\n\nBen (0:03):\nho", [("Ana", "hi there"), ("Ben", "ho")]),
        ("**Ana:** hi\n**Ben**: ho", [("Ana", "hi"), ("Ben", "ho")]),
        ("- Ana: hi\n- Ben: ho", [("Ana", "hi"), ("Ben", "ho")]),
        ("Ana：你好\nBen：再见", [("Ana", "你好"), ("Ben", "再见")]),
        ("माया: कहाँ थे?\nAna : ici", [("माया", "कहाँ थे?"), ("Ana", "ici")]),
        ("Interview of May\nAna: hi", [("Ana", "hi")]),
        ("Ana: see you\n10:30 is fine: really", [("Ana", "see you 10:30 is fine: really")]),
        ("Ana: look\nhttp://example.org: there", [("Ana", "look http://example.org: there")]),
        ("Ana: I have one more\none more thing: sit", [("Ana", "I have one more one more thing: sit")]),
        ("agent 1: hi\nSPEAKER_00: ho\nDr. Ray: so", [("agent 1", "hi"), ("SPEAKER_00", "ho"), ("Dr. Ray", "so")]),
        ("Ana: hi\n[00:03] and then", [("Ana", "hi"), ("Ana", "and then")]),
        ("Ana: hi :)\nthere :D", [("Ana", "hi :) there :D")]),
        ("Ana: one\r\nBen: two\rAna: three", [("Ana", "one"), ("Ben", "two"), ("Ana", "three")]),
        ("Ana: ...\n", [("Ana", "...")]),
    ],
)
def test_lines_name_their_speakers_in_many_ways(tmp_path: Path, text: str, rows: Rows) -> None:
    assert read_rows(tmp_path, text) == rows


def test_empty_utterances_are_skipped_and_told(tmp_path: Path) -> None:
    transcript = read_transcript(write(tmp_path, "Ana:\nBen: ho\nAna:  \n"))
    assert (rows_of(transcript), transcript.notes) == ([("Ben", "ho")], ("2 empty utterances skipped",))


def test_text_is_cleaned_and_keeps_its_words(tmp_path: Path) -> None:
    said = "Ana: It\x92s  la\tte\x1b\x07, “fin”\ufeff &amp; Ã©tÃ©"
    assert read_rows(tmp_path, said) == [("Ana", "It’s la te , “fin” &amp; été")]


def test_half_an_emoji_can_be_written_down(tmp_path: Path) -> None:
    transcript = read_transcript(write(tmp_path, '[{"who": "A\\ud83d", "text": "hi \\ude00"}]', "talk.json"))
    "".join([*rows_of(transcript)[0], *transcript.notes]).encode()


# Subtitles


@pytest.mark.parametrize(
    ("payload", "rows"),
    [
        ("<v Ana Lee>hi</v>", [("Ana Lee", "hi")]),
        ("<v.loud.first Ana>hi <v Ben>ho", [("Ana", "hi"), ("Ben", "ho")]),
        ("<c.yellow>Ana: hi</c> <00:00:01.500>you", [("Ana", "hi you")]),
        ("- hi\n- ho", [("Speaker 1", "hi"), ("Speaker 1", "ho")]),
        (">> ANA: hi\nthere", [("ANA", "hi there")]),
        ("a &lt;b&gt; &amp;amp; c", [("Speaker 1", "a <b> &amp; c")]),
        ("the answer is: no", [("Speaker 1", "the answer is: no")]),
        ("3 < 4 > 2", [("Speaker 1", "3 2")]),
    ],
)
def test_a_cue_is_split_by_voices_names_and_dashes(tmp_path: Path, payload: str, rows: Rows) -> None:
    assert read_rows(tmp_path, f"WEBVTT\n\n00:01.000 --> 00:02.000\n{payload}\n", "talk.vtt") == rows


def test_subtitles_without_a_blank_line_or_a_number_are_read(tmp_path: Path) -> None:
    srt = "00:00:01,000 --> 00:00:02,000\nANA: hi\n2\n00:00:02,000 --> 00:00:03,000\nBEN: ho"
    assert read_rows(tmp_path, srt, "talk.srt") == [("ANA", "hi"), ("BEN", "ho")]


# Tables and lists


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, "caller;words used;text\nAna;hi;1\nBen;ho;2\n", "talk.csv")
    transcript = read_transcript(path, columns={"speaker": "Caller", "text": "words used"})
    assert rows_of(transcript) == [("Ana", "hi"), ("Ben", "ho")]


def test_named_columns_call_for_a_format_that_has_some(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps({"segments": [{"text": "x", "said": "hi", "start": 0, "end": 1}]}), "talk.json")
    transcript = read_transcript(path, columns={"text": "said"})
    assert (transcript.format, rows_of(transcript)) == ("json", [("Speaker 1", "hi")])
    with pytest.raises(InputError, match="read as text, which has no columns; expected csv, tsv, json or jsonl"):
        read_transcript(write(tmp_path, "Ana: hi"), columns={"text": "said"}, format="text")


def test_a_short_row_lacks_its_last_cells(tmp_path: Path) -> None:
    assert read_rows(tmp_path, "text,who\nhi,Ana\nho\n", "talk.csv") == [("Ana", "hi"), ("Unknown", "ho")]


def test_of_columns_called_the_same_the_first_counts(tmp_path: Path) -> None:
    assert read_rows(tmp_path, "who,text,text\nAna,hi,no\n", "talk.csv") == [("Ana", "hi")]


def test_a_table_of_several_dialogues_gives_the_one_asked_for() -> None:
    transcript = read_transcript(f"{FOLDER / 'calls.csv'}#k-2")
    assert (transcript.dialogue.id, len(transcript.dialogue)) == ("calls#k-2", 1)


def test_a_list_in_an_object_in_an_object_is_found(tmp_path: Path) -> None:
    text = '{"results": {"utterances": [{"speaker": {"name": "Ana"}, "transcript": "hi"}]}}'
    assert read_rows(tmp_path, text, "talk.json") == [("Ana", "hi")]


# EFR and ERC files


def test_cases_of_one_dialogue_give_the_longest() -> None:
    transcript = read_transcript(FOLDER / "kitchen_efr.json")
    assert transcript.dialogue.emotions == ("anger", "sadness", "neutral", "joy")
    assert transcript.notes == (
        "2 cases of one dialogue: only the longest is read",
        "the triggers in the file are not used",
    )


def test_a_case_is_named_by_its_position() -> None:
    transcript = read_transcript(FOLDER / "kitchen_efr.json#0")
    assert (transcript.dialogue.id, len(transcript.dialogue)) == ("kitchen_efr#0", 3)


def test_published_forms_call_their_last_list_labels(fixtures: Path) -> None:
    erc = read_transcript(f"{fixtures / 'masac-erc' / 'MaSaC_test_erc.json'}#0")
    assert None not in erc.dialogue.emotions
    efr = read_transcript(fixtures / "efr" / "MaSaC_test_efr.json")
    assert (len(efr.dialogue), efr.dialogue.emotions[0]) == (4, "neutral")


def test_a_hash_in_a_file_s_own_name_names_no_part(tmp_path: Path) -> None:
    assert read_transcript(write(tmp_path, "Ana: hi", "talk #2")).dialogue.id == "talk #2"


# Errors


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.txt", "", "t.txt: no utterances found, read as text; expected at least one"),
        ("t.txt", "Ana:\n\n", "t.txt: no utterances found, read as text; expected at least one"),
        ("t.csv", "", "t.csv: empty; expected a header and rows"),
        ("t.csv", "who,text\n", "t.csv: no utterances found, read as csv; expected at least one"),
        ("t.csv", "who,said\nAna,hi\n", "t.csv: columns 'who', 'said'; expected one for the text (text, utterance, "),
        (
            "t.csv",
            "text,who\nhi, you,Ana\n",
            "t.csv line 2: 3 fields, expected 2 as in the header (put text that contains",
        ),
        ("t.csv", 'who,text\nAna,"hi, you\n', "t.csv line 2: not CSV: unexpected end of data"),
        ("t.json", "[1]", "t.json item 1: found int, expected an object"),
        ("t.json", '[{"text": "hi"}, 7]', "t.json item 2: found int, expected an object"),
        ("t.json", "[]", "t.json: empty; expected an object for each utterance"),
        ("t.json", '{"talk": 1}', "t.json: found an object with 'talk', expected a list of objects, or an object that"),
        ("t.json", "7", "t.json: found int, expected a list of objects"),
        ("t.json", '[{"text": ]', "t.json line 1 column 11: not JSON: Expecting value"),
        ("t.json", "[" * 100_000, "t.json line 1: unreadable JSON: "),
        ("t.json", "[" + "1" * 5000 + "]", "t.json line 1: unreadable JSON: "),
        ("t.json", '[{"text": {"a": 1}}]', "t.json item 1: found dict for the text, expected text"),
        ("t.jsonl", '{"text": "hi"}\n\n{"text"}\n', "t.jsonl line 3 column 8: not JSON: Expecting ':' delimiter"),
        ("t.jsonl", '{"text": "hi"}\n[]\n', "t.jsonl line 2: found list, expected an object"),
        ("t.vtt", "hello", "t.vtt: not WebVTT; expected a first line WEBVTT, then cues with times"),
        ("t.vtt", "WEBVTT\n", "t.vtt: no utterances found, read as vtt"),
        (
            "t.srt",
            "hello",
            "t.srt: no subtitles found; expected times such as 00:00:01,000 --> 00:00:03,000 above each",
        ),
        (
            "t.json",
            '{"segments": [{"text": "a", "start": 0, "end": 1}, 7]}',
            "t.json segment 2: found int, expected an object",
        ),
        ("t.json", '{"utterances": ["a"], "speakers": []}', "t.json case 0: 1 utterances but 0 speakers"),
        ("t.json", '{"utterances": ["a", {}]}', "t.json case 0 utterance 1: found dict for the text, expected text"),
        ("t.json", '[{"utterances": ["a"]}, 3]', "t.json case 1: found int, expected an object"),
    ],
)
def test_an_error_names_place_and_what_was_expected(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_transcript(write(tmp_path, text, name))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "value",
    [
        "[NaN, Infinity, -0.0, 1e400]",
        "[123456789012345678901234567890, 0.1234567890123456789]",
        '{"a": 1, "a": 2}',
        '["\\ud83d", "\\ud83d\\ude00", "\\u0000"]',
        "[" * 300 + "]" * 300,
    ],
)
def test_long_json_has_the_values_of_short_json(value: str) -> None:
    parsed = parse_json(f'[{value}, "{"a" * 1_000_000}"]', "t.json", 1)
    assert repr(parsed[0]) == repr(json.loads(value))


def test_an_error_in_long_json_names_line_and_column(tmp_path: Path) -> None:
    text = f'[{{"text": "{"a" * 1_000_000}"}},\n {{"text": ]'
    with pytest.raises(InputError, match=r"t\.json line 2 column 11: not JSON: Expecting value"):
        read_transcript(write(tmp_path, text, "t.json"))


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            "calls.csv",
            "calls.csv: 2 dialogues in column 'Call ID' ('k-1', 'k-2'); expected one: select it with calls.csv#NAME",
        ),
        ("calls.csv#k-3", "calls.csv: no dialogue 'k-3' in 'Call ID', which has 'k-1', 'k-2'"),
        ("kitchen_efr.json#2", "kitchen_efr.json: no case '2'; expected a position from 0 to 1"),
        ("kitchen_efr.json#-1", "kitchen_efr.json: no case '-1'; expected a position from 0 to 1"),
        ("kitchen.txt#1", "kitchen.txt: text contains only one dialogue; expected the path without #1"),
        (
            "kitchen.csv#1",
            "kitchen.csv: a file without a column for dialogues contains only one dialogue; expected the path ",
        ),
    ],
)
def test_an_error_says_which_dialogues_there_are(file: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_transcript(FOLDER / file, columns={"text": "words"} if file.startswith("calls") else None)
    assert str(error.value).startswith(message)


def test_named_columns_that_are_not_there_are_errors(tmp_path: Path) -> None:
    path = write(tmp_path, "who,text\nAna,hi\n", "t.csv")
    with pytest.raises(InputError, match=r"t\.csv: columns 'who', 'text'; expected 'caller' for the speaker"):
        read_transcript(path, columns={"speaker": "caller"})
    with pytest.raises(
        InputError, match=r"columns: found 'spaeker', expected speaker, text, emotion, start, end, dialogue"
    ):
        read_transcript(path, columns={"spaeker": "who"})


def test_what_is_no_file_is_an_input_error(tmp_path: Path) -> None:
    expected: dict[Path | str, str] = {
        tmp_path / "gone.txt": "no such file",
        tmp_path / "gone.txt#1": "no such file",
        tmp_path: "a folder; expected a transcript file",
        tmp_path / "a\0b": "null byte",
        "": "a folder",
    }
    for path, message in expected.items():
        with pytest.raises(InputError, match=message):
            read_transcript(path)
