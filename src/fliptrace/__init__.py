"""Find where a speaker's emotion flips in a dialogue, which utterances triggered it, and why."""

from fliptrace.dialogue import Dialogue, Utterance
from fliptrace.flips import Flip, FlipCase, consequences, find_flips
from fliptrace.voting import Vote, vote

__all__ = ["Dialogue", "Flip", "FlipCase", "Utterance", "Vote", "consequences", "find_flips", "vote"]
