"""Writers of the JSON of speech recognisers and clouds."""

from __future__ import annotations

from transcript_files.dialogue import (
    PEOPLE,
    Dialogue,
    Spoken,
    Word,
    as_json,
    clock,
    end_ms,
    iso,
    label,
    objects,
    people,
    start_ms,
    whole_text,
    words_of,
    writes,
)


@writes("whisperx")
def _whisperx(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(each.words, word="text", start="start", end="end", score=lambda _: 0.9, speaker=label)

    return as_json({"segments": objects(said, start="start", end="end", text="text", words=words, speaker=label)})


@writes("whispercpp")
def _whispercpp(said: Dialogue) -> str:
    stamps = {"timestamps": lambda e: {"from": clock(e.start, ","), "to": clock(e.end, ",")}}
    offsets = {"offsets": lambda e: {"from": start_ms(e), "to": end_ms(e)}}
    rows = objects(said, **stamps, **offsets, text=lambda e: f" {e.text}")
    return as_json({"systeminfo": "", "result": {"language": "en"}, "transcription": rows})


@writes("whisper-tsv")
def _whisper_tsv(said: Dialogue) -> str:
    return "start\tend\ttext\n" + "".join(f"{start_ms(each)}\t{end_ms(each)}\t{each.text}\n" for each in said)


@writes("whisper-chunks")
def _whisper_chunks(said: Dialogue) -> str:
    chunks = objects(said, timestamp=lambda e: [e.start, e.end], text=lambda e: f" {e.text}")
    turns = objects(said, speaker=label, text=lambda e: f" {e.text}", timestamp=lambda e: [e.start, e.end])
    return as_json({"speakers": turns, "chunks": chunks, "text": whole_text(said)})


@writes("openai")
def _openai(said: Dialogue) -> str:
    rows = objects(
        said,
        type=lambda _: "transcript.text.segment",
        id=lambda e: f"seg_{e.index}",
        start="start",
        end="end",
        text="text",
        speaker=lambda e: "ABCD"[e.number],
    )
    return as_json({"task": "transcribe", "text": whole_text(said), "segments": rows})


@writes("aws")
def _aws(said: Dialogue) -> str:
    items: list[dict[str, object]] = []
    for word in words_of(said):
        label = {"speaker_label": f"spk_{word.number}"}
        times = {"start_time": str(word.start), "end_time": str(word.end)}
        spoken = [{"confidence": "0.99", "content": word.stem}]
        items.append({"type": "pronunciation", **times, **label, "alternatives": spoken})
        if word.mark:
            items.append(
                {"type": "punctuation", **label, "alternatives": [{"confidence": "0.0", "content": word.mark}]}
            )
    return as_json({"jobName": "x", "results": {"transcripts": [{"transcript": whole_text(said)}], "items": items}})


@writes("call-analytics")
def _call_analytics(said: Dialogue) -> str:
    rows = objects(
        said,
        ParticipantId=lambda e: PEOPLE[e.number],
        Content="text",
        BeginOffsetMillis=start_ms,
        EndOffsetMillis=end_ms,
        Id=lambda e: str(e.index),
    )
    return as_json({"Version": "1.1.0", "Transcript": rows})


@writes("deepgram")
def _deepgram(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(each.words, word="stem", start="start", end="end", punctuated_word="text", speaker="number")

    rows = objects(said, start="start", end="end", transcript="text", words=words, speaker="number")
    channel = {"alternatives": [{"transcript": whole_text(said), "words": []}]}
    return as_json({"metadata": {}, "results": {"channels": [channel], "utterances": rows}})


@writes("google")
def _google(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(
            each.words,
            startOffset=lambda w: f"{w.start}s",
            endOffset=lambda w: f"{w.end}s",
            word="text",
            speakerLabel=lambda w: str(w.number + 1),
        )

    return as_json({"results": [{"alternatives": [{"transcript": each.text, "words": words(each)}]} for each in said]})


@writes("azure")
def _azure(said: Dialogue) -> str:
    def duration(each: Spoken | Word) -> dict[str, int]:
        return {
            "offsetInTicks": start_ms(each) * 10_000,
            "durationInTicks": (end_ms(each) - start_ms(each)) * 10_000,
        }

    def best(each: Spoken) -> object:
        return [{"display": each.text, "words": [{"word": word.stem, **duration(word)} for word in each.words]}]

    status = {"recognitionStatus": "Success", "channel": 0}
    rows = [{**status, "speaker": each.number + 1, **duration(each), "nBest": best(each)} for each in said]
    return as_json({"source": "x", "recognizedPhrases": rows})


@writes("assemblyai")
def _assemblyai(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(each.words, text="text", start=start_ms, end=end_ms, speaker=lambda w: "ABCD"[w.number])

    letter = {"speaker": lambda e: "ABCD"[e.number]}
    rows = objects(said, **letter, text="text", start=start_ms, end=end_ms, words=words)
    return as_json({"id": "x", "status": "completed", "text": whole_text(said), "utterances": rows})


@writes("rev-json")
def _rev_json(said: Dialogue) -> str:
    def elements(each: Spoken) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for word in each.words:
            found.append({"type": "text", "value": word.stem, "ts": word.start, "end_ts": word.end, "confidence": 0.9})
            found.append({"type": "punct", "value": f"{word.mark} "})
        return found

    return as_json({"monologues": objects(said, speaker="number", elements=elements)})


@writes("speechmatics")
def _speechmatics(said: Dialogue) -> str:
    def result(type: str, word: Word, start: float, content: str) -> dict[str, object]:
        best = {"content": content, "confidence": 1.0, "speaker": f"S{word.number + 1}"}
        return {"type": type, "start_time": start, "end_time": word.end, "alternatives": [best]}

    results = []
    for word in words_of(said):
        results.append(result("word", word, word.start, word.stem))
        if word.mark:
            results.append(result("punctuation", word, word.end, word.mark) | {"attaches_to": "previous"})
    return as_json({"format": "2.9", "metadata": {}, "results": results})


@writes("gladia")
def _gladia(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(each.words, word=lambda w: f" {w.text}", start="start", end="end", confidence=lambda _: 0.9)

    rows = objects(said, text="text", start="start", end="end", speaker="number", words=words, channel=lambda _: 0)
    return as_json({"result": {"transcription": {"full_transcript": whole_text(said), "utterances": rows}}})


@writes("watson")
def _watson(said: Dialogue) -> str:
    def best(each: Spoken) -> object:
        stamps = [[word.stem, word.start, word.end] for word in each.words]
        return [{"transcript": f"{each.text} ", "confidence": 0.9, "timestamps": stamps}]

    constant = {"confidence": lambda _: 0.9, "final": lambda _: False}
    labels = objects(words_of(said), **{"from": "start"}, to="end", speaker="number", **constant)
    results = objects(said, final=lambda _: True, alternatives=best)
    return as_json({"result_index": 0, "results": results, "speaker_labels": labels})


@writes("elevenlabs")
def _elevenlabs(said: Dialogue) -> str:
    words: list[dict[str, object]] = []
    for word in words_of(said):
        name = f"speaker_{word.number}"
        words.append({"text": word.text, "start": word.start, "end": word.end, "type": "word", "speaker_id": name})
        words.append({"text": " ", "start": word.end, "end": word.end, "type": "spacing", "speaker_id": name})
    return as_json({"language_code": "en", "text": whole_text(said), "words": words})


@writes("soniox")
def _soniox(said: Dialogue) -> str:
    tokens = objects(
        words_of(said),
        text=lambda w: f" {w.text}",
        start_ms=start_ms,
        end_ms=end_ms,
        confidence=lambda _: 0.9,
        speaker=lambda w: str(w.number + 1),
    )
    return as_json({"id": "x", "text": whole_text(said), "tokens": tokens})


@writes("vosk")
def _vosk(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(each.words, conf=lambda _: 1.0, start="start", end="end", word="stem")

    return "".join(as_json({"result": words(each), "text": each.text}) + "\n" for each in said)


@writes("diarization")
def _diarization(said: Dialogue) -> str:
    words = objects(words_of(said), speaker=label, start="start", end="end", text="text")
    turns = objects(said, speaker=label, start="start", end="end", text="text")
    return as_json({"wordLevelTranscription": words, "turnLevelTranscription": turns})


@writes("teams-json")
def _teams_json(said: Dialogue) -> str:
    rows = objects(
        said,
        id=lambda e: f"x/{e.index}",
        text="text",
        speakerDisplayName="speaker",
        startOffset=lambda e: f"{clock(e.start)}0000",
        endOffset=lambda e: f"{clock(e.end)}0000",
    )
    return as_json({"type": "Transcript", "version": "1.0.0", "entries": rows})


@writes("zoom-json")
def _zoom_json(said: Dialogue) -> str:
    users = {"users": lambda e: [{"username": e.speaker, "multiple_people": False}]}
    rows = objects(said, text="text", ts=lambda e: clock(e.start), end_ts=lambda e: clock(e.end), **users)
    return as_json({"timeline": rows})


@writes("meet-json")
def _meet_json(said: Dialogue) -> str:
    rows = objects(
        said, participant=lambda e: f"conferenceRecords/1/participants/{e.number}", text="text", startTime=iso
    )
    return as_json({"transcriptEntries": rows})


@writes("fireflies")
def _fireflies(said: Dialogue) -> str:
    rows = objects(said, index="index", speaker_name="speaker", text="text", start_time="start", end_time="end")
    return as_json({"data": {"transcript": {"title": "x", "sentences": rows}}})


@writes("otter-json")
def _otter_json(said: Dialogue) -> str:
    rows = objects(
        said,
        transcript="text",
        start_offset=lambda e: start_ms(e) * 16,
        end_offset=lambda e: end_ms(e) * 16,
        speaker_id="number",
    )
    speakers = people(speaker_id=lambda i, _: i, speaker_name=lambda _, name: name)
    return as_json({"speech": {"speakers": speakers, "transcripts": rows}})


@writes("sonix-json")
def _sonix_json(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(each.words, text=lambda w: f"{w.text} ", start_time="start", end_time="end")

    rows = objects(said, speaker="speaker", start_time="start", end_time="end", text="text", words=words)
    return as_json({"name": "x", "transcript": rows})


@writes("trint-json")
def _trint_json(said: Dialogue) -> str:
    words: list[dict[str, object]] = []
    for each in said:
        for word in each.words:
            times = {"time": start_ms(word), "duration": end_ms(word) - start_ms(word)}
            words.append({**times, "value": word.text, "paragraphId": f"p{each.index}"})
    paragraphs = objects(said, id=lambda e: f"p{e.index}", speaker=lambda e: f"s{e.number}")
    speakers = people(id=lambda i, _: f"s{i}", name=lambda _, name: name)
    return as_json({"transcript": {"speakers": speakers, "paragraphs": paragraphs, "words": words}})


@writes("happyscribe")
def _happyscribe(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(
            each.words, text=lambda w: f"{w.text} ", type=lambda _: "text", data_start="start", data_end="end"
        )

    return as_json(objects(said, speaker="speaker", words=words))


@writes("amberscript")
def _amberscript(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        return objects(each.words, text="text", start="start", end="end")

    speakers = people(spkid=lambda i, _: f"s{i}", name=lambda _, name: name)
    return as_json({"speakers": speakers, "segments": objects(said, speaker=lambda e: f"s{e.number}", words=words)})


@writes("podcast-json")
def _podcast_json(said: Dialogue) -> str:
    rows = objects(said, speaker="speaker", startTime="start", endTime="end", body="text")
    return as_json({"version": "1.0.0", "segments": rows})


@writes("video-indexer")
def _video_indexer(said: Dialogue) -> str:
    def instances(each: Spoken) -> object:
        return [{"start": clock(each.start)[1:], "end": clock(each.end)[1:]}]

    rows = objects(said, id="index", text="text", speakerId="number", instances=instances)
    return as_json({"insights": {"transcript": rows, "speakers": people(id=lambda i, _: i, name=lambda _, name: name)}})


@writes("recall")
def _recall(said: Dialogue) -> str:
    def words(each: Spoken) -> object:
        start = {"start_timestamp": lambda w: {"relative": w.start}}
        return objects(each.words, text="text", **start, end_timestamp=lambda w: {"relative": w.end})

    return as_json(objects(said, participant=lambda e: {"id": e.number, "name": e.speaker}, words=words))


@writes("gong")
def _gong(said: Dialogue) -> str:
    def sentences(each: Spoken) -> object:
        return objects([each], start=start_ms, end=end_ms, text="text")

    turns = objects(said, speakerId=lambda e: str(e.number + 1), sentences=sentences)
    return as_json({"callTranscripts": [{"callId": "1", "transcript": turns}]})


@writes("twilio")
def _twilio(said: Dialogue) -> str:
    channel = {"media_channel": lambda e: e.number + 1}
    rows = objects(said, **channel, sentence_index="index", transcript="text", start_time="start", end_time="end")
    return as_json({"sentences": rows})
