"""What a reader must know about the metrics of a run, in plain sentences derived from its report."""

from __future__ import annotations

from collections.abc import Iterator

from fliptrace.report.run.values import EvaluationReport, RunReport, StageReport
from fliptrace.report.run.wording import difference, f1
from fliptrace.report.wording import decimals, plural
from fliptrace.scoring.compare import Comparison

ROUNDING = 1e-6  # scores.json holds six digits


def lead(report: RunReport) -> str:
    """Describe the run in a few sentences: stages finished, its score, and whether that beats the best rule."""
    num_finished = sum(stage.state == "finished" for stage in report.stages)
    done = f"{num_finished} of {plural(len(report.stages), 'stage')} finished."
    evaluation, rule = report.headline, report.best_rule
    if evaluation is None or rule is None:
        return f"{done} There are no scores yet."
    return (
        f"{done} After stage “{report.read_stages[-1].name}”, evaluation “{evaluation.name}” has a trigger F1 of "
        f"{f1(evaluation.metrics)} on {plural(evaluation.num_flips, 'flip')} in "
        f"{plural(evaluation.num_groups, 'group')} of dialogues. The best rule, “{rule}”, has "
        f"{f1(report.rules[rule])}. {_verdict(evaluation.against_rule)}"
    )


def remarks(report: RunReport) -> tuple[str, ...]:
    """All remarks, most serious first: missing parts, inflated scores, limits of the scores, and what was left out."""
    return (
        *_unfinished(report),
        *_leaks(report),
        *_choices(report),
        *_drifts(report),
        *_limits(report),
        *_like_a_rule(report),
        *_reasons(report),
        *_losses(report),
    )


def _verdict(found: Comparison | None) -> str:
    if found is None:
        return ""
    text = f"The difference is {difference(found)}"
    if found.interval is None:
        return f"{text}: a single group says nothing about others."
    if found.interval.low > 0:
        return f"{text}: better than the rule."
    if found.interval.high < 0:
        return f"{text}: worse than the rule."
    return f"{text}: not significant, because the interval includes 0."


def _unfinished(report: RunReport) -> Iterator[str]:
    for stage in report.stages:
        if stage.state == "unfinished":
            steps = [point.step for point in (*stage.curve.losses, *stage.curve.val_f1s)]
            logged = f", {plural(max(steps), 'step')} logged" if steps else ""
            yield f"Stage “{stage.name}” is unfinished{logged}: it has no scores here."
        elif stage.state == "not begun":
            yield f"Stage “{stage.name}” has not begun."


def _leaks(report: RunReport) -> Iterator[str]:
    if report.leaks is None:
        yield "The manifest does not say whether train and val share dialogues."
    elif not report.leaks.is_clean:
        yield f"{report.leaks}: all scores here are too high by an unknown amount."


def _choices(report: RunReport) -> Iterator[str]:
    chooser = next(iter(report.recipe["evaluations"]))
    hosted = report.recipe.get("hosted")
    if hosted:
        yield "A provider trained the stages, so their numbers of tokens are estimates."
    if hosted is None or hosted["choose"] == "best on val":
        what = "step" if hosted is None else "checkpoint"
        yield (
            f"The best {what} of every stage was chosen on val, by the F1 of evaluation “{chooser}”, so its scores "
            "here are optimistic."
        )
    if any(evaluation.threshold for _, evaluation in _evaluations(report)):
        yield "Thresholds on support were chosen on val, too: quote the left-out F1."


def _drifts(report: RunReport) -> Iterator[str]:
    """Stages whose kept weights, saved and loaded again, do not reach the score they were kept for."""
    chooser = next(iter(report.recipe["evaluations"]))
    for stage, evaluation in _evaluations(report):
        kept = stage.curve.best
        # With exact decoding, a step is kept for its F1 at thresholds chosen on other groups.
        is_exact = report.recipe["evaluations"][chooser].get("decode") == "exact"
        f1 = evaluation.threshold.f1_left_out if is_exact and evaluation.threshold else evaluation.metrics.f1
        if evaluation.name == chooser and kept and abs(kept.value - f1) > ROUNDING:
            yield (
                f"{_place(stage, evaluation)} has an F1 of {decimals(f1)}, but the step was kept for "
                f"{decimals(kept.value)}: numeric precision may differ between training and inference."
            )


