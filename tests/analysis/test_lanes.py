from __future__ import annotations

import itertools
import re

import pytest
from analyses import calm, crowd, support_call

from fliptrace.analysis.lanes import MARGIN, RADIUS, Picture, arc_path, lay_out

Place = tuple[float, float]


def points(path: str) -> list[Place]:
    """Return points a few pixels apart on a path of an optional line and a cubic curve."""
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    here, rest, found = corners[0], corners[1:], [corners[0]]
    if "L" in path:
        steps = [(here[0], here[1] + (rest[0][1] - here[1]) * share / 200) for share in range(201)]
        here, rest, found = rest[0], rest[1:], found + steps
    for i in range(101):
        t = i / 100
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        control = (here, *rest)
        found.append((sum(w * x for w, (x, _) in zip(weights, control, strict=True)),
                      sum(w * y for w, (_, y) in zip(weights, control, strict=True))))  # fmt: skip
    return found


def touched(picture: Picture, path: str) -> set[int]:
    """Return the utterances whose mark a path crosses."""
    line = points(path)
    left, right = min(x for x, _ in line), max(x for x, _ in line)
    return {
        i
        for i, (x, y) in enumerate(zip(picture.xs, picture.ys, strict=True))
        if left - RADIUS <= x <= right + RADIUS
        and any((x - px) ** 2 + (y - py) ** 2 < (RADIUS - 0.5) ** 2 for px, py in line)
    }


def test_a_lane_for_every_speaker_in_the_order_they_first_speak() -> None:
    picture = lay_out(support_call())
    assert [lane.speaker for lane in picture.lanes] == ["Ravi", "Ada Okafor", "Ines"]
    assert picture.ys[0] == picture.lanes[0].y
    assert picture.ys[13] == picture.lanes[2].y


@pytest.mark.parametrize(("num_utterances", "num_speakers"), [(5, 2), (24, 3), (120, 12), (300, 1)])
def test_arcs_touch_no_mark_but_their_ends_and_stay_in_the_picture(num_utterances: int, num_speakers: int) -> None:
    picture = lay_out(crowd(num_utterances, num_speakers))
    for arc in picture.arcs:
        assert touched(picture, arc.path) <= {arc.trigger, arc.target}
        assert all(0 <= x <= picture.width and 0 <= y <= picture.lanes_height for x, y in points(arc.path))


def test_an_arc_for_every_trigger_with_its_support() -> None:
    analysis = support_call()
    arcs = {(arc.trigger, arc.target): arc.support for arc in lay_out(analysis).arcs}
    assert arcs == {(i, f.flip.target): f.support[i] for f in analysis.flips for i in f.triggers}


def test_arcs_begin_and_end_in_the_columns_of_trigger_and_target() -> None:
    xs, ys = (24.0, 60.0, 96.0, 132.0), (42.0, 118.0, 42.0, 194.0)
    for trigger, target in [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3)]:
        line = points(arc_path(trigger, target, xs, ys))
        assert line[0][0] == xs[trigger]
        assert line[-1][0] == pytest.approx(xs[target])


def test_marks_never_touch_and_short_dialogues_do_not_fall_apart() -> None:
    for num_utterances in (1, 2, 5, 24, 36, 1000):
        picture = lay_out(calm(num_utterances))
        gaps = [right - left for left, right in itertools.pairwise(picture.xs)]
        assert all(2 * RADIUS < gap <= 60 for gap in gaps)
        assert picture.width == pytest.approx(picture.xs[-1] + MARGIN)


def test_strips_for_print_hold_every_utterance_and_arc_once() -> None:
    picture = lay_out(crowd(300, 3))
    assert [i for strip in picture.strips for i in range(strip.first, strip.last + 1)] == list(range(300))
    assert sorted(arc.path for strip in picture.strips for arc in strip.arcs) == sorted(a.path for a in picture.arcs)


def test_numbers_on_the_axis_do_not_run_into_each_other() -> None:
    for num_utterances in (3, 24, 40, 1000):
        picture = lay_out(calm(num_utterances))
        places = [picture.xs[i] for i in picture.labelled]
        assert all(right - left > 40 for left, right in itertools.pairwise(places))
