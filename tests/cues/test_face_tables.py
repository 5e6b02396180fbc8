"""Tables of face tools: read, aligned to utterances, told by FACS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.cues.table import read_cue_table
from fliptrace.cues.values import Cues

TWO = Dialogue(
    "call",
    "call",
    (Utterance("A", "one", start=0.0, end=2.0), Utterance("B", "two", start=2.0, end=4.0)),
    MASAC8,
)
Row = Callable[[float, bool], str]  # the row of a frame by its time, and whether the face smiles


def openface(time: float, smiles: bool) -> str:
    return f"{round(25 * time)}, 0, {time:.3f}, 0.98, 1, {2.5 if smiles else 0.1}, {int(smiles)}, 0"


def py_feat(time: float, smiles: bool) -> str:
    return f"{round(25 * time)},0.99,{0.8 if smiles else 0.1},0.97,00:{int(time):02d}"


def blendshapes(time: float, smiles: bool) -> str:
    return f"{time * 1000:.0f},{0.7 if smiles else 0.0},{0.6 if smiles else 0.1},0.05"


HEADERS: dict[str, tuple[str, Row]] = {
    "openface": ("frame, face_id, timestamp, confidence, success, AU12_r, AU12_c, AU04_c", openface),
    "py-feat": ("frame,FaceScore,AU12,happiness,approx_time", py_feat),
    "mediapipe": ("timestamp_ms,mouthSmileLeft,mouthSmileRight,browDownLeft", blendshapes),
}


def frames(smiling_until: float) -> Iterator[tuple[float, bool]]:
    return ((i / 25, i / 25 < smiling_until) for i in range(100))


def read(folder: Path, header: str, rows: list[str], dialogue: Dialogue = TWO) -> Cues:
    path = folder / "faces.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_cue_table(path, dialogue)


@pytest.mark.parametrize("tool", HEADERS)
def test_a_smile_is_told_with_its_action_unit_and_share(tool: str, tmp_path: Path) -> None:
    header, row = HEADERS[tool]
    found = read(tmp_path, header, [row(*frame) for frame in frames(smiling_until=1.4)])
    assert found.utterances[0].values["face_au12_share"] == 0.7
    assert found.utterances[0].words == ("smiles: AU12 in 70% of the utterance",)
    assert found.utterances[1].values["face_au12_share"] == 0.0
    assert found.utterances[1].words == ()


def test_emotions_that_a_tool_names_are_not_read(tmp_path: Path) -> None:
    header, row = HEADERS["py-feat"]
    found = read(tmp_path, header, [row(*frame) for frame in frames(4.0)])
    assert set(found.utterances[0].values) == {"face_au12_share"}


def test_presence_counts_where_intensity_is_there_too(tmp_path: Path) -> None:
    rows = [f"{i / 25:.2f},4.0,0" for i in range(100)]
    assert read(tmp_path, "timestamp,AU12_r,AU12_c", rows).utterances[0].values == {"face_au12_share": 0.0}


def test_a_video_without_a_face_has_no_values_and_a_note(tmp_path: Path) -> None:
    header, _ = HEADERS["openface"]
    found = read(tmp_path, header, [f"{i}, 0, {i / 25}, 0.02, 0, 0, 1, 0" for i in range(100)])
    assert [each.values for each in found.utterances] == [{}, {}]
    assert found.notes == ("faces.csv: no face is seen in any frame, so nothing is said of faces",)


def test_a_face_seen_in_less_than_half_of_the_frames_has_no_values(tmp_path: Path) -> None:
    header, row = HEADERS["mediapipe"]
    rows = [row(time, True) for time, _ in frames(4.0) if time < 0.1 or time >= 2.0]
    found = read(tmp_path, header, rows)
    assert found.utterances[0].values == {}
    assert found.utterances[1].values["face_au12_share"] == 1.0
    assert "faces.csv: 1 of 2 utterances have no face in enough frames" in found.notes


def test_frames_with_several_faces_are_left_out(tmp_path: Path) -> None:
    header, row = HEADERS["openface"]
    one = [row(*frame) for frame in frames(4.0)]
    found = read(tmp_path, header, one + [row(time, False) for time, _ in frames(4.0) if time < 2.0])
    assert found.utterances[0].values == {}
    assert found.utterances[1].values["face_au12_share"] == 1.0
    assert any("50 frames show several faces" in note for note in found.notes)


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("frame,AU12_c", "1,1", "frames without times; expected one of the columns timestamp, time"),
        ("timestamp,AU12_c", "soon,1", "row 1: 'soon' is no time; expected seconds"),
        ("timestamp,AU12_c", "1", "line 2: 1 cells; expected 2"),
    ],
)
def test_a_damaged_table_is_told_where(header: str, row: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        read(tmp_path, header, [row])


def test_frames_need_a_transcript_with_times(tmp_path: Path) -> None:
    header, row = HEADERS["mediapipe"]
    untimed = Dialogue("call", "call", (Utterance("A", "one"),), MASAC8)
    with pytest.raises(InputError, match="the transcript has no times"):
        read(tmp_path, header, [row(0.0, True)], untimed)
