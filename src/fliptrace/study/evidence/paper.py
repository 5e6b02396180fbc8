"""The claims of the paper beside our results. Contains no numbers of the paper except those of its claims.

Source: GAVx at SemEval-2024 Task 10 (EDiReF), 2024: stacked instruction fine-tuning of large language models. Its F1 is
that of class "trigger", as here, but on the official test sets; ours is on the test sets of the study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from fliptrace.study.evidence.conclusions import in_words
from fliptrace.study.evidence.measured import Evidence, estimate
from fliptrace.study.evidence.values import (
    AblationTable,
    AnomalyRow,
    FlipMatrix,
    PaperRow,
    Summary,
    TransferMatrix,
)
from fliptrace.study.names import is_own_test

About = Literal["f1-masac", "f1-meld", "chain", "stack", "flips", "anomalies", "transfer"]
NOT_MEASURED = "not measured"


class Claim(NamedTuple):
    """A claim of the paper, with `figure` as printed there. `remark` says why the two results are not comparable."""

    about: About
    text: str
    figure: str
    source: str
    remark: str


GAVX = "GAVx at SemEval-2024 Task 10"
OTHER_SETS = "The paper's models are larger and were scored on the official test set."

CLAIMS = (
    Claim("f1-masac", "trigger F1, Hindi-English", "0.77", f"{GAVX}, subtask B", OTHER_SETS),
    Claim("f1-meld", "trigger F1, English", "0.76", f"{GAVX}, subtask C", OTHER_SETS),
    Claim(
        "chain",
        "chain of thought reduces the error",
        "by 38%",
        GAVX,
        "Ours is compared with training on answers alone: (F1 − F1 before) / (1 − F1 before).",
    ),
    Claim(
        "stack",
        "every set of instructions improves the model",
        "each does",
        GAVX,
        "Ours is compared with equally many more steps without what is new in the stage.",
    ),
    Claim(
        "flips",
        "flips between neutral and joy are the most frequent",
        "most frequent",
        GAVX,
        "Both directions are counted together.",
    ),
    Claim(
        "anomalies",
        "the model names triggers that do not exist",
        "it happens",
        GAVX,
        "Ours counts the last stage on its own track, in greedy and sampled evaluations, without prevented anomalies.",
    ),
    Claim(
        "transfer",
        "training in one language helps in the other",
        "it does",
        GAVX,
        "A rule that learns nothing also works across languages, so the best one is shown for comparison.",
    ),
)


class Found(NamedTuple):
    """The parts of the report that the claims are compared with."""

    ablation: tuple[AblationTable, ...]
    summaries: tuple[Summary, ...]
    flip_matrices: tuple[FlipMatrix, ...]
    anomalies: tuple[AnomalyRow, ...]
    transfer: tuple[TransferMatrix, ...]


def paper_rows(evidence: Evidence, found: Found) -> tuple[PaperRow, ...]:
    """One row for every claim, with "not measured" where the study has no result."""
    return tuple(
        PaperRow(
            claim=claim.text,
            paper=claim.figure,
            source=claim.source,
            ours="; ".join(_ours(claim.about, evidence, found)) or NOT_MEASURED,
            remark=claim.remark,
        )
        for claim in CLAIMS
    )


def _ours(about: About, evidence: Evidence, found: Found) -> Iterable[str]:
    match about:
        case "f1-masac":
            return _own_f1(evidence, "masac")
        case "f1-meld":
            return _own_f1(evidence, "meld")
        case "chain":
            return _first_stage(evidence, found.ablation)
        case "stack":
            return [summary.text for summary in found.summaries[: len(evidence.stack)]]
        case "flips":
            return [f"{matrix.title} {matrix.split}: {matrix.answer.rstrip('.')}" for matrix in found.flip_matrices]
        case "anomalies":
            return _anomalies(evidence, found.anomalies)
        case "transfer":
            return _transfer(evidence, found.transfer)


def _own_f1(evidence: Evidence, track: str) -> Iterator[str]:
    for table in evidence.tables:
        if table.track == table.test == track:
            model = evidence.headline(table)
            rule = evidence.best_rule(model)
            yield f"{table.base}, {model.title}: {in_words(estimate(model.by_seed, evidence.settings))}"
            if rule is not None:
                yield f"rule {rule.where.arm}: {in_words(estimate(rule.by_seed, evidence.settings))}"


def _first_stage(evidence: Evidence, tables: Sequence[AblationTable]) -> Iterator[str]:
    """The first stage's error reduction, for each base and track in the first evaluation that has the comparison."""
    if not evidence.stack:
        return
    first, done = evidence.stack[0], set()
    for table in tables:
        for each in (comparison.difference for comparison in table.comparisons):
            is_it = (each.before, each.after) == (first.control, first.name) and table.track == table.test
            if is_it and (table.base, table.track) not in done and each.relative_error_reduction is not None:
                done.add((table.base, table.track))
                reduction = f"{each.relative_error_reduction:+.1%}".replace("-", "−")
                yield f"{table.base} on {table.track}, {table.evaluation}: {reduction} ({each.verdict})"


def _anomalies(evidence: Evidence, rows: Sequence[AnomalyRow]) -> Iterator[str]:
    """Anomalies of the last stage on its own track, over all evaluations but exact ones, which generate no answer."""
    for table in evidence.tables:
        arm = evidence.headline(table).where.arm
        own = [
            row
            for row in rows
            if (row.where.base, row.where.track, row.where.test, row.where.arm) == (*table, arm)
            and row.decode != "exact"
            and table.track == table.test
        ]
        if own:
            num_anomalies, num_answers = sum(sum(row.raw.values()) for row in own), sum(row.num_answers for row in own)
            yield f"{table.base} on {table.track}: {num_anomalies:,} anomalies in {num_answers:,} answers"


def _transfer(evidence: Evidence, matrices: Sequence[TransferMatrix]) -> Iterator[str]:
    """Transfer results of the last stage that was tested on another track."""
    stages = [arm.name for arm in evidence.stack]
    last = {matrix.base: matrix for matrix in matrices if matrix.arm in stages}  # matrices are in the order of arms
    for matrix in last.values():
        for cell in matrix.cells:
            if not is_own_test(cell.train, cell.test):
                rule = matrix.rules.get(cell.test)
                rule_text = f", best rule {in_words(rule)}" if rule else ""
                yield f"{matrix.base}, {cell.train} to {cell.test}: {in_words(cell.f1)}{rule_text}"
