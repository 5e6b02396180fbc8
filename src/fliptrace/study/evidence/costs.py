"""Costs of training the arms and of running their evaluations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fliptrace.core.files import Json
from fliptrace.study.evidence.measured import Evidence, Measured, mean_of
from fliptrace.study.evidence.values import EvaluationCost, TrainingCost


def training_costs(cells: Sequence[Json]) -> tuple[TrainingCost, ...]:
    """Training costs, in the order of the cells. Arms without training, or not timed because of a kill, have no row."""
    trained: dict[tuple[str, str, str], list[Json]] = {}
    for cell in cells:
        if cell["training"] is not None and cell["training"]["seconds"] is not None:
            trained.setdefault((cell["base"], cell["track"], cell["arm"]), []).append(cell["training"])
    return tuple(
        TrainingCost(
            *place,
            num_parameters=rows[0]["num_parameters"],
            num_steps=mean_of(row["num_steps"] for row in rows).mean,
            num_tokens=mean_of(row["num_tokens"] for row in rows).mean,
            seconds=mean_of(row["seconds"] for row in rows).mean,
            num_seeds=len(rows),
        )
        for place, rows in trained.items()
    )


def evaluation_costs(evidence: Evidence) -> tuple[EvaluationCost, ...]:
    return tuple(_evaluation_costs(evidence.measured))


def _evaluation_costs(measured: Sequence[Measured]) -> Iterator[EvaluationCost]:
    for m in measured:
        costs = [metrics["cost"] for metrics in m.by_seed.values() if metrics["cost"] is not None]
        if costs:
            yield EvaluationCost(
                where=m.where,
                seconds_per_100_flips=100 * mean_of(cost["seconds"] for cost in costs).mean / m.num_flips,
                prompt_tokens_per_flip=mean_of(cost["num_prompt_tokens"] for cost in costs).mean / m.num_flips,
                reply_tokens_per_flip=mean_of(cost["num_reply_tokens"] for cost in costs).mean / m.num_flips,
                num_seeds=len(costs),
            )
