"""From flip cases to predictions: ask, read, let the model judge its own answers where wanted, vote.

`name_triggers` is the pure path; `predict_file` writes a prediction file and goes on where a killed run stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_json
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Answer, Completion
from fliptrace.core.voting import is_settled, plan_waves, vote
from fliptrace.inference.exact_voting import weigh_views
from fliptrace.inference.sample_weighting import weigh_samples
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.base import (
    ChatModel,
    Decoding,
    KeepsAnswers,
    ReplyScorer,
    Request,
    SampleWeigher,
    TriggerModel,
)
from fliptrace.models.checkpoints import Habits
from fliptrace.predictions.rows import EmotionsFrom, Prediction, read_manifest
from fliptrace.predictions.writer import write_predictions
from fliptrace.prompts.answers import Ask, parse_answer, render_question
from fliptrace.prompts.self_evaluation import parse_judgement, render_judgement_prompt
from fliptrace.prompts.views import Fitted, Layout, LayoutName, View, fit

_LINE_TOKENS = 64  # the longest answer line that exact decoding weighs: 8 utterances, three tokens each, and its end
CASES_AT_ONCE = 256  # between two writes to disk: enough to fill batches, little to lose


@dataclass(frozen=True, slots=True)
class Reading:
    """How a model is read: how cases are shown, what is asked, how replies are drawn, whether the model judges them.

    `threshold` is the support from which an utterance is named: share of votes, or probability where read exactly.
    `emotions_from` tells whose emotions the cases carry: it changes no prompt, and stands in every row.
    `emotion_weights` multiply the probabilities of emotion labels (checkpoints.Habits).
    `stop_early` asks no further about a case whose triggers no reply to come can change: they are those of all samples,
    their support is that of the replies there are.
    """

    layout: Layout = field(default_factory=Layout)
    ask: Ask = "answer"
    decoding: Decoding = field(default_factory=Decoding)
    judge: bool = False
    threshold: float = 0.5
    emotions_from: EmotionsFrom = "gold"
    emotion_weights: Mapping[str, float] = field(default_factory=dict)
    stop_early: bool = False


def reading_of(
    habits: Habits,
    decoding: Decoding,
    *,
    ask: Ask | None = None,
    layout: LayoutName | None = None,
    judge: bool = False,
    threshold: float | None = None,
    stop_early: bool = False,
    draws: bool = False,
) -> Reading:
    """How to read a model with these habits; None keeps the habit. `draws`: whether exact decoding samples answers.

    InputError on a threshold outside 0 to 1, where answers read exactly are to be judged, and where there are no
    samples to end early.
    """
    share = habits.threshold(decoding.kind) if threshold is None else threshold
    if not 0 < share <= 1:
        raise InputError("threshold", f"{share}: wanted more than 0 and at most 1")
    if judge and decoding.kind == "exact":
        raise InputError("judge", "exact decoding gives probabilities, no answer to judge; wanted greedy or sample")
    if stop_early and decoding.kind != "sample":
        raise InputError("stop_early", f"{decoding.kind} decoding draws no samples that vote; wanted sample")
    shown = habits.layout if layout is None else replace(habits.layout, name=layout)
    asked = ask or habits.ask
    if decoding.kind == "exact" and asked == "answer" and not draws:
        decoding = replace(decoding, num_samples=1)  # nothing is drawn, whatever number was given
    return Reading(shown, asked, decoding, judge, share, emotion_weights=habits.emotion_weights, stop_early=stop_early)


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
    replies = _ask(model, [each.view for each in fitted], reading)
    return [Answered(each.view, row, each.num_dropped) for each, row in zip(fitted, replies, strict=True)]


def weigh_cases(model: ChatModel | ReplyScorer, cases: Sequence[FlipCase], reading: Reading) -> Iterator[Prediction]:
    """Read the model exactly about every case, in the order of the cases."""
    fitted = [_fit(model, View(case, reading.layout), reading) for case in cases]
    if isinstance(model, SampleWeigher):
        yield from _weigh_draws(model, cases, fitted, reading)
        return
    weighed = weigh_views(model, [each.view for each in fitted], reading.ask, reading.decoding)
    for case, shown, (weights, answers) in zip(cases, fitted, weighed, strict=True):
        ballot = weights.vote(len(case.dialogue), reading.threshold, len(answers))
        yield Prediction.of(case, ballot, answers, num_dropped=shown.num_dropped, remaining=weights.remaining)


def _weigh_draws(
    model: SampleWeigher, cases: Sequence[FlipCase], fitted: Sequence[Fitted], reading: Reading
) -> Iterator[Prediction]:
    """For a model that tells the probabilities of its own replies alone."""
    drawn = model.draw_weighed(_requests([each.view for each in fitted], reading), reading.decoding)
    for case, shown, completions in zip(cases, fitted, drawn, strict=True):
        weighed = weigh_samples(completions, shown.view)
        ballot = weighed.vote(len(case.dialogue), reading.threshold)
        yield Prediction.of(case, ballot, weighed.answers, num_dropped=shown.num_dropped, remaining=weighed.remaining)


def name_triggers(
    model: ChatModel | ReplyScorer | TriggerModel, cases: Sequence[FlipCase], reading: Reading, num_done: int = 0
) -> Iterator[Prediction]:
    """A prediction for every case but the first `num_done`, in order. InputError where the model cannot be so read."""
    check_model(model, reading)
    # Probabilities are rounded as the batch will have it: a chunk that was torn apart is weighed again as a whole.
    is_rounded = reading.decoding.kind == "exact" and not isinstance(model, KeepsAnswers)
    num_again = num_done % CASES_AT_ONCE if is_rounded else 0
    return islice(_name_triggers(model, cases[num_done - num_again :], reading), num_again, None)


def _name_triggers(
    model: ChatModel | ReplyScorer | TriggerModel, cases: Sequence[FlipCase], reading: Reading
) -> Iterator[Prediction]:
    at_once = max(1, len(cases)) if isinstance(model, KeepsAnswers) else CASES_AT_ONCE
    for start in range(0, len(cases), at_once):
        chunk = cases[start : start + at_once]
        if isinstance(model, TriggerModel):
            for case in chunk:
                answer = Answer(model.name_triggers(case), "")
                yield Prediction.of(case, vote([answer.value], len(case.dialogue), reading.threshold), [answer])
        elif reading.decoding.kind == "exact":
            yield from weigh_cases(model, chunk, reading)
        else:
            assert isinstance(model, ChatModel)
            for case, answered in zip(chunk, answer_cases(model, chunk, reading), strict=True):
                yield _predict(case, answered, reading)


def check_model(model: ChatModel | ReplyScorer | TriggerModel, reading: Reading) -> None:
    """InputError where the model cannot be read that way."""
    if reading.decoding.kind == "exact" and not isinstance(model, ReplyScorer | SampleWeigher):
        raise InputError(model.name, "weighs no replies; exact decoding wants a model that does, such as a local one")
    if reading.decoding.kind == "exact" and isinstance(model, SampleWeigher) and reading.ask == "chain":
        raise InputError(model.name, "weighs whole replies, reasons too; exact decoding wants --ask answer of it")
    if not isinstance(model, TriggerModel | ChatModel) and (reading.decoding.kind != "exact" or reading.ask == "chain"):
        raise InputError(model.name, "weighs replies and gives none; wanted exact decoding of the answer alone")


@dataclass(frozen=True, slots=True)
class PredictedFile:
    """What `predict_file` did: all predictions, and how many of them it found done."""

    predictions: list[Prediction]
    num_resumed: int

    @property
    def num_cut_cases(self) -> int:
        """Cases whose prompt had to leave out utterances to fit the model's context."""
        return sum(prediction.num_dropped > 0 for prediction in self.predictions)

    @property
    def mean_remaining(self) -> float | None:
        """Of the probability that exact decoding did not look at; None where nothing was read exactly."""
        shares = [p.remaining for p in self.predictions if p.remaining is not None]
        return sum(shares) / len(shares) if shares else None


