from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from synthetic_cells import ARMS, RULE_NAMES, study_cells, study_facts

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.scoring.intervals import Settings
from fliptrace.study.evidence.gather import gather
from fliptrace.study.evidence.values import AblationTable, StudyReport

FEW = Settings(num_draws=100)
ENOUGH = Settings(num_draws=1500)  # the least p, 1 / 1501, is then below 0.05 after Holm over 33 differences
NO_FACTS: Json = {"tracks": {}}


def report_of(cells: list[Json], facts: Json = NO_FACTS, settings: Settings = FEW, **options: Any) -> StudyReport:
    return gather(cells, facts, ARMS, settings=settings, **options)


def table_of(report: StudyReport, track: str = "meld", test: str = "meld", evaluation: str = "greedy") -> AblationTable:
    places = {(table.track, table.test, table.evaluation): table for table in report.ablation}
    return places[track, test, evaluation]


@pytest.fixture(scope="module")
def whole() -> StudyReport:
    """A study in which feedback helps, self-evaluation hurts, and all other arms score alike."""
    shares = {"feedback": 0.85, "self-evaluation": 0.55}
    return report_of(study_cells(share_right=shares), study_facts(), ENOUGH, name="tiny", num_planned=60)


def test_a_study_has_a_table_for_every_track_test_and_evaluation(whole: StudyReport) -> None:
    places = [(table.base, table.track, table.test, table.evaluation) for table in whole.ablation]
    assert len(places) == len(set(places)) == 2 * 2 * 3
    assert places[0] == ("tiny", "meld", "meld", "greedy")
    assert whole.header.num_cells == 2 * 3 * 7 + 2 * 3 + 2 * 3
    assert (whole.header.bases, whole.header.seeds, whole.header.num_planned) == (("tiny",), (0, 1, 2), 60)


def test_rows_are_arms_in_order_then_rules_then_learned_baselines(whole: StudyReport) -> None:
    rows = table_of(whole).rows
    assert [row.name for row in rows] == [*(arm.name for arm in ARMS), *RULE_NAMES, "trees"]
    assert [row.kind for row in rows] == ["arm"] * 7 + ["rule"] * 3 + ["baseline"]
    assert [row.from_parent is None for row in rows] == [True] + [False] * 6 + [True] * 4


def test_planned_questions_are_answered_by_the_numbers(whole: StudyReport) -> None:
    answers = {c.question: c.difference.verdict for c in table_of(whole).comparisons}
    assert answers == {
        "chain of thought against answers alone": "noise",
        "feedback against as many more steps": "helps",
        "self-evaluation against still more steps": "hurts",
        "the whole stack (self-evaluation) against answers alone": "hurts",
        "best arm against best rule": "helps",
    }


def test_summaries_count_verdicts_on_the_own_track_alone(whole: StudyReport) -> None:
    feedback = next(summary for summary in whole.summaries if summary.question.startswith("feedback"))
    assert (feedback.num_helps, feedback.num_hurts, feedback.num_noise) == (6, 0, 0)  # 2 tracks, 3 evaluations
    assert feedback.text == "feedback against as many more steps: helps in 6, hurts in 0, noise in 0 of 6"


def test_holm_p_is_never_below_p(whole: StudyReport) -> None:
    found = [c.difference for table in whole.ablation for c in table.comparisons]
    assert len(found) == 12 * 5
    assert all(difference.p <= difference.p_holm <= 1 for difference in found)


def test_a_conclusion_holds_the_numbers_it_is_made_from(whole: StudyReport) -> None:
    found = table_of(whole).comparisons[1]
    assert found.conclusion.startswith(f"feedback against as many more steps: +{found.difference.value:.3f} [+0.")
    assert found.conclusion.endswith(": helps")


def test_transfer_has_own_tests_on_the_diagonal_and_rules_beside(whole: StudyReport) -> None:
    matrix = whole.transfer[0]
    assert (matrix.trains, matrix.tests) == (("meld", "masac"), ("meld", "masac"))
    assert {(cell.train, cell.test) for cell in matrix.cells} == {(a, b) for a in matrix.trains for b in matrix.tests}
    assert set(matrix.rules) == {"meld", "masac"}
    assert len(whole.transfer) == 7  # one per arm


def test_decoding_compares_each_evaluation_with_the_greedy_one(whole: StudyReport) -> None:
    table = whole.decoding[0]
    assert [(row.decode, row.from_greedy is None) for row in table.rows] == [
        ("greedy", True),
        ("sample", False),
        ("exact", False),
    ]
    assert [point.k for point in table.k_curves[0].points] == [1, 3, 10]


def test_flips_between_neutral_and_joy_are_counted_in_both_directions(whole: StudyReport) -> None:
    meld, masac = whole.flip_matrices
    assert meld.is_neutral_joy_first
    assert meld.answer == "Yes: neutral<->joy is the most frequent, 50 of 96 flips (52.1%)."
    assert meld.most_frequent_type == "anger->neutral"
    assert meld.counts[meld.emotions.index("joy")][meld.emotions.index("neutral")] == 20
    assert masac.answer.startswith("No: anger<->joy is the most frequent, 3 of 3 flips (100.0%);")


