"""The JSON of Whisper tools, meeting tools and transcription services is read as their users expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Rows = list[tuple[str, str, float | None]]
NOBODY = "Speaker 1"  # the speaker of a file that names none


def read(folder: Path, content: object, name: str = "talk.json") -> Transcript:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    file = name.partition("#")[0]
    (folder / file).write_text(text, encoding="utf-8", newline="")
    return read_transcript(folder / name)


def rows_of(transcript: Transcript) -> Rows:
    return [(u.speaker, u.text, u.start) for u in transcript.dialogue.utterances]


def at(start: float, end: float, **fields: Any) -> dict[str, Any]:
    return {"start": start, "end": end, **fields}


def at_clock(start: str) -> dict[str, Any]:
    return {"start": start, "end": "0:00:09", "adjustedStart": start}


def word(text: str, start: float | None, speaker: str | None) -> dict[str, Any]:
    times = {} if start is None else {"start": start, "end": start + 0.2}
    return {"word": text, **times, **({} if speaker is None else {"speaker": speaker})}


WHISPER = {
    "text": " You are late. I know.",
    "segments": [
        at(0.5, 1.5, id=0, seek=0, text=" You are late.", tokens=[1], temperature=0.0, avg_logprob=-0.2),
        at(2.5, 3.0, id=1, seek=0, text=" I know.", tokens=[2], temperature=0.0, avg_logprob=-0.2),
        at(4.0, 5.0, id=2, seek=0, text=" [Music]", tokens=[2], temperature=0.0, avg_logprob=-0.2),
    ],
    "language": "en",
}
WHISPERX_SPLIT = {
    "segments": [
        at(
            0.5,
            3,
            text=" You are late. I know. Good.",
            speaker="SPEAKER_00",
            words=[
                *(word("You", 0.5, "SPEAKER_00"), word("are", 0.8, None), word("late.", 1.0, "SPEAKER_00")),
                *(word("I", 1.5, "SPEAKER_01"), word("know.", None, None), word("Good.", 2.5, "SPEAKER_00")),
            ],
        )
    ]
}
WHISPERX_CHINESE = {
    "segments": [
        at(
            0.5,
            3,
            text="你迟到了我知道",
            words=[word(letter, 0.5 + 0.3 * n, "A" if n < 4 else "B") for n, letter in enumerate("你迟到了我知道")],
        )
    ],
    "word_segments": [],
}
WHISPERX_BY_WORDS = {"segments": [at(0.5, 1, text=" Late.", words=[word("Late.", 0.5, "SPEAKER_01")])]}
WHISPERCPP_STEREO = {
    "systeminfo": "AVX = 1",
    "params": {"language": "en"},
    "result": {"language": "en"},
    "transcription": [
        {"timestamps": {}, "offsets": {"from": 500, "to": 1500}, "text": " You are late.", "speaker": "0"},
        {"timestamps": {}, "offsets": {"from": 2500, "to": 3500}, "text": " I know.", "speaker": "1"},
        {"timestamps": {}, "offsets": {"from": 4500, "to": 5500}, "text": " Good.", "speaker": "?"},
    ],
}
WHISPERCPP_TURNS = {
    "transcription": [
        {"offsets": {"from": 500, "to": 1500}, "text": " You are late. [SPEAKER_TURN]", "speaker_turn_next": True},
        {"timestamps": {"from": "00:00:02,500", "to": "00:00:03,500"}, "text": " I know."},
    ]
}
CHUNKS = {
    "text": "",
    "chunks": [{"timestamp": [0.5, 1.5], "text": " You are late."}, {"timestamp": [2.5, None], "text": " I know."}],
}
CHUNKS_NAMED = {
    "speakers": [
        {"speaker": "SPEAKER_00", "text": " You are late.", "timestamp": [0.5, 1.5]},
        {"speaker": "SPEAKER_01", "text": " I know.", "timestamp": [2.5, 3.0]},
    ],
    "chunks": [{"timestamp": [0.5, 3.0], "text": " You are late. I know."}],
    "text": " You are late. I know.",
}
OPENAI_DIARIZED = {
    "task": "transcribe",
    "duration": 3.0,
    "text": "You are late. I know.",
    "segments": [
        {
            "type": "transcript.text.segment",
            "id": "seg_0",
            "start": 0.5,
            "end": 1,
            "text": " You are late.",
            "speaker": "A",
        },
        {"type": "transcript.text.segment", "id": "seg_1", "start": 2.5, "end": 3, "text": " I know.", "speaker": "B"},
    ],
    "usage": {"type": "duration", "seconds": 3},
}
OPENAI_WORDS = {
    "task": "transcribe",
    "language": "english",
    "duration": 5.0,
    "text": "You are late. I know.",
    "words": [
        *(word("You", 0.5, None), word("are", 0.8, None), word("late", 1.0, None)),
        *(word("I", 2.5, None), word("know", 2.8, None)),
    ],
}
FIREFLIES = {
    "data": {
        "transcript": {
            "speakers": [{"id": 0, "name": "Ana"}, {"id": 1, "name": "Ben"}],
            "sentences": [
                {"speaker_name": "Ana", "speaker_id": 0, "text": "You are late.", "start_time": 0.5, "end_time": 1},
                {"speaker_name": None, "speaker_id": 1, "text": "I know.", "start_time": 2.5, "end_time": 3},
            ],
        }
    }
}
FIREFLIES_SAVED = [
    {"sentence": "You are late.", "startTime": "00:00.50", "endTime": "00:01", "speaker_name": "Ana", "speaker_id": 0},
    {"sentence": "I know.", "startTime": "00:02.50", "endTime": "00:03", "speaker_name": "Ben", "speaker_id": 1},
]
FIREFLIES_MANY = {
    "data": {
        "transcripts": [
            {"title": "Monday", "sentences": FIREFLIES["data"]["transcript"]["sentences"]},
            {"title": "Tuesday", "sentences": [{"speaker_name": "Ana", "text": "On time!", "start_time": 0}]},
        ]
    }
}
MEET = {
    "transcriptEntries": [
        {
            "name": "conferenceRecords/1/transcripts/2/entries/3",
            "participant": "conferenceRecords/1/participants/7",
            "text": "You are late.",
            "languageCode": "en-US",
            "startTime": "2025-01-04T10:00:00.123000000Z",
            "endTime": "2025-01-04T10:00:02Z",
        },
        {
            "participant": "conferenceRecords/1/participants/8",
            "text": "I know.",
            "startTime": "2025-01-04T10:00:02.623Z",
            "endTime": "2025-01-04T10:00:04Z",
        },
    ],
    "nextPageToken": "x",
}
MEET_NAMED = {
    **MEET,
    "participants": [
        {"name": "conferenceRecords/1/participants/7", "signedinUser": {"user": "u", "displayName": "Ana"}},
        {"name": "conferenceRecords/1/participants/8", "anonymousUser": {"displayName": "Ben"}},
    ],
}
TEAMS = {
    "version": "1.0.0",
    "type": "Transcript",
    "entries": [
        {
            "id": "a/1",
            "speakerId": "s1",
            "speakerDisplayName": "Ana Diaz",
            "text": "You are late.",
            "startOffset": "PT0.5S",
            "endOffset": "PT1.5S",
        },
        {"id": "a/2", "speakerId": "s2", "text": "I know.", "startOffset": "00:00:02.5000000"},
    ],
    "events": [{"eventType": "CallStarted"}],
}
ZOOM_PHONE = {
    "type": "zoom_transcript",
    "ver": 1,
    "recording_start": "2025-01-04T10:00:00Z",
    "timeline": [
        {"text": "You are late.", "ts": "00:00:00.500", "end_ts": "00:00:01.5", "users": [{"username": "Ana"}]},
        {"text": "I know.", "ts": "00:00:02.500", "end_ts": "00:00:03.5", "users": [{"username": "Ben"}]},
    ],
}
ZOOM_PLAYER = {
    "status": True,
    "result": {
        "transcriptList": [
            {"username": "Ana", "ts": "00:00:00.500", "endTs": "00:00:01.500", "text": "You are late."},
            {"username": "Ben", "ts": "00:00:02.500", "endTs": "00:00:03.500", "text": "I know."},
        ]
    },
}
PODCAST_WORDS = {
    "version": "1.0.0",
    "segments": [
        {"speaker": "Ana", "startTime": 0.5, "endTime": 0.8, "body": "You"},
        {"startTime": 0.8, "endTime": 1.0, "body": "are"},
        {"startTime": 1.0, "endTime": 1.5, "body": "late."},
        {"speaker": "Ben", "startTime": 2.5, "endTime": 3, "body": "I"},
        {"startTime": 3, "endTime": 3.5, "body": "know."},
    ],
}
OTTER = {
    "status": "OK",
    "speech": {
        "title": "Weekly",
        "speakers": [{"id": 7, "speaker_id": 7, "speaker_name": "Ana"}],
        "transcripts": [
            {
                "transcript": "You are late.",
                "start_offset": 8000,
                "end_offset": 24000,
                "speaker_id": 7,
                "alignment": [],
            },
            {"transcript": "I know.", "start_offset": 40000, "end_offset": 50000, "speaker_id": None}
            | {"speaker_model_label": "2"},
        ],
    },
}
NEMO = {
    "status": "success",
    "session_id": "talk",
    "transcription": "you are late i know",
    "speaker_count": 2,
    "words": [
        {"word": "you", "start_time": 0.5, "end_time": 0.7, "speaker": "speaker_0"},
        {"word": "late", "start_time": 0.8, "end_time": 1.0, "speaker": "speaker_0"},
        {"word": "yes", "start_time": 2.5, "end_time": 3.0, "speaker": "speaker_1"},
    ],
}
NEMO_SENTENCES = {
    **NEMO,
    "sentences": [
        {"sentence": "you are late ", "start_time": 0.5, "end_time": 1.0, "speaker": "speaker_0"},
        {"sentence": "i know ", "start_time": 2.5, "end_time": 3.0, "speaker": "speaker_1"},
    ],
}
PYANNOTE = {
    "jobId": "j",
    "status": "succeeded",
    "output": {
        "diarization": [at(0.5, 1, speaker="SPEAKER_00")],
        "wordLevelTranscription": [at(0.5, 0.7, speaker="SPEAKER_00", text="You")],
        "turnLevelTranscription": [
            at(0.5, 1, speaker="SPEAKER_00", text="You are late."),
            at(2.5, 3, speaker="SPEAKER_01", text="I know."),
        ],
    },
}
VOSK = {"result": [{"conf": 1, **at(0.5, 0.7, word="late")}], "text": "late", "spk": [0.1], "spk_frames": 9}
VOSK_STREAM = "\n".join(
    json.dumps(value, indent=2)
    for value in [
        {"partial": ""},
        {"partial": "la"},
        VOSK,
        {"text": ""},
        {"result": [{"conf": 1, **at(2.5, 3, word="yes")}], "text": "yes"},
    ]
)
SONIX = {
    "media_id": "x",
    "transcript": [
        {"speaker": "Ana", "start_time": 0.5, "end_time": 1.5, "text": "You are late.", "words": []},
        {"speaker": "Ben", "start_time": 2.5, "end_time": 3, "words": [{"text": "I "}, {"text": "know."}]},
    ],
}
TRINT = {
    "id": "x",
    "transcript": {
        "speakers": [{"id": "s1", "name": "Ana"}, {"id": "s2", "name": "Ben"}],
        "paragraphs": [{"id": "p1", "time": 500, "speaker": "s1"}, {"id": "p2", "time": 2500, "speaker": "s2"}],
        "words": [
            {"id": n, "time": time, "duration": 200, "value": text, "paragraphId": paragraph}
            for n, (time, text, paragraph) in enumerate(
                [
                    (500, "You", "p1"),
                    (800, "are", "p1"),
                    (1000, "late.", "p1"),
                    (2500, "I", "p2"),
                    (2800, "know.", "p2"),
                ]
            )
        ],
    },
}
HAPPYSCRIBE = [
    {
        "speaker": name,
        "words": [
            {"text": text, "type": "text", "data_start": start, "data_end": start + 0.2, "confidence": 1}
            for text, start in said
        ],
    }
    for name, said in [("Ana", [("You", 0.5), ("are", 0.8), ("late.", 1.0)]), ("Ben", [("I", 2.5), ("know.", 2.8)])]
]
RECALL = [
    {
        "participant": {"id": number, "name": name},
        "words": [
            {"text": text, "start_timestamp": {"relative": start}, "end_timestamp": {"relative": start + 0.2}}
            for text, start in said
        ],
    }
    for number, name, said in [
        (1, "Ana", [("You", 0.5), ("are", 0.8), ("late.", 1.0)]),
        (2, "Ben", [("I", 2.5), ("know.", 2.8)]),
    ]
]
GONG = {
    "requestId": "r",
    "callTranscripts": [
        {
            "callId": "1",
            "transcript": [
                {"speakerId": "7", "topic": None, "sentences": [at(500, 1500, text="You are late.")]},
                {"speakerId": "8", "topic": None, "sentences": [at(2500, 3500, text="I know.")]},
            ],
        }
    ],
    "parties": [{"speakerId": "7", "name": "Ana"}, {"speakerId": "8", "name": "Ben"}],
}
VIDEO_INDEXER = {
    "videos": [
        {
            "insights": {
                "transcript": [
                    {"id": 1, "text": "You are late.", "speakerId": 1, "instances": [at_clock("0:00:00.5")]},
                    {"id": 2, "text": "I know.", "speakerId": 2, "instances": [at_clock("0:00:02.5")]},
                ],
                "speakers": [{"id": 1, "name": "Ana"}, {"id": 2, "name": "Ben"}],
            }
        }
    ]
}
TWILIO = {
    "meta": {},
    "sentences": [
        {"media_channel": 1, "sentence_index": 0, "transcript": "You are late.", "start_time": 0.5, "end_time": 1},
        {"media_channel": 2, "sentence_index": 1, "transcript": "I know.", "start_time": "2.5", "end_time": "3"},
    ],
}
AMBERSCRIPT = {
    "id": "x",
    "speakers": [{"spkid": "s1", "name": "Ana"}, {"spkid": "s2", "name": "Ben"}],
    "segments": [
        {"speaker": "s1", "words": [at(0.5, 0.7, text="You"), at(0.8, 0.9, text="are"), at(1, 1.2, text="late.")]},
        {"speaker": "s2", "words": [at(2.5, 2.7, text="I"), at(2.8, 3, text="know.")]},
    ],
}
WHISPER_LABELLED = {
    "segments": [at(0.5, 1.5, text=" [SPEAKER_00]: You are late."), at(2.5, 3, text=" [SPEAKER_01]: I know.")]
}
WHISPERCPP_LABELLED = {
    "transcription": [
        {"offsets": {"from": 500, "to": 1500}, "text": "(speaker 0) You are late."},
        {"offsets": {"from": 2500, "to": 3500}, "text": "(speaker 1) I know."},
    ]
}

NAMED = [("Ana", "You are late.", 0.5), ("Ben", "I know.", 2.5)]
UNNAMED = [(NOBODY, "You are late.", 0.5), (NOBODY, "I know.", 2.5)]
NUMBERED = [("SPEAKER_00", "You are late.", 0.5), ("SPEAKER_01", "I know.", 2.5)]


@pytest.mark.parametrize(
    ("content", "format", "rows"),
    [
        (WHISPER, "whisperx", UNNAMED),
        (
            WHISPERX_SPLIT,
            "whisperx",
            [("SPEAKER_00", "You are late.", 0.5), ("SPEAKER_01", "I know.", 1.5), ("SPEAKER_00", "Good.", 2.5)],
        ),
        (
            WHISPERX_SPLIT["segments"],
            "whisperx",
            [("SPEAKER_00", "You are late.", 0.5), ("SPEAKER_01", "I know.", 1.5), ("SPEAKER_00", "Good.", 2.5)],
        ),
        (WHISPERX_CHINESE, "whisperx", [("A", "你迟到了", 0.5), ("B", "我知道", 1.7)]),
        (WHISPERX_BY_WORDS, "whisperx", [("SPEAKER_01", "Late.", 0.5)]),
        ({"output": WHISPER}, "whisperx", UNNAMED),
        (
            WHISPERCPP_STEREO,
            "whispercpp",
            [("Speaker 0", "You are late.", 0.5), ("Speaker 1", "I know.", 2.5), ("Unknown", "Good.", 4.5)],
        ),
        (WHISPERCPP_TURNS, "whispercpp", UNNAMED),
        (CHUNKS, "whisper-chunks", UNNAMED),
        (CHUNKS_NAMED, "whisper-chunks", NUMBERED),
        (OPENAI_DIARIZED, "openai", [("A", "You are late.", 0.5), ("B", "I know.", 2.5)]),
        (OPENAI_WORDS, "openai", UNNAMED),
        ({"text": "You are late.", "usage": {"type": "tokens"}}, "openai", [(NOBODY, "You are late.", None)]),
        (FIREFLIES, "fireflies", NAMED),
        (FIREFLIES_SAVED, "fireflies", NAMED),
        (MEET, "meet-json", [("Speaker 7", "You are late.", 0), ("Speaker 8", "I know.", 2.5)]),
        (MEET_NAMED, "meet-json", [("Ana", "You are late.", 0), ("Ben", "I know.", 2.5)]),
        (TEAMS, "teams-json", [("Ana Diaz", "You are late.", 0.5), ("s2", "I know.", 2.5)]),
        (ZOOM_PHONE, "zoom-json", NAMED),
        (ZOOM_PLAYER, "zoom-json", NAMED),
        (PODCAST_WORDS, "podcast-json", NAMED),
        (OTTER, "otter-json", [("Ana", "You are late.", 0.5), ("Speaker 2", "I know.", 2.5)]),
        (NEMO, "diarization", [("speaker_0", "you late", 0.5), ("speaker_1", "yes", 2.5)]),
        (NEMO_SENTENCES, "diarization", [("speaker_0", "you are late", 0.5), ("speaker_1", "i know", 2.5)]),
        (PYANNOTE, "diarization", NUMBERED),
        (VOSK, "vosk", [(NOBODY, "late", 0.5)]),
        (VOSK_STREAM, "vosk", [(NOBODY, "late", 0.5), (NOBODY, "yes", 2.5)]),
        (SONIX, "sonix-json", NAMED),
        (TRINT, "trint-json", NAMED),
        (HAPPYSCRIBE, "happyscribe", NAMED),
        (AMBERSCRIPT, "amberscript", NAMED),
        (WHISPER_LABELLED, "whisperx", NUMBERED),
        (WHISPERCPP_LABELLED, "whispercpp", [("speaker 0", "You are late.", 0.5), ("speaker 1", "I know.", 2.5)]),
        (RECALL, "recall", NAMED),
        (GONG, "gong", NAMED),
        (VIDEO_INDEXER, "video-indexer", NAMED),
        (TWILIO, "twilio", [("Channel 1", "You are late.", 0.5), ("Channel 2", "I know.", 2.5)]),
    ],
)
def test_a_file_is_read(tmp_path: Path, content: object, format: str, rows: Rows) -> None:
    transcript = read(tmp_path, content)
    assert (transcript.format, rows_of(transcript)) == (
        format,
        [(who, text, pytest.approx(start) if start is not None else None) for who, text, start in rows],
    )


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (WHISPER, "names no speakers"),
        (WHISPERX_SPLIT, "segments whose words have several speakers, split between them: 1"),
        (WHISPERX_BY_WORDS, "segments without a speaker that got the speaker of their words: 1"),
        (WHISPERCPP_STEREO, "segments whose speaker whisper.cpp could not tell: 1"),
        (WHISPERCPP_TURNS, "changes of speaker that the file marks without saying who speaks: 1"),
        (MEET, "continues on another page"),
        (MEET, "participants have ids instead of names"),
        (TEAMS, "events left out: 1"),
        (PODCAST_WORDS, "utterances without a speaker, assigned to the speaker before: 3"),
        (VOSK_STREAM, "partial results left out: 1"),
    ],
)
def test_what_is_left_out_or_guessed_is_noted(tmp_path: Path, content: object, note: str) -> None:
    assert any(note in each for each in read(tmp_path, content).notes)


# Whisper TSV


@pytest.mark.parametrize("name", ["talk.tsv", "talk.txt", "talk"])
def test_the_times_of_whisper_tsv_are_milliseconds_and_its_quotes_are_text(tmp_path: Path, name: str) -> None:
    transcript = read(tmp_path, 'start\tend\ttext\r\n500\t1500\tYou are "late.\r\n2500\t3500\tI\tknow.\r\n', name)
    assert transcript.format == "whisper-tsv"
    assert rows_of(transcript) == [(NOBODY, 'You are "late.', 0.5), (NOBODY, "I know.", 2.5)]


@pytest.mark.parametrize(
    "content", ["start\tend\ttext\n0.5\t1.5\tYou are late.\n", "start\tend\tspeaker\ttext\n1\t2\tAna\tYou are late.\n"]
)
def test_other_tables_are_not_whisper_tsv(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content, "talk.tsv").format == "tsv"


def test_damaged_lines_of_whisper_tsv_are_left_out_and_counted(tmp_path: Path) -> None:
    content = "start\tend\ttext\n0\t900\tYou are late.\nhalf a line\n900\t1900\tI know.\n1900\t2900\tGood.\n"
    assert "lines without start, end and text left out: 1" in read(tmp_path, content, "talk.tsv").notes


# What cannot be read


def test_one_of_several_meetings_is_chosen_by_its_title(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 dialogues \('Monday', 'Tuesday'\); expected one"):
        read(tmp_path, FIREFLIES_MANY)
    assert rows_of(read(tmp_path, FIREFLIES_MANY, "talk.json#Tuesday")) == [("Ana", "On time!", 0)]


@pytest.mark.parametrize(
    ("content", "names", "part"),
    [
        ([WHISPER, WHISPERX_BY_WORDS], "'1', '2'", "2"),
        ({"monday.wav": WHISPER, "tuesday.wav": WHISPERX_BY_WORDS}, "'monday.wav', 'tuesday.wav'", "tuesday.wav"),
        ({"data": [{"id": "a", **WHISPER}, {"id": "b", **WHISPERX_BY_WORDS}]}, "'a', 'b'", "b"),
    ],
)
def test_a_file_of_several_transcripts_is_not_read_as_its_first(
    tmp_path: Path, content: object, names: str, part: str
) -> None:
    with pytest.raises(InputError, match=rf"2 dialogues \({names}\); expected one"):
        read(tmp_path, content)
    assert rows_of(read(tmp_path, content, f"talk.json#{part}")) == [("SPEAKER_01", "Late.", 0.5)]


@pytest.mark.parametrize("content", [WHISPER, TEAMS, MEET, VOSK, ZOOM_PHONE, PODCAST_WORDS, PYANNOTE, CHUNKS])
def test_a_file_of_one_transcript_has_no_parts(tmp_path: Path, content: object) -> None:
    with pytest.raises(InputError, match="contains only one dialogue"):
        read(tmp_path, content, "talk.json#part")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"timeline": [{"ts": "00:00:01", "users": [{"username": "Ana"}]}]}, "who spoke when, but not what"),
        ({"output": {"diarization": [at(0, 1, speaker="SPEAKER_00")]}}, "who spoke when, but not what"),
        ({"id": "x", "status": "error", "error": "no speech", "audio_url": "u", "text": None}, "failed: no speech"),
        ({"segments": [at(0, 1, text="hi"), 7]}, "segment 2: found int, expected an object"),
        ({"segments": [at(0, 1, text=["hi"])]}, "segment 1: found list for the text, expected text"),
        ({"monologues": [{"speaker": 0, "elements": [3]}]}, "monologue 1 element 1: found int"),
        ({"results": {"items": [], "transcripts": [{"transcript": ""}]}}, "no utterances found"),
    ],
)
def test_what_has_no_speech_is_an_error_that_says_why(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        read(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        [{"speaker": "Ana", "text": "You are late.", "start": 1, "end": 2}],
        {"utterances": [{"speaker": "Ana", "text": "You are late.", "start": 1, "end": 2}]},
        {"messages": [{"role": "user", "content": "You are late."}]},
        {"results": [{"speaker": "Ana", "text": "You are late."}]},
    ],
)
def test_general_json_is_left_to_its_reader(tmp_path: Path, content: object) -> None:
    assert read(tmp_path, content).format == "json"
