"""What can be seen of a candidate trigger without reading its words: who spoke when, with which emotion, how long.

One row of numbers a candidate, for models that take tables. Of the text only its length, its punctuation and names
of speakers are looked at. A row looks at the whole dialogue up to the target, and at nothing after it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.dialogue import Utterance
from fliptrace.core.emotion_sets import MASAC8, to_masac8
from fliptrace.core.flips import FlipCase, find_flips

_NONE = float("nan")  # nothing there: no such utterance, or no emotion known
_NONE_IN_ROWS = -9.0  # below all that is there; trees cannot bin a column that is nothing but nan
_CODES = {label: float(code) for code, label in enumerate(MASAC8.labels)}
_NUM_CODES = len(_CODES)
_VALENCE = {"joy": 1.0, "surprise": 0.0, "neutral": 0.0}  # the others: -1
_NUM_SEEN = 5  # utterances before the target whose emotion and speaker every row shows


class Candidates(NamedTuple):
    """`rows`: (candidates, features). Candidate n is utterance `utterance_indices[n]` of case `case_indices[n]`."""

    rows: NDArray[np.float64]
    case_indices: NDArray[np.int64]
    utterance_indices: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Scene:
    """A case up to its target, taken apart once for all its candidates."""

    case: FlipCase
    emotions: tuple[str | None, ...]
    landed: frozenset[int]  # where earlier flips landed, of any speaker
    sources: frozenset[int]
    corpus: float

    @property
    def speakers(self) -> tuple[str, ...]:
        return self.case.dialogue.speakers

    def code(self, index: int | None) -> float:
        emotion = self.emotions[index] if index is not None and 0 <= index < len(self.emotions) else None
        return _NONE if emotion is None else _CODES[emotion]

    def pair(self, index: int | None, other: int | None) -> float:
        return self.code(index) * _NUM_CODES + self.code(other)

    def valence(self, index: int) -> float:
        emotion = self.emotions[index]
        return _NONE if emotion is None else _VALENCE.get(emotion, -1.0)


def featurise(cases: Sequence[FlipCase], window: int, corpora: Sequence[str]) -> Candidates:
    """The rows of the last `window` utterances of every case, the target among them, in the order of the cases."""
    rows: list[list[float]] = []
    places: list[tuple[int, int]] = []
    names: tuple[str, ...] = ()
    for position, case in enumerate(cases):
        scene = _scene(case, corpora)
        shared = _of_flip(scene)
        for i in range(max(0, case.flip.target - window + 1), case.flip.target + 1):
            row = shared | _of_place(scene, i) | _of_speakers(scene, i) | _of_emotions(scene, i) | _of_text(scene, i)
            names = names or tuple(row)
            rows.append(list(row.values()))
            places.append((position, i))
    where = np.array(places, dtype=np.int64).reshape(-1, 2)
    return Candidates(np.nan_to_num(np.array(rows), nan=_NONE_IN_ROWS), where[:, 0], where[:, 1], names)


def _scene(case: FlipCase, corpora: Sequence[str]) -> _Scene:
    dialogue, target = case.dialogue, case.flip.target
    emotions = tuple(e and to_masac8(e, dialogue.emotion_set) for e in dialogue.emotions[: target + 1])
    earlier = [flip for flip in find_flips(dialogue) if flip.target < target]
    corpus = float(corpora.index(dialogue.corpus)) if dialogue.corpus in corpora else _NONE
    return _Scene(case, emotions, frozenset(f.target for f in earlier), frozenset(f.source for f in earlier), corpus)


def _of_flip(scene: _Scene) -> dict[str, float]:
    """What all candidates of a case share."""
    flip, speakers = scene.case.flip, scene.speakers
    target, source = flip.target, flip.source
    window = range(max(0, target - _NUM_SEEN), target + 1)
    others = list(range(source + 1, target))
    seen = {
        name: value
        for back in range(1, _NUM_SEEN + 1)
        for name, value in (
            (f"emotion {back} back", scene.code(target - back)),
            (f"speaker {back} back", _who(scene, target - back)),
        )
    }
    run = next((n for n in range(1, target + 1) if speakers[target - n] != flip.speaker), target + 1) - 1
    return {
        "corpus": scene.corpus,
        "target": target,
        "gap": target - source,
        "before": scene.code(source),
        "after": scene.code(target),
        "before and after": scene.pair(source, target),
        "turn of valence": scene.valence(target) - scene.valence(source),
        "num speakers": len({speakers[i] for i in window}),
        "num speakers ever": len(set(speakers[: target + 1])),
        "num between like after": sum(scene.emotions[i] == scene.emotions[target] for i in others),
        "num between not neutral": sum(scene.emotions[i] not in (None, "neutral") for i in others),
        "num earlier flips": len(scene.landed),
        "num flips in window": sum(i in scene.landed for i in window),
        "num flips since source": sum(i in scene.landed for i in others),
        "own run": run,
        "source landed": source in scene.landed,
        **seen,
    }


def _who(scene: _Scene, index: int) -> float:
    """0 the flip's speaker, 1 the nearest other, 2 and so on; _NONE before the beginning."""
    if index < 0:
        return _NONE
    speakers = scene.speakers
    order = list(dict.fromkeys(speakers[i] for i in range(scene.case.flip.target, index - 1, -1)))
    return float(min(order.index(speakers[index]), 3))


