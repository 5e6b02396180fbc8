"""Score an evaluation of a stage on val, in the format of a run's scores.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.inference.config import InferenceConfig
from fliptrace.predictions.rows import Prediction
from fliptrace.prompts.chains import false_observations, parse_chain
from fliptrace.prompts.views import View
from fliptrace.scoring.intervals import Settings
from fliptrace.scoring.scores import score_trigger_file
from fliptrace.scoring.self_evaluation import score_self_evaluation
from fliptrace.scoring.thresholds import choose_threshold


@dataclass(frozen=True, slots=True)
class RationaleScores:
    """How trustworthy rationales are, over the cases whose prompt was not cut.

    Counts observations that are false for the prompt, and answers that contradict their own verdicts.
    """

    num_rationales: int
    num_observations: int
    num_false_observations: int
    num_self_contradictions: int


def score_evaluation(
    predictions: Sequence[Prediction], cases: Sequence[FlipCase], config: InferenceConfig, seed: int
) -> Json:
    """The `score --json` object of predictions for these cases.

    Where it applies, also the chosen threshold, scores of self-evaluation, and scores of rationales.
    """
    scores = score_trigger_file(predictions, Settings(seed=seed), "val").to_json()
    if config.decoding.kind == "exact" or any(prediction.vote.num_samples > 1 for prediction in predictions):
        scores["chosen_threshold"] = choose_threshold(predictions, "val")._asdict()
    judged = score_self_evaluation(predictions)
    if judged is not None:
        scores["self_evaluation"] = judged.to_json()
    if config.ask == "chain":
        scores["rationales"] = asdict(score_rationales(predictions, cases, config))
    scores["num_cut_cases"] = sum(prediction.num_dropped > 0 for prediction in predictions)
    return scores


def score_rationales(
    predictions: Sequence[Prediction], cases: Sequence[FlipCase], config: InferenceConfig
) -> RationaleScores:
    """Check every observation of every first reply against its prompt."""
    parsed = [
        (view, parse_chain(answer.text, view))
        for prediction, case in zip(predictions, cases, strict=True)
        for view in [View(case, config.layout)]
        for answer in prediction.drafts or prediction.answers
        if prediction.num_dropped == prediction.num_shortened == 0
    ]
    rationales = [(view, chain) for view, chain in parsed if chain.observations]
    return RationaleScores(
        num_rationales=len(rationales),
        num_observations=sum(len(chain.observations) for _, chain in rationales),
        num_false_observations=sum(len(list(false_observations(c.observations, view))) for view, c in rationales),
        num_self_contradictions=sum(c.answer.value not in (None, c.verdicts) for _, c in rationales),
    )
