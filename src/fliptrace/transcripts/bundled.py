"""Transcripts bundled with the package, for trying commands without a file of your own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fliptrace.core.errors import InputError

_FOLDER = Path(__file__).parents[1] / "sample"

# call: English with times, a call to a pet courier. hindi-english: plain text lines, a family before a wedding.
BUNDLED: Mapping[str, Path] = {"call": _FOLDER / "call.vtt", "hindi-english": _FOLDER / "hindi-english.txt"}


def transcript_path(ref: str | Path) -> Path:
    """Resolve a transcript reference: a path, `sample` (short for `sample:call`) or `sample:hindi-english`.

    >>> transcript_path("sample").name
    'call.vtt'
    """
    name, colon, which = str(ref).partition(":")
    if name != "sample" or Path(ref).exists():
        return Path(ref)
    if (which or "call") not in BUNDLED or (colon and not which):
        raise InputError(ref, f"no such transcript; expected one of {', '.join(f'sample:{each}' for each in BUNDLED)}")
    return BUNDLED[which or "call"]
