"""Pauses and overlaps by the times of a transcript."""

from __future__ import annotations

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.cues.times import Timed, timed_utterances


def said(*rows: tuple[str, float | None, float | None]) -> Dialogue:
    return Dialogue("call", "call", tuple(Utterance(who, "words", start=a, end=b) for who, a, b in rows), MASAC8)


def known(timed: tuple[Timed | None, ...]) -> list[Timed]:
    return [each for each in timed if each is not None]


def test_a_pause_is_counted_from_the_last_end_whoever_spoke() -> None:
    timed = known(timed_utterances(said(("A", 0.5, 2.0), ("B", 3.25, 4.0), ("A", 4.0, 5.0)), 9.0))
    assert [each.values.get("pause_before_seconds") for each in timed] == [None, 1.25, 0.0]


def test_overlap_is_left_out_of_what_is_measured() -> None:
    timed = known(timed_utterances(said(("A", 0.0, 4.0), ("B", 3.0, 6.0)), 9.0))
    assert [each.alone for each in timed] == [((0.0, 3.0),), ((4.0, 6.0),)]
    assert [each.values["overlap_seconds"] for each in timed] == [1.0, 1.0]
    assert timed[1].values["pause_before_seconds"] == 0.0


def test_an_interjection_leaves_two_stretches_and_none_of_its_own() -> None:
    timed = known(timed_utterances(said(("A", 0.0, 9.0), ("B", 4.0, 5.0)), 9.0))
    assert timed[0].alone == ((0.0, 4.0), (5.0, 9.0))
    assert timed[1].alone == ()
    assert timed[1].values["overlap_seconds"] == 1.0


def test_a_speaker_does_not_overlap_with_their_own_utterances() -> None:
    timed = known(timed_utterances(said(("A", 0.0, 4.0), ("A", 3.0, 6.0)), 9.0))
    assert [each.values["overlap_seconds"] for each in timed] == [0.0, 0.0]


def test_without_ends_an_utterance_lasts_until_the_next_and_has_no_pause() -> None:
    timed = known(timed_utterances(said(("A", 1.0, None), ("B", 3.0, None)), 9.0))
    assert [(each.start, each.end) for each in timed] == [(1.0, 3.0), (3.0, 9.0)]
    assert [each.values for each in timed] == [{}, {}]


def test_an_utterance_without_a_start_is_left_out() -> None:
    assert timed_utterances(said(("A", None, None), ("B", 3.0, 4.0)), 9.0)[0] is None


def test_a_transcript_without_times_is_told_what_it_lacks() -> None:
    with pytest.raises(InputError, match=r"call: the transcript has no times.*expected a start for each"):
        timed_utterances(said(("A", None, None)), 9.0)
