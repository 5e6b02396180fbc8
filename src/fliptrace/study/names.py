"""What cells and test sets are called, where that means something."""

from __future__ import annotations

BASELINE = "baseline"  # stands for the base in the cells of what is no language model


def held_out_name(track: str) -> str:
    """The test set of what a track keeps out of training.

    >>> held_out_name("masac")
    'masac-held-out'
    """
    return f"{track}-held-out"


def is_own_test(track: str, test: str) -> bool:
    """Whether a test set is of what the track was trained for: its val, or dialogues kept out of its training."""
    return test in (track, held_out_name(track))
