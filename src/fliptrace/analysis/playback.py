"""How a page plays its recording: a link to the file beside it, or the file itself within the page."""

from __future__ import annotations

import base64
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fliptrace.core.files import read_bytes

MAX_EMBEDDED = 8_000_000  # bytes; in a page a third more


@dataclass(frozen=True, slots=True)
class Playback:
    """Where the page finds the sound. `policy` is what its content security policy has to allow."""

    source: str
    policy: str


def playback_of(recording: Path, page: Path) -> Playback | None:
    """A relative link if the recording lies in the page's folder or below, else its content; None if too large."""
    folder, file = page.resolve().parent, recording.resolve()
    if file.is_relative_to(folder):
        return Playback(quote(file.relative_to(folder).as_posix()), "'self' file:")
    if file.stat().st_size > MAX_EMBEDDED:
        return None
    kind = mimetypes.guess_type(file.name)[0] or "audio/wav"
    return Playback(f"data:{kind};base64,{base64.b64encode(read_bytes(file)).decode()}", "data:")
