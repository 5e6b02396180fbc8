"""All sections of a study's report, in the order in which a reviewer would ask for them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from fliptrace.report.study import ablation, scores, trust
from fliptrace.report.study.charts import flip_chart
from fliptrace.report.study.page import Chart, Gallery, Points, Row, Section, Table, Terms, filled
from fliptrace.report.study.places import Place, foot, places, row_name
from fliptrace.report.study.wording import arrows, duration, short
from fliptrace.report.wording import count, plural
from fliptrace.study.evidence.values import EvaluationCost, FlipMatrix, Header, StudyReport, TrainingCost


def lead(report: StudyReport) -> str:
    """The lead paragraph: how much of the study is finished, and how small a difference it can detect."""
    header = report.header
    planned = f" of {count(header.num_planned)}" if header.num_planned is not None else ""
    done = (
        f"{count(header.num_cells)}{planned} cells are finished: {plural(len(header.bases), 'base')}, "
        f"{plural(len(header.tracks), 'track')}, {plural(len(header.seeds), 'seed')}."
    )
    return " ".join([done, *_resolution(report)])


def sections(report: StudyReport) -> tuple[Section, ...]:
    """The sections that have content."""
    found = places(report)
    return filled(
        [
            Section("questions", "Planned questions", _QUESTIONS, (_questions(report),)),
            Section("remarks", "Caveats", "", (Points(tuple(map(arrows, report.remarks))),)),
            Section("paper", "The paper and this study", "", (_paper(report),)),
            _compared(report, found),
            ablation.ablation(report, found),
            ablation.leaks(report, found),
            scores.decoding(report, found),
            trust.judging(report, found),
            scores.transfer(report, found),
            scores.slices(report, found),
            trust.anomalies(report, found),
            trust.rationales(report, found),
            trust.support(report, found),
            _flips(report),
            _costs(report, found),
            Section("again", "How to reproduce this", "", (_again(report.header),)),
        ]
    )


_QUESTIONS = (
    "The number of tables with each verdict on each planned question, over all bases and evaluations, for models "
    "tested on their own track. “Noise” means that these dialogues and seeds could not show a difference; it does not "
    "prove that there is none."
)


def findings(report: StudyReport) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The outcomes, each with its questions; "varies" where the tables of a question differ in their verdict."""
    kinds: dict[str, list[str]] = {name: [] for name in ("helps", "hurts", "noise", "varies", "not measured")}
    for found in report.summaries:
        counts = {"helps": found.num_helps, "hurts": found.num_hurts, "noise": found.num_noise}
        total = sum(counts.values())
        if not total:
            kinds["not measured"].append(found.question)
        elif total in counts.values():
            kind = next(kind for kind, number in counts.items() if number == total)
            kinds[kind].append(f"{found.question}, {_number_of(total)}")
        else:
            verdicts = ", ".join(f"{kind} in {number}" for kind, number in counts.items() if number)
            kinds["varies"].append(f"{found.question}: {verdicts} of {total} tables")
    return tuple((kind, tuple(questions)) for kind, questions in kinds.items() if questions)


def _number_of(tables: int) -> str:
    """
    >>> _number_of(1), _number_of(6)
    ('in the only table', 'in all 6 tables')
    """
    return "in the only table" if tables == 1 else f"in all {tables} tables"


def _resolution(report: StudyReport) -> Iterator[str]:
    """The smallest difference that can be detected: the median over all planned comparisons of half an interval."""
    ends = [
        found.difference.interval
        for place in places(report)
        if place.is_own
        for table in place.tables
        for found in table.comparisons
        if found.difference.interval
    ]
    if ends:
        half = statistics.median((end.high - end.low) / 2 for end in ends)
        yield f"Differences in F1 below about {half:.3f} cannot be distinguished from zero here."


def _questions(report: StudyReport) -> Table:
    rows = tuple(
        Row((found.question, *map(count, (found.num_helps, found.num_hurts, found.num_noise))))
        for found in report.summaries
    )
    return Table("", ("question", "helps", "hurts", "noise"), rows, foot(report.header))


def _paper(report: StudyReport) -> Table:
    rows = tuple(Row(tuple(map(arrows, (p.claim, p.paper, p.ours, p.remark, p.source)))) for p in report.paper)
    columns = ("claim", "paper", "ours", "remark", "source")
    return Table("", columns, rows, foot(report.header), frozenset(columns))


def _compared(report: StudyReport, found: Sequence[Place]) -> Section:
    tables = (_arms(report.header), _baselines(report, found), _tests(report, found))
    return Section("compared", "What was compared", "", tables)


