"""What the processes do, one function per kind of task. They are called in the children, where all heavy imports are.

`prepare_*` is called once in a child and returns the function for its tasks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.server.options import AnalysisOptions
from fliptrace.server.storage.jobs import Finished
from fliptrace.server.storage.search_index import index_entry

if TYPE_CHECKING:
    from fliptrace.transcripts.transcript import Transcript

OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ReadTask:
    """Read a transcript, to know that it can be read; the result is its number of utterances."""

    name: str
    content: bytes
    options: AnalysisOptions


@dataclass(frozen=True, slots=True)
class AnalysisTask:
    """Read and analyze a transcript with the model of this name; the result is a `Finished`."""

    name: str
    content: bytes
    options: AnalysisOptions
    model: str


class RenderTask(NamedTuple):
    """Render a document of analysis/schema.py, given as JSON text; the result is text."""

    document: str
    form: Literal["csv", "page"]


def prepare_short_tasks() -> Callable[[ReadTask | RenderTask, OnStep], Any]:
    import fliptrace.analysis.page  # once, not in the first task
    import fliptrace.transcripts.read  # noqa: F401

    def perform(task: ReadTask | RenderTask, on_step: OnStep) -> int | str:
        return len(_read(task)) if isinstance(task, ReadTask) else _render(task)

    return perform


def prepare_analyses(models: Mapping[str, str], device: str) -> Callable[[AnalysisTask, OnStep], Finished]:
    """Open all models, by the names that clients choose them by."""
    from fliptrace.analysis.analyze import analyze
    from fliptrace.models.open_model import open_model

    opened = {name: open_model(ref, device) for name, ref in models.items()}

    def perform(task: AnalysisTask, on_step: OnStep) -> Finished:
        if task.model not in opened:  # the job comes from an earlier start of the service
            raise InputError(f"model {task.model}", f"is not offered any more; expected one of {', '.join(opened)}")
        analysis = analyze(
            _read(task),
            opened[task.model],
            threshold=task.options.threshold,
            min_flip_probability=task.options.min_flip_probability,
            num_rationales=task.options.rationales,
            evidence=task.options.evidence,
            on_progress=lambda what, num_done, total: on_step(what, num_done, total),
        )
        document = analysis.to_json()
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        return Finished(text, index_entry(task.name, document), len(analysis.flips))

    return perform


def _read(task: ReadTask | AnalysisTask) -> Transcript:
    from fliptrace.core.emotion_sets import EMOTION_SETS
    from fliptrace.transcripts.read import parse_transcript

    options = task.options
    return parse_transcript(
        task.content,
        task.name,
        part=options.part,
        format=options.format,
        columns=options.columns,
        speakers=options.speakers,
        emotion_set=EMOTION_SETS[options.emotion_set],
    )


def _render(task: RenderTask) -> str:
    from fliptrace.analysis.page import render_page
    from fliptrace.analysis.schema import read_document
    from fliptrace.analysis.tables import to_csv

    analysis = read_document(json.loads(task.document)).analysis()
    return to_csv(analysis) if task.form == "csv" else render_page(analysis)
