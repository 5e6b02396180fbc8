"""The report of a run as values: read by reader.py, put into words by remarks.py, rendered by the templates.

All scores are on the run's val cases. Indices count from 0, stages from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fliptrace.core.files import Json
from fliptrace.corpora.leaks import LeakReport
from fliptrace.scoring.compare import Comparison
from fliptrace.scoring.intervals import Interval
from fliptrace.scoring.rationales import RationaleScores
from fliptrace.scoring.self_evaluation import SelfEvaluationScores
from fliptrace.scoring.thresholds import ChosenThreshold
from fliptrace.training.preflight import Preflight

StageState = Literal["finished", "unfinished", "not begun"]


class Metrics(NamedTuple):
    """Trigger scores of a model or a rule. `interval` is that of F1, None where all cases belong to one group."""

    f1: float
    precision: float
    recall: float
    exact_match: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """One evaluation of a stage's model, with the rules on the same cases. `against_rule`: F1 minus the best rule's."""

    name: str
    metrics: Metrics
    rules: Mapping[str, Metrics]
    num_flips: int
    num_groups: int
    num_unparsed: int
    num_answers: int
    num_cut_cases: int
    anomalies: Mapping[str, int]
    threshold: ChosenThreshold | None
    judged: SelfEvaluationScores | None
    rationales: RationaleScores | None = None
    against_rule: Comparison | None = None

    @property
    def num_anomalies(self) -> int:
        return sum(self.anomalies.values())


class Point(NamedTuple):
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve of a stage: loss and trigger F1 on val, by optimizer step."""

    losses: tuple[Point, ...]
    val_f1s: tuple[Point, ...]

    @property
    def best(self) -> Point | None:
        """The step whose weights were kept; the last of equals."""
        return max(reversed(self.val_f1s), key=lambda point: point.value, default=None)


@dataclass(frozen=True, slots=True)
class StageReport:
    """A stage. `evaluations` is empty and `parent` None until it is finished; `recipe` is its table in the recipe."""

    number: int
    name: str
    state: StageState
    recipe: Json
    parent: str | None
    preflight: Preflight | None
    curve: Curve
    evaluations: tuple[EvaluationReport, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """One evaluation before and after a stage. `relative_error_reduction` is None where there was no error before."""

    evaluation: str
    before: str
    after: str
    f1_before: Metrics
    f1_after: Metrics
    difference: Comparison | None
    relative_error_reduction: float | None


class DataFile(NamedTuple):
    """A data file. `ref` is its name in the recipe; `num_left_out` counts cases that do not end on a flip."""

    ref: str
    sha256: str
    num_cases: int
    num_left_out: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything in a run folder. `leaks` and `num_*_cases` are None where its manifest does not contain them.

    `has_differences` says whether paired differences could be computed, which needs fliptrace[study].
    """

    name: str
    folder: str
    recipe: Json
    recipe_hash: str
    versions: Mapping[str, str]
    files: tuple[DataFile, ...]
    leaks: LeakReport | None
    num_train_cases: int | None
    num_val_cases: int | None
    stages: tuple[StageReport, ...]
    gains: tuple[Gain, ...]
    has_differences: bool

    @property
    def keeps_cut_triggers(self) -> bool:
        return bool(self.recipe.get("curate", {}).get("cut_triggers") == "keep")

    @property
    def read_stages(self) -> tuple[StageReport, ...]:
        """The finished stages, which were evaluated on val."""
        return tuple(stage for stage in self.stages if stage.evaluations)

    @property
    def rules(self) -> Mapping[str, Metrics]:
        """The scores of the rules on val, which are the same in every evaluation; empty until a stage is finished."""
        return self.read_stages[0].evaluations[0].rules if self.read_stages else {}

    @property
    def best_rule(self) -> str | None:
        """The rule with the highest F1; the first of equals."""
        return best_of(self.rules) if self.rules else None

    @property
    def headline(self) -> EvaluationReport | None:
        """The first evaluation of the last stage, so that it is not picked by its score."""
        return self.read_stages[-1].evaluations[0] if self.read_stages else None

    @property
    def command(self) -> str:
        return f"fliptrace train {self.name}.toml --out {self.name}-again"


def best_of(rules: Mapping[str, Metrics]) -> str:
    return max(rules, key=lambda name: rules[name].f1)
