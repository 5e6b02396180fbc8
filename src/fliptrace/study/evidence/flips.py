"""The types of flips in the data: is neutral to joy, in either direction, the most frequent, as the paper says?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from fliptrace.core.files import Json

NEUTRAL_JOY = "neutral<->joy"  # the most frequent pair, according to the paper


class FlipMatrix(NamedTuple):
    """Number of flips from one emotion (row) to another (column), in one split of a track's data.

    `answer` says whether neutral<->joy is the most frequent pair, both directions counted together.
    """

    track: str
    title: str
    split: str
    counts: pd.DataFrame
    answer: str

    @property
    def num_flips(self) -> int:
        return int(self.counts.to_numpy().sum())


def flip_matrices(facts: Json) -> tuple[FlipMatrix, ...]:
    """One matrix for every track and split that has flips. `facts` holds the results of facts.track_facts by track."""
    return tuple(
        FlipMatrix(track, of_track.get("title", track), split, _matrix(flip_types), _answer(flip_types))
        for track, of_track in facts["tracks"].items()
        for split, counts in of_track["splits"].items()
        if (flip_types := counts["flip_types"])
    )


def _matrix(flip_types: Mapping[str, int]) -> pd.DataFrame:
    """`flip_types` counts flips as "before->after".

    >>> _matrix({"joy->fear": 2}).loc["joy"].to_dict()
    {'fear': 2, 'joy': 0}
    """
    rows = [(*name.split("->"), num) for name, num in flip_types.items()]
    emotions = sorted({emotion for name in flip_types for emotion in name.split("->")})
    counts = pd.DataFrame(rows, columns=["before", "after", "num"]).pivot(index="before", columns="after", values="num")
    return counts.reindex(index=emotions, columns=emotions).fillna(0).astype(int)


def _pair(flip_type: str) -> str:
    """The name of a flip type without its direction.

    >>> _pair("joy->neutral"), _pair("neutral->joy"), _pair("joy->anger")
    ('neutral<->joy', 'neutral<->joy', 'anger<->joy')
    """
    before, after = sorted(flip_type.split("->"), key=lambda emotion: (emotion != "neutral", emotion))
    return f"{before}<->{after}"


def _answer(flip_types: Mapping[str, int]) -> str:
    pairs: Counter[str] = Counter()
    for name, num in flip_types.items():
        pairs[_pair(name)] += num
    first, num_first = pairs.most_common(1)[0]
    num, num_flips = pairs[NEUTRAL_JOY], pairs.total()
    share = f"{num:,} of {num_flips:,} flips ({num / num_flips:.1%})"
    if num == num_first:
        return f"Yes: {NEUTRAL_JOY} is the most frequent, {share}."
    most = f"{num_first:,} of {num_flips:,} flips ({num_first / num_flips:.1%})"
    return f"No: {first} is the most frequent, {most}; {NEUTRAL_JOY} is {share}."
