"""The geometry of an analysis's picture, in pixels: a lane a speaker, a column an utterance, arcs from triggers to
targets. Draws nothing itself: templates/picture.html.jinja does.

Every column holds one mark only, in its speaker's lane. So an arc that leaves its trigger along the trigger's column,
and turns only in the free strip above or below the target's lane, touches no mark on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fliptrace.analysis.matrices import first_seen
from fliptrace.analysis.values import AnalysisValues

WIDTH = 980  # what a desktop page gives the picture; up to some 35 utterances it fills this, beyond it scrolls
PRINTED_WIDTH = 590  # a strip of it on paper, beside the names
MARGIN, STRIP_MARGIN = 24, 4
MIN_STEP, MAX_STEP = 27, 56  # between columns: marks must not touch, a short dialogue must not fall apart
RADIUS, RING = 11, 14.5  # of a mark, and of the ring around a flip
ABOVE, BELOW = 42, 34  # a lane's room above and below its marks: arcs within the lane rise
AXIS_ROW = 17  # of the numbers, and of the times below them
MIN_LABEL_GAP = 46  # between labels of the axis


@dataclass(frozen=True, slots=True)
class Lane:
    speaker: str
    top: float
    y: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """The lane from utterance `first` to the same speaker's next, `last`: drawn in the emotion expressed at `first`."""

    first: int
    last: int
    x1: float
    x2: float
    y: float


@dataclass(frozen=True, slots=True)
class Arc:
    """From a trigger to the target of the flip; `path` is for SVG."""

    trigger: int
    target: int
    support: float
    path: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Columns `first` to `last` of the picture, as one line on paper: from `x` on, `width` wide.

    `arcs` are those to targets within it, `stretches` those that touch it.
    """

    first: int
    last: int
    x: float
    width: float
    stretches: tuple[Stretch, ...]
    arcs: tuple[Arc, ...]
    labelled: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Where everything lies. `xs[i]` and `ys[i]` are the centre of the mark of utterance i."""

    step: float
    width: float
    lanes: tuple[Lane, ...]
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    stretches: tuple[Stretch, ...]
    arcs: tuple[Arc, ...]
    labelled: tuple[int, ...]  # utterances whose number (and time) stands on the axis
    strips: tuple[Strip, ...]
    has_times: bool

    @property
    def lane_height(self) -> int:
        return ABOVE + BELOW

    @property
    def lanes_height(self) -> int:
        return len(self.lanes) * self.lane_height

    @property
    def height(self) -> int:
        return self.lanes_height + AXIS_ROW * (2 if self.has_times else 1) + 6


def lay_out(analysis: AnalysisValues) -> Picture:
    """Lanes in the order the speakers first speak; columns as wide as the page has room for."""
    speakers = analysis.dialogue.speakers
    lanes = tuple(
        Lane(speaker, row * (ABOVE + BELOW), row * (ABOVE + BELOW) + ABOVE)
        for row, speaker in enumerate(first_seen(speakers))
    )
    lane_y = {lane.speaker: lane.y for lane in lanes}
    step = column_step(len(speakers))
    xs = tuple(round(MARGIN + i * step, 1) for i in range(len(speakers)))
    ys = tuple(lane_y[speaker] for speaker in speakers)
    stretches = _stretches(speakers, xs, ys)
    arcs = tuple(
        Arc(trigger, found.flip.target, found.support[trigger], arc_path(trigger, found.flip.target, xs, ys))
        for found in analysis.flips
        for trigger in sorted(found.triggers)
    )
    numbers = labelled(len(speakers), step)
    has_times = any(utterance.start is not None for utterance in analysis.dialogue.utterances)
    strips = _strips(xs, step, stretches, arcs, numbers)
    width = round(xs[-1] + MARGIN, 1)
    return Picture(step, width, lanes, xs, ys, stretches, arcs, numbers, strips, has_times)


