"""Any file content gives a well-formed transcript or an InputError, never another exception."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fliptrace.core.errors import InputError
from fliptrace.transcripts.plain.looks import look_of
from fliptrace.transcripts.read import READERS, read_transcript
from fliptrace.transcripts.tables.aliases import ALIASES
from fliptrace.transcripts.transcript import Transcript

SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".jsonl", ".vtt", ".srt", "", ".dat")

fuzzing = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("fuzz")


def check(folder: Path, data: bytes, suffix: str, format: str | None = None) -> Transcript | None:
    path = folder / f"talk{suffix}"
    path.write_bytes(data)
    try:
        transcript = read_transcript(path, format=format)
    except InputError as error:
        assert str(error).startswith("talk"), error
        return None
    for utterance in transcript.dialogue.utterances:
        assert utterance.text == " ".join(utterance.text.split()) != ""
        assert utterance.speaker == utterance.speaker.strip()
        assert all(cue == cue.strip() != "" for cue in utterance.cues)
        assert all(time is None or time >= 0 for time in (utterance.start, utterance.end))
        "".join([utterance.speaker, utterance.text, *utterance.cues]).encode()
    "".join(transcript.notes).encode()
    return transcript


# Pieces of all formats, so that almost valid files are common.
_PIECES = st.sampled_from(
    [
        *(
            "Ana: ",
            "BEN: ",
            "\n",
            "\n\n",
            "hi",
            " - ",
            "[laughs]",
            "(sighs)",
            "♪",
            "[00:01]",
            "00:01 ",
            "1\n",
            ":",
            "é",
        ),
        *("WEBVTT", "NOTE ", "STYLE\n", "REGION\n", "00:00:01.000 --> 00:00:02.000", "00:00:01,000 --> 00:00:02,000"),
        *(
            "<v Ana>",
            "</v>",
            "<i>",
            "&amp;",
            "{\\an8}",
            "speaker",
            "text",
            "emotion",
            ",",
            ";",
            "\t",
            '"',
            '""',
            "sep=;\n",
        ),
        *("{", "}", "[", "]", '"text"', '"speaker"', '"segments"', '"utterances"', "null", "NaN", "1e999", "\\ud800"),
        *("\ufeff", "\u2028", "\x85", "\x00", "\x1b", "\r", "\ud7ff", "ﷺ", "\x92", "9" * 30, "-->", "anger"),
    ]
)
NEAR = st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=40).map("".join)

_SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), _PIECES),
    st.sampled_from(["anger", "0:05", "SPEAKER_00", 10**400, -1.5]),
)
_KEYS = st.sampled_from(
    [
        *(alias for aliases in ALIASES.values() for alias in aliases[:3]),
        *("segments", "utterances", "messages", "words", "speakers", "emotions", "triggers", "labels", "results"),
    ]
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=12,
)
_RECORDS = st.lists(st.dictionaries(_KEYS, _VALUES, max_size=5), max_size=5)
_CASES = st.fixed_dictionaries(
    {"utterances": st.lists(_SCALARS, max_size=4)},
    optional={
        name: st.one_of(st.none(), st.lists(_SCALARS, max_size=4)) for name in ("speakers", "emotions", "triggers")
    },
)
_SEGMENTS = st.lists(
    st.fixed_dictionaries(
        {"text": _SCALARS, "start": _SCALARS, "end": _SCALARS},
        optional={"speaker": _VALUES, "words": st.lists(st.dictionaries(_KEYS, _SCALARS, max_size=3), max_size=3)},
    ),
    max_size=4,
)
JSON = st.one_of(
    *(_VALUES, _RECORDS, st.lists(_CASES, max_size=4), _SEGMENTS.map(lambda segments: {"segments": segments})),
    st.dictionaries(_KEYS, _RECORDS, max_size=2),
)


@fuzzing
@given(data=st.binary(max_size=300), suffix=st.sampled_from(SUFFIXES), format=st.sampled_from([None, *READERS]))
def test_any_bytes_are_read_or_refused(folder: Path, data: bytes, suffix: str, format: str | None) -> None:
    check(folder, data, suffix, format)


@settings(fuzzing, max_examples=400)
@given(
    text=NEAR,
    suffix=st.sampled_from(SUFFIXES),
    format=st.sampled_from([None, *READERS]),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-16", "cp1252", "utf-7"]),
)
def test_pieces_of_all_formats_are_read_or_refused(
    folder: Path, text: str, suffix: str, format: str | None, encoding: str
) -> None:
    check(folder, text.encode(encoding, "replace"), suffix, format)


@settings(fuzzing, max_examples=250)
@given(value=JSON, format=st.sampled_from([None, "json", "jsonl", "whisperx", "efr"]))
def test_any_json_is_read_or_refused(folder: Path, value: Any, format: str | None) -> None:
    check(folder, json.dumps(value).encode(), ".json", format)


@fuzzing
@given(records=st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=5))
def test_any_jsonl_is_read_or_refused(folder: Path, records: list[dict[str, Any]]) -> None:
    check(folder, "\n".join(map(json.dumps, records)).encode(), ".jsonl")


@fuzzing
@given(
    header=st.lists(st.one_of(_KEYS, st.text(max_size=5)), min_size=1, max_size=5),
    rows=st.lists(st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=6), max_size=5),
    delimiter=st.sampled_from(",;\t|"),
)
def test_any_table_is_read_or_refused(folder: Path, header: list[str], rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, escapechar="\\").writerows([header, *rows])
    check(folder, out.getvalue().encode("utf-8", "replace"), ".csv")


@fuzzing
@given(
    payloads=st.lists(NEAR, min_size=1, max_size=4),
    format=st.sampled_from(["vtt", "srt"]),
    times=st.lists(NEAR, max_size=3),
)
def test_any_subtitles_are_read_or_refused(folder: Path, payloads: list[str], format: str, times: list[str]) -> None:
    stamps = ["00:00:01.000 --> 00:00:02.000", "00:00:09.000 --> 00:00:02.000", *times]
    cues = [f"{i}\n{stamps[i % len(stamps)]}\n{payload}\n" for i, payload in enumerate(payloads)]
    text = "\n".join(["WEBVTT\n" if format == "vtt" else "", *cues])
    check(folder, text.encode("utf-8", "replace"), f".{format}")


# Words such as "Note" are no names where they occur once, nor is what goes on in lower case.
NAMES = st.from_regex(r"[A-Z][a-z]{1,10}( [A-Z][a-z]{1,10})?", fullmatch=True).filter(lambda name: look_of(name) > 1)
TEXTS = st.from_regex(r"[A-Z][A-Za-z'éü]{1,8}([ ,] ?[A-Za-z'éü]{1,8}){0,6}[.?!]", fullmatch=True)


@settings(fuzzing, max_examples=30)
@given(rows=st.lists(st.tuples(NAMES, TEXTS), min_size=1, max_size=8), spread=st.booleans())
def test_simple_lines_come_back_as_they_were_written(folder: Path, rows: list[tuple[str, str]], spread: bool) -> None:
    first = {name.casefold(): name for name, _ in reversed(rows)}
    lines = [f"{name}:{chr(10) if spread else ' '}{text}" for name, text in rows]
    transcript = check(folder, "\n".join(lines).encode(), ".txt")
    assert transcript is not None and transcript.format == "text"
    said = [(utterance.speaker, utterance.text) for utterance in transcript.dialogue.utterances]
    assert said == [(first[name.casefold()], " ".join(text.split())) for name, text in rows]


@settings(fuzzing, max_examples=30)
# Texts differ: the same caption of the same person at the same time is shown once.
@given(rows=st.lists(st.tuples(NAMES, TEXTS), min_size=1, max_size=6, unique_by=lambda row: row[1]))
def test_every_format_reads_the_same_dialogue(folder: Path, rows: list[tuple[str, str]]) -> None:
    time = "00:00:01.000 --> 00:00:02.000"
    records = [{"speaker": name, "text": text} for name, text in rows]
    table = io.StringIO()
    csv.writer(table).writerows([("speaker", "text"), *rows])
    names, texts = zip(*rows, strict=True)
    files = {
        ".txt": "\n".join(f"{name}: {text}" for name, text in rows),
        ".csv": table.getvalue(),
        ".tsv": "\n".join(["speaker\ttext", *(f"{name}\t{text}" for name, text in rows)]),
        ".json": json.dumps(records),
        ".jsonl": "\n".join(map(json.dumps, records)),
        ".vtt": "WEBVTT\n\n" + "\n\n".join(f"{time}\n<v {name}>{text}" for name, text in rows),
        ".srt": "\n\n".join(f"{i}\n{time.replace('.', ',')}\n{name}: {text}" for i, (name, text) in enumerate(rows)),
        ".whisperx": json.dumps({"segments": [record | {"start": 0, "end": 1} for record in records]}),
        ".efr": json.dumps([{"speakers": names, "utterances": texts}]),
    }
    read = {suffix: check(folder, content.encode(), suffix) for suffix, content in files.items()}
    said = {
        suffix: [(u.speaker, u.text) for u in transcript.dialogue.utterances]
        for suffix, transcript in read.items()
        if transcript is not None
    }
    assert len(said) == len(files)
    assert {f".{transcript.format}" for transcript in read.values() if transcript is not None} >= {
        ".vtt",
        ".whisperx",
        ".efr",
    }
    assert all(rows == said[".txt"] for rows in said.values())
