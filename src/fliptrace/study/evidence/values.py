"""What a study found, as values: gathered from its cells by gather.py, drawn by the report's pages. No logic here.

A row or table that has no cells yet is not there; a figure that was not measured is None. Everything named `f1` is
binary F1 of class "trigger", pooled over all utterances of all cases of a test set.
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
    """95%, as scoring gives it; a type of its own since scoring's brings scipy along, and a page needs none."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds. `sd` is over seeds (ddof 1), None for one seed; `by_seed` is keyed by the seed.

    `interval` tells of other dialogues and other seeds; None where all cases are of one group.
    """

    mean: float
    sd: float | None
    interval: Interval | None
    by_seed: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Average:
    """A mean over seeds of a figure that has no counts by group, hence no interval; `sd` as in Estimate."""

    mean: float
    sd: float | None
    num_seeds: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean F1 of `after` minus mean F1 of `before`, over the seeds that both have and the same dialogues.

    `p` is two-sided, by swapping whole groups jointly over the seeds; `p_holm` is corrected for all differences of
    its family. `relative_error_reduction` is value / (1 - F1 before), None where there was no error before.
    `verdict`: "noise" unless the interval excludes 0 and p_holm < 0.05.
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
    """What a row is about: a base, trained on a track as an arm, asked in a reading, about a test set."""

    base: str
    track: str
    test: str
    arm: str
    evaluation: str


@dataclass(frozen=True, slots=True)
class Track:
    """What was trained on. `data` maps what a hash is of to the hash; `leaks` maps a test set to its line on leaks.

    `known_leaks`: lines on the data's own splits, official and by group, whatever was trained here.
    """

    name: str
    title: str
    data: Mapping[str, str]
    leaks: Mapping[str, str]
    known_leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A set of cases to read. `groups_sha256` is None where the cells do not tell it."""

    name: str
    title: str
    num_flips: int
    num_groups: int
    groups_sha256: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """What was done: of `num_planned` cells (None: not known) `num_cells` are finished.

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

    `left_out` is F1 with each group at the support that is best on all others (None for greedy readings and rules);
    `f1` is at the reading's own threshold. `from_parent` is None for the base, for baselines, without the parent.
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
    """A planned question of the study. `conclusion` is its answer in a sentence, made from the difference."""

    question: str
    difference: Difference
    conclusion: str


@dataclass(frozen=True, slots=True)
class AblationTable:
    """One base, trained on `track`, tested on `test` in one reading: arms in the order of the study, then baselines.

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
    """A way to read the table's arm. `ask` is "answer" or "chain", `decode` "greedy", "sample" or "exact".

    `from_greedy` is the difference from the greedy reading with the same `ask`, unjudged.
    `agreement`: the mean share of samples that equal the most frequent answer set of their case.
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
    """The vote over k of the samples, averaged over subsets of them."""

    k: int
    f1: Estimate


@dataclass(frozen=True, slots=True)
class KCurve:
    """F1 by number of samples, of one sampled reading."""

    evaluation: str
    ask: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class DecodingTable:
    """One arm, read in all ways it was read in; Holm's family is its `from_greedy` differences."""

    base: str
    track: str
    test: str
    arm: str
    rows: tuple[DecodingRow, ...]
    k_curves: tuple[KCurve, ...]


@dataclass(frozen=True, slots=True)
class TransferCell:
    """Trained on `train`, tested on `test`."""

    train: str
    test: str
    f1: Estimate


@dataclass(frozen=True, slots=True)
class TransferMatrix:
    """Train x test of one arm and reading: `cells` that were measured, in the order of `trains` and `tests`.

    `rules`: the best rule on each test set, which no training changes.
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
    """How often a flip goes from one emotion (row) to another (column), in a split of a track's data.

    `most_frequent_pair` is of both directions together, as "a<->b", with its number and share of all flips;
    `most_frequent_type` of one direction, as "a->b". `answer` says whether neutral<->joy is the most frequent.
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
    """A part of the cases (or, by distance, of their utterances). Slices are not kept by group: no interval.

    `f1` is from counts summed over seeds, `sd` over the seeds. `rule_f1` is the best rule's on the same slice.
    """

    name: str
    num_flips: int
    f1: float
    sd: float | None
    rule_f1: float | None


@dataclass(frozen=True, slots=True)
class SliceTable:
    """The last arm of the stack under the first reading, which nobody picked by its score."""

    where: Where
    by: SliceKind
    rule: str | None
    rows: tuple[SliceRow, ...]


@dataclass(frozen=True, slots=True)
class AnomalyRow:
    """Counts summed over seeds. `raw`: answers by kind of anomaly in them, as they were said.

    `prevented`: how often the unconstrained choice of a constrained reading was illegal, by kind.
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
    """Utterances of all seeds with a support in (low, high]; their mean support, and the share that are triggers."""

    low: float
    high: float
    num: int
    mean_support: float
    share_triggers: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Support against truth; bins without utterances are left out."""

    where: Where
    decode: str
    bins: tuple[CalibrationBin, ...]
    ece: Average
    brier: Average


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """F1 (mean over seeds) of the most confident share of the cases, by that share; `aurc`: less is better."""

    where: Where
    decode: str
    coverage: tuple[float, ...]
    f1: tuple[float, ...]
    aurc: Average


@dataclass(frozen=True, slots=True)
class JudgingRow:
    """What judging its own drafts did, counts summed over seeds; "right" is the whole set of triggers right.

    "Always keep" leaves `num_right_before` of `num_drafts` right. Balanced accuracy of a coin is 0.5; None where
    all drafts were right or all wrong.
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
    """Reasons held against their prompts, counts summed over seeds; a false observation is not borne out there.

    `share_false` is of all observations, 0 where there are none.
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
    """What training an arm took on from its parent, mean over seeds; its ancestors' cost is not in it."""

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
    """What reading takes, mean over seeds."""

    where: Where
    seconds_per_100_flips: float
    prompt_tokens_per_flip: float
    reply_tokens_per_flip: float
    num_seeds: int


@dataclass(frozen=True, slots=True)
class LeakRow:
    """A test set beside what a track trained on: how it leaks, and what rule and model score there.

    `arm` is the last of the stack, `evaluation` its first; `rule` is the best one.
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
    """A claim of the paper beside what was found here; `paper` and `ours` are figures or sentences, ready to print."""

    claim: str
    paper: str
    source: str
    ours: str
    remark: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A planned question over all bases and readings, on test sets of the track: in how many tables which verdict."""

    question: str
    num_helps: int
    num_hurts: int
    num_noise: int
    text: str


@dataclass(frozen=True, slots=True)
class StudyReport:
    """Everything a study tells.

    `summaries` are what a lead paragraph is made of; `remarks` are what must be known beside the figures, gravest
    first (missing cells, leaks, what was chosen on the data it is tested on). Rows are ordered by base, track, test,
    arm and reading as in the header and the cells.
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