def test_counts_are_summed_and_shares_averaged_over_seeds(whole: StudyReport) -> None:
    sampled = next(row for row in whole.anomalies if row.decode == "sample")
    assert (sampled.num_seeds, sampled.num_answers, sampled.raw) == (3, 2400, {"after target": 3})
    assert (whole.judging[0].num_drafts, whole.judging[0].wrong_to_right) == (240, 9)
    assert (whole.rationales[0].num_observations, whole.rationales[0].share_false) == (600, 0.25)
    assert (whole.calibration[0].bins[0].num, whole.calibration[0].ece.mean) == (30, pytest.approx(0.05))
    assert whole.risk_coverage[0].coverage == (0.5, 1.0)
    cost = whole.training_costs[0]
    assert (cost.arm, cost.seconds, cost.num_seeds) == ("answer", 3.0, 3)
    assert whole.evaluation_costs[0].seconds_per_100_flips == pytest.approx(10)
    first = whole.slices[0]
    assert (first.where.arm, first.where.evaluation, first.by) == ("self-evaluation", "greedy", "flip_type")
    assert [(row.name, row.num_flips, row.f1, row.rule_f1) for row in first.rows] == [
        ("neutral->joy", 50, 0.75, 0.75),
        ("joy->anger", 30, 0.5, 0.5),
    ]


def test_what_flatters_and_what_is_missing_is_remarked(whole: StudyReport) -> None:
    assert whole.remarks[0] == "6 of 60 cells are missing, so no row and no verdict is final."
    assert whole.remarks[1].startswith("Trained on masac, tested on masac: 9 of 40 evaluation cases")
    leaks = {(row.track, row.test): row.leaks[:4] for row in whole.leaks}
    assert leaks == {
        ("meld",) * 2: "0 of",
        ("meld", "masac"): "0 of",
        ("masac",) * 2: "9 of",
        ("masac", "meld"): "0 of",
    }
    assert whole.header.tracks[0].known_leaks == (
        "official: 3 of 40 evaluation cases share 2 groups of dialogues with 4 of 90 training cases",
    )


def test_every_claim_of_the_paper_is_answered(whole: StudyReport) -> None:
    assert len(whole.paper) == 7
    assert [row.claim for row in whole.paper if row.ours == "not measured"] == []
    assert whole.paper[0].paper == "0.77"


def test_the_same_cells_give_the_same_report_and_it_is_json(whole: StudyReport) -> None:
    cells = study_cells(tracks=["meld"], arms=["answer", "chain"])
    assert report_of(cells) == report_of(cells)
    assert json.loads(json.dumps(asdict(whole), allow_nan=False))["header"]["name"] == "tiny"


def test_an_empty_study_is_a_report() -> None:
    report = report_of([], num_planned=3)
    assert (report.ablation, report.transfer) == ((), ())
    assert report.remarks[0].startswith("3 of 3 cells are missing")
    assert {row.ours for row in report.paper} - {"not measured"} == {
        "; ".join(summary.text for summary in report.summaries[:3])
    }


def test_an_arm_without_its_parent_control_or_rule_still_has_its_row() -> None:
    cells = [cell for cell in study_cells(tracks=["meld"]) if cell["arm"] == "feedback"]
    table = table_of(report_of(cells))
    assert [(row.name, row.from_parent) for row in table.rows] == [("feedback", None)]
    assert (table.comparisons, table.best_rule) == ((), None)


def test_arms_of_unequal_seeds_are_compared_over_those_both_have() -> None:
    arms = {"answer": (0, 1, 2), "chain": (1, 2, 3)}
    cells = [c for c in study_cells(tracks=["meld"], seeds=range(4)) if c["seed"] in arms.get(c["arm"], ())]
    report = report_of(cells)
    table = table_of(report)
    assert [list(row.f1.by_seed) for row in table.rows] == [[0, 1, 2], [1, 2, 3]]
    found = table.comparisons[0].difference
    both = [[row.f1.by_seed[seed] for seed in (1, 2)] for row in table.rows]
    assert found.num_seeds == 2
    assert found.value == pytest.approx(sum(both[1]) / 2 - sum(both[0]) / 2)


def test_arms_without_a_seed_in_common_are_not_compared() -> None:
    arms = {"answer": (0,), "chain": (1,)}
    cells = [c for c in study_cells(tracks=["meld"], seeds=(0, 1)) if c["seed"] in arms.get(c["arm"], ())]
    report = report_of(cells)
    assert table_of(report).comparisons == ()
    assert any("only one seed" in remark for remark in report.remarks)


def test_a_rule_of_one_seed_is_compared_with_every_seed() -> None:
    table = table_of(report_of(study_cells(tracks=["meld"])))
    found = next(c.difference for c in table.comparisons if c.question == "best arm against best rule")
    assert (found.num_seeds, found.before) == (3, table.best_rule)


def test_an_unknown_arm_is_refused_by_name() -> None:
    cells = study_cells(tracks=["meld"], arms=["chian"])
    with pytest.raises(
        InputError, match=r"tiny\.meld\.seed-0\.chian: unknown arm; expected one of base, answer, chain"
    ):
        report_of(cells)


def test_seeds_that_were_tested_on_different_groups_are_refused() -> None:
    cells = study_cells(tracks=["meld"], arms=["chain"])
    cells[1]["tests"]["meld"]["groups_sha256"] = "another"
    with pytest.raises(InputError, match=r"tiny\.meld\.seed-1\.chain: test 'meld' has other groups than in tiny\.meld"):
        report_of(cells)


def test_arms_that_were_tested_on_different_groups_are_not_compared() -> None:
    cells = study_cells(tracks=["meld"], arms=["answer", "chain"], seeds=[0])
    cells[1]["tests"]["meld"]["groups_sha256"] = "another"
    with pytest.raises(InputError, match="chain and answer were evaluated on different groups of dialogues"):
        report_of(cells)
