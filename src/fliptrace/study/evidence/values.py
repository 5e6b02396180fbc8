"""The results of a study as values: collected from its cells by gather.py, rendered by the report. No logic here.

A row or table without cells is absent; a metric that was not measured is None. Everything named `f1` is binary F1 of
class "trigger", pooled over all utterances of all cases of a test set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fliptrace.study.arms import Arm

Verdict = Literal["helps", "hurts", "noise"]
RowKind = Literal["arm", "rule", "baseline"]
SliceKind = Literal["flip_type", "distance", "speakers", "length", "code_mixing"]


class Interval(NamedTuple):
    """A 95% interval from scoring. It is not scoring's own type because importing that type would import scipy."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds. `sd` is over seeds (ddof 1), None for one seed; `by_seed` maps each seed to its value.

    `interval` covers the choice of both dialogues and seeds; it is None where all cases belong to one group.
    """

    mean: float
    sd: float | None
    interval: Interval | None
    by_seed: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Average:
    """A mean over seeds of a metric without counts by group, and therefore without interval; `sd` as in Estimate."""

    mean: float
    sd: float | None
    num_seeds: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean F1 of `after` minus mean F1 of `before`, over the seeds that both have and the same dialogues.

    `p` is two-sided, from permutations that swap whole groups jointly over the seeds; `p_holm` is corrected for all
    differences of its family. `relative_error_reduction` is value / (1 - F1 before), None where there was no error
    before. `verdict` is "noise" unless the interval excludes 0 and p_holm < 0.05.
    """

    before: str
    after: str
    value: float
    interval: Interval | None
    p: float
    p_holm: float
    relative_error_reduction: float | None
    num_seeds: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Where:
    """What a row is about: an arm of a base, trained on a track, in one evaluation on a test set."""

    base: str
    track: str
    test: str
    arm: str
    evaluation: str


@dataclass(frozen=True, slots=True)
class Track:
    """Training data. `data` maps each file to its hash; `leaks` maps each test set to a line about its leaks.

    `known_leaks` are lines about the splits of the corpus itself, official and by group, whatever was trained here.
    """

    name: str
    title: str
    data: Mapping[str, str]
    leaks: Mapping[str, str]
    known_leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A test set. `groups_sha256` is None where the cells do not contain it."""

    name: str
    title: str
    num_flips: int
    num_groups: int
    groups_sha256: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """What was run: `num_cells` of `num_planned` cells are finished (`num_planned` is None where unknown).

    `commands`, `recipe_hashes` and `versions` (package to versions) have more than one entry where the cells differ.
    """

    name: str
    bases: tuple[str, ...]
    tracks: tuple[Track, ...]
    tests: tuple[Test, ...]
    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    commands: tuple[str, ...]
    recipe_hashes: tuple[str, ...]
    versions: Mapping[str, tuple[str, ...]]
    num_cells: int
    num_planned: int | None


@dataclass(frozen=True, slots=True)
class AblationRow:
    """An arm or a baseline on the table's test set. Precision, recall and exact match are means over seeds.

    `f1` is at the evaluation's own threshold. `left_out` is F1 with each group at the threshold that is best on all
    other groups (None for greedy evaluations and rules). `from_parent` is None for the base, for baselines, and where
    the parent was not measured.
    """

    name: str
    title: str
    kind: RowKind
    f1: Estimate
    left_out: Estimate | None
    precision: Average
    recall: Average
    exact_match: Average
    from_parent: Difference | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A planned question of the study. `conclusion` states its answer, the difference, in one line."""

    question: str
    difference: Difference
    conclusion: str


@dataclass(frozen=True, slots=True)
class AblationTable:
    """One base, trained on `track`, in one evaluation on `test`: arms in the order of the study, then baselines.

    `comparisons`: chain against answer-only, stages 2 and 3 against their controls, the whole stack against
    answer-only, the best arm against the best rule. Holm's family is all differences of a base, track and test.
    """

    base: str
    track: str
    test: str
    evaluation: str
    rows: tuple[AblationRow, ...]
    comparisons: tuple[Comparison, ...]
    best_rule: str | None


@dataclass(frozen=True, slots=True)
class DecodingRow:
    """One evaluation of the table's arm. `ask` is "answer" or "chain", `decode` "greedy", "sample" or "exact".

    `from_greedy` is the difference from the greedy evaluation with the same `ask` and without judging. `agreement` is
    the mean share of samples that equal the most frequent answer of their case.
    """

    evaluation: str
    ask: str
    decode: str
    num_samples: int
    judge: bool
    f1: Estimate
    left_out: Estimate | None
    from_greedy: Difference | None
    agreement: Average | None
    share_unparsed: float


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """F1 of the vote over k samples, averaged over subsets of the samples."""

    k: int
    f1: Estimate


@dataclass(frozen=True, slots=True)
class KCurve:
    """F1 by number of samples, for one sampled evaluation."""

    evaluation: str
    ask: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class DecodingTable:
    """All evaluations of one arm on one test set. Holm's family is its `from_greedy` differences."""

    base: str
    track: str
    test: str
    arm: str
    rows: tuple[DecodingRow, ...]
    k_curves: tuple[KCurve, ...]


@dataclass(frozen=True, slots=True)
class TransferCell:
    """F1 of a model trained on `train` and tested on `test`."""

    train: str
    test: str
    f1: Estimate


