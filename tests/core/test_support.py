"""Support as a sequence that keeps what is not 0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.core.support import Support


@given(st.lists(st.sampled_from((0.0, 0.0, 0.25, 1.0))))
def test_it_reads_like_the_tuple_it_was_made_from(shares: list[float]) -> None:
    support = Support.of(shares)
    assert support == tuple(shares)
    assert list(support) == [support[i] for i in range(len(shares))] == shares
    assert support[1:] == tuple(shares[1:])
    assert support[-2:] == tuple(shares[-2:])
    assert dict(support.shares) == {i: share for i, share in enumerate(shares) if share}
    assert support == Support(len(shares), dict(reversed(list(enumerate(shares)))))
    assert hash(support) == hash(Support.of(tuple(shares))) == hash(tuple(shares))
    assert support != Support.of([*shares, 0.5])


@pytest.mark.parametrize("shares", [{0: 1.2}, {0: -0.1}, {0: float("nan")}, {3: 0.5}, {-1: 0.5}])
def test_no_share_outside_of_0_to_1_or_of_the_dialogue(shares: dict[int, float]) -> None:
    with pytest.raises(ValueError, match="support"):
        Support(3, shares)


def test_nothing_is_kept_for_an_utterance_without_support() -> None:
    assert dict(Support(3, {2: 0.5, 1: 0.0}).shares) == {2: 0.5}


def test_there_is_no_support_beyond_the_dialogue() -> None:
    support = Support(3, {1: 0.5})
    assert support[-2] == 0.5
    with pytest.raises(IndexError):
        support[3]
