"""Large and hostile files give a dialogue or a clear error within seconds: no pattern may take quadratic time."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.decode import MAX_BYTES
from fliptrace.transcripts.read import READERS, read_transcript
from fliptrace.transcripts.source import MAX_CHARACTERS, MAX_ROWS, MAX_UTTERANCES

MEGABYTE = 1_000_000
SECONDS = 5.0  # of processor time; each case takes well under one, and a quadratic pattern takes hours

# Text that is hard for the patterns of names, times, cues and markup; each is repeated to a line of one megabyte.
SEEDS = (
    *(
        "a",
        "A ",
        " ",
        "\t",
        "1",
        "1:",
        "00:",
        ":",
        "[",
        "(",
        "((a",
        "<",
        "<v ",
        "<v a",
        "</",
        "{",
        "{\\",
        "&",
        "♪",
        "♪a",
    ),
    *("*", "-", "- ", ">", '"', '","', ",", "\\", "\\N", "é", "[a", "a: ", "00:00:00,000 --> ", "[1:00 - ", "&#1"),
)


def write(folder: Path, text: str, name: str = "talk.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def try_to_read(path: Path, format: str | None = None) -> str:
    try:
        return f"{len(read_transcript(path, format=format).dialogue)} utterances"
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_line_of_a_megabyte_is_read_or_refused_at_once(tmp_path: Path, seed: str) -> None:
    body = seed * (MEGABYTE // len(seed))
    for name, opening in [
        ("talk.txt", ""),
        ("talk.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n"),
        ("talk.srt", "1\n00:00:01,000 --> 00:00:02,000\n"),
        ("talk.csv", "who,text\nAna,"),
    ]:
        begun = time.process_time()
        assert try_to_read(write(tmp_path, opening + body, name))
        assert time.process_time() - begun < SECONDS, f"{name} of {seed!r}"


@pytest.mark.parametrize(
    "line", ["\n", " \n", "1\n", "a\n", "-\n", "A:\n", "00:00:00,000 --> 00:00:00,000\n", "{}\n", ",\n"]
)
def test_many_thousand_lines_are_read_or_refused_at_once(tmp_path: Path, line: str) -> None:
    texts = {"vtt": f"WEBVTT\n\n00:01.000 --> 00:02.000\na\n{line * 30_000}b"}
    texts["srt"] = f"1\n00:00:01,000 --> 00:00:02,000\na\n{line * 30_000}b"
    for format in READERS:
        begun = time.process_time()
        assert try_to_read(write(tmp_path, texts.get(format, line * 30_000)), format)
        assert time.process_time() - begun < SECONDS, format


def test_a_very_long_utterance_is_split_at_sentences_with_a_note(tmp_path: Path) -> None:
    sentence = "I said it all. "
    transcript = read_transcript(write(tmp_path, f"Ana: hi\nBen: {sentence * 1_000}\n"))
    assert transcript.speakers == ("Ana", "Ben", "Ben")
    assert all(u.text.endswith("all.") and len(u.text) <= MAX_CHARACTERS for u in transcript.utterances[1:])
    assert "1 utterance of over 10,000 characters, split at sentences" in transcript.notes
    assert len(read_transcript(write(tmp_path, f"Ana: {'a' * MAX_CHARACTERS}\n")).dialogue) == 1


def test_words_without_an_end_are_split_anywhere(tmp_path: Path) -> None:
    assert len(read_transcript(write(tmp_path, f"Ana: {'a' * 25_000}\n")).dialogue) == 3


def test_a_name_longer_than_names_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"talk.csv line 2: a speaker name of 200 characters, expected at most 100"):
        read_transcript(write(tmp_path, f"name,text\n{'a' * 200},hi\n", "talk.csv"))


def test_more_utterances_than_a_dialogue_has_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 20001: over 20,000 utterances; expected one dialogue per file"):
        read_transcript(write(tmp_path, "Ana: hi\n" * (MAX_UTTERANCES + 1)))
    assert len(read_transcript(write(tmp_path, "Ana: hi\n" * MAX_UTTERANCES)).dialogue) == MAX_UTTERANCES


@pytest.mark.parametrize(
    ("name", "opening", "row"), [("t.csv", "call_id,text\n", "1,a\n"), ("t.jsonl", "", '{"text":1}\n')]
)
def test_more_rows_than_a_file_may_have_are_an_error(tmp_path: Path, name: str, opening: str, row: str) -> None:
    with pytest.raises(InputError, match=f"{name}: over 200,000 rows; expected one dialogue per file"):
        read_transcript(write(tmp_path, opening + row * (MAX_ROWS + 1), name))


def test_more_subtitles_than_a_dialogue_has_are_an_error(tmp_path: Path) -> None:
    cue = "00:00:01.000 --> 00:00:02.000\nhi\n\n"
    with pytest.raises(InputError, match="over 20,000 cues; expected one dialogue per file"):
        read_transcript(write(tmp_path, "WEBVTT\n\n" + cue * (MAX_UTTERANCES + 1), "talk.vtt"))
    with pytest.raises(InputError, match="over 20,000 subtitles; expected one dialogue per file"):
        read_transcript(write(tmp_path, cue * (MAX_UTTERANCES + 1), "talk.srt"))


# A beginning and a piece that is repeated to the largest size allowed, and what the file is refused for.
LARGEST = {
    "lines in a cue": ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n", "a\n", "over 300,000 lines"),
    "dashes in a cue": ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n", "- a\n", "over 300,000 lines"),
    "cues without text": ("a.vtt", "WEBVTT\n\n", "00:01.000 --> 00:02.000\n\n", "over 300,000 lines"),
    "notes without cues": ("a.vtt", "WEBVTT\n\n", "NOTE a\n\n", "over 300,000 lines"),
    "names without words": ("a.txt", "", "Ana:\n", "over 300,000 lines"),
    "lines without a name": ("a.txt", "Ana: hi\n", "bla\n", "over 300,000 lines"),
    "long lines of words": ("a.txt", "", f"Ana: {'so it is ' * 12}\n", "line [0-9]+: over 100,000 lines of words"),
    "empty objects in a list": ("a.json", "[", "{},", "over 500,000 objects"),
    "empty objects on lines": ("a.jsonl", "", "{}\n", "over 200,000 rows|over 500,000 objects"),
    "rows of no words": (
        "a.jsonl",
        "",
        '{"speaker": "A", "text": "", "start": 1.0, "end": 2.0}\n',
        "over 200,000 rows",
    ),
    "empty lists": ("a.json", "[", "[],", "over 500,000 objects"),
    "empty segments": ("a.json", '{"segments":[', '{"text":"","start":0,"end":1},', "over 500,000 objects"),
    "rows without cells": ("a.csv", "speaker,text\n", "A,\n", "over 200,000 rows"),
    "paragraphs without text": ("a.ttml", '<tt xmlns="http://www.w3.org/ns/ttml">', "<p begin='1s'/>", "500,000 tags"),
    "words on lines": ("a.ctm", "", "a 1 0 1 a\n", "over 300,000 lines"),
    "messages without text": ("a.txt", "", "1/2/23, 10:00 - Ana: \n", "over 300,000 lines"),
}


@pytest.mark.parametrize(("name", "opening", "piece", "message"), LARGEST.values(), ids=list(LARGEST))
def test_the_largest_file_is_refused_before_it_is_built(
    tmp_path: Path, name: str, opening: str, piece: str, message: str
) -> None:
    path = write(tmp_path, opening + piece * ((MAX_BYTES - len(opening)) // len(piece.encode())), name)
    begun = time.process_time()
    with pytest.raises(InputError, match=message):
        read_transcript(path)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("num_lines", [10, 100_000])
def test_the_lines_of_a_cue_are_one_utterance_however_many_they_are(tmp_path: Path, num_lines: int) -> None:
    lines = [f"line {i}" for i in range(num_lines)]
    path = write(tmp_path, "\n".join(["1", "00:00:01,000 --> 00:00:02,000", *lines]), "a.srt")
    begun = time.process_time()
    assert " ".join(u.text for u in read_transcript(path).utterances) == " ".join(lines)
    assert time.process_time() - begun < SECONDS


def test_the_words_of_a_speaker_are_one_utterance_however_many_they_are(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(200_000)]
    path = write(tmp_path, "".join(f"a 1 {i}.0 1.0 {word}\n" for i, word in enumerate(words)), "a.ctm")
    begun = time.process_time()
    assert " ".join(u.text for u in read_transcript(path).utterances) == " ".join(words)
    assert time.process_time() - begun < SECONDS


def test_empty_utterances_count_against_the_limit_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fliptrace.transcripts.assemble.MAX_ROWS", 100)
    assert len(read_transcript(write(tmp_path, "Ana:\n\n" * 90 + "Ben: hi\n")).dialogue) == 1
    with pytest.raises(InputError, match="line 203: over 100 rows, most of them empty"):
        read_transcript(write(tmp_path, "Ana:\n\nBen:\n\n" * 90 + "Ben: hi\n"))


DEEP = {
    "a speaker": (
        "a.json",
        '[{"speaker": %s"Ana"%s, "text": "hi"}, {"speaker": "Ben", "text": "yes"}]',
        '{"name":',
        "}",
    ),
    "a text": ("a.json", '[{"speaker": "Ana", "text": %s"hi"%s}]', '{"text":', "}"),
    "a list": ("a.json", '[{"speaker": "Ana", "text": %s"hi"%s}]', "[", "]"),
    "a speaker of a segment": ("a.json", '{"segments": [{"speaker": %s"a"%s, "text": "hi"}]}', '{"name":', "}"),
    "a row": ("a.jsonl", '{"speaker": "Ana", "text": "hi"}\n{"speaker": %s"Ben"%s, "text": "hi"}\n', '{"name":', "}"),
    "spans": ("a.ttml", '<tt xmlns="http://www.w3.org/ns/ttml"><p begin="1s">%shi%s</p></tt>', "<span>", "</span>"),
}


@pytest.mark.parametrize(("name", "text", "opens", "closes"), DEEP.values(), ids=list(DEEP))
@pytest.mark.parametrize("depth", [300, 600, 900, 100_000])
def test_what_is_nested_too_deeply_is_read_or_refused_in_one_line(
    tmp_path: Path, name: str, text: str, opens: str, closes: str, depth: int
) -> None:
    path = write(tmp_path, text % (opens * depth, closes * depth), name)
    outcome = try_to_read(path)
    assert outcome in ("1 utterances", "2 utterances") or "\n" not in outcome
    if depth == 100_000:
        assert outcome.startswith(f"{name}: ") or outcome.startswith(f"{name} line ")


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_objects_of_more_keys_than_a_table_has_columns_are_an_error(tmp_path: Path, name: str) -> None:
    records = [f'{{"text": "hi", "key{i}": {i}}}' for i in range(20_000)]
    text = f"[{', '.join(records)}]" if name == "a.json" else "\n".join(records)
    begun = time.process_time()
    with pytest.raises(InputError, match=rf"{name}: 20,001 columns or keys; expected at most 1,000"):
        read_transcript(write(tmp_path, text, name))
    assert time.process_time() - begun < SECONDS


def test_seventeen_megabytes_of_blank_lines_in_xml_are_refused_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path, f'<tt xmlns="http://www.w3.org/ns/ttml"><body><div>{" " + chr(10) * 17_000_000}', "talk.ttml"
    )
    began = time.process_time()
    with pytest.raises(InputError, match="damaged XML"):
        read_transcript(path)
    assert time.process_time() - began < SECONDS / 2


def test_an_xml_declaration_is_left_out_before_the_text_is_parsed(tmp_path: Path) -> None:
    body = '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="0s" end="1s">Ana: Hi there</p></div></body></tt>'
    path = write(tmp_path, f'\n <?xml version="1.0" encoding="utf-16"?>\n{body}', "talk.ttml")
    assert [each.text for each in read_transcript(path).dialogue.utterances] == ["Hi there"]


@pytest.mark.parametrize("num_quotes", [2_000_000, 2_000_001])
def test_a_text_of_many_quotes_in_a_textgrid_takes_little_memory(tmp_path: Path, num_quotes: int) -> None:
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n1\n"IntervalTier"\n"a"\n0\n1\n9\n'
    path = write(tmp_path, head + '"' * num_quotes, "talk.TextGrid")
    tracemalloc.start()
    with pytest.raises(InputError, match="expected the start of an interval"):
        read_transcript(path, format="textgrid")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * MEGABYTE


@pytest.mark.parametrize("format", ["ctm", "rttm"])
def test_a_line_of_a_million_fields_takes_little_memory(tmp_path: Path, format: str) -> None:
    path = write(tmp_path, r"\b " * 2_000_000, f"talk.{format}")
    tracemalloc.start()
    with pytest.raises(InputError, match="expected a"):
        read_transcript(path, format=format)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * MEGABYTE
