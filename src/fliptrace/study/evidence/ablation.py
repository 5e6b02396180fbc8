"""The ablation: the score of every arm, its difference from its parent, and the planned questions of the study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fliptrace.study.evidence.conclusions import conclude, summarize
from fliptrace.study.evidence.differences import Pair, compare_family
from fliptrace.study.evidence.measured import Evidence, Measured, Table, estimate, estimate_left_out, mean_of
from fliptrace.study.evidence.values import AblationRow, AblationTable, Comparison, Difference, Summary
from fliptrace.study.names import is_own_test

AGAINST_RULE = "best arm against best rule"


class Question(NamedTuple):
    """A planned question: does the second arm of the pair score higher than the first, in the same evaluation?"""

    text: str
    pair: Pair


class _Key(NamedTuple):
    """The key of one difference in a table's family. A question asked twice, in other words, is tested once."""

    evaluation: str
    before: str
    after: str


def ablation_tables(evidence: Evidence) -> tuple[AblationTable, ...]:
    """One table for every base, track, test set and evaluation."""
    baselines: dict[tuple[str, str], tuple[AblationRow, ...]] = {}
    tables: list[AblationTable] = []
    for table in evidence.tables:
        place = (table.track, table.test)
        if place not in baselines:
            baselines[place] = tuple(_row(m, None, evidence) for m in evidence.baselines(*place))
        tables += _tables(evidence, table, baselines[place])
    return tuple(tables)


def summaries(evidence: Evidence, tables: tuple[AblationTable, ...]) -> tuple[Summary, ...]:
    """Summarize each planned question over all tables in which a model is tested on its own track."""
    own = [c for table in tables if is_own_test(table.track, table.test) for c in table.comparisons]
    planned = [*_stage_questions(evidence), _stack_question(evidence), AGAINST_RULE]
    return tuple(
        summarize(question, [c.difference for c in own if c.question == question])
        for question in dict.fromkeys(planned)
        if question is not None
    )


def _tables(evidence: Evidence, table: Table, baselines: tuple[AblationRow, ...]) -> Iterator[AblationTable]:
    members = evidence.of_table(table)
    by_evaluation = {
        evaluation: _by_arm(members, evaluation) for evaluation in dict.fromkeys(m.where.evaluation for m in members)
    }
    questions = {evaluation: list(_questions(evidence, arms)) for evaluation, arms in by_evaluation.items()}
    parents = {evaluation: _parents(evidence, arms) for evaluation, arms in by_evaluation.items()}
    pairs = {
        _key(pair): pair
        for evaluation in by_evaluation
        for pair in (*parents[evaluation].values(), *(question.pair for question in questions[evaluation]))
    }
    found = compare_family(pairs, evidence.settings)
    for evaluation, arms in by_evaluation.items():
        gains = {arm: found.get(_key(pair)) for arm, pair in parents[evaluation].items()}
        rule = evidence.best_rule(next(iter(arms.values())))
        yield AblationTable(
            base=table.base,
            track=table.track,
            test=table.test,
            evaluation=evaluation,
            rows=(*(_row(m, gains.get(arm), evidence) for arm, m in arms.items()), *baselines),
            comparisons=tuple(_answers(questions[evaluation], found)),
            best_rule=rule.where.arm if rule else None,
        )


def _by_arm(members: tuple[Measured, ...], evaluation: str) -> dict[str, Measured]:
    return {m.where.arm: m for m in members if m.where.evaluation == evaluation}


def _key(pair: Pair) -> _Key:
    return _Key(pair.after.where.evaluation, pair.before.where.arm, pair.after.where.arm)


def _parents(evidence: Evidence, arms: Mapping[str, Measured]) -> dict[str, Pair]:
    return {
        arm.name: Pair(arms[arm.parent], arms[arm.name])
        for arm in evidence.arms
        if arm.parent is not None and arm.parent in arms and arm.name in arms
    }


def _questions(evidence: Evidence, arms: Mapping[str, Measured]) -> Iterator[Question]:
    """The planned questions whose arms were measured."""
    stack = evidence.stack
    stages = zip(_stage_questions(evidence), evidence.tested, strict=True)
    planned = [(text, arm.control or "", arm.name) for text, arm in stages]
    whole = _stack_question(evidence)
    if whole is not None:
        planned.append((whole, stack[0].control or "", stack[-1].name))
    for text, before, after in planned:
        if before in arms and after in arms:
            yield Question(text, Pair(arms[before], arms[after]))
    best = max(arms.values(), key=lambda m: m.mean_f1)
    rule = evidence.best_rule(best)
    if rule is not None:
        yield Question(AGAINST_RULE, Pair(rule, best))


def _stage_questions(evidence: Evidence) -> list[str]:
    titles = {arm.name: arm.title for arm in evidence.arms}
    return [f"{arm.title} against {titles[arm.control or '']}" for arm in evidence.tested]


def _stack_question(evidence: Evidence) -> str | None:
    """The last stage against the control of the first; None where there is only one stage."""
    if len(evidence.stack) < 2:
        return None
    titles = {arm.name: arm.title for arm in evidence.arms}
    first, last = evidence.stack[0], evidence.stack[-1]
    return f"the whole stack ({last.title}) against {titles[first.control or '']}"


def _answers(questions: list[Question], found: Mapping[_Key, Difference]) -> Iterator[Comparison]:
    for text, pair in questions:
        difference = found.get(_key(pair))
        if difference is not None:
            question = f"{text} ({difference.after}, {difference.before})" if text == AGAINST_RULE else text
            yield Comparison(text, difference, conclude(question, difference))


def _row(measured: Measured, from_parent: Difference | None, evidence: Evidence) -> AblationRow:
    metrics = measured.by_seed.values()
    return AblationRow(
        name=measured.where.arm,
        title=measured.title,
        kind=measured.kind,
        f1=estimate(measured.by_seed, evidence.settings),
        left_out=estimate_left_out(measured, evidence.settings),
        precision=mean_of(row["precision"] for row in metrics),
        recall=mean_of(row["recall"] for row in metrics),
        exact_match=mean_of(row["exact_match"] for row in metrics),
        from_parent=from_parent,
    )
