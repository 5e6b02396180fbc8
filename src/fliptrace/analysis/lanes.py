"""The geometry of the page's picture, in pixels: one lane per speaker, one column per utterance, arcs from triggers to
targets, and below them lanes of what was measured (cue_lanes.py). templates/picture.html.jinja draws it.

Each column holds only one mark, in its speaker's lane. So an arc touches no other mark if it leaves along the trigger's
column and turns only in the free strip above or below the target's lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fliptrace.analysis import cue_lanes
from fliptrace.analysis.cue_lanes import CueLane, lay_out_cues
from fliptrace.analysis.matrices import first_seen
from fliptrace.analysis.values import AnalysisValues

WIDTH = 980  # the room for the picture on a desktop page; about 35 utterances fit, a longer picture scrolls
PRINTED_WIDTH = 590  # the room for one printed strip, beside the names
MARGIN, STRIP_MARGIN = 24, 4
MIN_STEP, MAX_STEP = 27, 56  # between columns: marks must not touch, and a short dialogue must not look scattered
RADIUS, RING = 11, 14.5  # the radius of a mark, and of the ring around a flip
ABOVE, BELOW = 42, 34  # a lane's space above and below its marks; arcs within a lane need more above
AXIS_ROW = 17  # height of the row of numbers, and of the row of times below it
MIN_LABEL_GAP = 46  # between labels of the axis


@dataclass(frozen=True, slots=True)
class Lane:
    speaker: str
    top: float
    y: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A lane's line from utterance `first` to the speaker's next, `last`, in the colour of the emotion at `first`."""

    first: int
    last: int
    x1: float
    x2: float
    y: float


@dataclass(frozen=True, slots=True)
class Arc:
    """An arc from a trigger to the target of the flip. `path` is an SVG path."""

    trigger: int
    target: int
    support: float
    path: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Columns `first` to `last` of the picture as one line on paper. It starts at `x` and is `width` wide.

    `arcs` are those whose target is in the strip, `stretches` those that overlap it.
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
    """The position of everything in the picture. `xs[i]` and `ys[i]` are the centre of the mark of utterance i."""

    step: float
    width: float
    lanes: tuple[Lane, ...]
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    stretches: tuple[Stretch, ...]
    arcs: tuple[Arc, ...]
    labelled: tuple[int, ...]  # utterances whose number (and time) is on the axis
    strips: tuple[Strip, ...]
    has_times: bool
    cue_lanes: tuple[CueLane, ...] = ()

    @property
    def lane_height(self) -> int:
        return ABOVE + BELOW

    @property
    def lanes_height(self) -> int:
        return len(self.lanes) * self.lane_height

    @property
    def axis_top(self) -> int:
        return self.lanes_height + len(self.cue_lanes) * cue_lanes.HEIGHT

    @property
    def height(self) -> int:
        return self.axis_top + AXIS_ROW * (2 if self.has_times else 1) + 6


def lay_out(analysis: AnalysisValues) -> Picture:
    """Lay out the picture: lanes in the order in which speakers first speak, columns as wide as the page allows."""
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
    cues = lay_out_cues(analysis, xs, len(lanes) * (ABOVE + BELOW))
    return Picture(step, width, lanes, xs, ys, stretches, arcs, numbers, strips, has_times, cues)


def column_step(num_utterances: int) -> float:
    """Return the distance between two columns in pixels.

    >>> column_step(2), column_step(24), column_step(1000)
    (56, 40.5, 27)
    """
    fitting = (WIDTH - 2 * MARGIN) / max(num_utterances - 1, 1)
    return round(min(max(fitting, MIN_STEP), MAX_STEP), 1)


def labelled(num_utterances: int, step: float) -> tuple[int, ...]:
    """Return the utterances whose number is on the axis: all, or every other one if the numbers would overlap.

    >>> labelled(3, 56), labelled(6, 27)
    ((0, 1, 2), (0, 2, 4))
    """
    return tuple(range(0, num_utterances, 1 if step >= MIN_LABEL_GAP else 2))


def arc_path(trigger: int, target: int, xs: Sequence[float], ys: Sequence[float]) -> str:
    """Return the SVG path from trigger to target: a loop at one mark, a bow within a lane, or a turn between lanes."""
    x1, y1, x2, y2 = xs[trigger], ys[trigger], xs[target], ys[target]
    if trigger == target:
        top = y1 - RING
        return _path("M", (x1 - 6, top + 1.5), "C", (x1 - 15, top - 22), (x1 + 15, top - 22), (x1 + 6, top + 1.5))
    if y1 == y2:
        # A cubic curve rises to three quarters of its handles: at most 33 above the mark, so it stays within the lane.
        rise = y1 - RADIUS - min(16 + (x2 - x1) * 0.11, 33 - RADIUS + 8)
        return _path("M", (x1, y1 - RADIUS), "C", (x1, rise), (x2, rise), (x2, y2 - RING))
    down = 1 if y2 > y1 else -1
    leave, arrive = y1 + down * RADIUS, y2 - down * RING
    # Neighbouring columns have no mark between them. Otherwise turn only in the strip next to the target's lane.
    turn = leave if target == trigger + 1 else y2 - down * (ABOVE + BELOW - RING - 3)
    middle = (turn + arrive) / 2
    straight = () if turn == leave else ("L", (x1, turn))
    return _path("M", (x1, leave), *straight, "C", (x1, middle), (x2, middle), (x2, arrive))


def _path(*parts: str | tuple[float, float]) -> str:
    """Join commands and points to an SVG path.

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
    """Cut the columns into strips that fit the width of the paper."""
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
