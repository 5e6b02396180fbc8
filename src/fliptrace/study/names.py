"""Names of cells and test sets that carry a meaning."""

from __future__ import annotations

BASELINE = "baseline"  # takes the place of the base in the keys of baseline cells


def held_out_name(track: str) -> str:
    """The name of the test set of dialogues that a track holds out of training.

    >>> held_out_name("masac")
    'masac-held-out'
    """
    return f"{track}-held-out"


def is_own_test(track: str, test: str) -> bool:
    """Whether a test set belongs to the track: its val split, or the dialogues held out of its training."""
    return test in (track, held_out_name(track))