@dataclass(frozen=True, slots=True)
class TransferMatrix:
    """F1 by training and test data, for one arm and evaluation. `cells` holds only what was measured.

    `trains` and `tests` give the order of rows and columns. `rules` is the best rule on each test set; it is the same
    whatever was trained on.
    """

    base: str
    arm: str
    evaluation: str
    trains: tuple[str, ...]
    tests: tuple[str, ...]
    cells: tuple[TransferCell, ...]
    rules: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class FlipMatrix:
    """Number of flips from one emotion (row) to another (column), in one split of a track's data.

    `most_frequent_pair` counts both directions together and is written "a<->b"; its number and its share of all flips
    follow. `most_frequent_type` has one direction, "a->b". `answer` says whether neutral<->joy is the most frequent.
    """

    track: str
    title: str
    split: str
    emotions: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    num_flips: int
    most_frequent_pair: str
    num_most_frequent_pair: int
    share_most_frequent_pair: float
    most_frequent_type: str
    num_neutral_joy: int
    is_neutral_joy_first: bool
    answer: str


@dataclass(frozen=True, slots=True)
class SliceRow:
    """A subset of the cases (or, by distance, of their utterances). Slices have no counts by group, so no interval.

    `f1` is computed from counts summed over seeds; `sd` is over seeds. `rule_f1` is the best rule on the same slice.
    """

    name: str
    num_flips: int
    f1: float
    sd: float | None
    rule_f1: float | None


@dataclass(frozen=True, slots=True)
class SliceTable:
    """Slices of the last arm of the stack in its first evaluation, so that neither was picked by its score."""

    where: Where
    by: SliceKind
    rule: str | None
    rows: tuple[SliceRow, ...]


@dataclass(frozen=True, slots=True)
class AnomalyRow:
    """Anomalies in the answers of one evaluation; counts are summed over seeds.

    `raw` counts generated answers by kind of anomaly. `prevented` counts, by kind, how often the unconstrained choice
    in a constrained evaluation was illegal.
    """

    where: Where
    decode: str
    num_seeds: int
    num_answers: int
    num_unparsed: int
    raw: Mapping[str, int]
    prevented: Mapping[str, int]
    num_cut_cases: int


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The utterances of all seeds with a support in (low, high]: their mean support, and the share of triggers."""

    low: float
    high: float
    num: int
    mean_support: float
    share_triggers: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Support compared with gold labels. Bins without utterances are left out."""

    where: Where
    decode: str
    bins: tuple[CalibrationBin, ...]
    ece: Average
    brier: Average


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """F1 (mean over seeds) of the most confident cases, by the share of cases kept. For `aurc`, lower is better."""

    where: Where
    decode: str
    coverage: tuple[float, ...]
    f1: tuple[float, ...]
    aurc: Average


@dataclass(frozen=True, slots=True)
class JudgingRow:
    """The effect of judging its own drafts; counts are summed over seeds. "Right" means the whole trigger set is right.

    Keeping every draft leaves `num_right_before` of `num_drafts` right. A balanced accuracy of 0.5 is chance; it is
    None where all drafts were right or all were wrong.
    """

    where: Where
    num_seeds: int
    num_drafts: int
    num_right_before: int
    num_right_after: int
    wrong_to_right: int
    right_to_wrong: int
    num_without_verdict: int
    balanced_accuracy: Average | None


@dataclass(frozen=True, slots=True)
class RationaleRow:
    """Rationales checked against their prompts; counts are summed over seeds.

    A false observation is not supported by the prompt. `share_false` is the share of false observations, 0 where there
    are no observations.
    """

    where: Where
    num_seeds: int
    num_rationales: int
    num_observations: int
    num_false_observations: int
    share_false: float
    num_self_contradictions: int


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """Cost of training an arm from its parent, mean over seeds. The cost of its ancestors is not included."""

    base: str
    track: str
    arm: str
    num_parameters: int
    num_steps: float
    num_tokens: float
    seconds: float
    num_seeds: int


@dataclass(frozen=True, slots=True)
class EvaluationCost:
    """Cost of one evaluation, mean over seeds."""

    where: Where
    seconds_per_100_flips: float
    prompt_tokens_per_flip: float
    reply_tokens_per_flip: float
    num_seeds: int


@dataclass(frozen=True, slots=True)
class LeakRow:
    """What a test set shares with a track's training data, and the scores of the best rule and the model on it.

    `arm` is the last of the stack, `evaluation` its first one; `rule` is the best rule.
    """

    base: str
    track: str
    test: str
    test_title: str
    leaks: str
    num_flips: int
    rule: str | None
    rule_f1: Estimate | None
    arm: str
    evaluation: str
    f1: Estimate


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A claim of the paper beside our result. `paper` and `ours` are numbers or sentences, ready to print."""

    claim: str
    paper: str
    source: str
    ours: str
    remark: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The number of tables with each verdict on a planned question, over all bases and evaluations on own test sets."""

    question: str
    num_helps: int
    num_hurts: int
    num_noise: int
    text: str


@dataclass(frozen=True, slots=True)
class StudyReport:
    """All results of a study.

    `summaries` feed the lead paragraph. `remarks` are what a reader must know about the metrics, most serious first
    (missing cells, leaks, choices made on test data). Rows are ordered by base, track, test, arm and evaluation, as in
    the header and the cells.
    """

    header: Header
    summaries: tuple[Summary, ...]
    remarks: tuple[str, ...]
    paper: tuple[PaperRow, ...]
    ablation: tuple[AblationTable, ...]
    decoding: tuple[DecodingTable, ...]
    transfer: tuple[TransferMatrix, ...]
    flip_matrices: tuple[FlipMatrix, ...]
    slices: tuple[SliceTable, ...]
    anomalies: tuple[AnomalyRow, ...]
    calibration: tuple[Calibration, ...]
    risk_coverage: tuple[RiskCoverage, ...]
    judging: tuple[JudgingRow, ...]
    rationales: tuple[RationaleRow, ...]
    training_costs: tuple[TrainingCost, ...]
    evaluation_costs: tuple[EvaluationCost, ...]
    leaks: tuple[LeakRow, ...]
