"""Large transcript files for bench/transcripts.py: one short writer for each format that holds words.

A writer takes the utterances of `make_dialogue` and returns the file as text or bytes. Files have the fields that the
products themselves write, so far as they matter for reading, and JSON is written without blanks. The sentences of the
sample corpus contain no markup, quotes, tabs or brackets, so writers escape nothing.
"""

from __future__ import annotations

import csv
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from fliptrace.corpora.sample import load_sample_dialogues

PEOPLE = ("Asha", "Ben", "Chitra", "Dev")
OPENING = datetime(2025, 1, 4, 8, 0)  # 20,000 utterances end before midnight
_SECONDS_PER_WORD, _PAUSE = 0.2, 0.2


@dataclass(frozen=True)
class Word:
    """A word with its punctuation (`text`), without it (`stem`), and the punctuation alone (`mark`); seconds."""

    number: int
    text: str
    start: float
    end: float

    @property
    def stem(self) -> str:
        return self.text.rstrip(".,!?") or self.text

    @property
    def mark(self) -> str:
        return self.text[len(self.stem) :]


@dataclass(frozen=True)
class Spoken:
    """An utterance: its position, the position of its speaker in PEOPLE, its words, and its times in seconds."""

    index: int
    number: int
    words: tuple[Word, ...]

    @cached_property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def speaker(self) -> str:
        return PEOPLE[self.number]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end

    @property
    def when(self) -> datetime:
        return OPENING + timedelta(seconds=self.start)


Dialogue = Sequence[Spoken]
Writer = Callable[[Dialogue], "str | bytes"]
WRITERS: dict[str, Writer] = {}
_LIBRARIES = {"xlsx": "openpyxl", "parquet": "pyarrow"}  # formats whose files need a library to write


def make_dialogue(num_utterances: int, seed: int) -> list[Spoken]:
    """Sentences of the sample corpus, drawn by seed. Nobody speaks twice in a row, as readers may join such turns."""
    rng = random.Random(seed)
    sentences = [utterance.text for dialogue in load_sample_dialogues("train") for utterance in dialogue.utterances]
    said, number, time = [], 0, 0.5
    for index in range(num_utterances):
        number = (number + rng.randrange(1, len(PEOPLE))) % len(PEOPLE)
        words = []
        for text in rng.choice(sentences).split():
            words.append(Word(number, text, round(time, 2), round(time + _SECONDS_PER_WORD, 2)))
            time += _SECONDS_PER_WORD
        time += _PAUSE
        said.append(Spoken(index, number, tuple(words)))
    return said


def can_write(format: str) -> bool:
    """Whether the format has a writer, and the library that it needs is installed."""
    return format in WRITERS and (format not in _LIBRARIES or find_spec(_LIBRARIES[format]) is not None)


def _writes(format: str) -> Callable[[Writer], Writer]:
    def register(writer: Writer) -> Writer:
        WRITERS[format] = writer
        return writer

    return register


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _rows(parts: Iterable[Any], **columns: str | Callable[[Any], object]) -> list[dict[str, object]]:
    """One object per utterance or word; a column is the name of an attribute or a function."""
    return [
        {key: getattr(part, value) if isinstance(value, str) else value(part) for key, value in columns.items()}
        for part in parts
    ]


def _words(said: Dialogue) -> list[Word]:
    return [word for each in said for word in each.words]


def _people(**columns: Callable[[int, str], object]) -> list[dict[str, object]]:
    return [{key: value(*person) for key, value in columns.items()} for person in enumerate(PEOPLE)]


def _whole_text(said: Dialogue) -> str:
    return " ".join(each.text for each in said)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _start_ms(part: Spoken | Word) -> int:
    return _milliseconds(part.start)


def _end_ms(part: Spoken | Word) -> int:
    return _milliseconds(part.end)


def _label(part: Spoken | Word) -> str:
    return f"SPEAKER_{part.number:02}"


def _iso(part: Spoken) -> str:
    return part.when.isoformat(timespec="milliseconds") + "Z"


def _epoch_ms(part: Spoken) -> int:
    return 1_736_000_000_000 + _start_ms(part)


def _clock(seconds: float, mark: str = ".", digits: int = 3) -> str:
    """The time as hours, minutes, seconds and a fraction of `digits` digits after `mark`; none if `mark` is ""."""
    minutes, rest = divmod(_milliseconds(seconds), 60_000)
    fraction = f"{mark}{rest % 1000:03}"[: len(mark) + digits] if mark else ""
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{fraction}"


def _named(said: Dialogue) -> str:
    return "".join(f"{each.speaker}: {each.text}\n" for each in said)


