"""The TOML file of a study: what it may contain, which cells follow from it, and what changes a cell's definition."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tiny_study import CORE, make_study, make_table

from fliptrace.core.errors import InputError
from fliptrace.report.run.toml_text import to_toml
from fliptrace.study.names import BASELINE
from fliptrace.study.plan import CellKey, Study, cells, definition, read_study
from fliptrace.study.reproduce import read_cell

ARMS = ("base", "answer", "chain", "feedback", "self-evaluation", "more-2", "more-3")


@pytest.fixture(scope="module")
def core() -> Study:
    return read_study(CORE)


def test_the_core_study_is_seven_arms_on_two_tracks_under_three_seeds(core: Study) -> None:
    for track in ("meld", "masac"):
        keys = [key for key in cells(core) if key.track == track and key.base != BASELINE]
        assert [(key.seed, key.arm) for key in keys] == [(seed, arm) for seed in (0, 1, 2) for arm in ARMS]


def test_the_core_study_trains_one_arm_for_transfer_and_one_for_the_other_layout(core: Study) -> None:
    keys = [key for key in cells(core) if key.track in ("both", "meld-dialogue")]
    assert {key.arm for key in keys} == {"chain"}
    assert Counter(key.track for key in keys) == {"both": 3, "meld-dialogue": 1}


def test_a_baseline_without_a_seed_has_one_cell_a_track(core: Study) -> None:
    counts = Counter((key.track, key.arm) for key in cells(core) if key.base == BASELINE)
    seedless = {"previous": 1, "previous-or-self": 1, "previous-plus-self": 1, "words": 1}
    expected = seedless | {"trees": 3, "encoder": 3}
    assert counts == {(track, arm): num for track in ("meld", "masac") for arm, num in expected.items()}


def test_nothing_of_the_core_study_is_left_uncounted(core: Study) -> None:
    keys = list(cells(core))
    assert len(keys) == len(set(keys)) == 2 * 3 * 7 + 3 + 1 + 2 * (4 + 2 * 3)


def test_a_seedless_baseline_is_there_in_a_track_that_begins_with_a_later_seed() -> None:
    study = make_study(("seeds", [0, 1, 2]), ("tracks.own.seeds", [1, 2]), ("baselines", ["previous", "trees"]))
    keys = [(key.seed, key.arm) for key in cells(study) if key.base == BASELINE]
    assert keys == [(1, "previous"), (1, "trees"), (2, "trees")]


def test_the_first_seed_comes_whole_before_the_second() -> None:
    seeds = [key.seed for key in cells(make_study(("seeds", [3, 1])))]
    assert seeds == sorted(seeds, reverse=True) and set(seeds) == {3, 1}


def test_the_arms_know_what_they_grow_from_and_what_they_must_beat(core: Study) -> None:
    assert [(arm.name, arm.parent, arm.control) for arm in core.all_arms if not arm.is_extended] == [
        ("base", None, None),
        ("answer", "base", None),
        ("chain", "base", "answer"),
        ("feedback", "chain", "more-2"),
        ("self-evaluation", "feedback", "more-3"),
        ("more-2", "chain", None),
        ("more-3", "more-2", None),
    ]


def test_the_untuned_base_is_evaluated_on_plain_answers_only(core: Study) -> None:
    recipe = core.recipe("scratch-2m", "meld", 0)
    assert list(core.evaluations_of(recipe, "base")) == list(core.evaluations_of(recipe, "answer"))
    assert list(core.evaluations_of(recipe, "base")) == ["greedy", "k10", "exact"]
    assert {"chain-k10", "free", "judged"} <= core.evaluations_of(recipe, "self-evaluation").keys()


def test_the_recipe_of_a_run_carries_its_seed_and_the_layout_of_its_base() -> None:
    study = make_study(("bases.tiny.layout", "dialogue"))
    recipe = study.recipe("tiny", "own", 7)
    assert (recipe.seed, recipe.layout.name, recipe.inference_config("k3").decoding.seed) == (7, "dialogue", 7)


REFUSED: list[tuple[str, Any, str]] = [
    ("arms.chian", {}, r"arms: unknown 'chian'; expected one of base, answer, chain, feedback, more-2"),
    ("arms.feedback.control", "more", r"arms: unknown 'more'; expected one of base, answer"),
    ("baselines", ["previus"], r"baselines: unknown 'previus'; expected one of previous, previous-or-self"),
    ("held_out_evaluations", ["greedy", "exat"], r"held_out_evaluations: unknown 'exat'; expected one of greedy"),
    ("tracks.more.arms", ["chan"], r"tracks\.more\.arms: unknown 'chan'; expected one of base, answer"),
    ("tracks.more.tests", ["further"], r"tracks\.more\.tests: unknown 'further'; expected one of own"),
    ("tracks.more.seeds", [0, 5], r"tracks\.more\.seeds: unknown 5; expected one of 0"),
    ("transfer.arm", "chian", r"transfer\.arm: unknown 'chian'; expected one of base, answer"),
    ("transfer.evaluations", ["k5"], r"transfer\.evaluations: unknown 'k5'; expected one of greedy, exact"),
    ("stages.3.parent", "chian", r"stage 'more-2': parent is 'chian'; expected one of base, answer, chain, feedback"),
    ("stages.3.steps_of", "fedback", r"stage 'more-2': steps_of is 'fedback'; expected one of answer, chain, feedback"),
    ("stages.3.name", "chain", r"stages: 'chain' occurs 2 times; expected once"),
    ("evaluations.k3.after", ["chian"], r"evaluations\.k3\.after: unknown 'chian'; expected one of answer, chain"),
    ("tuning.learning_rat", 1.0, r"tuning\.learning_rat: unknown key; did you mean 'learning_rate'\?"),
    ("tracks.own.promt", {}, r"tracks\.own\.promt: unknown key; did you mean 'prompt'\?"),
    ("stages.0.epoch", 1, r"stages\.0\.epoch: unknown key; did you mean 'epochs'\?"),
    ("evaluation", {}, r"evaluation: unknown key; did you mean 'evaluations'\?"),
    ("seeds", [], r"seeds: List should have at least 1 item"),
    ("seeds", [0, 1, 0], r"seeds: 0 occurs 2 times; expected once"),
    ("tests.own", {"title": "t", "file": "further.json"}, r"tests: 'own' occurs 2 times"),
    ("tests.own-held-out", {"title": "t", "file": "further.json"}, r"tests: 'own-held-out' occurs 2 times"),
    ("bases.baseline", {"model": "x"}, r"bases: 'baseline' is reserved for baselines"),
]


@pytest.mark.parametrize(("place", "value", "complaint"), REFUSED)
def test_what_is_not_there_is_refused_with_its_place(place: str, value: Any, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(to_toml(make_table((place, value))))
    with pytest.raises(InputError, match=complaint) as refusal:
        read_study(tmp_path / "study.toml")
    assert any(name in str(refusal.value) for name in ("study.toml", "study tiny"))


def test_an_extended_arm_that_would_change_the_core_is_refused(tmp_path: Path) -> None:
    table = make_table()
    table["stages"] += [
        {"name": "again", "mixture": {"answer": 1, "feedback": 1}, "epochs": 1, "parent": "feedback"},
    ]
    table["arms"]["again"] = {"extended": True}
    (tmp_path / "study.toml").write_text(to_toml(table))
    with pytest.raises(InputError, match=r"arms\.again: this extended arm is stage 2 with own answers"):
        read_study(tmp_path / "study.toml")


def test_an_arm_that_would_never_be_evaluated_is_refused(tmp_path: Path) -> None:
    unused = [
        (("tracks.more.tests", []), ("tracks.more.arms", ["answer", "chain"])),
        (("tracks.more.tests", []), ("transfer", None)),
        (("evaluations.greedy.after", ["chain"]), ("evaluations.exact.after", ["chain"])),
    ]
    for changes in unused:
        (tmp_path / "study.toml").write_text(to_toml(make_table(*changes)))
        with pytest.raises(InputError, match=r"study\.toml: tracks\.\w+: arm '[\w-]+' would never be evaluated"):
            read_study(tmp_path / "study.toml")


def test_the_arm_of_the_transfer_may_have_no_test_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(to_toml(make_table(("tracks.more.tests", []))))
    assert CellKey("tiny", "more", 0, "chain") in cells(read_study(tmp_path / "study.toml"))


EVERY_OWN = {"base", "answer", "chain", "feedback", "more-2"}
EVERY = EVERY_OWN | {"chain of more"}
CHANGES: list[tuple[str, tuple[str, Any], set[str]]] = [
    ("the name", ("name", "huge"), set()),
    ("a track's title", ("tracks.own.title", "t"), set()),
    ("a test's title", ("tests.further.title", "t"), set()),
    ("an arm's title, note and control", ("arms.feedback", {"title": "t", "note": "n", "control": "answer"}), set()),
    ("a later seed", ("seeds", [0, 1]), set()),
    ("another base", ("bases.other", {"model": "some/model"}), set()),
    ("which arms another track has", ("tracks.more.arms", ["answer", "chain"]), set()),
    ("other baselines", ("baselines", ["previous", "words"]), set()),
    ("a stage that nothing grows from", ("stages.0.epochs", 2), {"answer"}),
    ("a stage in the middle", ("stages.2.epochs", 2), {"feedback", "more-2"}),
    ("the stage that most grow from", ("stages.1.epochs", 2), {"chain", "feedback", "more-2", "chain of more"}),
    ("the last stage", ("stages.3.learning_rate", 0.1), {"more-2"}),
    ("an evaluation of one arm", ("evaluations.k3.samples", 5), {"chain", "chain of more"}),
    ("an evaluation of all arms", ("evaluations.exact.max_new_tokens", 9), EVERY),
    ("an evaluation of one arm more", ("evaluations.judged.after", ["feedback", "more-2"]), {"more-2"}),
    ("the held-out evaluations", ("held_out_evaluations", ["exact"]), EVERY),
    ("the evaluations of the transfer", ("transfer.evaluations", ["exact"]), {"chain", "chain of more"}),
    ("a further file", ("tests.further.file", "f.json"), {"chain", "chain of more"}),
    ("the test sets of a track", ("tracks.more.tests", []), {"chain of more"}),
    ("the window of a track", ("tracks.own.prompt.window", 4), EVERY_OWN | {"previous"}),
    ("the data of a track", ("tracks.own.data.max_train_cases", 9), EVERY_OWN | {"previous"}),
    ("the size of the base", ("bases.tiny.scratch.hidden_size", 48), EVERY),
    ("a layout of the base", ("bases.tiny.layout", "dialogue"), EVERY),
    ("the tuning", ("tuning.learning_rate", 0.1), EVERY),
    ("how instructions are made", ("curate.own_samples", 3), EVERY),
]


@pytest.mark.parametrize(("change", "changed"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_a_cell_is_another_one_by_what_matters_to_it(change: tuple[str, Any], changed: set[str]) -> None:
    before, after = definitions(make_study()), definitions(make_study(change))
    assert len(before) == 7 and before.keys() <= after.keys()
    assert {name for name, value in before.items() if after[name] != value} == changed


def test_a_stage_behind_the_others_changes_none_of_them() -> None:
    stages = [*make_table()["stages"], {"name": "late", "mixture": {"answer": 1}, "epochs": 1}]
    before, after = definitions(make_study()), definitions(make_study(("stages", stages)))
    assert {name: after[name] for name in before} == before and len(after) == len(before) + 1


def test_an_extended_arm_has_cells_where_it_is_asked_for() -> None:
    study = make_study(("arms.more-2", {"extended": True}))
    plain, extended = list(cells(study)), list(cells(study, extended=True))
    assert [key.arm for key in extended if key not in plain] == ["more-2"]
    assert extended == list(cells(make_study()))
    assert definitions(study).items() <= definitions(make_study()).items()


def test_every_cell_has_a_definition_of_its_own() -> None:
    study = make_study(("seeds", [0, 1]))
    assert len({definition(study, key) for key in cells(study)}) == len(list(cells(study))) == 13


def definitions(study: Study) -> dict[str, str]:
    """Definitions of the cells of seed 0 and the first base, keyed by arm, and by track where that is not `own`."""
    return {
        f"{key.arm} of more" if key.track == "more" else key.arm: definition(study, key)
        for key in cells(study)
        if key.seed == 0 and key.base in ("tiny", BASELINE)
    }


def test_every_committed_cell_of_the_core_study_is_still_a_cell_of_its_plan(core: Study) -> None:
    committed = {path.name: read_cell(path) for path in (CORE.parent / "cells").glob("*.json")}
    planned = {key.file_name: definition(core, key) for key in cells(core)}
    assert len(committed) == 66
    assert {name: cell["definition"] for name, cell in committed.items()} == planned


def test_a_study_of_version_0_1_calls_its_evaluations_readings() -> None:
    table = make_table()
    old = {"readings" if key == "evaluations" else key: value for key, value in table.items()}
    old["transfer"] = {"arm": table["transfer"]["arm"], "readings": table["transfer"]["evaluations"]}
    old |= {"held_out_readings": old.pop("held_out_evaluations")} if "held_out_evaluations" in old else {}
    assert Study.model_validate(old) == Study.model_validate(table)
