"""One process of a run: opens the model once, then reads and analyzes conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fliptrace.analysis.analyze import analyze
from fliptrace.batch.conversations import Conversation
from fliptrace.batch.rows import Done, rows_of
from fliptrace.batch.settings import AnalysisSettings
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.corpora.own_emotions import own_emotion_set
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.transcripts.read import parse_transcript


@dataclass(frozen=True, slots=True)
class Worker:
    settings: AnalysisSettings
    model: OpenModel

    @classmethod
    def open(cls, settings: AnalysisSettings) -> Worker:
        """InputError if the model cannot be opened, or is a hosted one, whose budget is that of one process."""
        opened = open_model(settings.model, settings.device)
        if opened.hosted is not None:
            raise InputError(settings.model, "is hosted; expected a model on this machine for many conversations")
        return cls(settings, opened)

    def analyze(self, conversation: Conversation, page: Path | None = None) -> Done:
        """Analyze one conversation; whatever is wrong with it is told in the result. `page` is written if given.

        The result does not depend on what this process analyzed before.
        """
        if conversation.error:
            return Done(conversation.id, conversation.sha256, conversation.error)
        if self.model.model.reader is not None:
            self.model.model.reader.forget()
        try:
            transcript = parse_transcript(
                conversation.data,
                conversation.name,
                format=self.settings.format,
                columns=self.settings.columns,
                speakers=self.settings.speakers,
                emotion_set=self.settings.emotion_set or own_emotion_set(conversation.path) or MASAC8,
            )
            analysis = analyze(
                transcript,
                self.model,
                threshold=self.settings.threshold,
                min_flip_probability=self.settings.min_flip_probability,
                num_rationales=self.settings.num_rationales,
                evidence=self.settings.evidence,
            )
            if page is not None:
                analysis.to_html(page)
        except InputError as error:
            return Done(conversation.id, conversation.sha256, str(error))
        except Exception as error:  # a fault of ours, which must not stop all the others
            return Done(conversation.id, conversation.sha256, f"{type(error).__name__}: {error}")
        return Done(conversation.id, conversation.sha256, tables=rows_of(conversation.id, analysis))


_worker: Worker | InputError | None = None  # of this process, for `analyze_in_process`


def start(settings: AnalysisSettings) -> None:
    """Open the model of this process. What is wrong with it is raised by `analyze_in_process`, where it is seen."""
    global _worker
    try:
        _worker = Worker.open(settings)
    except InputError as error:
        _worker = error


def analyze_in_process(conversations: Sequence[Conversation], pages: Sequence[Path | None]) -> list[Done]:
    if isinstance(_worker, InputError):
        raise _worker
    assert _worker is not None
    return [_worker.analyze(each, page) for each, page in zip(conversations, pages, strict=True)]