def _paragraphs(said: Dialogue, opening: str, closing: str) -> str:
    return "".join(f"{opening}{each.speaker}: {each.text}{closing}" for each in said)


# Subtitles


@_writes("vtt")
def _vtt(said: Dialogue) -> str:
    cues = (f"{_clock(each.start)} --> {_clock(each.end)}\n<v {each.speaker}>{each.text}</v>\n" for each in said)
    return "WEBVTT\n\n" + "\n".join(cues)


@_writes("srt")
def _srt(said: Dialogue) -> str:
    return "\n".join(
        f"{each.index + 1}\n{_clock(each.start, ',')} --> {_clock(each.end, ',')}\n{each.speaker}: {each.text}\n"
        for each in said
    )


@_writes("ass")
def _ass(said: Dialogue) -> str:
    head = (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
        "Style: Default,Arial,20\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    )
    return head + "".join(
        f"Dialogue: 0,{_clock(each.start, digits=2)[1:]},{_clock(each.end, digits=2)[1:]},Default,"
        f"{each.speaker},0,0,0,,{each.text}\n"
        for each in said
    )


@_writes("ttml")
def _ttml(said: Dialogue) -> str:
    agents = "".join(
        f'<ttm:agent xml:id="s{i}" type="person"><ttm:name type="full">{name}</ttm:name></ttm:agent>'
        for i, name in enumerate(PEOPLE)
    )
    cues = "\n".join(
        f'<p begin="{_clock(each.start)}" end="{_clock(each.end)}" ttm:agent="s{each.number}">{each.text}</p>'
        for each in said
    )
    return (
        '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata">'
        f"<head><metadata>{agents}</metadata></head><body><div>\n{cues}\n</div></body></tt>"
    )


@_writes("sbv")
def _sbv(said: Dialogue) -> str:
    return "\n".join(f"{_clock(each.start)},{_clock(each.end)}\n{each.speaker}: {each.text}\n" for each in said)


@_writes("sami")
def _sami(said: Dialogue) -> str:
    cues = "".join(
        f"<SYNC Start={_start_ms(each)}><P Class=ENCC>{each.speaker}: {each.text}\n"
        f"<SYNC Start={_end_ms(each)}><P Class=ENCC>&nbsp;\n"
        for each in said
    )
    return f"<SAMI><BODY>\n{cues}</BODY></SAMI>\n"


@_writes("microdvd")
def _microdvd(said: Dialogue) -> str:
    frames = ((round(each.start * 25), round(each.end * 25), each) for each in said)
    return "{1}{1}25\n" + "".join(f"{{{start}}}{{{end}}}{each.speaker}: {each.text}\n" for start, end, each in frames)


@_writes("mpl2")
def _mpl2(said: Dialogue) -> str:
    return "".join(f"[{round(each.start * 10)}][{round(each.end * 10)}]{each.speaker}: {each.text}\n" for each in said)


@_writes("lrc")
def _lrc(said: Dialogue) -> str:
    return "[by:whisper]\n" + "".join(
        f"[{int(each.start // 60):02}:{each.start % 60:05.2f}]{each.speaker}: {each.text}\n" for each in said
    )


@_writes("stl")
def _stl(said: Dialogue) -> str:
    def frames(seconds: float) -> str:
        return f"{_clock(seconds, '')}:{int(seconds % 1 * 25):02}"

    return "".join(f"{frames(each.start)} , {frames(each.end)} , {each.speaker}: {each.text}\n" for each in said)


@_writes("timedtext")
def _timedtext(said: Dialogue) -> str:
    cues = (f'<text start="{e.start}" dur="{e.end - e.start:.2f}">{e.speaker}: {e.text}</text>' for e in said)
    return f'<?xml version="1.0" encoding="utf-8" ?><transcript>{"".join(cues)}</transcript>'


@_writes("json3")
def _json3(said: Dialogue) -> str:
    def segments(each: Spoken) -> list[dict[str, object]]:
        offsets = (_start_ms(word) - _start_ms(each) for word in each.words)
        words = zip(each.words, offsets, strict=True)
        found = [{"utf8": f" {word.text}", "tOffsetMs": offset, "acAsrConf": 0} for word, offset in words]
        return [{"utf8": f"{each.speaker}:"}, *found]

    events = _rows(said, tStartMs=_start_ms, dDurationMs=lambda e: _end_ms(e) - _start_ms(e), segs=segments)
    return _json({"wireMagic": "pb3", "events": events})


# Speech recognisers


@_writes("whisperx")
def _whisperx(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, word="text", start="start", end="end", score=lambda _: 0.9, speaker=_label)

    return _json({"segments": _rows(said, start="start", end="end", text="text", words=words, speaker=_label)})


@_writes("whispercpp")
def _whispercpp(said: Dialogue) -> str:
    stamps = {"timestamps": lambda e: {"from": _clock(e.start, ","), "to": _clock(e.end, ",")}}
    offsets = {"offsets": lambda e: {"from": _start_ms(e), "to": _end_ms(e)}}
    rows = _rows(said, **stamps, **offsets, text=lambda e: f" {e.text}")
    return _json({"systeminfo": "", "result": {"language": "en"}, "transcription": rows})


@_writes("whisper-tsv")
def _whisper_tsv(said: Dialogue) -> str:
    return "start\tend\ttext\n" + "".join(f"{_start_ms(each)}\t{_end_ms(each)}\t{each.text}\n" for each in said)


@_writes("whisper-chunks")
def _whisper_chunks(said: Dialogue) -> str:
    chunks = _rows(said, timestamp=lambda e: [e.start, e.end], text=lambda e: f" {e.text}")
    turns = _rows(said, speaker=_label, text=lambda e: f" {e.text}", timestamp=lambda e: [e.start, e.end])
    return _json({"speakers": turns, "chunks": chunks, "text": _whole_text(said)})


@_writes("openai")
def _openai(said: Dialogue) -> str:
    rows = _rows(
        said,
        type=lambda _: "transcript.text.segment",
        id=lambda e: f"seg_{e.index}",
        start="start",
        end="end",
        text="text",
        speaker=lambda e: "ABCD"[e.number],
    )
    return _json({"task": "transcribe", "text": _whole_text(said), "segments": rows})


@_writes("aws")
def _aws(said: Dialogue) -> str:
    items: list[dict[str, object]] = []
    for word in _words(said):
        label = {"speaker_label": f"spk_{word.number}"}
        times = {"start_time": str(word.start), "end_time": str(word.end)}
        spoken = [{"confidence": "0.99", "content": word.stem}]
        items.append({"type": "pronunciation", **times, **label, "alternatives": spoken})
        if word.mark:
            items.append(
                {"type": "punctuation", **label, "alternatives": [{"confidence": "0.0", "content": word.mark}]}
            )
    return _json({"jobName": "x", "results": {"transcripts": [{"transcript": _whole_text(said)}], "items": items}})


@_writes("call-analytics")
def _call_analytics(said: Dialogue) -> str:
    rows = _rows(
        said,
        ParticipantId=lambda e: PEOPLE[e.number],
        Content="text",
        BeginOffsetMillis=_start_ms,
        EndOffsetMillis=_end_ms,
        Id=lambda e: str(e.index),
    )
    return _json({"Version": "1.1.0", "Transcript": rows})


@_writes("deepgram")
def _deepgram(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, word="stem", start="start", end="end", punctuated_word="text", speaker="number")

    rows = _rows(said, start="start", end="end", transcript="text", words=words, speaker="number")
    channel = {"alternatives": [{"transcript": _whole_text(said), "words": []}]}
    return _json({"metadata": {}, "results": {"channels": [channel], "utterances": rows}})


@_writes("google")
def _google(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(
            each.words,
            startOffset=lambda w: f"{w.start}s",
            endOffset=lambda w: f"{w.end}s",
            word="text",
            speakerLabel=lambda w: str(w.number + 1),
        )

    return _json({"results": [{"alternatives": [{"transcript": each.text, "words": words(each)}]} for each in said]})


@_writes("azure")
def _azure(said: Dialogue) -> str:
    def duration(each: Spoken | Word) -> dict[str, int]:
        return {
            "offsetInTicks": _start_ms(each) * 10_000,
            "durationInTicks": (_end_ms(each) - _start_ms(each)) * 10_000,
        }

    def best(each: Spoken) -> object:
        return [{"display": each.text, "words": [{"word": word.stem, **duration(word)} for word in each.words]}]

    status = {"recognitionStatus": "Success", "channel": 0}
    rows = [{**status, "speaker": each.number + 1, **duration(each), "nBest": best(each)} for each in said]
    return _json({"source": "x", "recognizedPhrases": rows})


@_writes("assemblyai")
def _assemblyai(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, text="text", start=_start_ms, end=_end_ms, speaker=lambda w: "ABCD"[w.number])

    letter = {"speaker": lambda e: "ABCD"[e.number]}
    rows = _rows(said, **letter, text="text", start=_start_ms, end=_end_ms, words=words)
    return _json({"id": "x", "status": "completed", "text": _whole_text(said), "utterances": rows})


@_writes("rev-json")
def _rev_json(said: Dialogue) -> str:
    def elements(each: Spoken) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for word in each.words:
            found.append({"type": "text", "value": word.stem, "ts": word.start, "end_ts": word.end, "confidence": 0.9})
            found.append({"type": "punct", "value": f"{word.mark} "})
        return found

    return _json({"monologues": _rows(said, speaker="number", elements=elements)})


@_writes("speechmatics")
def _speechmatics(said: Dialogue) -> str:
    def result(type: str, word: Word, start: float, content: str) -> dict[str, object]:
        best = {"content": content, "confidence": 1.0, "speaker": f"S{word.number + 1}"}
        return {"type": type, "start_time": start, "end_time": word.end, "alternatives": [best]}

    results = []
    for word in _words(said):
        results.append(result("word", word, word.start, word.stem))
        if word.mark:
            results.append(result("punctuation", word, word.end, word.mark) | {"attaches_to": "previous"})
    return _json({"format": "2.9", "metadata": {}, "results": results})


@_writes("gladia")
def _gladia(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, word=lambda w: f" {w.text}", start="start", end="end", confidence=lambda _: 0.9)

    rows = _rows(said, text="text", start="start", end="end", speaker="number", words=words, channel=lambda _: 0)
    return _json({"result": {"transcription": {"full_transcript": _whole_text(said), "utterances": rows}}})


@_writes("watson")
def _watson(said: Dialogue) -> str:
    def best(each: Spoken) -> object:
        stamps = [[word.stem, word.start, word.end] for word in each.words]
        return [{"transcript": f"{each.text} ", "confidence": 0.9, "timestamps": stamps}]

    constant = {"confidence": lambda _: 0.9, "final": lambda _: False}
    labels = _rows(_words(said), **{"from": "start"}, to="end", speaker="number", **constant)
    results = _rows(said, final=lambda _: True, alternatives=best)
    return _json({"result_index": 0, "results": results, "speaker_labels": labels})


@_writes("elevenlabs")
def _elevenlabs(said: Dialogue) -> str:
    words: list[dict[str, object]] = []
    for word in _words(said):
        name = f"speaker_{word.number}"
        words.append({"text": word.text, "start": word.start, "end": word.end, "type": "word", "speaker_id": name})
        words.append({"text": " ", "start": word.end, "end": word.end, "type": "spacing", "speaker_id": name})
    return _json({"language_code": "en", "text": _whole_text(said), "words": words})


@_writes("soniox")
def _soniox(said: Dialogue) -> str:
    tokens = _rows(
        _words(said),
        text=lambda w: f" {w.text}",
        start_ms=_start_ms,
        end_ms=_end_ms,
        confidence=lambda _: 0.9,
        speaker=lambda w: str(w.number + 1),
    )
    return _json({"id": "x", "text": _whole_text(said), "tokens": tokens})


@_writes("vosk")
def _vosk(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, conf=lambda _: 1.0, start="start", end="end", word="stem")

    return "".join(_json({"result": words(each), "text": each.text}) + "\n" for each in said)


@_writes("diarization")
def _diarization(said: Dialogue) -> str:
    words = _rows(_words(said), speaker=_label, start="start", end="end", text="text")
    turns = _rows(said, speaker=_label, start="start", end="end", text="text")
    return _json({"wordLevelTranscription": words, "turnLevelTranscription": turns})


@_writes("teams-json")
def _teams_json(said: Dialogue) -> str:
    rows = _rows(
        said,
        id=lambda e: f"x/{e.index}",
        text="text",
        speakerDisplayName="speaker",
        startOffset=lambda e: f"{_clock(e.start)}0000",
        endOffset=lambda e: f"{_clock(e.end)}0000",
    )
    return _json({"type": "Transcript", "version": "1.0.0", "entries": rows})


@_writes("zoom-json")
def _zoom_json(said: Dialogue) -> str:
    users = {"users": lambda e: [{"username": e.speaker, "multiple_people": False}]}
    rows = _rows(said, text="text", ts=lambda e: _clock(e.start), end_ts=lambda e: _clock(e.end), **users)
    return _json({"timeline": rows})


@_writes("meet-json")
def _meet_json(said: Dialogue) -> str:
    rows = _rows(
        said, participant=lambda e: f"conferenceRecords/1/participants/{e.number}", text="text", startTime=_iso
    )
    return _json({"transcriptEntries": rows})


@_writes("fireflies")
def _fireflies(said: Dialogue) -> str:
    rows = _rows(said, index="index", speaker_name="speaker", text="text", start_time="start", end_time="end")
    return _json({"data": {"transcript": {"title": "x", "sentences": rows}}})


@_writes("otter-json")
def _otter_json(said: Dialogue) -> str:
    rows = _rows(
        said,
        transcript="text",
        start_offset=lambda e: _start_ms(e) * 16,
        end_offset=lambda e: _end_ms(e) * 16,
        speaker_id="number",
    )
    speakers = _people(speaker_id=lambda i, _: i, speaker_name=lambda _, name: name)
    return _json({"speech": {"speakers": speakers, "transcripts": rows}})


@_writes("sonix-json")
def _sonix_json(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, text=lambda w: f"{w.text} ", start_time="start", end_time="end")

    rows = _rows(said, speaker="speaker", start_time="start", end_time="end", text="text", words=words)
    return _json({"name": "x", "transcript": rows})


@_writes("trint-json")
def _trint_json(said: Dialogue) -> str:
    words: list[dict[str, object]] = []
    for each in said:
        for word in each.words:
            times = {"time": _start_ms(word), "duration": _end_ms(word) - _start_ms(word)}
            words.append({**times, "value": word.text, "paragraphId": f"p{each.index}"})
    paragraphs = _rows(said, id=lambda e: f"p{e.index}", speaker=lambda e: f"s{e.number}")
    speakers = _people(id=lambda i, _: f"s{i}", name=lambda _, name: name)
    return _json({"transcript": {"speakers": speakers, "paragraphs": paragraphs, "words": words}})


@_writes("happyscribe")
def _happyscribe(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, text=lambda w: f"{w.text} ", type=lambda _: "text", data_start="start", data_end="end")

    return _json(_rows(said, speaker="speaker", words=words))


@_writes("amberscript")
def _amberscript(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return _rows(each.words, text="text", start="start", end="end")

    speakers = _people(spkid=lambda i, _: f"s{i}", name=lambda _, name: name)
    return _json({"speakers": speakers, "segments": _rows(said, speaker=lambda e: f"s{e.number}", words=words)})


@_writes("podcast-json")
def _podcast_json(said: Dialogue) -> str:
    rows = _rows(said, speaker="speaker", startTime="start", endTime="end", body="text")
    return _json({"version": "1.0.0", "segments": rows})


@_writes("video-indexer")
def _video_indexer(said: Dialogue) -> str:
    def instances(each: Spoken) -> object:
        return [{"start": _clock(each.start)[1:], "end": _clock(each.end)[1:]}]

    rows = _rows(said, id="index", text="text", speakerId="number", instances=instances)
    return _json({"insights": {"transcript": rows, "speakers": _people(id=lambda i, _: i, name=lambda _, name: name)}})


@_writes("recall")
def _recall(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        start = {"start_timestamp": lambda w: {"relative": w.start}}
        return _rows(each.words, text="text", **start, end_timestamp=lambda w: {"relative": w.end})

    return _json(_rows(said, participant=lambda e: {"id": e.number, "name": e.speaker}, words=words))


@_writes("gong")
def _gong(said: Dialogue) -> str:
    def sentences(each: Spoken) -> object:
        return _rows([each], start=_start_ms, end=_end_ms, text="text")

    turns = _rows(said, speakerId=lambda e: str(e.number + 1), sentences=sentences)
    return _json({"callTranscripts": [{"callId": "1", "transcript": turns}]})


@_writes("twilio")
def _twilio(said: Dialogue) -> str:
    channel = {"media_channel": lambda e: e.number + 1}
    rows = _rows(said, **channel, sentence_index="index", transcript="text", start_time="start", end_time="end")
    return _json({"sentences": rows})


# Chats


@_writes("whatsapp")
def _whatsapp(said: Dialogue) -> str:
    return "".join(f"{each.when:%d/%m/%Y, %H:%M} - {each.speaker}: {each.text}\n" for each in said)


@_writes("telegram")
def _telegram(said: Dialogue) -> str:
    rows = _rows(
        said,
        id="index",
        type=lambda _: "message",
        date=lambda e: e.when.isoformat(timespec="seconds"),
        **{"from": "speaker"},
        from_id=lambda e: f"user{e.number}",
        text="text",
        text_entities=lambda e: [{"type": "plain", "text": e.text}],
    )
    return _json({"name": "x", "type": "private_group", "id": 1, "messages": rows})


@_writes("telegram-html")
def _telegram_html(said: Dialogue) -> str:
    return (
        '<!DOCTYPE html><html><head><title>Exported Data</title></head><body><div class="history">\n'
        + "".join(
            f'<div class="message default clearfix" id="message{each.index}"><div class="body">'
            f'<div class="pull_right date details" title="{each.when:%d.%m.%Y %H:%M:%S}">{each.when:%H:%M}</div>'
            f'<div class="from_name">{each.speaker}</div><div class="text">{each.text}</div></div></div>\n'
            for each in said
        )
        + "</div></body></html>"
    )


@_writes("slack")
def _slack(said: Dialogue) -> str:
    rows = _rows(
        said,
        user=lambda e: f"U{e.number:02}",
        type=lambda _: "message",
        ts=lambda e: f"{_epoch_ms(e) / 1000:.6f}",
        text="text",
        user_profile=lambda e: {"real_name": e.speaker, "name": e.speaker},
    )
    return _json(rows)


@_writes("discord")
def _discord(said: Dialogue) -> str:
    rows = _rows(
        said,
        id=lambda e: str(e.index),
        type=lambda _: "Default",
        timestamp=_iso,
        content="text",
        author=lambda e: {"id": str(e.number), "name": e.speaker, "isBot": False},
    )
    return _json({"guild": {"name": "x"}, "channel": {"name": "x"}, "messages": rows})


@_writes("headed-chat")
def _headed_chat(said: Dialogue) -> str:
    return "".join(f"[{each.when:%m/%d/%Y %I:%M %p}] {each.speaker}\n{each.text}\n\n" for each in said)


@_writes("messenger")
def _messenger(said: Dialogue) -> str:
    rows = _rows(list(said)[::-1], sender_name="speaker", timestamp_ms=_epoch_ms, content="text")
    return _json({"participants": _people(name=lambda _, name: name), "messages": rows})


@_writes("imessage")
def _imessage(said: Dialogue) -> str:
    return "".join(f"{each.when:%b %d, %Y  %I:%M:%S %p}\n{each.speaker}\n{each.text}\n\n" for each in said)


@_writes("line")
def _line(said: Dialogue) -> str:
    rows = "".join(f"{each.when:%H:%M}\t{each.speaker}\t{each.text}\n" for each in said)
    return f"{OPENING:%Y/%m/%d(%a)}\n{rows}"


@_writes("kakaotalk")
def _kakaotalk(said: Dialogue) -> str:
    def clock(time: datetime) -> str:
        return f"{'오전' if time.hour < 12 else '오후'} {(time.hour - 1) % 12 + 1}:{time:%M}"

    rows = "".join(f"[{each.speaker}] [{clock(each.when)}] {each.text}\n" for each in said)
    return f"--------------- 2025년 1월 4일 토요일 ---------------\n{rows}"


@_writes("sms-xml")
def _sms_xml(said: Dialogue) -> str:
    rows = "".join(
        f'<sms address="+1" date="{_epoch_ms(each)}" type="{1 + each.index % 2}" body="{each.text}" '
        f'contact_name="{PEOPLE[0]}" />\n'
        for each in said
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<smses count="{len(said)}">\n{rows}</smses>'


@_writes("zoom-chat")
def _zoom_chat(said: Dialogue) -> str:
    return "".join(f"{each.when:%H:%M:%S} From {each.speaker} to Everyone:\n\t{each.text}\n" for each in said)


@_writes("irc")
def _irc(said: Dialogue) -> str:
    return "".join(f"[{each.when:%H:%M}] <{each.speaker}> {each.text}\n" for each in said)


@_writes("chatgpt")
def _chatgpt(said: Dialogue) -> str:
    def message(each: Spoken) -> dict[str, object]:
        author = {"role": "user" if each.index % 2 == 0 else "assistant"}
        content = {"content_type": "text", "parts": [each.text]}
        return {"author": author, "create_time": _epoch_ms(each) / 1000, "content": content}

    mapping = {
        f"m{i}": {
            "id": f"m{i}",
            "message": message(each),
            "parent": f"m{i - 1}" if i else None,
            "children": [f"m{i + 1}"] if i + 1 < len(said) else [],
        }
        for i, each in enumerate(said)
    }
    return _json([{"title": "x", "current_node": f"m{len(said) - 1}", "mapping": mapping}])


@_writes("claude")
def _claude(said: Dialogue) -> str:
    sender = {"sender": lambda e: "human" if e.index % 2 == 0 else "assistant"}
    return _json([{"uuid": "1", "name": "x", "chat_messages": _rows(said, **sender, text="text", created_at=_iso)}])


@_writes("google-chat")
def _google_chat(said: Dialogue) -> str:
    def date(each: Spoken) -> str:
        return f"{each.when:%A, %B} {each.when.day}, {each.when:%Y at %I:%M:%S %p} UTC"

    creator = {"creator": lambda e: {"name": e.speaker, "user_type": "Human"}}
    return _json({"messages": _rows(said, **creator, created_date=date, text="text")})


@_writes("skype")
def _skype(said: Dialogue) -> str:
    constant = {"messagetype": lambda _: "RichText", "from": lambda e: f"8:{e.speaker}"}
    rows = _rows(said, id=lambda e: str(e.index), originalarrivaltime=_iso, **constant, content="text")
    return _json({"conversations": [{"id": "8:x", "displayName": "x", "MessageList": rows[::-1]}]})


@_writes("teams-chat")
def _teams_chat(said: Dialogue) -> str:
    constant = {"messageType": lambda _: "message", "from": lambda e: {"user": {"displayName": e.speaker}}}
    body = {"body": lambda e: {"contentType": "html", "content": f"<p>{e.text}</p>"}}
    return _json({"value": _rows(said, id=lambda e: str(e.index), createdDateTime=_iso, **constant, **body)})


@_writes("matrix")
def _matrix(said: Dialogue) -> str:
    sender = {"type": lambda _: "m.room.message", "sender": lambda e: f"@{e.speaker.lower()}:home.org"}
    content = {"content": lambda e: {"msgtype": "m.text", "body": e.text}}
    return _json({"room_name": "x", "messages": _rows(said, **sender, origin_server_ts=_epoch_ms, **content)})


# Annotation tools


@_writes("efr")
def _efr(said: Dialogue) -> str:
    columns = {"speakers": [each.speaker for each in said], "emotions": ["neutral"] * len(said)}
    return _json(
        [{"episode": "x", **columns, "utterances": [each.text for each in said], "triggers": [0.0] * len(said)}]
    )


@_writes("chat")
def _chat(said: Dialogue) -> str:
    codes = [name[:3].upper() for name in PEOPLE]
    rows = "".join(f"*{codes[e.number]}:\t{e.text} \x15{_start_ms(e)}_{_end_ms(e)}\x15\n" for e in said)
    return f"@UTF8\n@Begin\n@Languages:\teng\n@Participants:\t{', '.join(f'{c} Adult' for c in codes)}\n{rows}@End\n"


@_writes("elan")
def _elan(said: Dialogue) -> str:
    slots = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="ts{2 * e.index + i}" TIME_VALUE="{time}"/>'
        for e in said
        for i, time in enumerate((_start_ms(e), _end_ms(e)))
    )
    tiers = [f'<TIER TIER_ID="{name}" PARTICIPANT="{name}" LINGUISTIC_TYPE_REF="x">' for name in PEOPLE]
    for each in said:
        tiers[each.number] += (
            f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{each.index}" TIME_SLOT_REF1="ts{2 * each.index}" '
            f'TIME_SLOT_REF2="ts{2 * each.index + 1}"><ANNOTATION_VALUE>{each.text}</ANNOTATION_VALUE>'
            "</ALIGNABLE_ANNOTATION></ANNOTATION>\n"
        )
    body = "".join(f"{tier}</TIER>\n" for tier in tiers)
    header = '<HEADER TIME_UNITS="milliseconds"/>'
    return f"<ANNOTATION_DOCUMENT>{header}<TIME_ORDER>{slots}</TIME_ORDER>\n{body}</ANNOTATION_DOCUMENT>"


@_writes("textgrid")
def _textgrid(said: Dialogue) -> str:
    end = said[-1].end
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {end}\ntiers? <exists>\n'
    tiers = []
    for number, name in enumerate(PEOPLE):
        intervals, last = list[tuple[float, float, str]](), 0.0
        for each in said:
            if each.number == number:
                intervals += [(last, each.start, ""), (each.start, each.end, each.text)]
                last = each.end
        tiers.append(
            f'    item [{number + 1}]:\n        class = "IntervalTier"\n        name = "{name}"\n        xmin = 0\n'
            f"        xmax = {end}\n        intervals: size = {len(intervals)}\n"
            + "".join(
                f"        intervals [{i}]:\n            xmin = {start}\n            xmax = {stop}\n"
                f'            text = "{text}"\n'
                for i, (start, stop, text) in enumerate(intervals, start=1)
            )
        )
    return f"{head}size = {len(tiers)}\nitem []:\n{''.join(tiers)}"


@_writes("transcriber")
def _transcriber(said: Dialogue) -> str:
    speakers = "".join(f'<Speaker id="spk{i}" name="{name}"/>' for i, name in enumerate(PEOPLE))
    turns = "".join(
        f'<Turn speaker="spk{e.number}" startTime="{e.start}" endTime="{e.end}">\n<Sync time="{e.start}"/>\n{e.text}\n'
        "</Turn>\n"
        for e in said
    )
    section = f'<Section type="report" startTime="0" endTime="{said[-1].end}">\n{turns}</Section>'
    return f'<?xml version="1.0"?>\n<Trans><Speakers>{speakers}</Speakers><Episode>{section}</Episode></Trans>'


@_writes("exmaralda")
def _exmaralda(said: Dialogue) -> str:
    people = "".join(
        f'<speaker id="SPK{i}"><abbreviation>{name}</abbreviation></speaker>' for i, name in enumerate(PEOPLE)
    )
    moments = "".join(
        f'<tli id="T{2 * each.index + i}" time="{time}"/>\n'
        for each in said
        for i, time in enumerate((each.start, each.end))
    )
    tiers = [f'<tier id="TIE{i}" speaker="SPK{i}" category="v" type="t">' for i in range(len(PEOPLE))]
    for each in said:
        tiers[each.number] += f'<event start="T{2 * each.index}" end="T{2 * each.index + 1}">{each.text}</event>\n'
    body = f"<common-timeline>{moments}</common-timeline>{''.join(f'{tier}</tier>' for tier in tiers)}"
    head = f"<head><speakertable>{people}</speakertable></head>"
    return f"<basic-transcription>{head}<basic-body>{body}</basic-body></basic-transcription>"


@_writes("tei")
def _tei(said: Dialogue) -> str:
    people = "".join(f'<person xml:id="p{i}"><persName>{name}</persName></person>' for i, name in enumerate(PEOPLE))
    moments = '<when xml:id="T"/>' + "".join(
        f'<when xml:id="T{2 * each.index + i}" interval="{time}" since="#T"/>\n'
        for each in said
        for i, time in enumerate((each.start, each.end))
    )
    turns = "".join(
        f'<u who="#p{e.number}" start="#T{2 * e.index}" end="#T{2 * e.index + 1}">{e.text}</u>\n' for e in said
    )
    header = f"<teiHeader><profileDesc><particDesc>{people}</particDesc></profileDesc></teiHeader>"
    text = f'<text><timeline unit="s">{moments}</timeline><body>{turns}</body></text>'
    return f'<TEI xmlns="http://www.tei-c.org/ns/1.0">{header}{text}</TEI>'


# Documents


def _archive(parts: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


@_writes("docx")
def _docx(said: Dialogue) -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = _paragraphs(said, "<w:p><w:r><w:t>", "</w:t></w:r></w:p>")
    return _archive({"word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>"})


@_writes("odt")
def _odt(said: Dialogue) -> bytes:
    names = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = f'xmlns:office="{names}:office:1.0" xmlns:text="{names}:text:1.0"'
    body = f"<office:body><office:text>{_paragraphs(said, '<text:p>', '</text:p>')}</office:text></office:body>"
    content = f"<office:document-content {spaces}>{body}</office:document-content>"
    return _archive({"mimetype": "application/vnd.oasis.opendocument.text", "meta.xml": "", "content.xml": content})


@_writes("rtf")
def _rtf(said: Dialogue) -> bytes:
    def escaped(letter: str) -> str:
        return letter if letter.isascii() else f"\\u{ord(letter)}?"

    body = "".join(map(escaped, _paragraphs(said, "", "\\par\n")))
    return f"{{\\rtf1\\ansi\\ansicpg1252 {body}}}".encode("ascii")


def _table(said: Dialogue) -> list[list[object]]:
    return [["speaker", "text", "start", "end"], *([each.speaker, each.text, each.start, each.end] for each in said)]


@_writes("xlsx")
def _xlsx(said: Dialogue) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in _table(said):
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


@_writes("html")
def _html(said: Dialogue) -> str:
    return f"<!DOCTYPE html><html><body>\n{_paragraphs(said, '<p>', '</p>' + chr(10))}</body></html>\n"


@_writes("parquet")
def _parquet(said: Dialogue) -> bytes:
    import pyarrow
    import pyarrow.parquet

    packed = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(_records(said)), packed)
    return packed.getvalue()


# Tables and plain text


def _records(said: Dialogue) -> list[dict[str, object]]:
    return _rows(said, speaker="speaker", text="text", start="start", end="end")


def _delimited(said: Dialogue, delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(_table(said))
    return text.getvalue()


@_writes("json")
def _json_table(said: Dialogue) -> str:
    return _json(_records(said))


@_writes("jsonl")
def _jsonl(said: Dialogue) -> str:
    return "".join(f"{_json(record)}\n" for record in _records(said))


@_writes("csv")
def _csv(said: Dialogue) -> str:
    return _delimited(said, ",")


@_writes("tsv")
def _tsv(said: Dialogue) -> str:
    return _delimited(said, "\t")


@_writes("screenplay")
def _screenplay(said: Dialogue) -> str:
    return "INT. KITCHEN - NIGHT\n\n" + "".join(f"{each.speaker.upper()}\n{each.text}\n\n" for each in said)


@_writes("headers")
def _headers(said: Dialogue) -> str:
    return "".join(f"{each.speaker}  {_clock(each.start, '')}\n{each.text}\n\n" for each in said)


@_writes("text")
def _text(said: Dialogue) -> str:
    return _named(said)