def predict_file(
    model: ChatModel | ReplyScorer | TriggerModel,
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
    check_model(model, reading)
    manifest = {
        "model": model.name,
        "reading": asdict(reading),
        "data": data,
        "num_cases": len(cases),
        "prompts_sha256": _hash_prompts(cases, reading),
    }
    written = write_predictions(
        path,
        manifest,
        Prediction.from_json,
        lambda num_done: _mark(name_triggers(model, cases, reading, num_done), reading),
        summarise=lambda rows: _summarise(PredictedFile(rows, 0)),
        rows_at_once=CASES_AT_ONCE,
        on_progress=on_progress,
    )
    return PredictedFile(written.rows, written.num_resumed)


def _mark(predictions: Iterable[Prediction], reading: Reading) -> Iterator[Prediction]:
    """Each says whose emotions it was shown: the experiments are never mixed."""
    return (replace(prediction, emotions_from=reading.emotions_from) for prediction in predictions)


def _summarise(predicted: PredictedFile) -> Json:
    return {"num_cut_cases": predicted.num_cut_cases, "mean_remaining": predicted.mean_remaining}


def layout_of(path: Path) -> LayoutName:
    """The layout a prediction file was made in, which tells what the numbers in its replies mean."""
    name = read_manifest(path).get("reading", {}).get("layout", {}).get("name")
    return "window" if name == "window" else "dialogue"


def _fit(model: ChatModel | ReplyScorer, view: View, reading: Reading) -> Fitted:
    """Leave room for the reply and, where the model judges it, for question, reply and judgement."""
    budget = reading.decoding.max_new_tokens
    if reading.decoding.kind == "exact":  # behind a rationale of that length stands an answer line of any
        budget = budget + _LINE_TOKENS if reading.ask == "chain" else max(budget, _LINE_TOKENS)
    if reading.judge:
        return fit(view, lambda v: model.fits(render_judgement_prompt(v, reading.ask, "-"), 2 * budget))
    return fit(view, lambda v: model.fits(render_question(v, reading.ask), budget))


def _ask(model: ChatModel, views: Sequence[View], reading: Reading) -> list[tuple[Reply, ...]]:
    """The replies to every view: at once, or wave by wave to those whose vote is still open."""
    num_replies, threshold = reading.decoding.num_replies, reading.threshold
    replies: list[tuple[Reply, ...]] = [()] * len(views)
    for wave in plan_waves(num_replies, threshold) if reading.stop_early else (range(num_replies),):
        still_open = [
            position
            for position, row in enumerate(replies)
            if not is_settled([reply.final.value for reply in row], num_replies, threshold)
        ]
        if not still_open:
            break
        more = _draw(model, [views[position] for position in still_open], reading, wave)
        for position, row in zip(still_open, more, strict=True):
            replies[position] += row
    return replies


def _draw(model: ChatModel, views: Sequence[View], reading: Reading, wave: range) -> list[tuple[Reply, ...]]:
    """The replies of these numbers to every view, judged where that is wanted."""
    requests = _requests(views, reading, wave.start)
    completed = model.complete(requests, replace(reading.decoding, num_samples=len(wave)))
    drafts = [
        [replace(parse_answer(reply.text, view), prevented=reply.prevented) for reply in completions]
        for view, completions in zip(views, completed, strict=True)
    ]
    if reading.judge:
        return _judge(model, views, drafts, reading, wave)
    return [tuple(Reply(draft, None, draft) for draft in row) for row in drafts]


def _requests(views: Sequence[View], reading: Reading, number: int = 0) -> list[Request]:
    fills_reply = reading.ask == "answer"
    return [
        Request(view.case.id, render_question(view, reading.ask), _line(view, reading, fills_reply), number)
        for view in views
    ]


def _judge(
    model: ChatModel, views: Sequence[View], drafts: Sequence[Sequence[Answer]], reading: Reading, wave: range
) -> list[tuple[Reply, ...]]:
    """Let the model judge every draft, greedily, as the samples differ already. An unreadable one keeps the draft."""
    requests = [
        Request(
            f"{view.case.id}/judge/{number}",
            render_judgement_prompt(view, reading.ask, draft.text),
            _line(view, reading, fills_reply=False),
        )
        for view, row in zip(views, drafts, strict=True)
        for number, draft in zip(wave, row, strict=True)
    ]
    greedy = Decoding(max_new_tokens=reading.decoding.max_new_tokens)
    completions = iter([completion for (completion,) in model.complete(requests, greedy)])
    return [
        tuple(_last_word(draft, next(completions), view) for draft in row)
        for view, row in zip(views, drafts, strict=True)
    ]


def _last_word(draft: Answer, completion: Completion, view: View) -> Reply:
    judgement = parse_judgement(completion.text, view)
    if judgement.answer.value is None:
        return Reply(draft, judgement.is_right, draft)
    return Reply(draft, judgement.is_right, replace(judgement.answer, prevented=completion.prevented))


def _line(view: View, reading: Reading, fills_reply: bool) -> AnswerLine | None:
    """What an answer line about this view may name: utterances of the dialogue up to the target."""
    if not reading.decoding.constrain:
        return None
    labels = [view.label(i) for i in range(view.target + 1)]
    later = [view.label(i) for i in range(view.target + 1, len(view.case.dialogue))]
    # In the window layout what comes after the target has no label: a distance is not negative.
    return AnswerLine(tuple(sorted(labels)), tuple(label for label in later if label > 0), fills_reply)


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