def column_step(num_utterances: int) -> float:
    """Pixels from one utterance to the next.

    >>> column_step(2), column_step(24), column_step(1000)
    (56, 40.5, 27)
    """
    fitting = (WIDTH - 2 * MARGIN) / max(num_utterances - 1, 1)
    return round(min(max(fitting, MIN_STEP), MAX_STEP), 1)


def labelled(num_utterances: int, step: float) -> tuple[int, ...]:
    """Positions whose number stands on the axis: all, or every other one where they would run into each other.

    >>> labelled(3, 56), labelled(6, 27)
    ((0, 1, 2), (0, 2, 4))
    """
    return tuple(range(0, num_utterances, 1 if step >= MIN_LABEL_GAP else 2))


def arc_path(trigger: int, target: int, xs: Sequence[float], ys: Sequence[float]) -> str:
    """An SVG path from a trigger's mark to its target's: a loop on itself, a bow in a lane, a swing between lanes."""
    x1, y1, x2, y2 = xs[trigger], ys[trigger], xs[target], ys[target]
    if trigger == target:
        top = y1 - RING
        return _path("M", (x1 - 6, top + 1.5), "C", (x1 - 15, top - 22), (x1 + 15, top - 22), (x1 + 6, top + 1.5))
    if y1 == y2:
        # a cubic rises to three quarters of its handles: at most 33 above the mark, within the lane
        rise = y1 - RADIUS - min(16 + (x2 - x1) * 0.11, 33 - RADIUS + 8)
        return _path("M", (x1, y1 - RADIUS), "C", (x1, rise), (x2, rise), (x2, y2 - RING))
    down = 1 if y2 > y1 else -1
    leave, arrive = y1 + down * RADIUS, y2 - down * RING
    # next to each other nothing lies between, else the turn waits for the strip between the target's lane and the next
    turn = leave if target == trigger + 1 else y2 - down * (ABOVE + BELOW - RING - 3)
    middle = (turn + arrive) / 2
    straight = () if turn == leave else ("L", (x1, turn))
    return _path("M", (x1, leave), *straight, "C", (x1, middle), (x2, middle), (x2, arrive))


def _path(*parts: str | tuple[float, float]) -> str:
    """
    >>> _path("M", (1.0, 2.25), "L", (3, 4))
    'M1,2.2L3,4'
    """
    words = [
        part if isinstance(part, str) else ",".join(f"{value:.1f}".removesuffix(".0") for value in part)
        for part in parts
    ]
    joined = ""
    for word in words:
        joined += " " + word if joined and joined[-1].isdigit() and not word.isalpha() else word
    return joined


def _stretches(speakers: Sequence[str], xs: Sequence[float], ys: Sequence[float]) -> tuple[Stretch, ...]:
    last: dict[str, int] = {}
    stretches = []
    for i, speaker in enumerate(speakers):
        if speaker in last:
            stretches.append(Stretch(last[speaker], i, xs[last[speaker]], xs[i], ys[i]))
        last[speaker] = i
    return tuple(sorted(stretches, key=lambda stretch: stretch.first))


def _strips(
    xs: Sequence[float], step: float, stretches: Sequence[Stretch], arcs: Sequence[Arc], numbers: Sequence[int]
) -> tuple[Strip, ...]:
    """The columns cut into lines as wide as paper."""
    num_columns = int((PRINTED_WIDTH - 2 * STRIP_MARGIN) // step)
    lines = (range(first, min(first + num_columns, len(xs))) for first in range(0, len(xs), num_columns))
    return tuple(
        Strip(
            first=line[0],
            last=line[-1],
            x=round(xs[line[0]] - step / 2 - STRIP_MARGIN, 1),
            width=PRINTED_WIDTH,
            stretches=tuple(s for s in stretches if s.last >= line[0] and s.first <= line[-1]),
            arcs=tuple(arc for arc in arcs if arc.target in line),
            labelled=tuple(i for i in numbers if i in line),
        )
        for line in lines
    )
