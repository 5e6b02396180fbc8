"""Facial movements from the table of a face tool: one row per frame of a video, with action units or blendshapes.

Read are CSV files of OpenFace (`timestamp`, `AU12_c`, `AU12_r`), py-feat (`approx_time` or `time`, `AU12`) and
blendshapes as MediaPipe names them (`time` or `timestamp_ms`, `mouthSmileLeft`). The action units are those of the
Facial Action Coding System (FACS; Ekman, Friesen and Hager 2002). Columns that name emotions are not read.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.cues.csv_table import CsvTable, number
from fliptrace.cues.times import timed_utterances
from fliptrace.cues.values import FACE, UtteranceCues

# What is seen of each unit. Parted lips and a dropped jaw (25, 26) are left out: whoever speaks shows them.
MOVEMENTS: Mapping[int, str] = {
    1: "inner brows raised",
    2: "outer brows raised",
    4: "brows lowered",
    5: "upper lids raised",
    6: "cheeks raised",
    7: "lids tightened",
    9: "nose wrinkled",
    10: "upper lip raised",
    12: "smiles",
    14: "lip corners tightened",
    15: "lip corners lowered",
    17: "chin raised",
    20: "lips stretched",
    23: "lips tightened",
    24: "lips pressed",
}
_BLENDSHAPES: Mapping[str, int] = {  # the closest unit of each; left and right count together
    "browInnerUp": 1,
    "browOuterUp": 2,
    "browDown": 4,
    "eyeWide": 5,
    "cheekSquint": 6,
    "eyeSquint": 7,
    "noseSneer": 9,
    "mouthUpperUp": 10,
    "mouthSmile": 12,
    "mouthDimple": 14,
    "mouthFrown": 15,
    "mouthShrugLower": 17,
    "mouthStretch": 20,
    "mouthPress": 24,
}
_AU = re.compile(r"AU(\d{1,2})(_[rc])?")
_SIDE = re.compile(r"_?(Left|Right)$")
_SHOWN = {"_c": 0.5, "_r": 1.0, "": 0.5}  # a unit is there from here on: presence, intensity 0 to 5, probability
_TIMES = {"timestamp": 1.0, "time": 1.0, "approx_time": 1.0, "timestamp_ms": 1e-3, "time_ms": 1e-3}  # in seconds
_FACE_SURE = 0.5  # of the tool's confidence that a face is there
_MIN_SEEN_SHARE = 0.5  # of the utterance's frames
_MIN_FRAMES = 5
_TOLD_SHARE = 0.5  # of the frames with a face: from here on a movement is told in words


class _Frames(NamedTuple):
    """Frames in the order of time. `shows[unit]` says where a unit is seen, `seen` where a single face is."""

    times: NDArray[np.float64]
    seen: NDArray[np.bool_]
    shows: Mapping[int, NDArray[np.bool_]]
    num_crowded: int


def is_face_table(header: Sequence[str]) -> bool:
    """Whether a table has one row per frame of a video: action units or blendshapes as columns."""
    return bool(_columns(header))


def read_faces(table: CsvTable, dialogue: Dialogue) -> tuple[list[UtteranceCues], list[str]]:
    """The movements of the face during every utterance, and notes; InputError if table or transcript have no times."""
    frames = _read_frames(table)
    end = float(frames.times[-1]) if len(frames.times) else 0.0
    timed = timed_utterances(dialogue, end)
    cues = [UtteranceCues() if t is None else _cues_between(frames, t.start, t.end) for t in timed]
    return cues, list(_notes(frames, cues, table.path.name))


def _columns(header: Sequence[str]) -> dict[int, list[tuple[int, float]]]:
    """By unit its columns, each with the value from which it shows. Presence is preferred to intensity."""
    units: dict[int, list[tuple[int, float]]] = {}
    kinds: dict[int, str] = {}
    for place, name in enumerate(header):
        if found := _AU.fullmatch(name):
            unit, kind = int(found[1]), found[2] or ""
            if unit in MOVEMENTS and kinds.get(unit) != "_c":
                units[unit], kinds[unit] = [(place, _SHOWN[kind])], kind
        elif (unit_of := _BLENDSHAPES.get(_SIDE.sub("", name))) is not None:
            units.setdefault(unit_of, []).append((place, _SHOWN[""]))
    return units


def _read_frames(table: CsvTable) -> _Frames:
    place = table.column(*_TIMES)
    if place is None:
        raise InputError(
            table.path,
            f"frames without times; expected one of the columns {', '.join(_TIMES)} (seconds, or ms by name)",
        )
    units, sure = _columns(table.header), table.column("confidence", "FaceScore")
    success, scale = table.column("success"), _TIMES[table.header[place]]
    frame = table.column("frame")
    times, pictures, seen = array("d"), list[str](), array("b")
    shows = {unit: array("b") for unit in units}
    for number_of_row, cells in enumerate(table.rows, start=1):
        if (time := _seconds(cells[place])) is None:
            raise InputError(table.path, f"row {number_of_row}: {cells[place]!r} is no time; expected seconds")
        times.append(time * scale)
        pictures.append(cells[place if frame is None else frame])
        rated = 1.0 if sure is None else number(cells[sure]) or 0.0
        seen.append(rated >= _FACE_SURE and (success is None or number(cells[success]) == 1))
        for unit, columns in units.items():
            values = [number(cells[column]) for column, _ in columns]
            known = [value for value in values if value is not None]
            shows[unit].append(bool(known) and sum(known) / len(known) >= columns[0][1])
    # Where a picture has several faces, nothing says whose is the speaker's.
    faces = Counter(picture for picture, is_seen in zip(pictures, seen, strict=True) if is_seen)
    alone = np.array([is_seen and faces[picture] == 1 for picture, is_seen in zip(pictures, seen, strict=True)], bool)
    order = np.argsort(np.array(times), kind="stable")
    return _Frames(
        np.array(times)[order],
        alone[order],
        {unit: np.array(shown, bool)[order] for unit, shown in shows.items()},
        num_crowded=sum(count > 1 for count in faces.values()),
    )


def _seconds(cell: str) -> float | None:
    """A time as a number or a clock.

    >>> _seconds("4.25"), _seconds("01:02"), _seconds("soon")
    (4.25, 62.0, None)
    """
    parts = [number(part) for part in cell.split(":")]
    if len(parts) > 3 or any(part is None or part < 0 for part in parts):
        return None
    return sum((part or 0.0) * 60.0**power for power, part in enumerate(reversed(parts)))


def _cues_between(frames: _Frames, start: float, end: float) -> UtteranceCues:
    first, last = np.searchsorted(frames.times, (start, end))
    seen = frames.seen[first:last]
    if seen.sum() < _MIN_FRAMES or seen.mean() < _MIN_SEEN_SHARE:
        return UtteranceCues()
    shares = {unit: float(shown[first:last][seen].mean()) for unit, shown in sorted(frames.shows.items())}
    words = (
        f"{MOVEMENTS[unit]}: AU{unit} in {share:.0%} of the utterance"
        for unit, share in shares.items()
        if share >= _TOLD_SHARE
    )
    return UtteranceCues({f"{FACE}au{unit}_share": round(share, 2) for unit, share in shares.items()}, tuple(words))


def _notes(frames: _Frames, cues: Sequence[UtteranceCues], name: str) -> Iterator[str]:
    if not frames.seen.any():
        yield f"{name}: no face is seen in any frame, so nothing is said of faces"
    elif missing := sum(not each.values for each in cues):
        yield f"{name}: {missing:,} of {len(cues):,} utterances have no face in enough frames"
    if frames.num_crowded:
        yield f"{name}: {frames.num_crowded:,} frames show several faces and are left out; nothing says who speaks"
    if frames.seen.any():
        yield f"{name}: the face that is seen is taken for the speaker's"
