"""Find where a speaker's emotion flips in a dialogue, which utterances triggered it, and why.

>>> import fliptrace
>>> transcript = fliptrace.read_transcript("sample")
>>> len(transcript.dialogue), transcript.dialogue.speakers[:2]
(24, ('Theo', 'Leila'))
"""

import sys

from fliptrace.api import analyze, load_model, measure_cues, read_transcript
from fliptrace.core import errors
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip, FlipCase, consequences, find_flips
from fliptrace.core.voting import Vote, vote

__all__ = [
    "Dialogue",
    "Flip",
    "FlipCase",
    "InputError",
    "Utterance",
    "Vote",
    "analyze",
    "consequences",
    "find_flips",
    "load_model",
    "measure_cues",
    "read_transcript",
    "vote",
]

sys.modules[f"{__name__}.errors"] = errors  # scripts written for version 0.1 import fliptrace.errors
