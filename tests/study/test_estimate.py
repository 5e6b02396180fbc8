"""Estimated time of cells: from the same cell with another seed, or else from a short trial."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_study import write_corpus, write_study

from fliptrace.core.files import Json
from fliptrace.study import estimate
from fliptrace.study.estimate import estimate_minutes, estimate_study
from fliptrace.study.names import BASELINE
from fliptrace.study.plan import CellKey, cells
from fliptrace.study.reproduce import StudyFolder
from fliptrace.study.test_sets import load_tests, load_track
from fliptrace.training.speed import Speed, measure_speed

LONG = {"name": "long", "parent": "base", "mixture": {"answer": 1}, "epochs": 30}
SPEED = Speed(
    {"answer": 60.0, "chain": 120.0, "feedback": 30.0, "more-2": 30.0},
    {"greedy": 1.0, "exact": 2.0, "k3": 3.0, "reasons": 4.0, "judged": 5.0},
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def folder(corpus: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder.open(write_study(tmp_path, corpus, ("seeds", [0, 1])), corpus)


@pytest.fixture
def known_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of known speed."""
    monkeypatch.setattr(estimate, "measure_speed", lambda recipe, data, *, stages, evaluations: SPEED)


def minutes_of(folder: StudyFolder, keys: list[CellKey], finished: dict[CellKey, Json]) -> dict[CellKey, float | None]:
    data = {name: load_track(folder.study, name, folder.root) for name in folder.study.tracks}
    return estimate_minutes(folder.study, keys, data, load_tests(folder.study, folder.root), finished)


def finished_cell(training: float | None, *costs: float | None) -> Json:
    evaluations = {str(i): {"cost": None if cost is None else {"seconds": cost}} for i, cost in enumerate(costs)}
    return {
        "training": None if training is None else {"seconds": training},
        "tests": {"own": {"evaluations": evaluations}},
    }


def test_a_trial_gives_every_cell_of_a_study_its_minutes(corpus: Path, tmp_path: Path) -> None:
    folder = StudyFolder.open(write_study(tmp_path, corpus), corpus)
    keys = list(cells(folder.study))
    minutes = estimate_study(folder, keys)
    assert list(minutes) == keys
    for key, each in minutes.items():
        assert each == 0 if key.base == BASELINE else each is not None and each > 0, key


def test_more_epochs_and_more_samples_take_longer(corpus: Path, tmp_path: Path) -> None:
    changes = ("stages", [{"name": "answer", "mixture": {"answer": 1}, "epochs": 1}, LONG])
    evaluations = {"greedy": {"max_new_tokens": 8}, "k60": {"samples": 60, "max_new_tokens": 8}}
    rest = [("arms", {}), ("transfer", None), ("tracks.more", None), ("evaluations", evaluations)]
    folder = StudyFolder.open(write_study(tmp_path, corpus, changes, *rest), corpus)
    recipe, data = folder.study.recipe("tiny", "own", 0), load_track(folder.study, "own", corpus)
    speed = measure_speed(recipe, data, stages=["answer", "long"], evaluations=["k60"])
    assert speed is not None
    assert speed.stages["long"] > speed.stages["answer"] > 0
    assert speed.cases["k60"] > speed.cases["greedy"] > 0


@pytest.mark.usefixtures("known_speed")
def test_a_cell_takes_its_training_and_every_evaluation_of_every_case(folder: StudyFolder) -> None:
    tests = {name: len(test.cases) for name, test in load_tests(folder.study, folder.root).items()}
    keys = [CellKey("tiny", "own", 0, arm) for arm in ("base", "answer", "chain")]
    base, answer, chain = minutes_of(folder, keys, {}).values()
    own_tests = tests["own"] * (1 + 2) + tests["own-held-out"] * 1
    assert base == pytest.approx(own_tests / 60)
    assert answer == pytest.approx(1 + own_tests / 60)
    transfer_tests = sum(tests.values()) - tests["own"] - tests["own-held-out"]
    assert chain == pytest.approx(2 + (own_tests + tests["own"] * (3 + 4) + transfer_tests) / 60)


@pytest.mark.usefixtures("known_speed")
def test_finished_cells_of_other_seeds_win_over_a_trial(folder: StudyFolder) -> None:
    finished = {
        CellKey("tiny", "own", 0, "answer"): finished_cell(600.0, 20.0, 40.0),
        CellKey("tiny", "own", 1, "answer"): finished_cell(500.0, 20.0, 20.0),
        CellKey("tiny", "own", 0, "base"): finished_cell(None, 6.0),
    }
    keys = [CellKey("tiny", "own", 2, arm) for arm in ("answer", "base", "chain")]
    answer, base, chain = minutes_of(folder, keys, finished).values()
    assert answer == pytest.approx(10)
    assert base == pytest.approx(0.1)
    assert chain is not None and 2 < chain < 10


@pytest.mark.usefixtures("known_speed")
def test_a_learned_baseline_takes_time_and_a_rule_none(folder: StudyFolder) -> None:
    names = ("previous", "words", "trees", "encoder")
    minutes = minutes_of(folder, [CellKey(BASELINE, "own", 0, name) for name in names], {})
    rule, *learned = minutes.values()
    assert rule == 0
    assert all(each is not None and 0 < each < 5 for each in learned)


def test_a_finished_rule_without_recorded_seconds_takes_none(folder: StudyFolder) -> None:
    key = CellKey(BASELINE, "own", 0, "previous")
    assert minutes_of(folder, [key], {key: finished_cell(None, None)}) == {key: 0}


def test_the_time_of_a_missing_base_is_unknown(corpus: Path, tmp_path: Path) -> None:
    elsewhere = {"large": {"model": str(tmp_path / "no-such-folder")}}
    folder = StudyFolder.open(write_study(tmp_path / "study", corpus, ("bases", elsewhere)), corpus)
    keys = [CellKey("large", "own", 0, "answer"), CellKey(BASELINE, "own", 0, "previous")]
    assert list(minutes_of(folder, keys, {}).values()) == [None, 0]


def test_a_model_that_would_take_minutes_a_step_is_not_tried(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fliptrace.training.speed._MOST_PARAMETERS", {"cpu": 1000})
    recipe, data = folder.study.recipe("tiny", "own", 0), load_track(folder.study, "own", folder.root)
    assert measure_speed(recipe, data, stages=["answer"], evaluations=["greedy"]) is None
