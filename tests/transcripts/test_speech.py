from __future__ import annotations

import pytest

from fliptrace.transcripts.speech import read_name, take_cues


@pytest.mark.parametrize(
    "line",
    [
        *("Ana: hi", "ANA:", "Ana : hi", "Ana:hi", "ana: hi", "Ana-Maria O'Neil: hi", "Maya and Indu: hi", "J.R.: hi"),
        *("Speaker 1: hi", "SPEAKER_00: hi", "Ludwig van der Rohe: hi", "कृष्णा: hi", "小红：hi", "user@home: hi"),
    ],
)
def test_a_name_stands_before_the_colon(line: str) -> None:
    spoken = read_name(line)
    assert spoken is not None and spoken.text in ("hi", "")
    assert line.removeprefix(spoken.speaker).strip(" :：") == spoken.text


@pytest.mark.parametrize(
    "line",
    [
        *("", ":", ": hi", "hi", "10:30", "at 10:30", "https://x.org", "C:\\temp", "one more thing: hi", "1: hi"),
        *(
            "Well, Ana: hi",
            "What? No: hi",
            "A b c d e f: hi",
            "Ana" * 30 + ": hi",
            "hi :)",
            "ok:)",
            "{a: 1}",
            "...: hi",
        ),
    ],
)
def test_other_colons_name_nobody(line: str) -> None:
    assert read_name(line) is None


@pytest.mark.parametrize("line", ["Ana [1:02]: hi", "Ana (sighs): hi", "Ana (sighs) [1:02] : hi", "- **Ana**: hi"])
def test_brackets_and_marks_beside_the_name_do_not_belong_to_it(line: str) -> None:
    assert read_name(line) == ("Ana", "hi")


@pytest.mark.parametrize(
    ("text", "rest", "cues"),
    [
        ("[laughs] no (sighs deeply) yes", "no yes", ("laughs", "sighs deeply")),
        ("(laughs) (laughs)", "", ("laughs",)),
        ("no [ one two three four ]!", "no!", ("one two three four",)),
        ("no [one two three four five]", "no [one two three four five]", ()),
        ("( ) [] (1984) [laughs", "( ) [] (1984) [laughs", ()),
        ("♪ la ♪ ♫", "la", ("music",)),
        ("((laughs))", "( )", ("laughs",)),
    ],
)
def test_cues_are_taken_out_of_text(text: str, rest: str, cues: tuple[str, ...]) -> None:
    assert take_cues(text) == (rest, cues)
