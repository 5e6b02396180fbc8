"""The input of the sequence classifier: a pair of texts for each of the last utterances of a case.

The first text is the candidate trigger with its distance from the target, and the speakers and emotions of all shown
utterances. The second is the target and the flip. The format is that of the window layout (prompts/views.py). The words
of other utterances are left out, so a pair has about 50 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fliptrace.core.flips import FlipCase
from fliptrace.prompts.views import Layout, View, render_distant


class Row(NamedTuple):
    """A candidate as a pair of texts, and its position: an utterance of the case at `case_index`."""

    candidate: str
    target: str
    case_index: int
    utterance_index: int


def make_rows(cases: Sequence[FlipCase], window: int, max_words: int) -> list[Row]:
    """Make a row for each of the last `window` utterances of every case, the target included.

    >>> from fliptrace.corpora.sample import load_sample
    >>> row = make_rows(load_sample("val")[:1], window=3, max_words=4)[1]
    >>> print(row.candidate, row.target, sep="\\n")
    1 A neutral: There's only one other / 2 B anger, 1 A neutral, 0 self fear
    0 self fear: Please don't tell management, / flip neutral to fear, source 3
    """
    layout = Layout("window", window=window, max_words=max_words)
    return [row for case_index, case in enumerate(cases) for row in _rows_of(View(case, layout), case_index)]


def _rows_of(view: View, case_index: int) -> list[Row]:
    around = ", ".join(_speaker_and_emotion(view, i) for i in view.shown)
    target = f"{_utterance_text(view, view.target)} / {view.render_flip()}"
    return [Row(f"{_utterance_text(view, i)} / {around}", target, case_index, i) for i in view.shown]


def _utterance_text(view: View, index: int) -> str:
    utterance = view.case.dialogue.utterances[index]
    name = view.window_names[utterance.speaker]
    return render_distant(utterance, view.label(index), name, view.layout.max_words, utterance.emotion)


def _speaker_and_emotion(view: View, index: int) -> str:
    utterance = view.case.dialogue.utterances[index]
    return " ".join((str(view.label(index)), view.window_names[utterance.speaker], utterance.emotion or "")).rstrip()
