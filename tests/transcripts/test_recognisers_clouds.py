"""The JSON of transcription clouds is read with the right speakers, words and times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Rows = list[tuple[str, str, float | None]]
NOBODY = "Speaker 1"  # the speaker of a file that names none


def read(folder: Path, content: object, name: str = "talk.json") -> Transcript:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_transcript(path)


def rows_of(transcript: Transcript) -> Rows:
    return [(u.speaker, u.text, u.start) for u in transcript.dialogue.utterances]


def spoken(words: str, start: float, **fields: Any) -> list[dict[str, Any]]:
    """Words of 0.2 seconds every 0.3 seconds, as most clouds write them."""
    times = [round(start + 0.3 * number, 2) for number in range(len(words.split()))]
    return [
        {"word": word, "start": time, "end": round(time + 0.2, 2), **fields}
        for word, time in zip(words.split(), times, strict=True)
    ]


# AWS


def aws_items(words: str, start: float, **fields: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for word in spoken(words, start):
        text = word["word"].rstrip(".?!,")
        items.append(
            {
                "type": "pronunciation",
                "start_time": str(word["start"]),
                "end_time": str(word["end"]),
                "alternatives": [{"confidence": "0.9", "content": text}],
                **fields,
            }
        )
        if mark := word["word"][len(text) :]:
            items.append({"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": mark}], **fields})
    return items


def aws(items: list[dict[str, Any]], **results: Any) -> dict[str, Any]:
    return {"jobName": "j", "status": "COMPLETED", "results": {"transcripts": [], "items": items, **results}}


def label(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {"start_time": item["start_time"], "end_time": item["end_time"], "speaker_label": name}


FIRST, SECOND = aws_items("You are late, again!", 0.5), aws_items("I know.", 2.5)
TIMED = [item for item in SECOND if "start_time" in item]
AWS_OLD = aws(
    FIRST + SECOND,
    speaker_labels={
        "speakers": 2,
        "segments": [
            {
                "start_time": "0.5",
                "speaker_label": "spk_0",
                "items": [label(i, "spk_0") for i in FIRST if "start_time" in i],
            },
            {"start_time": "2.5", "speaker_label": "spk_1", "items": [label(i, "spk_1") for i in TIMED]},
        ],
    },
)
AWS_CHANNELS = aws(
    [
        *aws_items("How may I help?", 0.5, channel_label="ch_0"),
        *aws_items("It broke.", 2.0, channel_label="ch_1"),
        *aws_items("I see.", 3.0, channel_label="ch_0"),
    ],
    channel_labels={"channels": [], "number_of_channels": 2},
)
AWS_CHANNELS_OLD = aws(
    aws_items("How may I help?", 0.5) + aws_items("It broke", 2.0),
    channel_labels={
        "channels": [
            {"channel_label": "ch_0", "items": aws_items("How may I help", 0.5)},
            {"channel_label": "ch_1", "items": aws_items("It broke", 2.0)},
        ]
    },
)
AWS_SEGMENTS = aws(
    aws_items("You are late. I know.", 0.5),
    audio_segments=[
        {"id": 0, "transcript": "You are late.", "start_time": "0.5", "end_time": "1.3", "items": [0, 1, 2]},
        {"id": 1, "transcript": "I know.", "start_time": "1.4", "end_time": "2.0", "items": [4, 5]},
    ],
)
AWS_CHINESE = aws(
    [
        *aws_items("你 迟到 了 。", 0.5, speaker_label="spk_0"),
        *aws_items("对不起 。", 2.0, speaker_label="spk_1"),
    ],
    language_code="zh-CN",
)

# Google

GOOGLE_REPEATED = {
    "results": [
        {
            "alternatives": [{"transcript": "you are late", "words": spoken("you are late", 0)}],
            "resultEndTime": "1.200s",
            "languageCode": "en-us",
        },
        {"alternatives": [{"transcript": " i know", "words": []}], "resultEndTime": "3s"},
        {
            "alternatives": [
                {
                    "words": [
                        {"startTime": "0s", "endTime": "0.300s", "word": "you", "speakerTag": 1},
                        {"startTime": "0.300s", "endTime": "0.600s", "word": "are", "speakerTag": 1},
                        {"startTime": "0.600s", "endTime": "1.200s", "word": "late", "speakerTag": 1},
                        {"startTime": "1.900s", "endTime": "2.100s", "word": "i", "speakerTag": 2},
                        {"startTime": "2.100s", "endTime": "2.500s", "word": "know", "speakerTag": 2},
                    ]
                }
            ]
        },
    ]
}
GOOGLE_PROTO = {
    "results": [
        {
            "alternatives": [
                {
                    "transcript": "you are late i know",
                    "words": [
                        {"start_time": {}, "end_time": {"nanos": 300000000}, "word": "late", "speaker_tag": 0},
                        {
                            "start_time": {"seconds": "2", "nanos": 100000000},
                            "end_time": {"seconds": "3"},
                            "word": "sorry",
                            "speaker_tag": 0,
                        },
                    ],
                }
            ]
        },
        {
            "alternatives": [
                {
                    "transcript": "late sorry",
                    "words": [
                        {"start_time": {}, "end_time": {"nanos": 300000000}, "word": "late", "speaker_tag": 1},
                        {
                            "start_time": {"seconds": "2", "nanos": 100000000},
                            "end_time": {"seconds": "3"},
                            "word": "sorry",
                            "speaker_tag": 2,
                        },
                    ],
                }
            ]
        },
    ]
}


def google_v2(words: str, start: float, who: str) -> list[dict[str, Any]]:
    return [
        {"word": w["word"], "startOffset": f"{w['start']}s", "endOffset": f"{w['end']}s", "speakerLabel": who}
        for w in spoken(words, start)
    ]


GOOGLE_V2 = {
    "results": [
        {
            "alternatives": [{"transcript": "You are late.", "words": google_v2("You are late.", 0.4, "1")}],
            "resultEndOffset": "1.5s",
            "languageCode": "en-US",
        },
        {
            "alternatives": [{"transcript": "I know.", "words": google_v2("I know.", 2, "2")}],
            "resultEndOffset": "3s",
            "languageCode": "en-US",
        },
    ]
}
GOOGLE_BATCH = {
    "results": {"gs://bucket/call.wav": {"uri": "", "inlineResult": {"transcript": GOOGLE_V2}}},
    "totalBilledDuration": "9s",
}
GOOGLE_PLAIN = {
    "name": "1",
    "done": True,
    "response": {
        "@type": "x",
        "results": [
            {"alternatives": [{"transcript": "you are late", "confidence": 0.9}], "resultEndTime": "1.500s"},
            {"alternatives": [{"transcript": " i know", "confidence": 0.9}], "resultEndTime": "3s"},
        ],
    },
}
GOOGLE_CHANNELS = {
    "results": [
        {
            "alternatives": [{"transcript": "how may i help", "words": google_v2("how may i help", 0.5, "")}],
            "channelTag": 1,
        },
        {"alternatives": [{"transcript": "i see", "words": google_v2("i see", 3.1, "")}], "channelTag": 1},
        {"alternatives": [{"transcript": "it broke", "words": google_v2("it broke", 2, "")}], "channelTag": 2},
    ]
}
GOOGLE_MIXED = {
    "results": [GOOGLE_V2["results"][0], {"alternatives": [{"transcript": "I know."}], "resultEndOffset": "3s"}]
}
GOOGLE_STREAM = [
    {"results": [{"alternatives": [{"transcript": "you"}], "stability": 0.1}]},
    {"results": [{"alternatives": [{"transcript": "you are late"}], "isFinal": True, "resultEndTime": "1.5s"}]},
]

# Azure

AZURE_BATCH = {
    "source": "https://x/talk.wav",
    "durationInTicks": 50000000,
    "combinedRecognizedPhrases": [{"channel": 0, "display": "You are late. I know."}],
    "recognizedPhrases": [
        {
            "recognitionStatus": "Success",
            "channel": 0,
            "speaker": 1,
            "offset": "PT0.76S",
            "duration": "PT1.5S",
            "offsetInTicks": 7600000.0,
            "durationInTicks": 15000000.0,
            "nBest": [{"confidence": 0.9, "lexical": "you are late", "display": "You are late."}],
        },
        {
            "recognitionStatus": "Success",
            "channel": 0,
            "speaker": 2,
            "offset": "PT1M2.5S",
            "duration": "PT1S",
            "nBest": [{"lexical": "i know", "display": "I know."}],
        },
        {"recognitionStatus": "NoMatch", "channel": 0, "offset": "PT1M9S", "duration": "PT1S", "nBest": []},
    ],
}
AZURE_STEREO = {
    "recognizedPhrases": [
        {"channel": 0, "offset": "PT0.5S", "duration": "PT1S", "nBest": [{"display": "How may I help?"}]},
        {"channel": 0, "offset": "PT4S", "duration": "PT1S", "nBest": [{"display": "I see."}]},
        {"channel": 1, "offset": "PT2S", "duration": "PT1S", "nBest": [{"display": "It broke."}]},
    ]
}
AZURE_FAST = {
    "durationMilliseconds": 9000,
    "combinedPhrases": [{"text": "You are late. I know."}],
    "phrases": [
        {"speaker": 1, "offsetMilliseconds": 760, "durationMilliseconds": 900, "text": "You are late.", "words": []},
        {"speaker": 2, "offsetMilliseconds": 2000, "durationMilliseconds": 900, "text": "I know.", "words": []},
    ],
}
AZURE_MEETING = [
    {"Id": "a", "RecognitionStatus": "Success", "DisplayText": "You are late.", "Offset": 7600000, "Duration": 9000000}
    | {"SpeakerId": "Guest-1", "Channel": 0},
    {"Id": "b", "RecognitionStatus": "Success", "DisplayText": "I know.", "Offset": 20000000, "Duration": 9000000}
    | {"SpeakerId": "Guest-2", "Channel": 0},
]
AZURE_OLD = {
    "AudioFileResults": [
        {
            "AudioFileName": "Channel.0.wav",
            "SegmentResults": [
                {
                    "RecognitionStatus": "Success",
                    "ChannelNumber": None,
                    "SpeakerId": "1",
                    "Offset": 7600000,
                    "Duration": 9000000,
                    "NBest": [{"Lexical": "you are late", "Display": "You are late."}],
                }
            ],
        }
    ]
}

# Others


def deepgram(*alternatives: dict[str, Any], **results: Any) -> dict[str, Any]:
    return {"metadata": {}, "results": {"channels": [{"alternatives": [each]} for each in alternatives], **results}}


def late(start: float, end: float, **fields: Any) -> dict[str, Any]:
    return {"start": start, "end": end, **fields}


DEEPGRAM_UTTERANCES = deepgram(
    {"transcript": "You are late. I know.", "words": spoken("You are late. I know.", 0.5)},
    utterances=[
        late(0.5, 1.3, confidence=0.9, channel=0, transcript="You are late.", words=[], speaker=0, id="a"),
        late(1.4, 2.0, confidence=0.9, channel=0, transcript="I know.", words=[], speaker=1, id="b"),
    ],
)
DEEPGRAM_MIXED = deepgram(
    {"transcript": "", "words": []},
    utterances=[
        late(
            0.5,
            2.0,
            channel=0,
            transcript="You are late. I know.",
            speaker=0,
            words=spoken("you are late", 0.5, speaker=0) + spoken("i know", 1.4, speaker=1),
        )
    ],
)
DEEPGRAM_STEREO = deepgram(
    {"transcript": "how may i help i see", "words": spoken("how may i help", 0.5) + spoken("i see", 3)},
    {"transcript": "it broke", "words": spoken("it broke", 2)},
)
DEEPGRAM_STEREO_UTTERANCES = deepgram(
    utterances=[
        late(0.5, 1, channel=0, transcript="How may I help?", words=[]),
        late(3.0, 4, channel=0, transcript="I see.", words=[]),
        late(2.0, 3, channel=1, transcript="It broke.", words=[]),
    ]
)
DEEPGRAM_WORDS = spoken("You are late.", 0.5, speaker=0) + spoken("I know.", 2.5, speaker=1)
DEEPGRAM_PARAGRAPHS = deepgram(
    {
        "transcript": "You are late. I know.",
        "words": DEEPGRAM_WORDS,
        "paragraphs": {
            "transcript": "",
            "paragraphs": [
                late(0.5, 1.3, sentences=[late(0.5, 1.3, text="You are late.")], speaker=0, num_words=3),
                late(2.5, 3.0, sentences=[late(2.5, 3.0, text="I know.")], speaker=1, num_words=2),
            ],
        },
    }
)
DEEPGRAM_BARE_PARAGRAPHS = deepgram(
    {
        "transcript": "You are late. I know.",
        "words": DEEPGRAM_WORDS,
        "paragraphs": {"paragraphs": [late(0.5, 3, sentences=[late(0.5, 3, text="You are late. I know.")])]},
    }
)
DEEPGRAM_PLAIN = deepgram({"transcript": "you are late", "words": spoken("you are late", 0.5)})
DEEPGRAM_LIVE = "\n".join(
    json.dumps({"type": "Results", "is_final": final, "channel": {"alternatives": [{"transcript": text, "words": w}]}})
    for final, text, w in [
        (False, "you", spoken("you", 0.5, speaker=0)),
        (True, "you are late", spoken("you are late", 0.5, speaker=0)),
        (True, "i know", spoken("i know", 2, speaker=1)),
    ]
)

ASSEMBLYAI_WORDS = {
    "id": "x",
    "language_model": "m",
    "status": "completed",
    "text": "You are late. I know.",
    "utterances": None,
    "words": [
        {"text": w["word"], "start": int(w["start"] * 1000), "end": int(w["end"] * 1000), "confidence": 1, "speaker": s}
        for words, start, s in [("You are late.", 0.5, "A"), ("I know.", 2.5, "B")]
        for w in spoken(words, start)
    ],
}
ASSEMBLYAI_NOBODY = {
    **ASSEMBLYAI_WORDS,
    "words": [{**word, "speaker": None} for word in ASSEMBLYAI_WORDS["words"]],  # type: ignore[union-attr]
}
ASSEMBLYAI_LIST = [
    late(500, 1300, speaker="A", text="You are late.", confidence=0.9),
    late(2500, 3000, speaker="B", text="I know.", confidence=0.9),
]
ASSEMBLYAI_SENTENCES = {
    "sentences": [
        late(500, 1300, text="You are late.", words=[late(500, 700, text="You")], speaker="A"),
        late(2500, 3000, text="I know.", words=[late(2500, 2600, text="I")], speaker="B"),
    ],
    "id": "x",
    "audio_duration": 3,
}

REV = {
    "monologues": [
        {
            "speaker": 0,
            "elements": [
                {"type": "text", "value": "You", "ts": 0.5, "end_ts": 0.7, "confidence": 1.0},
                {"type": "punct", "value": " "},
                {"type": "text", "value": "are", "ts": 0.8, "end_ts": 1.0},
                {"type": "punct", "value": " "},
                {"type": "text", "value": "late", "ts": 1.0, "end_ts": 1.3},
                {"type": "punct", "value": "."},
                {"type": "unknown", "value": "<laugh>"},
            ],
        },
        {
            "speaker": 1,
            "elements": [
                {"type": "text", "value": "I", "ts": 2.5, "end_ts": 2.6},
                {"type": "punct", "value": " "},
                {"type": "text", "value": "know", "ts": 2.7, "end_ts": 3.0},
                {"type": "punct", "value": "."},
            ],
        },
    ]
}
REV_NAMED = {
    "speakers": [{"id": 0, "name": "Ana"}, {"id": 1, "name": "Ben"}],
    "monologues": [
        {
            "speaker": number,
            "elements": [
                {"type": "text", "value": text, "timestamp": time, "end_timestamp": time},
                {"type": "punct", "value": "."},
            ],
        }
        for number, text, time in [(0, "You are late", "00:00:00,500"), (1, "I know", "00:00:02,500")]
    ],
}


def speechmatics(words: str, start: float, who: str, **fields: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for word in spoken(words, start):
        text = word["word"].rstrip(".?!")
        times = {"start_time": word["start"], "end_time": word["end"]}
        found.append({"type": "word", **times, "alternatives": [{"content": text, "speaker": who}], **fields})
        if mark := word["word"][len(text) :]:
            end = {"start_time": word["end"], "end_time": word["end"], "attaches_to": "previous", "is_eos": True}
            found.append({"type": "punctuation", **end, "alternatives": [{"content": mark, "speaker": who}], **fields})
    return found


SPEECHMATICS = {
    "format": "2.9",
    "metadata": {},
    "results": speechmatics("You are late.", 0.5, "S1") + speechmatics("I know.", 2.5, "S2"),
}
SPEECHMATICS_UNKNOWN = {
    "results": speechmatics("You are late.", 0.5, "S1")
    + speechmatics("Oh", 1.5, "UU")
    + speechmatics("I know.", 2.5, "S2")
}
SPEECHMATICS_JAPANESE = {
    "metadata": {"language_pack_info": {"word_delimiter": ""}},
    "results": speechmatics("遅 い よ", 0.5, "S1") + speechmatics("OK", 2.5, "S2"),
}
SPEECHMATICS_CHANNELS = {
    "results": [
        *speechmatics("It broke.", 2, "", channel="Caller"),
        *speechmatics("How may I help?", 0.5, "", channel="Agent"),
        *speechmatics("I see.", 3, "", channel="Agent"),
    ]
}

GLADIA = {
    "id": "x",
    "status": "done",
    "result": {
        "metadata": {},
        "transcription": {
            "full_transcript": "You are late. I know.",
            "utterances": [
                late(0.5, 1.3, text="You are late.", channel=0, speaker=0, words=[{"word": "You", "start": 0.5}]),
                late(2.5, 3.0, text="I know.", channel=0, speaker=1, words=[]),
            ],
        },
    },
}
GLADIA_OLD = {
    "prediction": [
        {"transcription": "You are late.", "time_begin": 0.5, "time_end": 1.3, "speaker": 0, "channel": "channel_0"},
        {"transcription": "I know.", "time_begin": 2.5, "time_end": 3, "speaker": 1, "channel": "channel_0"},
    ]
}
WATSON = {
    "result_index": 0,
    "results": [
        {
            "final": True,
            "alternatives": [
                {
                    "transcript": "you are late i know ",
                    "confidence": 0.9,
                    "timestamps": [
                        *(["you", 0.5, 0.7], ["are", 0.8, 1.0], ["late", 1.1, 1.3]),
                        *(["i", 1.5, 1.6], ["know", 1.7, 2.0]),
                    ],
                }
            ],
        }
    ],
    "speaker_labels": [
        {"from": start, "to": start + 0.2, "speaker": who, "confidence": 0.5, "final": True}
        for start, who in [(0.5, 0), (0.8, 0), (1.1, 0), (1.5, 2), (1.7, 2)]
    ],
}
WATSON_NOBODY = {"results": WATSON["results"], "result_index": 0}
ELEVENLABS = {
    "language_code": "en",
    "text": "You are late. I know.",
    "words": [
        {"text": text, "start": start, "end": start + 0.2, "type": kind, "speaker_id": who, "logprob": 0}
        for text, start, kind, who in [
            ("You", 0.5, "word", "speaker_0"),
            (" ", 0.7, "spacing", "speaker_0"),
            ("late.", 0.8, "word", "speaker_0"),
            ("(laughs)", 1.0, "audio_event", "speaker_0"),
            (" ", 1.3, "spacing", "speaker_1"),
            ("Yes.", 2.5, "word", "speaker_1"),
        ]
    ],
}
SONIOX = {
    "id": "x",
    "text": "You're late. Yes.",
    "tokens": [
        {"text": text, "start_ms": start, "end_ms": start + 90, "confidence": 1, "speaker": who}
        for text, start, who in [
            *(("You", 500, "1"), ("'re", 600, "1"), (" late", 700, "1"), (".", 800, "1")),
            *((" Yes", 2500, "2"), (".", 2600, "2")),
        ]
    ]
    + [{"text": " Ja.", "translation_status": "translation", "speaker": "2"}],
}

TWO = [("Speaker 0", "You are late.", 0.5), ("Speaker 1", "I know.", 2.5)]
LETTERS = [("A", "You are late.", 0.5), ("B", "I know.", 2.5)]
CALL = ["How may I help?", "It broke.", "I see."]


@pytest.mark.parametrize(
    ("content", "format", "rows"),
    [
        (AWS_OLD, "aws", [("spk_0", "You are late, again!", 0.5), ("spk_1", "I know.", 2.5)]),
        (AWS_CHANNELS, "aws", [("ch_0", CALL[0], 0.5), ("ch_1", CALL[1], 2), ("ch_0", CALL[2], 3)]),
        (AWS_CHANNELS_OLD, "aws", [("ch_0", "How may I help?", 0.5), ("ch_1", "It broke", 2)]),
        (AWS_SEGMENTS, "aws", [(NOBODY, "You are late.", 0.5), (NOBODY, "I know.", 1.4)]),
        (AWS_CHINESE, "aws", [("spk_0", "你迟到了。", 0.5), ("spk_1", "对不起。", 2)]),
        (aws([], transcripts=[{"transcript": "You are late."}]), "aws", [(NOBODY, "You are late.", None)]),
        (GOOGLE_REPEATED, "google", [("Speaker 1", "you are late", 0), ("Speaker 2", "i know", 1.9)]),
        (GOOGLE_PROTO, "google", [("Speaker 1", "late", 0), ("Speaker 2", "sorry", 2.1)]),
        (GOOGLE_V2, "google", [("Speaker 1", "You are late.", 0.4), ("Speaker 2", "I know.", 2)]),
        (GOOGLE_BATCH, "google", [("Speaker 1", "You are late.", 0.4), ("Speaker 2", "I know.", 2)]),
        (GOOGLE_PLAIN, "google", [(NOBODY, "you are late", 0), (NOBODY, "i know", 1.5)]),
        (
            GOOGLE_CHANNELS,
            "google",
            [("Channel 1", "how may i help", 0.5), ("Channel 2", "it broke", 2), ("Channel 1", "i see", 3.1)],
        ),
        (GOOGLE_MIXED, "google", [("Speaker 1", "You are late. I know.", 0.4)]),
        (GOOGLE_STREAM, "google", [(NOBODY, "you are late", 0)]),
        (AZURE_BATCH, "azure", [("Speaker 1", "You are late.", 0.76), ("Speaker 2", "I know.", 62.5)]),
        (AZURE_STEREO, "azure", [("Channel 0", CALL[0], 0.5), ("Channel 1", CALL[1], 2), ("Channel 0", CALL[2], 4)]),
        (AZURE_FAST, "azure", [("Speaker 1", "You are late.", 0.76), ("Speaker 2", "I know.", 2)]),
        (AZURE_MEETING, "azure", [("Guest-1", "You are late.", 0.76), ("Guest-2", "I know.", 2)]),
        (AZURE_OLD, "azure", [("Speaker 1", "You are late.", 0.76)]),
        (DEEPGRAM_UTTERANCES, "deepgram", [("Speaker 0", "You are late.", 0.5), ("Speaker 1", "I know.", 1.4)]),
        (DEEPGRAM_MIXED, "deepgram", [("Speaker 0", "You are late.", 0.5), ("Speaker 1", "I know.", 1.4)]),
        (
            DEEPGRAM_STEREO,
            "deepgram",
            [("Channel 0", "how may i help", 0.5), ("Channel 1", "it broke", 2), ("Channel 0", "i see", 3)],
        ),
        (
            DEEPGRAM_STEREO_UTTERANCES,
            "deepgram",
            [("Channel 0", CALL[0], 0.5), ("Channel 1", CALL[1], 2), ("Channel 0", CALL[2], 3)],
        ),
        (DEEPGRAM_PARAGRAPHS, "deepgram", [("Speaker 0", "You are late.", 0.5), ("Speaker 1", "I know.", 2.5)]),
        (DEEPGRAM_BARE_PARAGRAPHS, "deepgram", [("Speaker 0", "You are late.", 0.5), ("Speaker 1", "I know.", 2.5)]),
        (DEEPGRAM_PLAIN, "deepgram", [(NOBODY, "you are late", 0.5)]),
        (DEEPGRAM_LIVE, "deepgram", [("Speaker 0", "you are late", 0.5), ("Speaker 1", "i know", 2)]),
        (ASSEMBLYAI_WORDS, "assemblyai", LETTERS),
        (ASSEMBLYAI_NOBODY, "assemblyai", [(NOBODY, "You are late.", 0.5), (NOBODY, "I know.", 2.5)]),
        (ASSEMBLYAI_LIST, "assemblyai", LETTERS),
        ({"utterances": ASSEMBLYAI_LIST}, "assemblyai", LETTERS),
        (ASSEMBLYAI_SENTENCES, "assemblyai", LETTERS),
        (REV, "rev-json", TWO),
        (REV_NAMED, "rev-json", [("Ana", "You are late.", 0.5), ("Ben", "I know.", 2.5)]),
        (SPEECHMATICS, "speechmatics", [("S1", "You are late.", 0.5), ("S2", "I know.", 2.5)]),
        (SPEECHMATICS_UNKNOWN, "speechmatics", [("S1", "You are late. Oh", 0.5), ("S2", "I know.", 2.5)]),
        (SPEECHMATICS_JAPANESE, "speechmatics", [("S1", "遅いよ", 0.5), ("S2", "OK", 2.5)]),
        (
            SPEECHMATICS_CHANNELS,
            "speechmatics",
            [("Agent", CALL[0], 0.5), ("Caller", CALL[1], 2), ("Agent", CALL[2], 3)],
        ),
        (GLADIA, "gladia", TWO),
        (GLADIA_OLD, "gladia", TWO),
        (WATSON, "watson", [("Speaker 0", "you are late", 0.5), ("Speaker 2", "i know", 1.5)]),
        (WATSON_NOBODY, "watson", [(NOBODY, "you are late i know", 0.5)]),
        (ELEVENLABS, "elevenlabs", [("speaker_0", "You late.", 0.5), ("speaker_1", "Yes.", 2.5)]),
        ({"transcripts": [ELEVENLABS]}, "elevenlabs", [("speaker_0", "You late.", 0.5), ("speaker_1", "Yes.", 2.5)]),
        (SONIOX, "soniox", [("Speaker 1", "You're late.", 0.5), ("Speaker 2", "Yes.", 2.5)]),
    ],
)
def test_a_cloud_is_read(tmp_path: Path, content: object, format: str, rows: Rows) -> None:
    transcript = read(tmp_path, content)
    assert (transcript.format, rows_of(transcript)) == (format, rows)


@pytest.mark.parametrize("content", [AWS_SEGMENTS, GOOGLE_PLAIN, DEEPGRAM_PLAIN, ASSEMBLYAI_NOBODY, WATSON_NOBODY])
def test_a_note_says_that_nobody_is_named(tmp_path: Path, content: object) -> None:
    assert any("names no speakers" in note for note in read(tmp_path, content).notes)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (AZURE_BATCH, "phrases that were not recognised left out: 1"),
        (GOOGLE_STREAM, "interim results left out: 1"),
        (DEEPGRAM_LIVE, "interim results left out: 1"),
        (SONIOX, "translations left out: 1"),
        (GOOGLE_REPEATED, "the last result repeats the words of the others with their speakers: read once"),
        (SPEECHMATICS_UNKNOWN, "words without a speaker, assigned to the speaker of the words beside them: 1"),
        (
            DEEPGRAM_STEREO,
            "2 channels merged in the order of time; where speech overlaps, utterances follow one another",
        ),
    ],
)
def test_what_is_left_out_or_changed_is_noted(tmp_path: Path, content: object, note: str) -> None:
    assert note in read(tmp_path, content).notes


def test_events_of_the_audio_are_cues(tmp_path: Path) -> None:
    for content, cues in [(ELEVENLABS, ("laughs",)), (REV, ("laugh",))]:
        assert read(tmp_path, content).dialogue.utterances[0].cues == cues
