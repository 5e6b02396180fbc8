"""The Python API: read a transcript, load a model, analyze. `fliptrace` itself exports these functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fliptrace.analysis.evidence import EvidenceFor
    from fliptrace.analysis.result import Analysis
    from fliptrace.core.dialogue import Dialogue
    from fliptrace.core.emotion_sets import EmotionSet
    from fliptrace.cues.values import Cues
    from fliptrace.models.open_model import OpenModel
    from fliptrace.transcripts.transcript import Transcript


def read_transcript(
    path: str | PathLike[str],
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    speakers: Sequence[str] = (),
    emotion_set: EmotionSet | None = None,
) -> Transcript:
    """Read the dialogue in a file. `notes` of the result say what the reader had to assume or make up.

    `path` may be `sample` or `sample:hindi-english`, two transcripts that come with fliptrace. If `format` is None, it
    is detected from the content. `columns` gives the file's own column names: {"speaker": "caller", "text": "words"}.
    `speakers` are names that certainly are speakers, where the file leaves it open. `emotion_set` has the labels of its
    emotions; None takes those that `emotions.toml` beside the file declares, else MASAC8. InputError if the file cannot
    be read.
    """
    from fliptrace.transcripts.bundled import transcript_path
    from fliptrace.transcripts.read import read_transcript as read

    return read(
        transcript_path(fspath(path)), format=format, columns=columns, speakers=speakers, emotion_set=emotion_set
    )


def load_model(ref: str = "embedded", device: str = "auto") -> OpenModel:
    """Load a model by reference: `embedded`, `rule:previous`, a folder, a Hub id ... InputError if there is none."""
    from fliptrace.models.open_model import open_model

    return open_model(ref, device)


def analyze(
    dialogue: Dialogue | Transcript,
    model: OpenModel,
    *,
    threshold: float | None = None,
    min_flip_probability: float | None = None,
    evidence: EvidenceFor | None = None,
) -> Analysis:
    """Find the flips of a dialogue, what triggered each of them, and why.

    Emotions that the dialogue has are kept; the model labels the others. An utterance is named as a trigger if its
    support, 0 to 1, reaches `threshold`; None takes the model's own threshold. A flip is reported if the probability
    that the speaker's emotion changed reaches `min_flip_probability`; None takes the model's own. If the model has
    none, or gives no probabilities, a flip is reported where the likeliest emotions differ. `evidence` ("triggers",
    "all", "words", "none") says without which utterances or words to measure what the model says; None leaves that to
    the model.
    """
    from fliptrace.analysis.analyze import analyze as find

    return find(dialogue, model, threshold=threshold, min_flip_probability=min_flip_probability, evidence=evidence)


def measure_cues(
    dialogue: Dialogue | Transcript,
    audio: str | PathLike[str] | None = None,
    *,
    tables: Sequence[str | PathLike[str]] = (),
) -> Cues:
    """Measure how each utterance was said: loudness, pitch, pace, pauses, as values and in words (docs/cues.md).

    `audio` is the recording, or a video if ffmpeg is installed; the transcript needs times. `tables` are CSV files of
    other cues, by utterance or of a face tool. `analysis.with_cues(...)` shows them beside the words. InputError if a
    file cannot be read; MissingExtra if there is a recording and `fliptrace[cues]` is not installed.
    """
    from pathlib import Path

    from fliptrace.core.dialogue import Dialogue
    from fliptrace.cues.collect import collect_cues

    said = dialogue if isinstance(dialogue, Dialogue) else dialogue.dialogue
    return collect_cues(said, None if audio is None else Path(audio), [Path(table) for table in tables])
