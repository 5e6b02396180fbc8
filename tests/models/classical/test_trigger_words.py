"""The word model of triggers uses the words of candidate and target and their distance, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toy_cases import CAFE, case

from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.models.classical.trigger_words import TriggerWords, fit_trigger_words

SHOUTS, MURMURS = "you broke the lamp again!", "the weather is mild today"


def quarrel(said: str, emotion: str = "neutral", *, triggers: set[int] | None = None, known_from: int = 0) -> FlipCase:
    """A case in which Ben speaks in the middle of Ana's flip; by default his utterance is the trigger if he shouts."""
    lines = (("Ana", "neutral", "tea?"), ("Ben", emotion, said), ("Carla", "neutral", "hm"), ("Ana", "fear", "oh no"))
    labels = triggers if triggers is not None else {1} if said == SHOUTS else set()
    return case(*lines, triggers=labels, known_from=known_from, id=f"quarrel {said}")


TAUGHT = [quarrel(SHOUTS), quarrel(MURMURS)] * 20


@pytest.fixture(scope="module")
def words() -> TriggerWords:
    return fit_trigger_words(TAUGHT, window=3, C=10)


def test_the_words_of_a_candidate_tell_whether_it_is_a_trigger(words: TriggerWords) -> None:
    shouted, murmured = words.supports([quarrel("so you broke the lamp!"), quarrel("mild weather today")])
    assert shouted[1] > 0.6
    assert murmured[1] < 0.4


def test_the_words_of_the_target_tell_too() -> None:
    taught = [
        case(("Ana", "neutral", "tea?"), ("Ben", "neutral", "here"), ("Ana", "joy", said), triggers=triggers)
        for said, triggers in (("thank you", {1}), ("never mind", {2}))
    ]
    supports = fit_trigger_words(taught * 20, C=10).supports(taught)
    assert supports[0][1] > supports[1][1]


def test_words_of_the_same_text_leave_the_distance_to_tell() -> None:
    same = case(("Ana", "neutral"), ("Ben", "neutral"), ("Ben", "neutral"), ("Ana", "joy"), triggers={2})
    (support,) = fit_trigger_words([same] * 20, C=10).supports([same])
    assert max(range(4), key=support.__getitem__) == 2


def test_there_is_a_share_for_every_utterance_and_none_beyond_the_window(words: TriggerWords) -> None:
    asked = quarrel(SHOUTS)
    said = (*asked.dialogue.utterances, *CAFE.dialogue.utterances)
    later = replace(asked, dialogue=replace(asked.dialogue, utterances=said))
    (support,) = words.supports([later])
    assert [i for i, share in enumerate(support) if share > 0] == [1, 2, 3]
    assert len(support) == len(later.dialogue)


def test_many_cases_at_once_give_what_they_give_one_by_one(words: TriggerWords) -> None:
    cases = [CAFE, quarrel(SHOUTS)]
    assert words.supports(cases) == tuple(words.supports([each])[0] for each in cases)
    assert words.supports([]) == ()


def test_emotions_are_not_looked_at() -> None:
    taught = [quarrel("hm", "anger", triggers={1}), quarrel("hm", "joy", triggers=set())] * 20
    angry, joyful = fit_trigger_words(taught).supports(taught[:2])
    assert angry == joyful


def test_speakers_and_the_triggers_of_a_case_are_not_looked_at(words: TriggerWords) -> None:
    asked = quarrel(SHOUTS)
    said = tuple(replace(u, speaker="Dora") if u.speaker == "Ben" else u for u in asked.dialogue.utterances)
    other = replace(asked, dialogue=replace(asked.dialogue, utterances=said), triggers=None)
    assert words.supports([asked]) == words.supports([other])


def test_labels_before_they_are_known_do_not_train() -> None:
    lines = (("Ben", "joy", "hi"), ("Ana", "neutral", "tea?"), ("Ben", "neutral", "here"), ("Ana", "joy", "thank you"))
    right, wrong = (case(*lines, triggers=triggers, known_from=1) for triggers in ({2}, {0, 2}))
    one, other = (fit_trigger_words([taught] * 5) for taught in (right, wrong))
    assert one.supports([CAFE]) == other.supports([CAFE])


@pytest.mark.parametrize("triggers", [set(), {0, 1}])
def test_triggers_of_one_kind_teach_nothing(triggers: set[int]) -> None:
    with pytest.raises(InputError, match=r"triggers among 2 utterances; expected triggers and others"):
        fit_trigger_words([case(("Ana", "joy"), ("Ana", "fear"), triggers=triggers)])


def test_a_case_without_labels_cannot_be_learned_from() -> None:
    with pytest.raises(ValueError, match="has no labels"):
        fit_trigger_words([case(("Ana", "joy"), ("Ana", "fear"), triggers=None)])
