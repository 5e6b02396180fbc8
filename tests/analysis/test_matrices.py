from __future__ import annotations

import pytest
from analyses import calm, crowd, support_call

from fliptrace.analysis.cards import flip_cards
from fliptrace.analysis.emotion_palette import HUES, emotion_palette
from fliptrace.analysis.matrices import change_matrix, count_changes, trigger_matrix, untriggered
from fliptrace.core.emotion_sets import EMOTION_SETS


def test_changes_come_most_frequent_first() -> None:
    changes = count_changes(support_call())
    assert next(iter(changes.items())) == (("neutral", "surprise"), 3)
    assert sum(changes.values()) == 12


def test_the_matrix_of_changes_holds_every_flip_and_only_emotions_of_flips() -> None:
    matrix = change_matrix(support_call())
    assert matrix.names == ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
    assert sum(map(sum, matrix.counts)) == 12
    assert matrix.counts[4][6] == matrix.highest == 3
    assert all(matrix.counts[i][i] == 0 for i in range(len(matrix.names)))


def test_who_triggers_whom_counts_triggers_by_their_speaker_and_the_speaker_who_flips() -> None:
    matrix = trigger_matrix(support_call())
    assert matrix.names == ("Ravi", "Ada Okafor", "Ines")
    assert matrix.counts == ((1, 4, 1), (3, 1, 0), (1, 3, 0))


def test_flips_without_a_trigger_are_counted_by_speaker() -> None:
    assert untriggered(support_call()) == {"Ravi": 1, "Ada Okafor": 0, "Ines": 0}


def test_no_flips_give_empty_counts() -> None:
    assert count_changes(calm()) == {}
    assert change_matrix(calm()).highest == trigger_matrix(calm()).highest == 0


@pytest.mark.parametrize("name", EMOTION_SETS)
def test_no_two_emotions_of_a_set_share_a_code_or_a_colour(name: str) -> None:
    palette = emotion_palette(EMOTION_SETS[name].labels).values()
    assert len({sign.code for sign in palette}) == len(palette)
    assert len({sign.hue for sign in palette}) == len(palette)


def test_labels_of_an_unknown_set_get_a_colour_of_their_own() -> None:
    palette = emotion_palette(("neutral", "bored", "calm", "joy"))
    assert len({sign.hue for sign in palette.values()}) == 4
    assert palette["joy"].hue == HUES["joy"]


def test_a_card_lists_triggers_by_support_and_other_candidates() -> None:
    card = next(card for card in flip_cards(support_call()) if card.flip.target == 20)
    assert card.triggers == ((19, 0.62), (17, 0.44), (20, 0.41))
    assert card.others == ((18, 0.10),)
    assert [later.target for later in card.consequences] == [21]


def test_cards_come_in_the_order_the_flips_land() -> None:
    targets = [card.flip.target for card in flip_cards(crowd(60, 4))]
    assert targets == sorted(targets)
