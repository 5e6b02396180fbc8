"""Reader for WebVTT (https://www.w3.org/TR/webvtt1/), based on webvtt-py: voice tags `<v Name>` or `Name: text`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import MAX_UTTERANCES, NO_EVIDENCE, Evidence, RawUtterance, Reader, Source
from fliptrace.transcripts.speech import Spoken, split_lines

_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,100})?[ \t]+([^<>]{1,200})>")
_TAG = re.compile(r"<[^<>]{0,200}>")
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|lrm|rlm|#39);")
_MEANING = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " ", "lrm": "", "rlm": "", "#39": "'"}


def read_vtt(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each voice, name or dash in each cue; notes, styles and regions are skipped."""
    import webvtt
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    source.refuse_part("WebVTT")
    if source.text.count("-->") > MAX_UTTERANCES:
        raise source.error("", f"over {MAX_UTTERANCES:,} cues; expected one dialogue per file")
    try:
        captions = webvtt.WebVTT.from_string(source.text.lstrip("\n")).captions
    except (MalformedFileError, MalformedCaptionError) as error:
        raise source.error("", "not WebVTT; expected a first line WEBVTT, then cues with times") from error
    for number, caption in enumerate(captions, start=1):
        for spoken in split_cue(caption.raw_text):
            yield RawUtterance(
                f"cue {number}", spoken.text, spoken.speaker, caption.start, caption.end, cues=spoken.cues
            )


def split_cue(payload: str) -> list[Spoken]:
    """Split the text of a cue into utterances by voice.

    >>> [spoken[:2] for spoken in split_cue("<v Ana>Late <i>again</i>?</v> <v.low Ben>&lt;sigh&gt;")]
    [('Ana', 'Late again?'), ('Ben', '<sigh>')]
    """
    before, *voices = _VOICE.split(payload)  # text, name, text, name, text ...
    said = split_lines(_plain(before).split("\n")) if _plain(before).strip() else []
    for name, text in zip(voices[::2], voices[1::2], strict=True):
        said.append(Spoken(_plain(name), _plain(text).strip()))
    return said


def _plain(text: str) -> str:
    return _ENTITY.sub(lambda found: _MEANING[found[1]], _TAG.sub("", text))


def _sniff(source: Source) -> Evidence:
    found = re.match(r"\n{0,10}WEBVTT(?=\s|$)", source.text)
    return NO_EVIDENCE if found is None else Evidence(1.0, "the first line WEBVTT")


READER = Reader(
    "vtt",
    (".vtt", ".webvtt"),
    _sniff,
    read_vtt,
    title="WebVTT (Zoom, Teams, YouTube)",
    example="WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ana>You are late.",
    has_cues=True,
)
