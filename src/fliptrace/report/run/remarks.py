"""What a reader must know beside the figures of a run: found in the report, said in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from fliptrace.report.run.values import Difference, EvaluationReport, RunReport, StageReport
from fliptrace.report.run.wording import difference, f1
from fliptrace.report.wording import decimals, plural

ROUNDING = 1e-6  # scores.json holds six digits


def lead(report: RunReport) -> str:
    """The run in two or three sentences: how far it came, what it scores, whether that beats the best rule."""
    num_finished = sum(stage.state == "finished" for stage in report.stages)
    done = f"{num_finished} of {plural(len(report.stages), 'stage')} finished."
    evaluation, rule = report.headline, report.best_rule
    if evaluation is None or rule is None:
        return f"{done} There are no scores yet."
    return (
        f"{done} After stage “{report.read_stages[-1].name}”, evaluation “{evaluation.name}” names triggers with an F1 "
        f"of {f1(evaluation.metrics)} on {plural(evaluation.num_flips, 'flip')} of "
        f"{plural(evaluation.num_groups, 'group')} of dialogues; "
        f"the best rule, “{rule}”, with {f1(report.rules[rule])}. {_verdict(evaluation.against_rule)}"
    )


def remarks(report: RunReport) -> tuple[str, ...]:
    """Gravest first: what is missing, what flatters the scores, what they cannot tell, what was left out."""
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


def _verdict(found: Difference | None) -> str:
    if found is None:
        return ""
    text = f"The difference is {difference(found)}"
    if found.interval is None:
        return f"{text}: one group tells nothing of others."
    if found.interval.low > 0:
        return f"{text}: better than the rule."
    if found.interval.high < 0:
        return f"{text}: worse than the rule."
    return f"{text}: no difference that these dialogues could show."


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
        yield f"{report.leaks}: all scores here are too good by an unknown amount."


def _choices(report: RunReport) -> Iterator[str]:
    chooser = next(iter(report.recipe["evaluations"]))
    hosted = report.recipe.get("hosted")
    if hosted:
        yield "A provider trained the stages: their tokens are estimated."
    if hosted is None or hosted["choose"] == "best on val":
        what = "step" if hosted is None else "checkpoint"
        yield (
            f"The best {what} of every stage was chosen on val, by the F1 of reading “{chooser}”: its scores here "
            "flatter it."
        )
    if any(evaluation.threshold for _, evaluation in _evaluations(report)):
        yield "Thresholds on support were chosen on val too; the left-out F1 is the one to quote."


def _drifts(report: RunReport) -> Iterator[str]:
    """Where the weights that were kept do not score, once saved and loaded, what they were kept for."""
    chooser = next(iter(report.recipe["evaluations"]))
    for stage, evaluation in _evaluations(report):
        kept = stage.curve.best
        # Read exactly, a step is kept for the F1 that its threshold has on groups it was not chosen on.
        is_exact = report.recipe["evaluations"][chooser].get("decode") == "exact"
        f1 = evaluation.threshold.f1_left_out if is_exact and evaluation.threshold else evaluation.metrics.f1
        if evaluation.name == chooser and kept and abs(kept.value - f1) > ROUNDING:
            yield (
                f"{_place(stage, evaluation)} has an F1 of {decimals(f1)}, but the step was kept for "
                f"{decimals(kept.value)}: precision in training and in reading may differ."
            )


def _limits(report: RunReport) -> Iterator[str]:
    yield "One seed: the intervals tell of other dialogues, not of other training runs."
    if report.headline and report.headline.metrics.interval is None:
        yield "All val cases are of a single group of dialogues, so there are no intervals."
    if not report.has_differences:
        yield "Differences stand without intervals: they need pip install 'fliptrace[study]'."


def _like_a_rule(report: RunReport) -> Iterator[str]:
    """Rules that agree on these cases are named together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for stage, evaluation in _evaluations(report):
        rules = tuple(f"“{name}”" for name in report.rules if evaluation.metrics == evaluation.rules[name])
        if rules:
            alike.setdefault(rules, []).append(_place(stage, evaluation))
    for rules, places in alike.items():
        who, same = ", ".join(places), " or ".join(rules)
        yield f"No more than the rule {same} may have been learned, as every figure is the same: {who}."


def _reasons(report: RunReport) -> Iterator[str]:
    """What the F1 does not show: whether the reasons given are true."""
    for stage, evaluation in _evaluations(report):
        said = evaluation.rationales
        if said and said.num_false_observations:
            share = f"{said.num_false_observations / said.num_observations:.1%}"
            yield (
                f"{_place(stage, evaluation)}: {said.num_false_observations:,} of {said.num_observations:,} "
                f"observations in the rationales ({share}) are not borne out by the prompt."
            )
        if said and said.num_self_contradictions:
            answers = f"{said.num_self_contradictions:,} of {plural(said.num_rationales, 'answer')}"
            yield f"{_place(stage, evaluation)}: {answers} go against the verdicts before them."


def _losses(report: RunReport) -> Iterator[str]:
    for file in report.files:
        if file.num_left_out:
            yield f"{file.ref}: {plural(file.num_left_out, 'case')} left out that end on no flip."
    for stage in report.stages:
        if stage.preflight and stage.preflight.num_dropped:
            yield f"Stage “{stage.name}” left out {plural(stage.preflight.num_dropped, 'row')} too long for the model."
    for stage, evaluation in _evaluations(report):
        if evaluation.num_unparsed:
            cases = f"{evaluation.num_unparsed:,} of {plural(evaluation.num_flips, 'case')}"
            yield f"{_place(stage, evaluation)}: no answer to {cases} could be read; they count as naming nothing."
        if evaluation.num_cut_cases:
            cut = plural(evaluation.num_cut_cases, "case")
            yield f"{_place(stage, evaluation)}: {cut} lost their oldest utterances, as they did not fit the prompt."
        if evaluation.judged and evaluation.judged.num_without_verdict:
            drafts = f"{evaluation.judged.num_without_verdict:,} of {plural(evaluation.judged.num_drafts, 'draft')}"
            yield f"{_place(stage, evaluation)}: the model gave no readable verdict on {drafts}."


def _evaluations(report: RunReport) -> Iterator[tuple[StageReport, EvaluationReport]]:
    for stage in report.stages:
        for evaluation in stage.evaluations:
            yield stage, evaluation


def _place(stage: StageReport, evaluation: EvaluationReport) -> str:
    return f"“{evaluation.name}” after “{stage.name}”"
