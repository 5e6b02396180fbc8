"""What the processes do, one function per kind of task. They are called in the children, where all heavy imports are.

`prepare_*` is called once in a child and returns the function for its tasks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.server.options import AnalysisOptions
from fliptrace.server.storage.jobs import Finished
from fliptrace.server.storage.search_index import index_entry

if TYPE_CHECKING:
    from fliptrace.analysis.tally import Tally
    from fliptrace.analysis.values import AnalysisValues
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


class CorrectTask(NamedTuple):
    """Apply corrections, given as JSON values, to a document of analysis/schema.py, given as JSON text.

    The result is JSON text: the corrected conversation.
    """

    document: str
    corrections: Sequence[Json]


class ExportTask(NamedTuple):
    """Make entries of a corpus file of a document and its corrections, given as for `CorrectTask`: an `Exported`."""

    document: str
    corrections: Sequence[Json]
    layout: Literal["erc", "efr"]


class Exported(NamedTuple):
    """Entries of a corpus file, with a comma after each but the last, and the emotions.toml that they need, or ""."""

    entries: str
    emotions: str


class CheckTask(NamedTuple):
    """Check that a correction can be made after others; InputError says why not. There is no result."""

    document: str
    corrections: Sequence[Json]
    new: Json


class TallyTask(NamedTuple):
    """Count a document of analysis/schema.py, given as JSON text, with corrections, given as JSON values: a `Tally`."""

    document: str
    corrections: Sequence[Json]


ShortTask = ReadTask | RenderTask | CorrectTask | ExportTask | CheckTask | TallyTask


def prepare_short_tasks() -> Callable[[ShortTask, OnStep], Any]:
    import fliptrace.analysis.page  # once, not in the first task
    import fliptrace.analysis.tally
    import fliptrace.transcripts.read  # noqa: F401

    def perform(task: ShortTask, on_step: OnStep) -> int | str | Exported | Tally | None:
        match task:
            case ReadTask():
                return len(_read(task))
            case RenderTask():
                return _render(task)
            case CorrectTask():
                return _correct(task)
            case ExportTask():
                return _export(task)
            case CheckTask():
                _check(task)
                return None
            case TallyTask():
                return _tally(task)

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
    from fliptrace.transcripts.read import parse_transcript

    options = task.options
    return parse_transcript(
        task.content,
        task.name,
        part=options.part,
        format=options.format,
        columns=options.columns,
        speakers=options.speakers,
        emotion_set=options.chosen_emotions(),
    )


def _render(task: RenderTask) -> str:
    from fliptrace.analysis.page import render_page
    from fliptrace.analysis.tables import to_csv

    analysis = _analysis(task.document)
    return to_csv(analysis) if task.form == "csv" else render_page(analysis)


def _correct(task: CorrectTask) -> str:
    from fliptrace.analysis.corrected_document import CorrectedDocument
    from fliptrace.analysis.corrections import read_correction

    corrections = [read_correction(value) for value in task.corrections]
    return CorrectedDocument.of(_analysis(task.document), corrections).model_dump_json(by_alias=True)


def _export(task: ExportTask) -> Exported:
    from fliptrace.analysis.corrected_files import efr_entries, erc_entry
    from fliptrace.analysis.corrections import apply_corrections, read_correction
    from fliptrace.corpora.corpus_writer import emotion_declaration

    corrections = [read_correction(value) for value in task.corrections]
    corrected = apply_corrections(_analysis(task.document), corrections)
    entries = [erc_entry(corrected)] if task.layout == "erc" else efr_entries(corrected)
    text = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    return Exported(text, emotion_declaration(corrected.dialogue.emotion_set))


def _check(task: CheckTask) -> None:
    from fliptrace.analysis.corrections import check_correction, read_correction

    corrections = [read_correction(value) for value in task.corrections]
    check_correction(_analysis(task.document), corrections, read_correction(task.new))


def _tally(task: TallyTask) -> Tally:
    from fliptrace.analysis.corrections import read_correction
    from fliptrace.analysis.schema import read_document
    from fliptrace.analysis.tally import tally_document

    corrections = [read_correction(value) for value in task.corrections]
    return tally_document(read_document(json.loads(task.document)), corrections)


def _analysis(document: str) -> AnalysisValues:
    from fliptrace.analysis.schema import read_document

    return read_document(json.loads(document)).analysis()
