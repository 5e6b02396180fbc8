"""The claims of the paper beside our results. Contains no numbers of the paper except those of its claims.

Source: GAVx at SemEval-2024 Task 10 (EDiReF), 2024: stacked instruction fine-tuning of large language models. Its F1 is
that of class "trigger", as here, but on the official test sets; ours is on the test sets of the study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from fliptrace.report.study.scores import transfers
from fliptrace.report.study.wording import estimate
from fliptrace.study.evidence.gather import StudyReport
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


class PaperRow(NamedTuple):
    """A claim of the paper beside our result. `paper` and `ours` are numbers or sentences, ready to print."""

    claim: str
    paper: str
    ours: str
    remark: str
    source: str


def paper_rows(report: StudyReport) -> tuple[PaperRow, ...]:
    """One row for every claim, with "not measured" where the study has no result."""
    return tuple(
        PaperRow(
            claim=claim.text,
            paper=claim.figure,
            ours="; ".join(_ours(claim.about, report)) or NOT_MEASURED,
            remark=claim.remark,
            source=claim.source,
        )
        for claim in CLAIMS
    )


def _ours(about: About, report: StudyReport) -> Iterable[str]:
    match about:
        case "f1-masac":
            return _own_f1(report, "masac")
        case "f1-meld":
            return _own_f1(report, "meld")
        case "chain":
            return _first_stage(report)
        case "stack":
            return [summary.text for summary in report.summaries[: len(report.evidence.stack)]]
        case "flips":
            return [f"{matrix.title} {matrix.split}: {matrix.answer.rstrip('.')}" for matrix in report.flip_matrices]
        case "anomalies":
            return _anomalies(report)
        case "transfer":
            return _transfer(report)


def _own_f1(report: StudyReport, track: str) -> Iterator[str]:
    f1 = report.evidence.f1
    for place in report.places:
        if place.track == place.test == track:
            yield f"{place.base}, {place.headline.title}: {estimate(f1(place.headline))}"
            if place.rule is not None:
                yield f"rule {place.rule.where.arm}: {estimate(f1(place.rule))}"


def _first_stage(report: StudyReport) -> Iterator[str]:
    """The first stage's error reduction, for each base and track in the first evaluation that has the comparison."""
    done = set()
    for d in report.differences:
        first = next(iter(report.evidence.stack), None)
        is_it = first is not None and (d.before.arm, d.after.arm) == (first.control, first.name)
        base, track, test, _, evaluation = d.after
        if is_it and track == test and (base, track) not in done and d.relative_error_reduction is not None:
            done.add((base, track))
            reduction = f"{d.relative_error_reduction:+.1%}".replace("-", "−")
            yield f"{base} on {track}, {evaluation}: {reduction} ({d.verdict})"


def _anomalies(report: StudyReport) -> Iterator[str]:
    """Anomalies of the last stage on its own track, over all evaluations but exact ones, which generate no answer."""
    total = report.evidence.total
    for place in report.places:
        own = [m for m in place.of_arm(place.arm) if m.any_seed["decode"] != "exact" and place.track == place.test]
        if own:
            num_anomalies = sum(total(m.where, f"anomalies.{kind}") for m in own for kind in m.names("anomalies"))
            num_answers = sum(total(m.where, "num_answers") for m in own)
            yield f"{place.base} on {place.track}: {num_anomalies:,} anomalies in {num_answers:,} answers"


def _transfer(report: StudyReport) -> Iterator[str]:
    """Transfer results of the last stage that was tested on another track."""
    stages = [arm.name for arm in report.evidence.stack]
    last = {found.base: found for found in transfers(report.evidence) if found.arm in stages}  # in the order of arms
    for found in last.values():
        for (track, test), f1 in found.f1.items():
            if not is_own_test(track, test):
                rule_text = f", best rule {estimate(found.rules[test])}" if test in found.rules else ""
                yield f"{found.base}, {track} to {test}: {estimate(f1)}{rule_text}"
