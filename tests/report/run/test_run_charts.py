from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fliptrace.report.run.charts import _axis, loss_plot
from fliptrace.report.run.values import Curve, Point


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(1, 6))
def test_every_value_lies_within_the_axis_and_between_ticks(values: list[float], num_ticks: int) -> None:
    axis = _axis(values, 10, 200, num_ticks)
    assert all(10 <= axis.at(value) <= 200 for value in values)
    assert axis.ticks[0] == pytest.approx(axis.low)
    assert axis.ticks[-1] == pytest.approx(axis.high)
    assert 2 <= len(axis.ticks) <= num_ticks + 3
    assert len({axis.label(tick) for tick in axis.ticks}) == len(axis.ticks)


def test_a_single_point_is_drawn() -> None:
    plot = loss_plot(Curve((Point(20, 3.0),), ()))
    assert plot.path.count(",") == 1
    assert plot.y.at(3.0) < plot.y.at(0.0)  # upwards on the screen
