from __future__ import annotations

import pytest

from fliptrace.transcripts.times import read_time


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (None, None),
        ("", None),
        (0, 0.0),
        (1.5, 1.5),
        ("1.5", 1.5),
        ("1,5", 1.5),
        ("90s", 90.0),
        (".5", 0.5),
        ("0:07", 7.0),
        ("75:30", 4530.0),
        ("1:02:03", 3723.0),
        ("00:16:16,059", 976.059),
        (" 01:02.25 ", 62.25),
    ],
)
def test_seconds_and_clock_times_are_read(raw: object, seconds: float | None) -> None:
    assert read_time(raw) == seconds


@pytest.mark.parametrize(
    "raw",
    [
        *("soon", "-1", -1, "nan", "inf", "1e3", "1_000", float("nan"), float("inf"), 10**400, True, [], {}),
        *("1:60", "1:60:00", "1:2:3:4", ":5", "2026-01-01T10:00:00Z", "10:15 AM", 1714557600, "²", "1" * 10_000),
    ],
)
def test_what_is_no_time_of_a_dialogue_is_a_value_error(raw: object) -> None:
    with pytest.raises(ValueError, match="is not a time within a dialogue"):
        read_time(raw)
