"""What one calls from Python: read a transcript, load a model, analyze. The names stand in `fliptrace` itself."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING

from fliptrace.core.emotion_sets import MASAC8, EmotionSet

if TYPE_CHECKING:
    from fliptrace.analysis.result import Analysis
    from fliptrace.core.dialogue import Dialogue
    from fliptrace.models.open_model import OpenModel
    from fliptrace.transcripts.transcript import Transcript


def read_transcript(
    path: str | PathLike[str],
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    emotion_set: EmotionSet = MASAC8,
) -> Transcript:
    """The dialogue in a file, with what there is to know of the reading in `notes`; InputError says what is wrong.

    `path` may be `sample` or `sample:hindi-english`, which come with fliptrace. `format` None tells it by its content;
    `columns` names the file's columns where they have names of their own: {"speaker": "caller", "text": "words"}.
    """
    from fliptrace.transcripts.bundled import transcript_path
    from fliptrace.transcripts.read import read_transcript as read

    return read(transcript_path(fspath(path)), format=format, columns=columns, emotion_set=emotion_set)


def load_model(ref: str = "embedded", device: str = "auto") -> OpenModel:
    """A model by its reference: `embedded`, `rule:previous`, a folder, a Hub id ... InputError where there is none."""
    from fliptrace.models.open_model import open_model

    return open_model(ref, device)


def analyze(dialogue: Dialogue | Transcript, model: OpenModel, *, threshold: float | None = None) -> Analysis:
    """The flips of a dialogue, what triggered each and why. Emotions it has are kept, the others the model's.

    `threshold` is the support, 0 to 1, from which on an utterance is named a trigger; None is the model's own.
    """
    from fliptrace.analysis.analyze import analyze as find

    return find(dialogue, model, threshold=threshold)