def _of_place(scene: _Scene, i: int) -> dict[str, float]:
    """Where the candidate stands."""
    flip, speakers = scene.case.flip, scene.speakers
    later = range(i + 1, flip.target)
    return {
        "distance": flip.target - i,
        "index": i,
        "after source": i - flip.source,
        "is source": i == flip.source,
        "is before source": i < flip.source,
        "num turns until target": sum(speakers[j] != speakers[j + 1] for j in range(i, flip.target)),
        "num by flipper between": sum(speakers[j] == flip.speaker for j in later),
        "num by others between": sum(speakers[j] != flip.speaker for j in later),
        "num flips between": sum(j in scene.landed for j in later),
        "num earlier flips within 2": sum(i <= j <= i + 2 for j in scene.landed),
        "candidate landed": i in scene.landed,
        "candidate left": i in scene.sources,
        "next landed": i + 1 in scene.landed,
        "after next landed": i + 2 in scene.landed,
        "previous landed": i - 1 in scene.landed,
    }


def _of_speakers(scene: _Scene, i: int) -> dict[str, float]:
    flip, speakers = scene.case.flip, scene.speakers
    target = flip.target
    said = [j for j in range(target + 1) if speakers[j] == speakers[i]]
    return {
        "who": _who(scene, i),
        "own": speakers[i] == flip.speaker,
        "like before target": speakers[i] == speakers[target - 1],
        "like previous": _NONE if i == 0 else speakers[i] == speakers[i - 1],
        "like next": _NONE if i == target else speakers[i] == speakers[i + 1],
        "answers flipper": _NONE if i == 0 else speakers[i - 1] == flip.speaker,
        "answered by flipper": _NONE if i == target else speakers[i + 1] == flip.speaker,
        "first said": said[0] == i,
        "num said after": sum(j > i for j in said),
        "last said to target": said[-1] == i,
        "is nearest other": speakers[i] != flip.speaker and all(s == flip.speaker for s in speakers[i + 1 : target]),
    }


def _of_emotions(scene: _Scene, i: int) -> dict[str, float]:
    emotions, speakers, target, source = scene.emotions, scene.speakers, scene.case.flip.target, scene.case.flip.source
    last = next((j for j in range(i - 1, -1, -1) if speakers[j] == speakers[i]), None)
    following = next((j for j in range(i + 1, target + 1) if speakers[j] == speakers[i]), None)
    later = [emotions[j] for j in range(i + 1, target)]
    return {
        "emotion": scene.code(i),
        "emotion before": scene.code(i - 1),
        "emotion behind": scene.code(i + 1),
        "own emotion before": scene.code(last),
        "own emotion behind": scene.code(following),
        "with before": scene.pair(i, source),
        "with after": scene.pair(i, target),
        "is like before": emotions[i] == emotions[source],
        "is like after": emotions[i] == emotions[target],
        "is like previous": _NONE if i == 0 else emotions[i] == emotions[i - 1],
        "is like last before target": emotions[i] == emotions[target - 1],
        "changed": _NONE if last is None else emotions[last] != emotions[i],
        "valence": scene.valence(i),
        "valence against after": scene.valence(i) - scene.valence(target),
        "turn against own": _NONE if last is None else scene.valence(i) - scene.valence(last),
        "turn against previous": _NONE if i == 0 else scene.valence(i) - scene.valence(i - 1),
        "num like it later": sum(e == emotions[i] for e in later),
        "num like after later": sum(e == emotions[target] for e in later),
        "num not neutral later": sum(e not in (None, "neutral") for e in later),
        "is first like it since source": emotions[i] not in emotions[source:i] if i > source else _NONE,
    }


def _of_text(scene: _Scene, i: int) -> dict[str, float]:
    utterances, target = scene.case.dialogue.utterances, scene.case.flip.target
    shown = {"": i, "previous ": i - 1, "next ": i + 1, "target ": target, "before target ": target - 1}
    row = {
        f"{name}{sign}": value
        for name, j in shown.items()
        for sign, value in (_signs(utterances[j]) if 0 <= j <= target else _NO_SIGNS).items()
    }
    return row | {
        "names flipper": _names(utterances[i], utterances[target].speaker),
        "is named by target": _names(utterances[target], utterances[i].speaker),
    }


def _signs(utterance: Utterance) -> dict[str, float]:
    text = utterance.text
    return {
        "num words": math.log1p(len(text.split())),
        "num questions": text.count("?"),
        "num exclamations": text.count("!"),
        "num dots": text.count("...") + text.count("…"),
        "ends": float(".?!".find(text.rstrip()[-1:]) if text.strip() else _NONE),
        "num capitals": sum(word.isupper() and len(word) > 1 for word in text.split()),
    }


_NO_SIGNS = dict.fromkeys(_signs(Utterance("nobody", "")), _NONE)


def _names(utterance: Utterance, speaker: str) -> float:
    first = speaker.split()[0].lower()
    return float(first in re.findall(r"\w+", utterance.text.lower()))
