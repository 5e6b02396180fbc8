"""Soft targets: probabilities add up, and come from teachers that were fitted on other groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from toy_cases import CAFE, views

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.groups import group_of
from fliptrace.corpora.sample import load_sample, load_sample_dialogues
from fliptrace.curate import soft_targets
from fliptrace.curate.soft_targets import soft_emotions, soft_sets, soft_triggers
from fliptrace.models.classical.word_counts import ClassWeight, WordCounts
from fliptrace.prompts.views import Layout, View

SIX = Layout("window", window=6)


def unlabel(dialogue: Dialogue) -> Dialogue:
    return dialogue.with_emotions((None,) * len(dialogue))


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[list[set[str]]]:
    """The groups that each teacher was fitted on, for teachers fitted inside the block."""
    taught: list[set[str]] = []
    fit = getattr(soft_targets, name)

    def watch(members: Sequence[Dialogue | FlipCase], **settings: Any) -> Any:
        taught.append({group_of(member) for member in members})
        return fit(members, **settings)

    monkeypatch.setattr(soft_targets, name, watch)
    yield taught


def test_every_case_gets_a_probability_for_each_of_its_last_utterances() -> None:
    cases = load_sample("val")
    found = soft_triggers(cases, window=3, num_folds=2)
    assert list(found) == [case.id for case in cases]
    for case in cases:
        assert list(found[case.id]) == list(range(max(0, case.flip.target - 2), case.flip.target + 1))
        assert all(0 < share < 1 for share in found[case.id].values())


def test_the_right_triggers_are_held_likelier_than_the_others() -> None:
    cases = load_sample("train")
    found = soft_triggers(cases, num_folds=2)
    right = [share for case in cases for i, share in found[case.id].items() if i in case.known_triggers]
    wrong = [share for case in cases for i, share in found[case.id].items() if i not in case.known_triggers]
    assert sum(right) / len(right) > 2 * sum(wrong) / len(wrong)


def test_no_teacher_of_triggers_saw_a_group_that_it_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = load_sample("val")
    with watched(monkeypatch, "fit_trigger_trees") as taught:
        soft_triggers(cases, num_folds=3)
    groups = {group_of(case) for case in cases}
    unseen = [groups - seen for seen in taught]
    assert len(taught) == 3
    assert set.union(*unseen) == groups and sum(map(len, unseen)) == len(groups)


def test_no_teacher_of_emotions_saw_a_group_that_it_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    dialogues = load_sample_dialogues("val")
    with watched(monkeypatch, "fit_word_counts") as taught:
        soft_emotions({"sample:val": dialogues}, num_folds=3)
    groups = {group_of(dialogue) for dialogue in dialogues}
    assert len(taught) == 6  # each fold with and without balanced weights
    assert all(groups - seen for seen in taught)


def test_the_same_seed_gives_the_same_soft_triggers() -> None:
    cases = load_sample("val")
    assert soft_triggers(cases, num_folds=2, seed=3) == soft_triggers(cases, num_folds=2, seed=3)


def test_a_case_without_labels_is_refused() -> None:
    cases = load_sample("val")
    bare = FlipCase("bare", cases[0].dialogue, cases[0].flip)
    with pytest.raises(ValueError, match="case 'bare' has no labels"):
        soft_triggers([*cases, bare], num_folds=2)


def test_independent_probabilities_make_a_distribution_over_sets() -> None:
    shares = soft_sets(View(CAFE, SIX), {2: 0.5, 4: 0.8, 5: 0.1})
    assert shares[frozenset({2, 4})] == pytest.approx(0.5 * 0.8 * 0.9)
    assert shares[frozenset()] == pytest.approx(0.5 * 0.2 * 0.9)
    assert len(shares) == 8


def test_an_utterance_that_is_not_shown_is_in_no_set() -> None:
    near = View(CAFE, Layout("window", window=2))
    assert set(soft_sets(near, {2: 0.9, 4: 0.9})) == {frozenset(), frozenset({4})}


def test_no_set_is_larger_than_asked_for() -> None:
    shares = soft_sets(View(CAFE, SIX), dict.fromkeys(range(6), 0.9), max_size=2)
    assert max(map(len, shares)) == 2
    assert sum(shares.values()) == pytest.approx(1)


def test_certain_triggers_leave_a_distribution() -> None:
    shares = soft_sets(View(CAFE, SIX), {2: 1.0, 4: 1.0, 5: 0.0})
    assert max(shares, key=shares.__getitem__) == {2, 4}
    assert sum(shares.values()) == pytest.approx(1)


@given(views(), st.data())
def test_shares_of_sets_are_those_of_independent_draws(view: View, data: st.DataObject) -> None:
    shown = data.draw(st.sets(st.sampled_from(view.shown), max_size=5))
    chances = {i: data.draw(st.floats(0, 1)) for i in sorted(shown)}
    shares = soft_sets(view, chances)
    assert sum(shares.values()) == pytest.approx(1)
    assert all(share > 0 and len(named) <= 3 and named <= shown for named, share in shares.items())
    if all(0.01 < p < 0.99 for p in chances.values()):
        weights = {s: prod(p if i in s else 1 - p for i, p in chances.items()) for s in shares}
        assert shares == pytest.approx({s: weight / sum(weights.values()) for s, weight in weights.items()})


def test_every_labelled_utterance_gets_probabilities_that_add_up() -> None:
    dialogues = load_sample_dialogues("val")
    found = soft_emotions({"sample:val": dialogues}, num_folds=2)
    assert set(found) == {(dialogue.id, i) for dialogue in dialogues for i in range(len(dialogue))}
    for shares in found.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert all(share > 0 for share in shares.values())


def test_an_unlabelled_utterance_gets_no_probabilities() -> None:
    first, *others = load_sample_dialogues("val")
    found = soft_emotions({"sample:val": [unlabel(first), *others]}, num_folds=2)
    assert {dialogue_id for dialogue_id, _ in found} == {dialogue.id for dialogue in others}


def test_a_file_is_told_by_its_own_words_alone() -> None:
    one, other = {"a": calls("a", "joy")}, {"b": calls("b", "anger")}
    both = soft_emotions(one | other, num_folds=2)
    assert both == {**soft_emotions(one, num_folds=2), **soft_emotions(other, num_folds=2)}
    assert all("anger" not in shares for (dialogue_id, _), shares in both.items() if dialogue_id[0] == "a")


def calls(name: str, feeling: str) -> list[Dialogue]:
    """Dialogues in which utterances with "so" express this feeling."""
    said = [(Utterance("Ana", f"so {name} {i}", feeling), Utterance("Ben", "yes", "neutral")) for i in range(6)]
    return [Dialogue(f"{name}{i}", "", utterances, MELD7) for i, utterances in enumerate(said)]


def test_the_weights_are_those_that_get_more_right_out_of_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    dialogues, fit = load_sample_dialogues("train"), soft_targets.fit_word_counts
    chosen = soft_emotions({"sample": dialogues}, num_folds=2)
    found, weighted_f1 = {}, {}
    for weights in ("balanced", None):
        monkeypatch.setattr(soft_targets, "fit_word_counts", partial(_under, weights, fit))
        found[weights] = soft_emotions({"sample": dialogues}, num_folds=2)
        likeliest = {place: max(shares, key=shares.__getitem__) for place, shares in found[weights].items()}
        gold = {(dialogue.id, i): emotion for dialogue in dialogues for i, emotion in enumerate(dialogue.emotions)}
        pairs = [(gold[place], label) for place, label in likeliest.items()]
        weighted_f1[weights] = f1_score(*zip(*pairs, strict=True), average="weighted")
    assert weighted_f1["balanced"] != weighted_f1[None]
    assert chosen == found[max(weighted_f1, key=lambda weights: weighted_f1[weights])]


def _under(
    weights: ClassWeight, fit: Callable[..., WordCounts], dialogues: Any, class_weight: ClassWeight
) -> WordCounts:
    """Fit with `weights`, whatever `class_weight` the caller asked for."""
    return fit(dialogues, class_weight=weights)
