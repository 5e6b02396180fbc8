"""What a run's report says, as values: read by reader.py, worded by remarks.py, drawn by the templates.

All scores are on the run's val cases. Indices count from 0, stages from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fliptrace.core.files import Json
from fliptrace.corpora.leaks import LeakReport
from fliptrace.study.evidence.values import Interval

StageState = Literal["finished", "unfinished", "not begun"]


class Metrics(NamedTuple):
    """Trigger scores of a model or a rule; `interval` is of F1, None where all cases are of one group."""

    f1: float
    precision: float
    recall: float
    exact_match: float
    interval: Interval | None


class Difference(NamedTuple):
    """Of two F1 over the same cases, with the interval of the difference under the same draws of groups."""

    value: float
    interval: Interval | None
    num_won: int
    num_lost: int
    num_tied: int


class Threshold(NamedTuple):
    """The support that names a trigger, chosen on val; `f1_left_out` takes each group at the others' choice."""

    threshold: float
    f1: float
    f1_left_out: float


class Judged(NamedTuple):
    """What judging its own drafts did; "right" is the whole set of triggers right. Always keeping changes nothing."""

    num_drafts: int
    num_right_before: int
    num_right_after: int
    wrong_to_right: int
    right_to_wrong: int
    num_without_verdict: int
    verdict_balanced_accuracy: float | None


class Rationales(NamedTuple):
    """Reasons held against the prompts they were made from (training/val_scores.py)."""

    num_rationales: int
    num_observations: int
    num_false_observations: int
    num_self_contradictions: int


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """A stage's model, read in one way, and the rules on the same cases. `against_rule`: F1 minus the best rule's."""

    name: str
    metrics: Metrics
    rules: Mapping[str, Metrics]
    num_flips: int
    num_groups: int
    num_unparsed: int
    num_answers: int
    num_cut_cases: int
    anomalies: Mapping[str, int]
    threshold: Threshold | None
    judged: Judged | None
    rationales: Rationales | None = None
    against_rule: Difference | None = None

    @property
    def num_anomalies(self) -> int:
        return sum(self.anomalies.values())


class PreflightReport(NamedTuple):
    """What a stage trained on: rows, tokens, and a trained text of each kind as the model saw it."""

    num_rows: int
    num_by_kind: Mapping[str, int]
    num_dropped: int
    num_tokens: int
    num_trained_tokens: int
    longest: int
    samples: Mapping[str, str]
    too_long: Sequence[str] = ()
    num_cut_views: int = 0
    num_dropped_utterances: int = 0
    packed: bool = False
    not_packed: str | None = None


class Point(NamedTuple):
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How a stage went: loss and trigger F1 on val, by optimizer step."""

    losses: tuple[Point, ...]
    val_f1s: tuple[Point, ...]

    @property
    def best(self) -> Point | None:
        """The step whose weights were kept: of equals the last."""
        return max(reversed(self.val_f1s), key=lambda point: point.value, default=None)


@dataclass(frozen=True, slots=True)
class StageReport:
    """`evaluations` is empty and `parent` None until the stage is finished; `recipe` is its table in the recipe."""

    number: int
    name: str
    state: StageState
    recipe: Json
    parent: str | None
    preflight: PreflightReport | None
    curve: Curve
    evaluations: tuple[EvaluationReport, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """One reading from a stage to the next. `relative_error_reduction` is None where there was no error before."""

    evaluation: str
    before: str
    after: str
    f1_before: Metrics
    f1_after: Metrics
    difference: Difference | None
    relative_error_reduction: float | None


class DataFile(NamedTuple):
    """`ref` as the recipe names it; `num_left_out` cases end on no flip."""

    ref: str
    sha256: str
    num_cases: int
    num_left_out: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything a run folder tells. `leaks` and `num_*_cases` are None where its manifest does not tell them.

    `has_differences`: paired differences could be computed, as fliptrace[study] is installed.
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
    def read_stages(self) -> tuple[StageReport, ...]:
        """The finished stages that were read on val."""
        return tuple(stage for stage in self.stages if stage.evaluations)

    @property
    def rules(self) -> Mapping[str, Metrics]:
        """What the rules score on val, as every reading has them beside it; empty until a stage was read."""
        return self.read_stages[0].evaluations[0].rules if self.read_stages else {}

    @property
    def best_rule(self) -> str | None:
        """The rule of the highest F1; of equals the first."""
        return best_of(self.rules) if self.rules else None

    @property
    def headline(self) -> EvaluationReport | None:
        """The last stage under its first reading, which nobody picked by its score."""
        return self.read_stages[-1].evaluations[0] if self.read_stages else None

    @property
    def command(self) -> str:
        return f"fliptrace train {self.name}.toml --out {self.name}-again"


def best_of(rules: Mapping[str, Metrics]) -> str:
    return max(rules, key=lambda name: rules[name].f1)
