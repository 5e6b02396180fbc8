"""The probabilities of replies: taken from the list that a model draws from, or scored by the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fliptrace.fake_provider.answers import PlausibleModel
from fliptrace.fake_provider.tuned import TunedModel
from fliptrace.models.base import ChatModel, Choice, ReplyScorer, Request
from fliptrace.models.scripted import ScriptedModel


def is_instant(model: ChatModel) -> bool:
    """Whether a model answers without computing, so that the server need not put it on a thread."""
    if isinstance(model, TunedModel):
        return is_instant(model.base)
    return isinstance(model, PlausibleModel | ScriptedModel)


def reply_shares(model: ChatModel, request: Request) -> Mapping[str, float] | None:
    """The share of each reply among all to a request; None where there is no list of them."""
    if isinstance(model, TunedModel):
        known = model.by_heart.get(request.messages)
        return reply_shares(model.base, request) if known is None else {known: 1.0}
    if isinstance(model, PlausibleModel):
        return model.shares(request.messages)
    if isinstance(model, ScriptedModel):
        answers = _script(model, request)
        return {text: count / len(answers) for text, count in Counter(answers).items()}
    return None


def score(scorer: ReplyScorer | None, request: Request, replies: Sequence[str]) -> Mapping[str, float] | None:
    """The natural log-probability of each reply; None where there is nothing to score them with."""
    if scorer is None:
        return None
    texts = tuple(dict.fromkeys(replies))
    return dict(zip(texts, scorer.score_replies([Choice(request.key, request.messages, texts)])[0], strict=True))


def _script(model: ScriptedModel, request: Request) -> Sequence[str]:
    """The answers that a script holds for a request, found as the model finds them."""
    last = request.messages[-1].content
    by_text = (answers for piece, answers in model.by_text.items() if piece in last)
    return model.by_key.get(request.key) or next(by_text, model.default)
