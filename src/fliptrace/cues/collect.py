"""All cues of a dialogue: from its recording and from tables, as values and in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fliptrace.core.dialogue import Dialogue
from fliptrace.cues.describe import describe
from fliptrace.cues.measure import MeasuredSound, OnMeasured, measure_sound
from fliptrace.cues.table import read_cue_table
from fliptrace.cues.values import Cues, UtteranceCues


def collect_cues(
    dialogue: Dialogue,
    audio: Path | None = None,
    tables: Sequence[Path] = (),
    on_measured: OnMeasured | None = None,
) -> Cues:
    """Measure the recording, read the tables, and put the values into words. Of a value given twice, the last counts.

    InputError if a source cannot be read, or if the transcript lacks the times that it needs.
    """
    read = [read_cue_table(path, dialogue) for path in tables]
    sound = MeasuredSound(({},) * len(dialogue), ()) if audio is None else measure_sound(dialogue, audio, on_measured)
    values = [
        dict(pair for source in (heard, *(each.utterances[i].values for each in read)) for pair in source.items())
        for i, heard in enumerate(sound.values)
    ]
    words = (
        (*described, *(word for each in read for word in each.utterances[i].words))
        for i, described in enumerate(describe(dialogue.speakers, values))
    )
    cues = (UtteranceCues(own, tuple(dict.fromkeys(said))) for own, said in zip(values, words, strict=True))
    return Cues(tuple(cues), (*sound.notes, *(note for each in read for note in each.notes)))
