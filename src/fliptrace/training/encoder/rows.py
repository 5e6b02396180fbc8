"""What a sequence classifier reads of a candidate trigger: a pair of texts for each of the last utterances of a case.

The first is the candidate under its distance from the target, and who spoke around it with which emotion; the second
is the target and the flip. The words are those of the window layout (prompts/views.py); the utterances around a
candidate lend it no words of theirs, so a pair has some 50 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fliptrace.core.flips import FlipCase
from fliptrace.prompts.views import Layout, View, render_distant


class Row(NamedTuple):
    """A candidate as a pair of texts, and where it stands: an utterance of the case at `case_index`."""

    candidate: str
    target: str
    case_index: int
    utterance_index: int


def make_rows(cases: Sequence[FlipCase], window: int, max_words: int) -> list[Row]:
    """A row for each of the last `window` utterances of every case, the target among them.

    >>> from fliptrace.corpora.sample import load_sample
    >>> row = make_rows(load_sample("val")[:1], window=3, max_words=4)[1]
    >>> print(row.candidate, row.target, sep="\\n")
    1 A neutral: There's only one other / 2 B anger, 1 A neutral, 0 self fear
    0 self fear: Please don't tell management, / flip neutral to fear, source 3
    """
    layout = Layout("window", window=window, max_words=max_words)
    return [row for case_index, case in enumerate(cases) for row in _rows_of(View(case, layout), case_index)]


def _rows_of(view: View, case_index: int) -> list[Row]:
    around = ", ".join(_felt(view, i) for i in view.shown)
    target = f"{_said(view, view.target)} / {view.render_flip()}"
    return [Row(f"{_said(view, i)} / {around}", target, case_index, i) for i in view.shown]


def _said(view: View, index: int) -> str:
    utterance = view.case.dialogue.utterances[index]
    name = view.window_names[utterance.speaker]
    return render_distant(utterance, view.label(index), name, view.layout.max_words, utterance.emotion)


def _felt(view: View, index: int) -> str:
    utterance = view.case.dialogue.utterances[index]
    return " ".join((str(view.label(index)), view.window_names[utterance.speaker], utterance.emotion or "")).rstrip()
