"""From values to words."""

from __future__ import annotations

from fliptrace.cues.describe import describe

LOUDNESS, PITCH, RATE = "loudness_db", "pitch_hz", "characters_per_second"


def words_of_last(name: str, values: list[float], speakers: str = "") -> tuple[str, ...]:
    return describe(speakers or "A" * len(values), [{name: value} for value in values])[-1]


def test_the_highest_is_higher_and_the_next_a_little_higher() -> None:
    rising = [100.0 + 10 * i for i in range(10)]
    told = describe("A" * 10, [{PITCH: value} for value in rising])
    assert told[0] == ("lower pitch than usual",)
    assert told[1] == told[2] == ("a little lower pitch than usual",)
    assert told[4] == told[5] == ()
    assert told[8] == ("a little higher pitch than usual",)
    assert told[9] == ("higher pitch than usual",)


def test_several_words_name_once_what_they_compare_with() -> None:
    usual = {LOUDNESS: -30.0, PITCH: 120.0, RATE: 12.0}
    told = describe("A" * 10, [usual] * 9 + [{LOUDNESS: -20.0, PITCH: 200.0, RATE: 18.0}])
    assert told[-1] == ("louder than usual", "higher pitch", "faster")
    assert told[0] == ()


def test_each_speaker_is_compared_with_themselves() -> None:
    values = [100.0] * 8 + [200.0] * 8
    assert describe("A" * 8 + "B" * 8, [{PITCH: value} for value in values]) == [()] * 16


def test_who_says_little_is_compared_with_everybody_and_the_words_say_so() -> None:
    assert words_of_last(PITCH, [100.0] * 9 + [200.0], "A" * 9 + "B") == ("higher pitch than most here",)


def test_too_few_values_are_no_measure_of_what_is_usual() -> None:
    assert words_of_last(PITCH, [100.0] * 6 + [200.0]) == ()


def test_a_difference_that_nobody_hears_has_no_words() -> None:
    assert words_of_last(LOUDNESS, [-30.0] * 9 + [-28.5]) == ()
    assert words_of_last(PITCH, [200.0] * 9 + [210.0]) == ()
    assert words_of_last(RATE, [12.0] * 9 + [13.0]) == ()


def test_pauses_and_overlaps_need_no_comparison() -> None:
    told = describe("AB", [{"pause_before_seconds": 2.5}, {"overlap_seconds": 0.8, "pause_before_seconds": 0.0}])
    assert told == [("after a pause of 2.5 s",), ("others speak too, for 0.8 s",)]


def test_a_number_of_a_table_is_told_by_its_rank() -> None:
    assert words_of_last("heart rate", [60.0] * 9 + [90.0]) == ("heart rate: high",)


def test_shares_of_the_face_are_not_ranked() -> None:
    assert words_of_last("face_au12_share", [0.0] * 9 + [0.4]) == ()
