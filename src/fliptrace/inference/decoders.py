"""The trigger decoders: by rule, by greedy or sampled answers, by exact scores, by the scores of sampled answers.

Each has the form of `TriggerDecoder` (seams.py), which says what its members mean; seams.py also chooses among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Answer
from fliptrace.core.voting import vote
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.exact_voting import score_views
from fliptrace.inference.sample_weighting import score_samples
from fliptrace.inference.sampling import Answered, answer_cases, question_requests, truncate_views
from fliptrace.models.base import ChatModel, LogprobSampler, ReplyScorer, TriggerModel
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.views import View


@dataclass(frozen=True, slots=True)
class RuleDecoder:
    """Triggers that a rule names without reading the text."""

    name: str
    rule: TriggerModel
    config: InferenceConfig
    takes_all_cases: bool = False
    depends_on_batch: bool = False

    def predict(self, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
        for case in cases:
            answer = Answer(self.rule.name_triggers(case), "")
            yield Prediction.of(case, vote([answer.value], len(case.dialogue), self.config.threshold), [answer])


@dataclass(frozen=True, slots=True)
class SampledDecoder:
    """One greedy answer, or a vote over sampled answers (self-consistency), judged by the model if configured."""

    name: str
    model: ChatModel
    config: InferenceConfig
    takes_all_cases: bool
    depends_on_batch: bool = False

    def predict(self, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
        for case, answered in zip(cases, answer_cases(self.model, cases, self.config), strict=True):
            yield self._vote(case, answered)

    def _vote(self, case: FlipCase, answered: Answered) -> Prediction:
        finals = [reply.final for reply in answered.replies]
        ballot = vote([final.value for final in finals], len(case.dialogue), self.config.threshold)
        if not self.config.judge:
            return Prediction.of(
                case, ballot, finals, num_dropped=answered.num_dropped, num_shortened=answered.num_shortened
            )
        drafts, verdicts = [r.draft for r in answered.replies], [r.verdict for r in answered.replies]
        return Prediction.of(
            case, ballot, finals, drafts, verdicts, answered.num_dropped, num_shortened=answered.num_shortened
        )


@dataclass(frozen=True, slots=True)
class ExactDecoder:
    """Exact self-consistency: the probability of every answer, instead of samples (exact_voting.py).

    `writer` writes the rationales that the answers are scored after, where the config asks for reasons.
    """

    name: str
    scorer: ReplyScorer
    writer: ChatModel | None
    config: InferenceConfig
    takes_all_cases: bool = False
    depends_on_batch: bool = True

    def predict(self, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
        views = [View(case, self.config.layout) for case in cases]
        truncated = truncate_views(self.scorer, views, self.config)
        scored = score_views(self.scorer, self.writer, [each.view for each in truncated], self.config)
        for case, shown, (logprobs, answers) in zip(cases, truncated, scored, strict=True):
            ballot = logprobs.vote(len(case.dialogue), self.config.threshold, len(answers))
            yield Prediction.of(
                case,
                ballot,
                answers,
                num_dropped=shown.num_dropped,
                num_shortened=shown.num_shortened,
                remaining=logprobs.remaining,
            )


@dataclass(frozen=True, slots=True)
class SampleScoringDecoder:
    """Sampled answers, each distinct one weighted by its own log-probability (sample_weighting.py)."""

    name: str
    sampler: LogprobSampler
    config: InferenceConfig
    takes_all_cases: bool
    depends_on_batch: bool = False

    def predict(self, cases: Sequence[FlipCase]) -> Iterator[Prediction]:
        views = [View(case, self.config.layout) for case in cases]
        truncated = truncate_views(self.sampler, views, self.config)
        requests = question_requests([each.view for each in truncated], self.config)
        sampled = self.sampler.sample_with_logprobs(requests, self.config.decoding)
        for case, shown, completions in zip(cases, truncated, sampled, strict=True):
            scored = score_samples(completions, shown.view)
            ballot = scored.vote(len(case.dialogue), self.config.threshold)
            yield Prediction.of(
                case,
                ballot,
                scored.answers,
                num_dropped=shown.num_dropped,
                num_shortened=shown.num_shortened,
                remaining=scored.remaining,
            )
