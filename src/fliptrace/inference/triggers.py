"""From flip cases to predictions: `name_triggers` predicts, `predict_file` also writes a prediction file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from fliptrace.core.files import Json, hash_json
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import TriggerDecoder
from fliptrace.predictions.rows import Prediction, read_manifest
from fliptrace.predictions.writer import write_predictions
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.views import LayoutName, View

CASES_AT_ONCE = 256  # between two writes to disk: enough to fill batches, little to lose


def name_triggers(decoder: TriggerDecoder, cases: Sequence[FlipCase], num_done: int = 0) -> Iterator[Prediction]:
    """A prediction for every case but the first `num_done`, in order."""
    # Where support is rounded as the batch has it, a chunk that was torn apart is predicted again as a whole.
    num_again = num_done % CASES_AT_ONCE if decoder.depends_on_batch else 0
    return islice(_in_chunks(decoder, cases[num_done - num_again :]), num_again, None)


def _in_chunks(decoder: TriggerDecoder, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
    size = max(1, len(cases)) if decoder.takes_all_cases else CASES_AT_ONCE
    for start in range(0, len(cases), size):
        yield from decoder.predict(cases[start : start + size])


@dataclass(frozen=True, slots=True)
class PredictedFile:
    """The predictions of a file, and how many of them an earlier run had made."""

    predictions: list[Prediction]
    num_resumed: int

    @property
    def num_cut_cases(self) -> int:
        """Cases whose prompt had to leave out utterances to fit the model's context."""
        return sum(prediction.num_dropped > 0 for prediction in self.predictions)

    @property
    def num_shortened_cases(self) -> int:
        """Cases whose source or target is too long for the model's context, so that the model read its beginning."""
        return sum(prediction.num_shortened > 0 for prediction in self.predictions)

    @property
    def mean_remaining(self) -> float | None:
        """The mean probability that exact decoding did not score; None where nothing was decoded exactly."""
        shares = [p.remaining for p in self.predictions if p.remaining is not None]
        return sum(shares) / len(shares) if shares else None


def predict_file(
    decoder: TriggerDecoder,
    cases: Sequence[FlipCase],
    path: Path,
    data: Json,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> PredictedFile:
    """Write `path` and its manifest. Rows go to `path.partial` as they are made; a killed run resumes from there.

    `data` says where the cases come from (files, hashes) and goes into the manifest. RunError if `path.partial` belongs
    to another run.
    """
    manifest = {
        "model": decoder.name,
        "inference": decoder.config.to_json(),
        "data": data,
        "num_cases": len(cases),
        "prompts_sha256": _hash_prompts(cases, decoder.config),
    }
    written = write_predictions(
        path,
        manifest,
        Prediction.from_json,
        lambda num_done: _with_emotions_from(name_triggers(decoder, cases, num_done), decoder.config),
        summarise=lambda rows: _summarise(PredictedFile(rows, 0)),
        rows_at_once=CASES_AT_ONCE,
        on_progress=on_progress,
    )
    return PredictedFile(written.rows, written.num_resumed)


def layout_of(path: Path) -> LayoutName:
    """The layout of a prediction file's prompts, which says what the numbers in its replies mean."""
    name = read_manifest(path).get("inference", {}).get("layout", {}).get("name")
    return "window" if name == "window" else "dialogue"


def _with_emotions_from(predictions: Iterable[Prediction], config: InferenceConfig) -> Iterator[Prediction]:
    """Every row says whose emotions its prompt showed, so that the experiments are never mixed."""
    return (replace(prediction, emotions_from=config.emotions_from) for prediction in predictions)


def _summarise(predicted: PredictedFile) -> Json:
    return {
        "num_cut_cases": predicted.num_cut_cases,
        "num_shortened_cases": predicted.num_shortened_cases,
        "mean_remaining": predicted.mean_remaining,
    }


def _hash_prompts(cases: Sequence[FlipCase], config: InferenceConfig) -> str:
    """The hash of the questions before any truncation, so that it tells prompts apart, not models."""
    questions = (render_question(View(case, config.layout), config.ask) for case in cases)
    return hash_json([[message.to_json() for message in question] for question in questions])
