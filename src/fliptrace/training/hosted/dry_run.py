"""The cost of a hosted recipe before a key is used: rows and tokens of every stage, requests of every evaluation.

Tokens are estimated, since only the provider has the tokenizer. Own answers do not exist yet; answers of rule:previous
take their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Message
from fliptrace.models.hosted.budget import Price, count_about, training_cost
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.views import View
from fliptrace.training.data import TrainingData, treat_out_of_zone
from fliptrace.training.instruction_builder import InstructionBuilder
from fliptrace.training.own_answers import placeholder_answers
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import EvaluationPart, Stage
from fliptrace.training.stage_splits import stage_cases

_UNLIMITED_CONTEXT = 2**31  # every dialogue fits the context of every provider


@dataclass(frozen=True, slots=True)
class HostedStageCost:
    """The cost of training one stage.

    `num_billed_tokens` counts all tokens of all rows in every epoch. `dollars` is None without a price.
    """

    name: str
    num_rows: int
    num_epochs: int
    num_billed_tokens: int
    dollars: float | None


@dataclass(frozen=True, slots=True)
class HostedEvaluationCost:
    """The cost of one evaluation on val, over all stages after which it runs, with every reply at its longest."""

    name: str
    num_replies: int
    num_prompt_tokens: int
    max_tokens: int
    dollars: float | None


@dataclass(frozen=True, slots=True)
class HostedDryRun:
    """The cost of a run. `dollars` is the total with every reply at its longest; None where a price is missing."""

    stages: tuple[HostedStageCost, ...]
    evaluations: tuple[HostedEvaluationCost, ...]

    @property
    def dollars(self) -> float | None:
        parts = [*(stage.dollars for stage in self.stages), *(evaluation.dollars for evaluation in self.evaluations)]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def to_json(self) -> Json:
        return asdict(self) | {"dollars": self.dollars}


def dry_run_hosted(
    recipe: Recipe, data: TrainingData, price: Price | None = None, training_price: float | None = None
) -> HostedDryRun:
    """Count everything that the run would send.

    `price` is the price of the trained models; `training_price` is in dollars per million trained tokens.
    """
    builder = InstructionBuilder(recipe, emotions=data.emotions)
    cases = stage_cases(recipe, data.train)
    stages = [
        _stage_cost(builder, stage, split.taught, split.answered, training_price)
        for stage, split in zip(recipe.stages, cases, strict=True)
    ]
    evaluations = [_evaluation_cost(recipe, name, part, data.val, price) for name, part in recipe.evaluations.items()]
    return HostedDryRun(tuple(stages), tuple(evaluations))


def _stage_cost(
    builder: InstructionBuilder,
    stage: Stage,
    taught: Sequence[FlipCase],
    answered: Sequence[FlipCase],
    training_price: float | None,
) -> HostedStageCost:
    recipe = builder.recipe
    zoned = treat_out_of_zone(taught, stage.out_of_zone or recipe.data.out_of_zone)
    views = builder.taught_views(builder.fit_views(zoned, count_about, _UNLIMITED_CONTEXT))
    own = (
        [answer for case in answered for answer in placeholder_answers(case, recipe)] if stage.needs_own_answers else []
    )
    rows = builder.instructions(stage, views, own)
    num_epochs = int(stage.epochs or 1)
    num_tokens = sum(count_about((*row.prompt, Message("assistant", row.completion))) for row in rows) * num_epochs
    return HostedStageCost(stage.name, len(rows), num_epochs, num_tokens, training_cost(num_tokens, training_price))


def _evaluation_cost(
    recipe: Recipe, name: str, part: EvaluationPart, val: Sequence[FlipCase], price: Price | None
) -> HostedEvaluationCost:
    """Count the requests of one evaluation. A judged reply takes two requests, the second after the first."""
    last = recipe.stages[-1]
    num_times = sum(part.is_due(stage.name, is_last=stage is last) for stage in recipe.stages)
    num_turns = 2 if part.judge else 1
    num_prompt_tokens = sum(count_about(render_question(View(case, recipe.layout), part.ask)) for case in val)
    num_replies = num_times * num_turns * len(val) * part.samples
    num_prompts = num_times * num_turns * num_prompt_tokens
    max_tokens = num_replies * part.max_new_tokens
    dollars = None if price is None else price.of(num_prompts, max_tokens)
    return HostedEvaluationCost(name, num_replies, num_prompts, max_tokens, dollars)