def _arms(header: Header) -> Table:
    titles = {arm.name: arm.title for arm in header.arms}
    rows = tuple(
        Row((arm.title, arm.note, titles.get(arm.parent or "", "–"), titles.get(arm.control or "", "–")))
        for arm in header.arms
    )
    columns = ("arm", "what it is", "continues from", "must beat")
    return Table("Arms", columns, rows, foot(header), frozenset(columns))


def _baselines(report: StudyReport, found: Sequence[Place]) -> Table:
    titles = {row_name(row): row.title for place in found for row in place.rows if row.kind != "arm"}
    rows = tuple(Row((name, title), "rule") for name, title in titles.items())
    columns = ("baseline", "what it is")
    return Table("Rules and other baselines", columns, rows, foot(report.header), frozenset(columns))


def _tests(report: StudyReport, found: Sequence[Place]) -> Table:
    rows = tuple(
        Row((test.title, count(test.num_flips), count(test.num_groups), short(test.groups_sha256)))
        for test in report.header.tests
    )
    columns = ("test set", "flips", "groups of dialogues", "hash of groups")
    return Table("Test sets", columns, rows, foot(report.header, found))


def _flips(report: StudyReport) -> Section:
    charts, tables = [], []
    for matrix in report.flip_matrices:
        name = f"{matrix.title}, {matrix.split}"
        charts.append(Chart(f"{name}: {plural(matrix.num_flips, 'flip')}", partial(flip_chart, matrix, name)))
        tables.append(_flip_table(report.header, matrix, name))
    answers = Points(tuple(f"{m.title}, {m.split}: {arrows(m.answer)}" for m in report.flip_matrices))
    hint = (
        "Rows are the emotion before a flip, columns the emotion after it. Is neutral ↔ joy the most frequent pair, as "
        "the paper says?"
    )
    return Section("flips", "Flips in the data", hint, (answers, Gallery("", tuple(charts)), *tables))


def _flip_table(header: Header, matrix: FlipMatrix, name: str) -> Table:
    rows = [Row((emotion, *map(count, counts))) for emotion, counts in zip(matrix.emotions, matrix.counts, strict=True)]
    data = [track.data for track in header.tracks if track.name == matrix.track]
    made = [f"{what} {short(sha)}" for found in data for what, sha in found.items()]
    columns = ("from \\ to", *matrix.emotions)
    return Table(name, columns, tuple(rows), " · ".join([*header.commands, *made]), is_folded=True)


def _costs(report: StudyReport, found: Sequence[Place]) -> Section:
    hint = (
        "Means over seeds. The training cost of an arm starts at its parent and does not include its ancestors. Rules "
        "need no training, and too little time to measure."
    )
    return Section("cost", "Cost", hint, (_training(report), *_evaluation(report, found)))


def _training(report: StudyReport) -> Table:
    arms = {arm.name: arm.title for arm in report.header.arms}
    titles = {track.name: track.title for track in report.header.tracks}
    rows = []
    for (base, track), costs in groupby(report.training_costs, lambda cost: (cost.base, cost.track)):
        rows.append(Row((f"{base} · {titles[track]}",), "group"))
        rows += [_training_row(arms, cost) for cost in costs]
    columns = ("arm", "parameters", "steps", "tokens", "time", "seeds")
    return Table("Training", columns, tuple(rows), foot(report.header))


def _training_row(arms: dict[str, str], cost: TrainingCost) -> Row:
    numbers = map(count, (cost.num_parameters, round(cost.num_steps), round(cost.num_tokens)))
    return Row((arms.get(cost.arm, cost.arm), *numbers, duration(cost.seconds), str(cost.num_seeds)))


def _evaluation(report: StudyReport, found: Sequence[Place]) -> tuple[Table, Table]:
    columns = ("", "time per 100 flips", "prompt tokens per flip", "reply tokens per flip", "seeds")
    return trust.by_place(report.header, found, columns, report.evaluation_costs, _evaluation_row, title="Inference")


def _evaluation_row(name: str, cost: EvaluationCost) -> Row:
    tokens = (f"{cost.prompt_tokens_per_flip:,.0f}", f"{cost.reply_tokens_per_flip:,.0f}")
    return Row((name, duration(cost.seconds_per_100_flips), *tokens, str(cost.num_seeds)))


def _again(header: Header) -> Terms:
    data = {f"{what}, sha256": sha for track in header.tracks for what, sha in track.data.items()}
    tests = [(f"{test.title}, groups", test.groups_sha256) for test in header.tests if test.groups_sha256]
    versions = ", ".join(f"{name} {' and '.join(found)}" for name, found in header.versions.items())
    return Terms(
        (
            *(("command", command) for command in header.commands),
            ("seeds", ", ".join(map(str, header.seeds))),
            *(("recipe, sha256", sha) for sha in header.recipe_hashes),
            *data.items(),
            *tests,
            ("versions", versions),
        )
    )
