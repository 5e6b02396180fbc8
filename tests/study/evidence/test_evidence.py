from __future__ import annotations

from typing import Any

import pytest
from synthetic_cells import ARMS, RULE_NAMES, study_cells, study_facts

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.scoring.intervals import Settings
from fliptrace.study.evidence.differences import Difference, Pair, compare_family
from fliptrace.study.evidence.gather import StudyReport, gather
from fliptrace.study.evidence.questions import AGAINST_RULE, FROM_GREEDY, FROM_PARENT
from fliptrace.study.evidence.slices import slice_rows
from fliptrace.study.evidence.support import mean_risk_coverage, pool_calibration
from fliptrace.study.evidence.table import TRAINING, Place, Where

FEW = Settings(num_draws=100)
ENOUGH = Settings(num_draws=1500)  # the least p, 1 / 1501, is then below 0.05 after Holm over 33 differences
NO_FACTS: Json = {"tracks": {}}
FEEDBACK = "feedback against as many more steps"


def report_of(cells: list[Json], facts: Json = NO_FACTS, settings: Settings = FEW, **options: Any) -> StudyReport:
    return gather(cells, facts, ARMS, settings=settings, **options)


def place_of(report: StudyReport, track: str = "meld", test: str = "meld") -> Place:
    return next(place for place in report.places if (place.track, place.test) == (track, test))


def found_at(report: StudyReport, evaluation: str = "greedy", track: str = "meld") -> dict[str, Difference]:
    """The answers to the planned questions on the track's own test set, by question."""
    found = [d for d in report.differences_at(place_of(report, track, track)) if d.after.evaluation == evaluation]
    return {d.question: d for d in found if d.question not in (FROM_PARENT, FROM_GREEDY)}


@pytest.fixture(scope="module")
def whole() -> StudyReport:
    """A study in which feedback helps, self-evaluation hurts, and all other arms score alike."""
    shares = {"feedback": 0.85, "self-evaluation": 0.55}
    return report_of(study_cells(share_right=shares), study_facts(), ENOUGH, name="tiny", num_planned=60)


def test_every_figure_has_a_row(whole: StudyReport) -> None:
    table = whole.evidence.table
    keys = ["base", "track", "test", "arm", "evaluation", "metric", "seed"]
    assert not table.duplicated(keys).any()
    where = Where("tiny", "meld", "masac", "chain", "sample")
    rows = table[(table[list(Where._fields)] == list(where)).all(axis=1)]
    f1 = rows[rows["metric"] == "f1"]
    assert f1["seed"].dropna().tolist() == [0, 1, 2]
    mean = f1[f1["seed"].isna()].iloc[0]
    assert mean["low"] < mean["value"] < mean["high"]
    assert mean["value"] == pytest.approx(f1["value"].iloc[:3].mean())
    known = {"precision", "num_answers", "anomalies.after target", "calibration.ece", "k_curve.10.f1", "left_out.f1"}
    assert known < set(rows["metric"])


def test_a_study_has_a_place_for_every_track_and_test(whole: StudyReport) -> None:
    places = [(place.base, place.track, place.test) for place in whole.places]
    assert places == [("tiny", a, b) for a, b in (("meld",) * 2, ("meld", "masac"), ("masac",) * 2, ("masac", "meld"))]
    assert whole.places[0].evaluations == ("greedy", "sample", "exact")
    assert whole.header.num_cells == 2 * 3 * 7 + 2 * 3 + 2 * 3
    assert (whole.header.bases, whole.header.seeds, whole.header.num_planned) == (("tiny",), (0, 1, 2), 60)


def test_rows_are_arms_in_order_then_rules_then_learned_baselines(whole: StudyReport) -> None:
    rows = place_of(whole).rows
    assert [m.where.arm for m in rows] == [*(arm.name for arm in ARMS), *RULE_NAMES, "trees"]
    assert [m.kind for m in rows] == ["arm"] * 7 + ["rule"] * 3 + ["baseline"]
    steps = [d for d in whole.differences_at(place_of(whole)) if d.question == FROM_PARENT]
    assert [d.after.arm for d in steps[:6]] == [arm.name for arm in ARMS[1:]]


def test_planned_questions_are_answered_by_the_numbers(whole: StudyReport) -> None:
    assert {question: d.verdict for question, d in found_at(whole).items()} == {
        "chain of thought against answers alone": "noise",
        FEEDBACK: "helps",
        "self-evaluation against still more steps": "hurts",
        "the whole stack (self-evaluation) against answers alone": "hurts",
        AGAINST_RULE: "helps",
    }


def test_summaries_count_verdicts_on_the_own_track_alone(whole: StudyReport) -> None:
    feedback = next(summary for summary in whole.summaries if summary.question == FEEDBACK)
    assert (feedback.num_helps, feedback.num_hurts, feedback.num_noise) == (6, 0, 0)  # 2 tracks, 3 evaluations
    assert feedback.text == f"{FEEDBACK}: helps in 6, hurts in 0, noise in 0 of 6"


def test_holm_p_is_never_below_p(whole: StudyReport) -> None:
    found = [d for d in whole.differences if d.question not in (FROM_PARENT, FROM_GREEDY)]
    assert len(found) == 12 * 5
    assert all(d.p <= d.p_holm <= 1 for d in whole.differences)


def test_a_difference_that_answers_two_questions_is_tested_once(whole: StudyReport) -> None:
    before, after = place_of(whole).rows[1:3]
    found = compare_family([Pair("first", before, after), Pair("second", before, after)], FEW)
    assert [d.question for d in found] == ["first", "second"]
    assert found[0].p_holm == found[1].p_holm == found[0].p  # not corrected for two tests


