"""From flip cases to predictions: ask, read, let the model judge its own answers where wanted, vote.

`name_triggers` is the pure path; `predict_file` writes a prediction file and goes on where a killed run stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from fliptrace.checkpoints import Habits
from fliptrace.errors import InputError, RunError
from fliptrace.flips import FlipCase
from fliptrace.messages import Answer
from fliptrace.models.base import ChatModel, Decoding, Request, TriggerModel
from fliptrace.predictions import Prediction, manifest_path, read_manifest
from fliptrace.prompts.answers import Ask, parse_answer, render_question
from fliptrace.prompts.self_evaluation import Judgement, parse_judgement, render_judgement_prompt
from fliptrace.prompts.views import Fitted, Layout, LayoutName, View, fit
from fliptrace.store import Json, hash_json, open_atomic, to_line, versions, write_json, write_jsonl
from fliptrace.voting import vote

CASES_AT_ONCE = 256  # between two writes to disk: enough to fill batches, little to lose


@dataclass(frozen=True, slots=True)
class Reading:
    """How a model is read: how cases are shown, what is asked, how replies are drawn, whether the model judges them."""

    layout: Layout = field(default_factory=Layout)
    ask: Ask = "answer"
    decoding: Decoding = field(default_factory=Decoding)
    judge: bool = False
    threshold: float = 0.5


def reading_of(
    habits: Habits,
    decoding: Decoding,
    *,
    ask: Ask | None = None,
    layout: LayoutName | None = None,
    judge: bool = False,
    threshold: float | None = None,
) -> Reading:
    """How to read a model with these habits; None keeps the habit. InputError on a threshold outside 0 to 1."""
    share = habits.threshold if threshold is None else threshold
    if not 0 < share <= 1:
        raise InputError("threshold", f"{share}: wanted more than 0 and at most 1")
    shown = habits.layout if layout is None else replace(habits.layout, name=layout)
    return Reading(shown, ask or habits.ask, decoding, judge, share)


class Reply(NamedTuple):
    """One sample: the draft, and where the model judged it, what it held of it and its last word."""

    draft: Answer
    verdict: bool | None
    final: Answer


@dataclass(frozen=True, slots=True)
class Answered:
    """A case with all the replies to it; `num_dropped` of its oldest utterances did not fit the model's context."""

    view: View
    replies: tuple[Reply, ...]
    num_dropped: int


def answer_cases(
    model: ChatModel, cases: Sequence[FlipCase], reading: Reading, *, hide_unknown: bool = False
) -> list[Answered]:
    """Put every case to the model and read its replies, in the order of the cases.

    `hide_unknown` shows nothing before a case's `known_from`, as training does.
    """
    views = [View(case, reading.layout, case.known_from if hide_unknown else 0) for case in cases]
    fitted = [_fit(model, view, reading) for view in views]
    views = [each.view for each in fitted]
    requests = [Request(view.case.id, render_question(view, reading.ask)) for view in views]
    drafts = [
        [parse_answer(completion.text, view) for completion in completions]
        for view, completions in zip(views, model.complete(requests, reading.decoding), strict=True)
    ]
    if reading.judge:
        replies = _judge(model, views, drafts, reading)
    else:
        replies = [tuple(Reply(draft, None, draft) for draft in row) for row in drafts]
    return [Answered(each.view, row, each.num_dropped) for each, row in zip(fitted, replies, strict=True)]


def name_triggers(model: ChatModel | TriggerModel, cases: Sequence[FlipCase], reading: Reading) -> Iterator[Prediction]:
    """A prediction for every case, in order."""
    for start in range(0, len(cases), CASES_AT_ONCE):
        chunk = cases[start : start + CASES_AT_ONCE]
        if isinstance(model, TriggerModel):
            for case in chunk:
                answer = Answer(model.name_triggers(case), "")
                yield Prediction.of(case, vote([answer.value], len(case.dialogue), reading.threshold), [answer])
        else:
            for case, answered in zip(chunk, answer_cases(model, chunk, reading), strict=True):
                yield _predict(case, answered, reading)


@dataclass(frozen=True, slots=True)
class PredictedFile:
    """What `predict_file` did: all predictions, and how many of them it found done."""

    predictions: list[Prediction]
    num_resumed: int

    @property
    def num_cut_cases(self) -> int:
        """Cases whose prompt had to leave out utterances to fit the model's context."""
        return sum(prediction.num_dropped > 0 for prediction in self.predictions)


