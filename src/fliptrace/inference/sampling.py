"""Greedy and sampled answers to flip cases: prompt, parse, let the model judge its answers if wanted.

Nothing is voted on here (decoders.py does it), and no file is written (triggers.py does).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip, FlipCase
from fliptrace.core.messages import Answer, Completion
from fliptrace.core.voting import is_settled, plan_waves
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.overlong import shorten_overlong
from fliptrace.models.answer_line import AnswerLine
from fliptrace.models.base import ChatModel, Decoding, LogprobSampler, ReplyScorer, Request
from fliptrace.prompts.answers import parse_completion, render_question
from fliptrace.prompts.self_evaluation import parse_judgement, render_judgement_prompt
from fliptrace.prompts.views import TruncatedView, View, truncate_to_context

_LINE_TOKENS = 64  # the longest answer line that exact decoding scores: 8 utterances, three tokens each, and its end


class Reply(NamedTuple):
    """One sample: the draft and, where the model judged it, its verdict and its final answer."""

    draft: Answer
    verdict: bool | None
    final: Answer


@dataclass(frozen=True, slots=True)
class Answered:
    """A case with all replies to it; `num_dropped` of its oldest utterances did not fit the model's context.

    Of `num_shortened` utterances the model read the beginning only.
    """

    view: View
    replies: tuple[Reply, ...]
    num_dropped: int
    num_shortened: int = 0


def answer_cases(
    model: ChatModel, cases: Sequence[FlipCase], config: InferenceConfig, *, hide_unknown: bool = False
) -> list[Answered]:
    """Put every case to the model and parse its replies, in the order of the cases.

    `hide_unknown` hides everything before a case's `known_from`, as training does.
    """
    views = [View(case, config.layout, case.known_from if hide_unknown else 0) for case in cases]
    truncated = truncate_views(model, views, config)
    replies = _sample(model, [each.view for each in truncated], config)
    return [
        Answered(each.view, row, each.num_dropped, each.num_shortened)
        for each, row in zip(truncated, replies, strict=True)
    ]


def truncate_views(
    model: ChatModel | ReplyScorer | LogprobSampler, views: Sequence[View], config: InferenceConfig
) -> list[TruncatedView]:
    """The views, their oldest utterances left out where prompt and reply would not fit the model's context.

    There has to be room for the reply and, where the model judges it, for question, reply and judgement. Source and
    target are cut where they do not fit alone; InputError if even their beginnings do not fit.
    """
    budget = config.decoding.max_new_tokens
    if config.decoding.kind == "exact":  # an answer line of any length follows a rationale of that length
        budget = budget + _LINE_TOKENS if config.ask == "chain" else max(budget, _LINE_TOKENS)

    def fits(view: View) -> bool:
        if config.judge:
            return model.fits(render_judgement_prompt(view, config.ask, "-"), 2 * budget)
        return model.fits(render_question(view, config.ask), budget)

    return [_truncate(view, fits) for view in views]


def _truncate(view: View, fits: Callable[[View], bool]) -> TruncatedView:
    try:
        return truncate_to_context(view, fits)
    except InputError:
        case = view.case
        ends = [i for i in (case.flip.source, case.flip.target) if i in view.shown]
        shortened = shorten_overlong(case.dialogue, ends, view.layout, _short_flip_fits(view, fits))
        if not shortened.cut:
            raise
    truncated = truncate_to_context(replace(view, case=replace(case, dialogue=shortened.dialogue)), fits)
    return replace(truncated, num_shortened=sum(i in truncated.view.shown for i in shortened.cut))


def _short_flip_fits(view: View, fits: Callable[[View], bool]) -> Callable[[Dialogue], bool]:
    """Whether the question fits about a flip like that of a view, in a dialogue of three utterances of its speaker."""
    flip = view.case.flip

    def flip_fits(dialogue: Dialogue) -> bool:
        utterances = tuple(replace(utterance, speaker=flip.speaker) for utterance in dialogue.utterances)
        three = replace(dialogue, utterances=utterances).with_emotions((flip.before, flip.before, flip.after))
        return fits(View(FlipCase(view.case.id, three, Flip(flip.speaker, 1, 2, flip.before, flip.after)), view.layout))

    return flip_fits


def question_requests(views: Sequence[View], config: InferenceConfig, number: int = 0) -> list[Request]:
    """The question about every view; `number` is that of the first reply."""
    fills_reply = config.ask == "answer"
    return [
        Request(view.case.id, render_question(view, config.ask), _answer_line(view, config, fills_reply), number)
        for view in views
    ]


def _sample(model: ChatModel, views: Sequence[View], config: InferenceConfig) -> list[tuple[Reply, ...]]:
    """The replies to every view: all at once, or wave by wave for the views whose vote is still open."""
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
        more = _sample_wave(model, [views[position] for position in still_open], config, wave)
        for position, row in zip(still_open, more, strict=True):
            replies[position] += row
    return replies


def _sample_wave(
    model: ChatModel, views: Sequence[View], config: InferenceConfig, wave: range
) -> list[tuple[Reply, ...]]:
    """The replies with these numbers to every view, judged if the config says so."""
    requests = question_requests(views, config, wave.start)
    completed = model.complete(requests, replace(config.decoding, num_samples=len(wave)))
    drafts = [
        [parse_completion(reply, view) for reply in completions]
        for view, completions in zip(views, completed, strict=True)
    ]
    if config.judge:
        return _judge(model, views, drafts, config, wave)
    return [tuple(Reply(draft, None, draft) for draft in row) for row in drafts]


def _judge(
    model: ChatModel, views: Sequence[View], drafts: Sequence[Sequence[Answer]], config: InferenceConfig, wave: range
) -> list[tuple[Reply, ...]]:
    """Let the model judge every draft, greedily, since the drafts differ already."""
    requests = [
        Request(
            f"{view.case.id}/judge/{number}",
            render_judgement_prompt(view, config.ask, draft.text),
            _answer_line(view, config, fills_reply=False),
        )
        for view, row in zip(views, drafts, strict=True)
        for number, draft in zip(wave, row, strict=True)
    ]
    greedy = Decoding(max_new_tokens=config.decoding.max_new_tokens)
    completions = iter([completion for (completion,) in model.complete(requests, greedy)])
    return [
        tuple(_judged(draft, next(completions), view) for draft in row) for view, row in zip(views, drafts, strict=True)
    ]


def _judged(draft: Answer, completion: Completion, view: View) -> Reply:
    """The reply after its judgement; an unreadable final answer leaves the draft in place."""
    judgement = parse_judgement(completion.text, view, is_cut=completion.is_cut)
    if judgement.answer.value is None:
        return Reply(draft, judgement.is_right, draft)
    return Reply(draft, judgement.is_right, replace(judgement.answer, prevented=completion.prevented))


def _answer_line(view: View, config: InferenceConfig, fills_reply: bool) -> AnswerLine | None:
    """What an answer line about this view may name: utterances of the dialogue up to the target."""
    if not config.decoding.constrain:
        return None
    labels = [view.label(i) for i in range(view.target + 1)]
    later = [view.label(i) for i in range(view.target + 1, len(view.case.dialogue))]
    # In the window layout what comes after the target has no label: a distance is never negative.
    return AnswerLine(tuple(sorted(labels)), tuple(label for label in later if label > 0), fills_reply)