def test_decoding_compares_each_evaluation_with_the_greedy_one(whole: StudyReport) -> None:
    found = [d for d in whole.differences_at(place_of(whole)) if d.question == FROM_GREEDY]
    assert [(d.before.evaluation, d.after.evaluation) for d in found[:2]] == [("greedy", "sample"), ("greedy", "exact")]
    assert len(found) == 7 * 2


def test_flips_between_neutral_and_joy_are_counted_in_both_directions(whole: StudyReport) -> None:
    meld, masac = whole.flip_matrices
    assert meld.answer == "Yes: neutral<->joy is the most frequent, 50 of 96 flips (52.1%)."
    assert meld.counts.loc["joy", "neutral"] == 20
    assert meld.num_flips == 96
    assert masac.answer.startswith("No: anger<->joy is the most frequent, 3 of 3 flips (100.0%);")


def test_counts_are_summed_and_shares_averaged_over_seeds(whole: StudyReport) -> None:
    place = place_of(whole)
    sampled = next(m for m in place.of_arm("chain") if m.where.evaluation == "sample")
    of, total = whole.evidence.of, whole.evidence.total
    assert (total(sampled.where, "num_answers"), total(sampled.where, "anomalies.after target")) == (2400, 3)
    assert total(sampled.where, "anomalies.none with others") == 0
    assert total(sampled.where, "self_evaluation.wrong_to_right") == 9
    assert total(sampled.where, "rationales.num_observations") == 600
    agreement = of(sampled.where, "agreement")
    assert agreement is not None
    assert agreement.mean == pytest.approx(0.8)
    assert of(sampled.where, "mean_remaining") is None
    calibration, coverage = pool_calibration(sampled), mean_risk_coverage(sampled)
    assert calibration is not None and coverage is not None
    assert (calibration.bins[0].num, calibration.ece, calibration.num_missed) == (30, pytest.approx(0.05), 3)
    assert coverage.coverage == (0.5, 1.0)


def test_training_is_timed_for_every_trained_arm(whole: StudyReport) -> None:
    first = whole.evidence.trained[0]
    assert first == Where("tiny", "meld", "", "answer", TRAINING)
    assert len(whole.evidence.trained) == 2 * 6
    assert whole.evidence.mean(first, "seconds") == 3.0


def test_the_headline_is_the_last_stage_in_its_first_evaluation(whole: StudyReport) -> None:
    place = place_of(whole)
    assert (place.arm, place.headline.where.evaluation) == ("self-evaluation", "greedy")
    rows = slice_rows(place.headline, place.rule, "flip_type")
    assert [(row.name, row.num_flips, row.f1, row.rule_f1) for row in rows] == [
        ("neutral->joy", 50, 0.75, 0.75),
        ("joy->anger", 30, 0.5, 0.5),
    ]


def test_what_flatters_and_what_is_missing_is_remarked(whole: StudyReport) -> None:
    assert whole.remarks[0] == "6 of 60 cells are missing, so no row and no verdict is final."
    assert whole.remarks[1].startswith("Trained on masac, tested on masac: 9 of 40 evaluation cases")
    assert [place.headline.leaks[:4] for place in whole.places] == ["0 of", "0 of", "9 of", "0 of"]
    assert whole.header.tracks[0].known_leaks == (
        "official: 3 of 40 evaluation cases share 2 groups of dialogues with 4 of 90 training cases",
    )


def test_the_same_cells_give_the_same_report() -> None:
    cells = study_cells(tracks=["meld"], arms=["answer", "chain"])
    one, other = report_of(cells), report_of(cells)
    assert one.evidence.table.equals(other.evidence.table)
    assert one.differences == other.differences


def test_an_empty_study_is_a_report() -> None:
    report = report_of([], num_planned=3)
    assert (report.places, report.differences) == ((), ())
    assert report.remarks[0].startswith("3 of 3 cells are missing")
    assert {summary.text.rpartition(": ")[2] for summary in report.summaries} == {"not measured"}


def test_an_arm_without_its_parent_control_or_rule_still_has_its_row() -> None:
    cells = [cell for cell in study_cells(tracks=["meld"]) if cell["arm"] == "feedback"]
    report = report_of(cells)
    assert [m.where.arm for m in place_of(report).rows] == ["feedback"]
    assert {d.question for d in report.differences} == {FROM_GREEDY}
    assert place_of(report).rule is None


def test_arms_of_unequal_seeds_are_compared_over_those_both_have() -> None:
    arms = {"answer": (0, 1, 2), "chain": (1, 2, 3)}
    cells = [c for c in study_cells(tracks=["meld"], seeds=range(4)) if c["seed"] in arms.get(c["arm"], ())]
    report = report_of(cells)
    answer, chain = place_of(report).rows
    assert [list(m.by_seed) for m in (answer, chain)] == [[0, 1, 2], [1, 2, 3]]
    found = found_at(report)["chain of thought against answers alone"]
    f1s = [report.evidence.f1(m).by_seed for m in (answer, chain)]
    assert found.num_seeds == 2
    assert found.value == pytest.approx(sum(f1s[1][:2]) / 2 - sum(f1s[0][1:]) / 2)


def test_arms_without_a_seed_in_common_are_not_compared() -> None:
    arms = {"answer": (0,), "chain": (1,)}
    cells = [c for c in study_cells(tracks=["meld"], seeds=(0, 1)) if c["seed"] in arms.get(c["arm"], ())]
    report = report_of(cells)
    assert found_at(report) == {}
    assert any("only one seed" in remark for remark in report.remarks)


def test_a_rule_of_one_seed_is_compared_with_every_seed() -> None:
    report = report_of(study_cells(tracks=["meld"]))
    found, rule = found_at(report)[AGAINST_RULE], place_of(report).rule
    assert rule is not None
    assert (found.num_seeds, found.before) == (3, rule.where)


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
