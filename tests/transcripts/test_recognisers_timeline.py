"""Units, order and names: what the files of all recognisers have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

SAID = (("Ana", "Where did you leave the car?"), ("Ben", "It is still at the station."), ("Ana", "Then we walk home."))


def read(folder: Path, value: object, name: str = "talk.json") -> Transcript:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_transcript(path)


def rows(per_second: int, start: str = "start", end: str = "end") -> list[dict[str, Any]]:
    return [
        {start: 2 * i * per_second, end: (2 * i + 2) * per_second, "speaker": speaker, "text": text}
        for i, (speaker, text) in enumerate(SAID)
    ]


def starts(transcript: Transcript) -> list[float | None]:
    return [utterance.start for utterance in transcript.dialogue.utterances]


def speakers(transcript: Transcript) -> list[str]:
    return [utterance.speaker for utterance in transcript.dialogue.utterances]


def table(per_second: int) -> str:
    lines = (f"{row['start']}\t{row['end']}\t{row['speaker']}\t{row['text']}\n" for row in rows(per_second))
    return "start\tend\tspeaker\ttext\n" + "".join(lines)


@pytest.mark.parametrize(
    "value", [rows(1000), {"segments": rows(1000)}, {"segments": rows(1000, "startTime", "endTime")}]
)
def test_whole_numbers_that_only_fit_speech_as_milliseconds_are_milliseconds(tmp_path: Path, value: object) -> None:
    transcript = read(tmp_path, value)
    assert starts(transcript) == [0, 2, 4]
    assert any("read as milliseconds" in note for note in transcript.notes)


@pytest.mark.parametrize("value", [rows(1), {"segments": rows(1)}, {"segments": rows(20)}])
def test_whole_seconds_of_possible_speech_stay_seconds(tmp_path: Path, value: object) -> None:
    transcript = read(tmp_path, value)
    assert starts(transcript)[1] in (2, 40)
    assert not any("millisecond" in note for note in transcript.notes)


def test_one_fraction_shows_that_times_are_seconds(tmp_path: Path) -> None:
    segments = rows(1000)
    segments[0]["end"] += 0.5
    assert starts(read(tmp_path, {"segments": segments})) == [0, 2000, 4000]


def test_times_beyond_the_length_of_the_recording_are_milliseconds(tmp_path: Path) -> None:
    segments = [{"start": 1000 * i, "end": None, "text": text} for i, (_, text) in enumerate(SAID)]
    assert starts(read(tmp_path, {"segments": segments, "duration": 2.5})) == [0, 1, 2]


def test_whisper_tsv_may_have_a_column_for_the_speaker(tmp_path: Path) -> None:
    transcript = read(tmp_path, table(1000), "talk.tsv")
    assert (transcript.format, starts(transcript)) == ("whisper-tsv", [0, 2, 4])
    assert speakers(transcript) == ["Ana", "Ben", "Ana"]


def test_the_same_columns_in_seconds_are_a_table(tmp_path: Path) -> None:
    transcript = read(tmp_path, table(1), "talk.tsv")
    assert (transcript.format, starts(transcript)) == ("tsv", [0, 2, 4])


def test_segments_in_mixed_order_are_put_in_order_with_a_note(tmp_path: Path) -> None:
    first, second, third = ({**row, "start": row["start"] + 0.5} for row in rows(1))
    transcript = read(tmp_path, {"segments": [third, first, second]})
    assert starts(transcript) == [0.5, 2.5, 4.5]
    assert "utterances were not in the order of time (1 step back): put in order" in transcript.notes


def test_without_all_starts_the_order_of_the_file_stays(tmp_path: Path) -> None:
    first, second, third = rows(1)
    transcript = read(tmp_path, {"segments": [third, first, {**second, "start": None}]})
    assert speakers(transcript) == ["Ana", "Ana", "Ben"]
    assert any("kept in the order of the file" in note for note in transcript.notes)


def test_joined_files_whose_times_begin_again_keep_their_order(tmp_path: Path) -> None:
    transcript = read(tmp_path, {"segments": [*rows(1), *rows(1)]})
    assert starts(transcript) == [0, 2, 4, 0, 2, 4]
    assert any("begin again" in note for note in transcript.notes)


@pytest.mark.parametrize(
    "people", [[{"id": "Ana", "name": "Ana Lee"}, {"id": "Ben", "name": "Ben Oz"}], {"Ana": "Ana Lee", "Ben": "Ben Oz"}]
)
@pytest.mark.parametrize("key", ["segments", "turns"])
def test_ids_of_speakers_are_names_in_a_table_beside_the_segments(tmp_path: Path, people: object, key: str) -> None:
    assert speakers(read(tmp_path, {"speakers": people, key: rows(1)})) == ["Ana Lee", "Ben Oz", "Ana Lee"]


def test_a_table_with_one_name_for_all_is_not_used(tmp_path: Path) -> None:
    people = {"Ana": "Guest", "Ben": "Guest"}
    assert speakers(read(tmp_path, {"speakers": people, "segments": rows(1)})) == ["Ana", "Ben", "Ana"]


def test_real_time_contact_lens_has_one_transcript_per_segment(tmp_path: Path) -> None:
    segments: list[object] = [
        {"Transcript": {"Id": f"r{i}", "ParticipantRole": who, "Content": text, "BeginOffsetMillis": 1000 * i}}
        for i, (who, text) in enumerate(SAID)
    ]
    transcript = read(tmp_path, {"Segments": [*segments, {"Categories": {"MatchedCategories": ["late"]}}]})
    assert (transcript.format, starts(transcript)) == ("call-analytics", [0, 1, 2])
    assert "segments without speech left out: 1" in transcript.notes


def test_ids_that_differ_in_every_row_are_no_dialogues(tmp_path: Path) -> None:
    value = [{"transcript_id": f"r{i}", **row} for i, row in enumerate(rows(1))]
    assert len(read(tmp_path, value).dialogue.utterances) == 3


def google_words(label: str) -> dict[str, Any]:
    results = []
    for i, (who, text) in enumerate(SAID):
        tag = ["Ana", "Ben"].index(who)
        words = [
            {"startTime": f"{2 * i + n / 5:.1f}s", "endTime": f"{2 * i + n / 5 + 0.1:.1f}s", "word": word, label: tag}
            for n, word in enumerate(text.split())
        ]
        results.append({"alternatives": [{"transcript": text, "words": words}]})
    return {"results": results}


@pytest.mark.parametrize("label", ["speakerLabel", "speakerTag"])
def test_the_label_0_is_a_speaker_if_each_word_is_there_once(tmp_path: Path, label: str) -> None:
    assert speakers(read(tmp_path, google_words(label))) == ["Speaker 0", "Speaker 1", "Speaker 0"]


def test_words_of_elevenlabs_without_their_spacing_get_blanks(tmp_path: Path) -> None:
    words = [{"text": word, "type": "word", "start": i, "end": i + 0.5} for i, word in enumerate(SAID[0][1].split())]
    assert read(tmp_path, {"words": words}).dialogue.utterances[0].text == SAID[0][1]
