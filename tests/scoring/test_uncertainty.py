"""Emotions to mark as uncertain: below the threshold, labels are wrong so much more often than right."""

from __future__ import annotations

import pytest

from fliptrace.scoring.uncertainty import JudgedEmotion, Marked, choose_uncertain_below, cover, mark


def judged(confidence: float, is_right: bool, group: str = "g") -> JudgedEmotion:
    return JudgedEmotion(group, confidence, is_right)


FIVE = [judged(0.9, True), judged(0.8, True), judged(0.6, False), judged(0.4, True), judged(0.2, False)]


def test_the_curve_tells_what_a_threshold_keeps_and_how_much_of_it_is_right() -> None:
    assert cover(FIVE, [0.1, 0.3, 0.8, 0.95]) == [
        Marked(1.0, 0.6, None),
        Marked(0.8, 0.75, 0.0),
        Marked(0.4, 1.0, pytest.approx(1 / 3)),
        Marked(0.0, None, 0.6),
    ]


def test_no_threshold_marks_nothing() -> None:
    assert mark(FIVE, [None, 0.95, None, None, 0.3]) == Marked(0.6, pytest.approx(2 / 3), 0.5)


def test_the_threshold_has_the_largest_surplus_of_wrong_labels_below_it() -> None:
    # One wrong label more than right ones below 0.3, none below 0.5, and one below 0.7: the lowest is chosen.
    assert choose_uncertain_below([FIVE], 1).threshold == 0.3
    more = [*FIVE, judged(0.55, False)]
    chosen = choose_uncertain_below([more], 1)
    assert chosen.threshold == 0.7  # three wrong and one right
    assert chosen.marked == (Marked(pytest.approx(1 / 3), 1.0, 0.25),)


def test_by_default_labels_are_marked_that_are_wrong_at_least_twice_as_often_as_right() -> None:
    # Of three labels at 0.2 none is right, at 0.4 one, at 0.6 two: 3, 3 + 2 - 2 and 3 + 1 - 6.
    rows = [
        judged(share, place < num_right) for share, num_right in ((0.2, 0), (0.4, 1), (0.6, 2)) for place in range(3)
    ]
    assert choose_uncertain_below([rows]).threshold == 0.3
    assert choose_uncertain_below([rows], 1).threshold == 0.5
    assert choose_uncertain_below([[*rows, judged(0.4, False)]]).threshold == 0.5


def test_a_single_right_label_among_wrong_ones_hides_none_of_them() -> None:
    rows = [judged(0.1 * i, i in (2, 7, 8, 9)) for i in range(1, 10)]
    assert choose_uncertain_below([rows], 1).threshold == 0.65


@pytest.mark.parametrize("rows", [[judged(0.5, True)], [judged(0.2, True), judged(0.3, False), judged(0.9, True)]])
def test_where_unsure_labels_are_right_as_often_as_not_none_is_marked(rows: list[JudgedEmotion]) -> None:
    chosen = choose_uncertain_below([rows], 1)
    assert chosen.threshold is None
    assert chosen.marked[0].share_kept == 1.0
    assert chosen.marked[0].accuracy_marked is None


def test_sets_count_alike_whatever_their_size() -> None:
    small = [judged(0.5, False), judged(0.5, False)]
    large = [judged(0.3, False), judged(0.5, True), *[judged(0.9, True)] * 8] * 10
    # Surplus below 0.4: 0 and 1/10. Below 0.7: 2/2 and 0. Counted together it is 10 and 2 labels.
    assert choose_uncertain_below([small, large], 1).threshold == 0.7
    assert choose_uncertain_below([[*small, *large]], 1).threshold == 0.4


def test_left_out_each_group_is_marked_by_the_threshold_of_the_others() -> None:
    one = [judged(0.4, False, "a"), judged(0.9, True, "a")]
    other = [judged(0.6, False, "b"), judged(0.8, True, "b")]
    chosen = choose_uncertain_below([[*one, *other]], 1)
    assert chosen.threshold == 0.7
    # Group a by what b gives, 0.7: its wrong label is marked. Group b by what a gives, 0.5: none is.
    assert chosen.left_out == (Marked(0.75, pytest.approx(2 / 3), 0.0),)


def test_the_json_holds_no_share_of_nothing() -> None:
    assert Marked(1.0, 2 / 3, None).to_json() == {
        "share_kept": 1.0,
        "accuracy_kept": 0.666667,
        "accuracy_marked": None,
    }