def predict_file(
    model: ChatModel | TriggerModel,
    cases: Sequence[FlipCase],
    reading: Reading,
    path: Path,
    data: Json,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> PredictedFile:
    """Write `path` and its manifest. Rows go to `path.partial` as they are made; a killed run goes on from there.

    `data` says what the cases come from (files, hashes) and stands in the manifest. RunError where `path.partial`
    belongs to another run.
    """
    manifest = {
        "model": model.name,
        "reading": asdict(reading),
        "data": data,
        "num_cases": len(cases),
        "prompts_sha256": _hash_prompts(cases, reading),
    }
    partial = path.with_name(f"{path.name}.partial")
    done = _resume(partial, hash_json(manifest))
    num_resumed = len(done)
    on_progress(num_resumed)
    with partial.open("ab") as file:
        for prediction in name_triggers(model, cases[num_resumed:], reading):
            done.append(prediction)
            file.write(to_line(prediction.to_json()).encode())
            if len(done) % CASES_AT_ONCE == 0:
                file.flush()
                os.fsync(file.fileno())
            on_progress(len(done))
    predicted = PredictedFile(done, num_resumed)
    write_jsonl(path, (prediction.to_json() for prediction in done))
    write_json(
        manifest_path(path),
        manifest | {"num_cut_cases": predicted.num_cut_cases, "versions": versions("torch", "transformers")},
    )
    partial.unlink()
    return predicted


def layout_of(path: Path) -> LayoutName:
    """The layout a prediction file was made in, which tells what the numbers in its replies mean."""
    name = read_manifest(path).get("reading", {}).get("layout", {}).get("name")
    return "window" if name == "window" else "dialogue"


def _fit(model: ChatModel, view: View, reading: Reading) -> Fitted:
    """Leave room for the reply and, where the model judges it, for question, reply and judgement."""
    budget = reading.decoding.max_new_tokens
    if reading.judge:
        return fit(view, lambda v: model.fits(render_judgement_prompt(v, reading.ask, "-"), 2 * budget))
    return fit(view, lambda v: model.fits(render_question(v, reading.ask), budget))


def _judge(
    model: ChatModel, views: Sequence[View], drafts: Sequence[Sequence[Answer]], reading: Reading
) -> list[tuple[Reply, ...]]:
    """Let the model judge every draft, greedily, as the samples differ already. An unreadable one keeps the draft."""
    requests = [
        Request(f"{view.case.id}/judge/{number}", render_judgement_prompt(view, reading.ask, draft.text))
        for view, row in zip(views, drafts, strict=True)
        for number, draft in enumerate(row)
    ]
    greedy = Decoding(max_new_tokens=reading.decoding.max_new_tokens)
    texts = iter([completion.text for (completion,) in model.complete(requests, greedy)])
    return [
        tuple(_last_word(draft, parse_judgement(next(texts), view)) for draft in row)
        for view, row in zip(views, drafts, strict=True)
    ]


def _last_word(draft: Answer, judgement: Judgement) -> Reply:
    keeps = judgement.answer.value is None
    return Reply(draft, judgement.is_right, draft if keeps else judgement.answer)


def _predict(case: FlipCase, answered: Answered, reading: Reading) -> Prediction:
    finals = [reply.final for reply in answered.replies]
    ballot = vote([final.value for final in finals], len(case.dialogue), reading.threshold)
    if not reading.judge:
        return Prediction.of(case, ballot, finals, num_dropped=answered.num_dropped)
    drafts, verdicts = [r.draft for r in answered.replies], [r.verdict for r in answered.replies]
    return Prediction.of(case, ballot, finals, drafts, verdicts, answered.num_dropped)


def _hash_prompts(cases: Sequence[FlipCase], reading: Reading) -> str:
    """Of the plain questions before any cut, so that it tells prompts apart, not models."""
    questions = (render_question(View(case, reading.layout), reading.ask) for case in cases)
    return hash_json([[message.to_json() for message in question] for question in questions])


def _resume(partial: Path, run: str) -> list[Prediction]:
    """The rows a killed run left, cut back to the last whole one; a new file where there is none."""
    whole, newline, _ = partial.read_bytes().rpartition(b"\n") if partial.exists() else (b"", b"", b"")
    if not newline:
        write_jsonl(partial, [{"run": run}])
        return []
    header, *lines = whole.split(b"\n")
    try:
        is_ours = json.loads(header) == {"run": run}
        done = [Prediction.from_json(json.loads(line)) for line in lines] if is_ours else []
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(partial, f"damaged ({error}); delete it to start anew") from error
    if not is_ours:
        raise RunError(partial, "left by a run with other data, model or settings; delete it, or choose another --out")
    with open_atomic(partial) as file:
        file.write(whole + newline)
    return done