def _limits(report: RunReport) -> Iterator[str]:
    yield "There is only one seed: the intervals cover other dialogues, but not other training runs."
    if report.headline and report.headline.metrics.interval is None:
        yield "All val cases belong to a single group of dialogues, so there are no intervals."
    if not report.has_differences:
        yield "Differences have no intervals here. To compute them: pip install 'fliptrace[study]'."


def _like_a_rule(report: RunReport) -> Iterator[str]:
    """Evaluations whose metrics equal those of a rule. Rules that agree on these cases are named together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for stage, evaluation in _evaluations(report):
        rules = tuple(f"“{name}”" for name in report.rules if evaluation.metrics == evaluation.rules[name])
        if rules:
            alike.setdefault(rules, []).append(_place(stage, evaluation))
    for rules, places in alike.items():
        who, same = ", ".join(places), " or ".join(rules)
        yield f"The model may have learned no more than the rule {same}, because all metrics are the same: {who}."


def _reasons(report: RunReport) -> Iterator[str]:
    """Whether the rationales are true, which F1 does not show."""
    for stage, evaluation in _evaluations(report):
        found = evaluation.rationales
        if found and found.num_false_observations:
            share = f"{found.num_false_observations / found.num_observations:.1%}"
            yield (
                f"{_place(stage, evaluation)}: {found.num_false_observations:,} of {found.num_observations:,} "
                f"observations in the rationales ({share}) are not supported by the prompt."
            )
        if found and found.num_self_contradictions:
            answers = f"{found.num_self_contradictions:,} of {plural(found.num_rationales, 'answer')}"
            yield f"{_place(stage, evaluation)}: {answers} contradict the verdicts before them."


def _losses(report: RunReport) -> Iterator[str]:
    for file in report.files:
        if file.num_left_out:
            yield f"{file.ref}: left out {plural(file.num_left_out, 'case')} without a flip at the end."
    for stage in report.stages:
        if stage.preflight and stage.preflight.num_dropped:
            rows = plural(stage.preflight.num_dropped, "row")
            yield f"Stage “{stage.name}” left out {rows}, as too long for the model."
        if stage.preflight and stage.preflight.num_cut_triggers:
            cut = plural(stage.preflight.num_cut_triggers, "case")
            kept = "taught them without it" if report.keeps_cut_triggers else "left them out"
            yield f"Stage “{stage.name}”: in {cut} the model's context cuts a trigger away; training {kept}."
        if stage.preflight and stage.preflight.num_beyond_reach:
            far = plural(stage.preflight.num_beyond_reach, "case")
            yield f"Stage “{stage.name}” has no rationale for {far}: a trigger lies further back than rationales reach."
    for stage, evaluation in _evaluations(report):
        if evaluation.num_unparsed:
            cases = f"{evaluation.num_unparsed:,} of {plural(evaluation.num_flips, 'case')}"
            yield f"{_place(stage, evaluation)}: no answer to {cases} could be parsed; these count as no trigger named."
        if evaluation.num_cut_cases:
            cut = plural(evaluation.num_cut_cases, "case")
            yield f"{_place(stage, evaluation)}: {cut} did not fit the prompt and lost their oldest utterances."
        if evaluation.judged and evaluation.judged.num_without_verdict:
            drafts = f"{evaluation.judged.num_without_verdict:,} of {plural(evaluation.judged.num_drafts, 'draft')}"
            yield f"{_place(stage, evaluation)}: no verdict on {drafts} could be parsed."


def _evaluations(report: RunReport) -> Iterator[tuple[StageReport, EvaluationReport]]:
    for stage in report.stages:
        for evaluation in stage.evaluations:
            yield stage, evaluation


def _place(stage: StageReport, evaluation: EvaluationReport) -> str:
    return f"“{evaluation.name}” after “{stage.name}”"
