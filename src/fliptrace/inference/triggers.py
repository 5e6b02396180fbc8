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
from fliptrace.inference.exact_voting import score_views
from fliptrace.inference.sample_weighting import score_samples
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.base import (
    ChatModel,
    Decoding,
    KeepsAnswers,
    LogprobSampler,
    ReplyScorer,
    Request,
    TriggerModel,
)
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.predictions.rows import EmotionsFrom, Prediction, read_manifest
from fliptrace.predictions.writer import write_predictions
from fliptrace.prompts.answers import Ask, parse_answer, render_question
from fliptrace.prompts.self_evaluation import parse_judgement, render_judgement_prompt
from fliptrace.prompts.views import Layout, LayoutName, TruncatedView, View, truncate_to_context

_LINE_TOKENS = 64  # the longest answer line that exact decoding weighs: 8 utterances, three tokens each, and its end
CASES_AT_ONCE = 256  # between two writes to disk: enough to fill batches, little to lose


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """How a model is read: how cases are shown, what is asked, how replies are drawn, whether the model judges them.

    `threshold` is the support from which an utterance is named: share of votes, or probability where read exactly.
    `emotions_from` tells whose emotions the cases carry: it changes no prompt, and stands in every row.
    `emotion_weights` multiply the probabilities of emotion labels (checkpoints.InferenceDefaults).
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


def resolve_config(
    defaults: InferenceDefaults,
    decoding: Decoding,
    *,
    ask: Ask | None = None,
    layout: LayoutName | None = None,
    judge: bool = False,
    threshold: float | None = None,
    stop_early: bool = False,
    draws: bool = False,
) -> InferenceConfig:
    """How to read a model with these habits; None keeps the habit. `draws`: whether exact decoding samples answers.

    InputError on a threshold outside 0 to 1, where answers read exactly are to be judged, and where there are no
    samples to end early.
    """
    share = defaults.threshold(decoding.kind) if threshold is None else threshold
    if not 0 < share <= 1:
        raise InputError("threshold", f"{share}: expected more than 0 and at most 1")
    if judge and decoding.kind == "exact":
        raise InputError("judge", "exact decoding gives probabilities, no answer to judge; expected greedy or sample")
    if stop_early and decoding.kind != "sample":
        raise InputError("stop_early", f"{decoding.kind} decoding draws no samples that vote; expected sample")
    shown = defaults.layout if layout is None else replace(defaults.layout, name=layout)
    asked = ask or defaults.ask
    if decoding.kind == "exact" and asked == "answer" and not draws:
        decoding = replace(decoding, num_samples=1)  # nothing is drawn, whatever number was given
    return InferenceConfig(
        shown, asked, decoding, judge, share, emotion_weights=defaults.emotion_weights, stop_early=stop_early
    )


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
    model: ChatModel, cases: Sequence[FlipCase], config: InferenceConfig, *, hide_unknown: bool = False
) -> list[Answered]:
    """Put every case to the model and read its replies, in the order of the cases.

    `hide_unknown` shows nothing before a case's `known_from`, as training does.
    """
    views = [View(case, config.layout, case.known_from if hide_unknown else 0) for case in cases]
    truncated = [_truncate(model, view, config) for view in views]
    replies = _ask(model, [each.view for each in truncated], config)
    return [Answered(each.view, row, each.num_dropped) for each, row in zip(truncated, replies, strict=True)]


def score_cases(
    model: ChatModel | ReplyScorer, cases: Sequence[FlipCase], config: InferenceConfig
) -> Iterator[Prediction]:
    """Read the model exactly about every case, in the order of the cases."""
    truncated = [_truncate(model, View(case, config.layout), config) for case in cases]
    if isinstance(model, LogprobSampler):
        yield from _score_samples_of_cases(model, cases, truncated, config)
        return
    scored = score_views(model, [each.view for each in truncated], config.ask, config.decoding)
    for case, shown, (weights, answers) in zip(cases, truncated, scored, strict=True):
        ballot = weights.vote(len(case.dialogue), config.threshold, len(answers))
        yield Prediction.of(case, ballot, answers, num_dropped=shown.num_dropped, remaining=weights.remaining)


def _score_samples_of_cases(
    model: LogprobSampler, cases: Sequence[FlipCase], truncated: Sequence[TruncatedView], config: InferenceConfig
) -> Iterator[Prediction]:
    """For a model that tells the probabilities of its own replies alone."""
    drawn = model.sample_with_logprobs(_requests([each.view for each in truncated], config), config.decoding)
    for case, shown, completions in zip(cases, truncated, drawn, strict=True):
        scored = score_samples(completions, shown.view)
        ballot = scored.vote(len(case.dialogue), config.threshold)
        yield Prediction.of(case, ballot, scored.answers, num_dropped=shown.num_dropped, remaining=scored.remaining)


def name_triggers(
    model: ChatModel | ReplyScorer | TriggerModel, cases: Sequence[FlipCase], config: InferenceConfig, num_done: int = 0
) -> Iterator[Prediction]:
    """A prediction for every case but the first `num_done`, in order. InputError where the model cannot be so read."""
    check_model(model, config)
    # Probabilities are rounded as the batch will have it: a chunk that was torn apart is weighed again as a whole.
    is_rounded = config.decoding.kind == "exact" and not isinstance(model, KeepsAnswers)
    num_again = num_done % CASES_AT_ONCE if is_rounded else 0
    return islice(_name_triggers(model, cases[num_done - num_again :], config), num_again, None)


def _name_triggers(
    model: ChatModel | ReplyScorer | TriggerModel, cases: Sequence[FlipCase], config: InferenceConfig
) -> Iterator[Prediction]:
    at_once = max(1, len(cases)) if isinstance(model, KeepsAnswers) else CASES_AT_ONCE
    for start in range(0, len(cases), at_once):
        chunk = cases[start : start + at_once]
        if isinstance(model, TriggerModel):
            for case in chunk:
                answer = Answer(model.name_triggers(case), "")
                yield Prediction.of(case, vote([answer.value], len(case.dialogue), config.threshold), [answer])
        elif config.decoding.kind == "exact":
            yield from score_cases(model, chunk, config)
        else:
            assert isinstance(model, ChatModel)
            for case, answered in zip(chunk, answer_cases(model, chunk, config), strict=True):
                yield _predict(case, answered, config)


def check_model(model: ChatModel | ReplyScorer | TriggerModel, config: InferenceConfig) -> None:
    """InputError where the model cannot be read that way."""
    if config.decoding.kind == "exact" and not isinstance(model, ReplyScorer | LogprobSampler):
        raise InputError(model.name, "weighs no replies; exact decoding wants a model that does, such as a local one")
    if config.decoding.kind == "exact" and isinstance(model, LogprobSampler) and config.ask == "chain":
        raise InputError(model.name, "weighs whole replies, reasons too; exact decoding wants --ask answer of it")
    if not isinstance(model, TriggerModel | ChatModel) and (config.decoding.kind != "exact" or config.ask == "chain"):
        raise InputError(model.name, "weighs replies and gives none; expected exact decoding of the answer alone")


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
    config: InferenceConfig,
    path: Path,
    data: Json,
    on_progress: Callable[[int], None] = lambda num_done: None,
) -> PredictedFile:
    """Write `path` and its manifest. Rows go to `path.partial` as they are made; a killed run goes on from there.

    `data` says what the cases come from (files, hashes) and stands in the manifest. RunError where `path.partial`
    belongs to another run.
    """
    check_model(model, config)
    manifest = {
        "model": model.name,
        "inference": asdict(config),
        "data": data,
        "num_cases": len(cases),
        "prompts_sha256": _hash_prompts(cases, config),
    }
    written = write_predictions(
        path,
        manifest,
        Prediction.from_json,
        lambda num_done: _mark(name_triggers(model, cases, config, num_done), config),
        summarise=lambda rows: _summarise(PredictedFile(rows, 0)),
        rows_at_once=CASES_AT_ONCE,
        on_progress=on_progress,
    )
    return PredictedFile(written.rows, written.num_resumed)


def _mark(predictions: Iterable[Prediction], config: InferenceConfig) -> Iterator[Prediction]:
    """Each says whose emotions it was shown: the experiments are never mixed."""
    return (replace(prediction, emotions_from=config.emotions_from) for prediction in predictions)


def _summarise(predicted: PredictedFile) -> Json:
    return {"num_cut_cases": predicted.num_cut_cases, "mean_remaining": predicted.mean_remaining}


def layout_of(path: Path) -> LayoutName:
    """The layout a prediction file was made in, which tells what the numbers in its replies mean."""
    name = read_manifest(path).get("inference", {}).get("layout", {}).get("name")
    return "window" if name == "window" else "dialogue"


def _truncate(model: ChatModel | ReplyScorer, view: View, config: InferenceConfig) -> TruncatedView:
    """Leave room for the reply and, where the model judges it, for question, reply and judgement."""
    budget = config.decoding.max_new_tokens
    if config.decoding.kind == "exact":  # behind a rationale of that length stands an answer line of any
        budget = budget + _LINE_TOKENS if config.ask == "chain" else max(budget, _LINE_TOKENS)
    if config.judge:
        return truncate_to_context(view, lambda v: model.fits(render_judgement_prompt(v, config.ask, "-"), 2 * budget))
    return truncate_to_context(view, lambda v: model.fits(render_question(v, config.ask), budget))


def _ask(model: ChatModel, views: Sequence[View], config: InferenceConfig) -> list[tuple[Reply, ...]]:
    """The replies to every view: at once, or wave by wave to those whose vote is still open."""
    num_replies, threshold = config.decoding.num_replies, config.threshold
    replies: list[tuple[Reply, ...]] = [()] * len(views)
    for wave in plan_waves(num_replies, threshold) if config.stop_early else (range(num_replies),):
        still_open = [
            position
            for position, row in enumerate(replies)
            if not is_settled([reply.final.value for reply in row], num_replies, threshold)
        ]
        if not still_open:
            break
        more = _draw(model, [views[position] for position in still_open], config, wave)
        for position, row in zip(still_open, more, strict=True):
            replies[position] += row
    return replies


def _draw(model: ChatModel, views: Sequence[View], config: InferenceConfig, wave: range) -> list[tuple[Reply, ...]]:
    """The replies of these numbers to every view, judged where that is wanted."""
    requests = _requests(views, config, wave.start)
    completed = model.complete(requests, replace(config.decoding, num_samples=len(wave)))
    drafts = [
        [replace(parse_answer(reply.text, view), prevented=reply.prevented) for reply in completions]
        for view, completions in zip(views, completed, strict=True)
    ]
    if config.judge:
        return _judge(model, views, drafts, config, wave)
    return [tuple(Reply(draft, None, draft) for draft in row) for row in drafts]


def _requests(views: Sequence[View], config: InferenceConfig, number: int = 0) -> list[Request]:
    fills_reply = config.ask == "answer"
    return [
        Request(view.case.id, render_question(view, config.ask), _line(view, config, fills_reply), number)
        for view in views
    ]


def _judge(
    model: ChatModel, views: Sequence[View], drafts: Sequence[Sequence[Answer]], config: InferenceConfig, wave: range
) -> list[tuple[Reply, ...]]:
    """Let the model judge every draft, greedily, as the samples differ already. An unreadable one keeps the draft."""
    requests = [
        Request(
            f"{view.case.id}/judge/{number}",
            render_judgement_prompt(view, config.ask, draft.text),
            _line(view, config, fills_reply=False),
        )
        for view, row in zip(views, drafts, strict=True)
        for number, draft in zip(wave, row, strict=True)
    ]
    greedy = Decoding(max_new_tokens=config.decoding.max_new_tokens)
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


def _line(view: View, config: InferenceConfig, fills_reply: bool) -> AnswerLine | None:
    """What an answer line about this view may name: utterances of the dialogue up to the target."""
    if not config.decoding.constrain:
        return None
    labels = [view.label(i) for i in range(view.target + 1)]
    later = [view.label(i) for i in range(view.target + 1, len(view.case.dialogue))]
    # In the window layout what comes after the target has no label: a distance is not negative.
    return AnswerLine(tuple(sorted(labels)), tuple(label for label in later if label > 0), fills_reply)


def _predict(case: FlipCase, answered: Answered, config: InferenceConfig) -> Prediction:
    finals = [reply.final for reply in answered.replies]
    ballot = vote([final.value for final in finals], len(case.dialogue), config.threshold)
    if not config.judge:
        return Prediction.of(case, ballot, finals, num_dropped=answered.num_dropped)
    drafts, verdicts = [r.draft for r in answered.replies], [r.verdict for r in answered.replies]
    return Prediction.of(case, ballot, finals, drafts, verdicts, answered.num_dropped)


def _hash_prompts(cases: Sequence[FlipCase], config: InferenceConfig) -> str:
    """Of the plain questions before any cut, so that it tells prompts apart, not models."""
    questions = (render_question(View(case, config.layout), config.ask) for case in cases)
    return hash_json([[message.to_json() for message in question] for question in questions])
