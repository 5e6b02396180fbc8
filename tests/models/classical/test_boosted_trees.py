"""Boosted trees for triggers: what they learn from structure, what they must not see, what they return."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from toy_cases import CAFE, case, flip_cases

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.sample import load_sample
from fliptrace.models.classical.boosted_trees import TriggerTrees, fit_trigger_trees
from fliptrace.models.classical.trigger_features import featurise

EMOTIONS = ("joy", "anger", "fear", "sadness")


def taught_cases(num_cases: int = 80, *, known_from: int = 0) -> list[FlipCase]:
    """Cases in which an angry or afraid utterance right before the flip is its trigger; all others have none."""
    cases = []
    for n in range(num_cases):
        emotion = EMOTIONS[n % 4]
        lines = [
            ("Ana", "neutral"),
            ("Carla", EMOTIONS[n % 3]),
            ("Ana", "neutral"),
            ("Ben", emotion),
            ("Ana", "surprise"),
        ]
        triggers = {3} if emotion in ("anger", "fear") else set()
        cases.append(case(*lines, triggers=triggers, known_from=known_from, id=f"c{n}"))
    return cases


@pytest.fixture(scope="module")
def trees() -> TriggerTrees:
    return fit_trigger_trees(taught_cases(), window=4)


def test_a_pattern_of_emotions_is_learned(trees: TriggerTrees) -> None:
    angry, joyful = (
        case(("Ana", "neutral"), ("Carla", "joy"), ("Ana", "neutral"), ("Ben", emotion), ("Ana", "surprise"))
        for emotion in ("anger", "joy")
    )
    assert trees.support(angry)[3] > 0.8
    assert max(trees.support(joyful)) < 0.2


def test_there_is_a_share_for_every_utterance_and_none_beyond_the_window(trees: TriggerTrees) -> None:
    later = case(*[("Ana", "joy"), ("Ben", "joy")] * 3, ("Ana", "fear"), ("Ben", "joy"), ("Ben", "joy"), target=6)
    support = trees.support(later)
    assert len(support) == 9
    assert [i for i, share in enumerate(support) if share > 0] == [3, 4, 5, 6]


def test_what_comes_after_the_target_changes_nothing(trees: TriggerTrees) -> None:
    cut = replace(CAFE, dialogue=replace(CAFE.dialogue, utterances=CAFE.dialogue.utterances[: CAFE.flip.target + 1]))
    said = (*CAFE.dialogue.utterances, Utterance("Ben", "Ana, wait!", "joy"), Utterance("Ana", "No.", "anger"))
    longer = replace(CAFE, dialogue=replace(CAFE.dialogue, utterances=said))
    assert trees.support(longer)[: CAFE.flip.target + 1] == trees.support(cut)


def test_many_cases_at_once_give_what_they_give_one_by_one(trees: TriggerTrees) -> None:
    cases = [CAFE, *taught_cases(5)]
    assert trees.supports(cases) == tuple(trees.support(each) for each in cases)
    assert trees.supports([]) == ()


def test_labels_before_they_are_known_do_not_train() -> None:
    cases = taught_cases(known_from=2)
    wrong = [replace(each, triggers=(each.triggers or frozenset()) | {1}) for each in cases]
    one, other = (fit_trigger_trees(taught, window=4) for taught in (cases, wrong))
    assert one.supports(cases) == other.supports(cases)


def test_the_triggers_of_a_case_are_not_looked_at(trees: TriggerTrees) -> None:
    assert trees.support(CAFE) == trees.support(replace(CAFE, triggers=None))


def test_the_same_seed_gives_the_same_trees() -> None:
    cases = load_sample("val")
    assert fit_trigger_trees(cases, seed=1).supports(cases) == fit_trigger_trees(cases, seed=1).supports(cases)


def test_other_words_of_the_same_length_change_nothing(trees: TriggerTrees) -> None:
    swapped = replace(
        CAFE,
        dialogue=replace(
            CAFE.dialogue,
            utterances=tuple(replace(u, text=u.text.replace("a", "o")) for u in CAFE.dialogue.utterances),
        ),
    )
    assert trees.support(swapped) == trees.support(CAFE)


def test_labels_of_another_set_and_missing_ones_are_read(trees: TriggerTrees) -> None:
    emotions = ("joyful", None, "peaceful", "mad")
    said = tuple(Utterance(s, "so", e) for s, e in zip(("Ana", "Ben", "Ben", "Ana"), emotions, strict=True))
    dialogue = Dialogue("d", "d", said, EMORYNLP7)
    flip = case(("Ana", "joy"), ("Ben", "joy"), ("Ben", "joy"), ("Ana", "anger")).flip
    emory = FlipCase("e", dialogue, replace(flip, before="joyful", after="mad"))
    assert all(0 <= share <= 1 for share in trees.support(emory))


@given(flip_cases())
@settings(max_examples=50)
def test_any_case_has_a_row_for_each_of_its_last_utterances(drawn: FlipCase) -> None:
    table = featurise([drawn, CAFE], 4, ("toy",))
    first = max(0, drawn.flip.target - 3)
    assert table.rows.shape == (drawn.flip.target - first + 1 + 4, len(table.names))
    assert list(table.utterance_indices[table.case_indices == 0]) == list(range(first, drawn.flip.target + 1))
    assert np.isfinite(table.rows).all()


@pytest.mark.parametrize("triggers", [set(), {0, 1}])
def test_triggers_of_one_kind_teach_nothing(triggers: set[int]) -> None:
    with pytest.raises(InputError, match=r"triggers among 2 utterances; expected triggers and others"):
        fit_trigger_trees([case(("Ana", "joy"), ("Ana", "fear"), triggers=triggers)])


def test_a_case_without_labels_cannot_be_learned_from() -> None:
    with pytest.raises(ValueError, match="has no labels"):
        fit_trigger_trees([case(("Ana", "joy"), ("Ana", "fear"), triggers=None)])
