"""The terminal view of an analysis with cues."""

from __future__ import annotations

from analyses import support_call, with_cues
from rich.console import Console

from fliptrace.analysis.result import Analysis
from fliptrace.report.terminal.analysis import analysis_view


def shown(analysis: Analysis, full: bool) -> str:
    console = Console(width=400)
    with console.capture() as capture:
        console.print(analysis_view(analysis, full=full))
    return capture.get()


def test_measured_cues_stand_behind_the_words_apart_from_those_of_the_transcript() -> None:
    text = shown(with_cues(support_call()), full=True)
    assert "single call! (raises her voice) · louder than usual, higher pitch, faster" in text
    assert "no emotion here follows from it" in text


def test_the_short_view_has_them_behind_its_quotes() -> None:
    assert "single call! · louder than usual, higher pitch, faster" in shown(with_cues(support_call()), full=False)


def test_without_cues_nothing_is_said_of_them() -> None:
    assert "follows from it" not in shown(support_call(), full=True)
