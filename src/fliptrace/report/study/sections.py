"""All sections of a study's report, in the order in which a reviewer would ask for them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial
from itertools import groupby

from fliptrace.report.study import ablation, scores, trust
from fliptrace.report.study.charts import flip_chart
from fliptrace.report.study.page import Chart, Gallery, Points, Row, Section, Table, Terms, filled
from fliptrace.report.study.paper import paper_rows
from fliptrace.report.study.places import foot, row_name
from fliptrace.report.study.wording import arrows, duration, short
from fliptrace.report.wording import count, plural
from fliptrace.study.evidence.flips import FlipMatrix
from fliptrace.study.evidence.gather import Header, StudyReport
from fliptrace.study.evidence.table import Measured, Where


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
    return filled(
        [
            Section("questions", "Planned questions", _QUESTIONS, (_questions(report),)),
            Section("remarks", "Caveats", "", (Points(tuple(map(arrows, report.remarks))),)),
            Section("paper", "The paper and this study", "", (_paper(report),)),
            _compared(report),
            ablation.ablation(report),
            ablation.leaks(report),
            scores.decoding(report),
            trust.judging(report),
            scores.transfer(report),
            scores.slices(report),
            trust.anomalies(report),
            trust.rationales(report),
            trust.support(report),
            _flips(report),
            _costs(report),
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
    planned = [d for place in report.own_places for d in ablation.planned_at(report, place)]
    ends = [d.interval for d in planned if d.interval]
    if ends:
        half = statistics.median((end.high - end.low) / 2 for end in ends)
        yield f"Differences in F1 below about {half:.3f} cannot be distinguished from zero here."


def _questions(report: StudyReport) -> Table:
    rows = tuple(
        Row((found.question, *map(count, (found.num_helps, found.num_hurts, found.num_noise))))
        for found in report.summaries
    )
    return Table("", ("question", "helps", "hurts", "noise"), rows, foot(report))


def _paper(report: StudyReport) -> Table:
    rows = tuple(Row(tuple(map(arrows, p))) for p in paper_rows(report))
    columns = ("claim", "paper", "ours", "remark", "source")
    return Table("", columns, rows, foot(report), frozenset(columns))


def _compared(report: StudyReport) -> Section:
    titles = {arm.name: arm.title for arm in report.header.arms}
    arms = tuple(
        Row((arm.title, arm.note, titles.get(arm.parent or "", "–"), titles.get(arm.control or "", "–")))
        for arm in report.header.arms
    )
    baselines = {row_name(m): m.title for place in report.places for m in place.rows if m.kind != "arm"}
    tests = tuple(
        Row((test.title, count(test.num_flips), count(test.num_groups), short(test.groups_sha256)))
        for test in report.header.tests
    )
    of_arms = ("arm", "what it is", "continues from", "must beat")
    of_baselines = ("baseline", "what it is")
    of_tests = ("test set", "flips", "groups of dialogues", "hash of groups")
    tables = (
        Table("Arms", of_arms, arms, foot(report), frozenset(of_arms)),
        Table(
            "Rules and other baselines",
            of_baselines,
            tuple(Row((name, title), "rule") for name, title in baselines.items()),
            foot(report),
            frozenset(of_baselines),
        ),
        Table("Test sets", of_tests, tests, foot(report, report.places)),
    )
    return Section("compared", "What was compared", "", tables)


def _flips(report: StudyReport) -> Section:
    charts, tables = [], []
    for matrix in report.flip_matrices:
        name = f"{matrix.title}, {matrix.split}"
        charts.append(Chart(f"{name}: {plural(matrix.num_flips, 'flip')}", partial(flip_chart, matrix.counts, name)))
        tables.append(_flip_table(report.header, matrix, name))
    answers = Points(tuple(f"{m.title}, {m.split}: {arrows(m.answer)}" for m in report.flip_matrices))
    hint = (
        "Rows are the emotion before a flip, columns the emotion after it. Is neutral ↔ joy the most frequent pair, as "
        "the paper says?"
    )
    return Section("flips", "Flips in the data", hint, (answers, Gallery("", tuple(charts)), *tables))


def _flip_table(header: Header, matrix: FlipMatrix, name: str) -> Table:
    rows = [Row((emotion, *map(count, numbers))) for emotion, *numbers in matrix.counts.itertuples()]
    data = [track.data for track in header.tracks if track.name == matrix.track]
    made = [f"{what} {short(sha)}" for found in data for what, sha in found.items()]
    columns = ("from \\ to", *matrix.counts.columns)
    return Table(name, columns, tuple(rows), " · ".join([*header.commands, *made]), is_folded=True)


def _costs(report: StudyReport) -> Section:
    hint = (
        "Means over seeds. The training cost of an arm starts at its parent and does not include its ancestors. Rules "
        "need no training, and too little time to measure."
    )

    def cells(m: Measured) -> tuple[str, ...]:
        mean = partial(report.evidence.mean, m.where)
        tokens = (f"{mean(f'cost.num_{kind}_tokens') / m.num_flips:,.0f}" for kind in ("prompt", "reply"))
        num_seeds = len(report.evidence.scores[*m.where, "cost.seconds"].by_seed)
        return (duration(100 * mean("cost.seconds") / m.num_flips), *tokens, str(num_seeds))

    columns = ("", "time per 100 flips", "prompt tokens per flip", "reply tokens per flip", "seeds")
    inference = trust.by_place(report, columns, "cost", cells, title="Inference")
    return Section("cost", "Cost", hint, (_training(report), *inference))


def _training(report: StudyReport) -> Table:
    rows = []
    for (base, track), trained in groupby(report.evidence.trained, lambda where: where[:2]):
        rows.append(Row((f"{base} · {report.track(track).title}",), "group"))
        rows += [_training_row(report, where) for where in trained]
    columns = ("arm", "parameters", "steps", "tokens", "time", "seeds")
    return Table("Training", columns, tuple(rows), foot(report))


def _training_row(report: StudyReport, where: Where) -> Row:
    mean = partial(report.evidence.mean, where)
    numbers = (count(round(mean(name))) for name in ("num_parameters", "num_steps", "num_tokens"))
    num_seeds = len(report.evidence.scores[*where, "seconds"].by_seed)
    return Row((report.arm_title(where.arm), *numbers, duration(mean("seconds")), str(num_seeds)))


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
