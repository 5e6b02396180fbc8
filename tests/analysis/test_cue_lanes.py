"""The lanes of loudness and pitch, and how a page finds its recording."""

from __future__ import annotations

from pathlib import Path

import pytest
from analyses import support_call, with_cues

from fliptrace.analysis.cue_lanes import HEIGHT
from fliptrace.analysis.lanes import lay_out
from fliptrace.analysis.page import render_page
from fliptrace.analysis.playback import MAX_EMBEDDED, playback_of
from fliptrace.cues.values import Cues, UtteranceCues


def test_every_speaker_who_was_measured_has_a_lane_below_the_emotions() -> None:
    picture, bare = lay_out(with_cues(support_call())), lay_out(support_call())
    assert [lane.speaker for lane in picture.cue_lanes] == ["Ravi", "Ada Okafor", "Ines"]
    assert picture.cue_lanes[0].top == picture.lanes_height == bare.lanes_height
    assert picture.height == bare.height + 3 * HEIGHT
    assert bare.cue_lanes == ()


def test_marks_stand_in_their_column_within_their_lane() -> None:
    picture = lay_out(with_cues(support_call()))
    marks = [(lane, mark) for lane in picture.cue_lanes for mark in lane.marks]
    assert sorted(mark.utterance_index for _, mark in marks) == [i for i in range(24) if i != 2]
    for lane, mark in marks:
        assert mark.x == picture.xs[mark.utterance_index]
        assert mark.bar is not None and 4 <= mark.bar <= 24
        assert mark.dot is not None and lane.top < mark.dot < lane.bottom - 24


def test_the_loudest_and_highest_utterance_of_a_speaker_stands_highest() -> None:
    lane = lay_out(with_cues(support_call())).cue_lanes[1]
    top = next(mark for mark in lane.marks if mark.utterance_index == 7)
    assert top.bar == max(mark.bar or 0 for mark in lane.marks) == 24
    assert top.dot == min(mark.dot or 999 for mark in lane.marks) == lane.bottom - 52
    assert top.title == "-14.0 dB · 228 Hz · louder than usual · higher pitch · faster"


def test_an_even_voice_does_not_fill_its_lane() -> None:
    values = [UtteranceCues({"loudness_db": -20.0 + i % 2}) for i in range(24)]
    bars = {
        mark.bar for lane in lay_out(support_call().with_cues(Cues(tuple(values)))).cue_lanes for mark in lane.marks
    }
    assert max(bars) - min(bars) == pytest.approx(20 / 6, abs=0.2)  # 1 dB of at least 6


def test_words_alone_make_no_lane() -> None:
    cues = Cues(tuple(UtteranceCues({}, ("smiles: AU12 in 70% of the utterance",)) for _ in range(24)))
    assert lay_out(support_call().with_cues(cues)).cue_lanes == ()


def test_a_page_without_cues_has_neither_player_nor_lanes() -> None:
    page = render_page(support_call())
    assert "<audio" not in page
    assert "media-src" not in page
    assert 'class="sound"' not in page


def test_a_recording_beside_the_page_is_linked(tmp_path: Path) -> None:
    folder = tmp_path / "sounds & calls"
    folder.mkdir()
    (folder / "a 1.wav").write_bytes(b"RIFF")
    playback = playback_of(folder / "a 1.wav", tmp_path / "page.html")
    assert playback is not None
    assert (playback.source, playback.policy) == ("sounds%20%26%20calls/a%201.wav", "'self' file:")


def test_a_recording_elsewhere_is_put_into_the_page_up_to_a_size(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    recording = tmp_path / "a.mp3"
    recording.write_bytes(b"ID3")
    playback = playback_of(recording, tmp_path / "pages" / "page.html")
    assert playback is not None
    assert (playback.source, playback.policy) == ("data:audio/mpeg;base64,SUQz", "data:")
    with recording.open("wb") as file:
        file.truncate(MAX_EMBEDDED + 1)
    assert playback_of(recording, tmp_path / "pages" / "page.html") is None
