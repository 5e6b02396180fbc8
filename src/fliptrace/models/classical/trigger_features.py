"""Features of candidate triggers that use no words: who spoke when, with which emotion, and at what length.

Every candidate gives one row of numbers, for models that take tables. The text contributes only its length, its
punctuation and the names of speakers. A row depends on the dialogue up to the target, and on nothing after it.
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

_NONE = float("nan")  # missing: no such utterance, or unknown emotion
_NONE_IN_ROWS = -9.0  # stands for NaN; below all real values. Trees cannot bin a column that is all NaN
_CODES = {label: float(code) for code, label in enumerate(MASAC8.labels)}
_NUM_CODES = len(_CODES)
_VALENCE = {"joy": 1.0, "surprise": 0.0, "neutral": 0.0}  # all others: -1
_NUM_SEEN = 5  # utterances before the target whose emotion and speaker are features of every row


class Candidates(NamedTuple):
    """The feature table. Candidate n is utterance `utterance_indices[n]` of case `case_indices[n]`.

    rows: (candidates, features), with the feature names in `names`.
    """

    rows: NDArray[np.float64]
    case_indices: NDArray[np.int64]
    utterance_indices: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is computed once per case, from the dialogue up to its target, and shared by all its candidates."""

    case: FlipCase
    emotions: tuple[str | None, ...]
    targets: frozenset[int]  # of earlier flips, by any speaker
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
    """Compute a row for each of the last `window` utterances of every case, including the target, in case order."""
    rows: list[list[float]] = []
    places: list[tuple[int, int]] = []
    names: tuple[str, ...] = ()
    for position, case in enumerate(cases):
        scene = _scene(case, corpora)
        shared = _of_flip(scene)
        for i in range(max(0, case.flip.target - window + 1), case.flip.target + 1):
            row = shared | _of_position(scene, i) | _of_speakers(scene, i) | _of_emotions(scene, i) | _of_text(scene, i)
            names = names or tuple(row)
            rows.append(list(row.values()))
            places.append((position, i))
    indices = np.array(places, dtype=np.int64).reshape(-1, 2)
    return Candidates(np.nan_to_num(np.array(rows), nan=_NONE_IN_ROWS), indices[:, 0], indices[:, 1], names)


def _scene(case: FlipCase, corpora: Sequence[str]) -> _Scene:
    dialogue, target = case.dialogue, case.flip.target
    emotions = tuple(e and to_masac8(e, dialogue.emotion_set) for e in dialogue.emotions[: target + 1])
    earlier = [flip for flip in find_flips(dialogue) if flip.target < target]
    corpus = float(corpora.index(dialogue.corpus)) if dialogue.corpus in corpora else _NONE
    return _Scene(case, emotions, frozenset(f.target for f in earlier), frozenset(f.source for f in earlier), corpus)


def _of_flip(scene: _Scene) -> dict[str, float]:
    """Features that all candidates of a case share."""
    flip, speakers = scene.case.flip, scene.speakers
    target, source = flip.target, flip.source
    window = range(max(0, target - _NUM_SEEN), target + 1)
    others = list(range(source + 1, target))
    seen = {
        name: value
        for back in range(1, _NUM_SEEN + 1)
        for name, value in (
            (f"emotion {back} back", scene.code(target - back)),
            (f"speaker {back} back", _speaker_code(scene, target - back)),
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
        "num earlier flips": len(scene.targets),
        "num flips in window": sum(i in scene.targets for i in window),
        "num flips since source": sum(i in scene.targets for i in others),
        "own run": run,
        "source landed": source in scene.targets,
        **seen,
    }


def _speaker_code(scene: _Scene, index: int) -> float:
    """Return 0 for the flip's speaker, 1 for the nearest other speaker, up to 3; _NONE before the first utterance."""
    if index < 0:
        return _NONE
    speakers = scene.speakers
    order = list(dict.fromkeys(speakers[i] for i in range(scene.case.flip.target, index - 1, -1)))
    return float(min(order.index(speakers[index]), 3))


def _of_position(scene: _Scene, i: int) -> dict[str, float]:
    """Features of the candidate's position relative to source, target and other flips."""
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
        "num flips between": sum(j in scene.targets for j in later),
        "num earlier flips within 2": sum(i <= j <= i + 2 for j in scene.targets),
        "candidate landed": i in scene.targets,
        "candidate left": i in scene.sources,
        "next landed": i + 1 in scene.targets,
        "after next landed": i + 2 in scene.targets,
        "previous landed": i - 1 in scene.targets,
    }


def _of_speakers(scene: _Scene, i: int) -> dict[str, float]:
    flip, speakers = scene.case.flip, scene.speakers
    target = flip.target
    own = [j for j in range(target + 1) if speakers[j] == speakers[i]]
    return {
        "who": _speaker_code(scene, i),
        "own": speakers[i] == flip.speaker,
        "like before target": speakers[i] == speakers[target - 1],
        "like previous": _NONE if i == 0 else speakers[i] == speakers[i - 1],
        "like next": _NONE if i == target else speakers[i] == speakers[i + 1],
        "answers flipper": _NONE if i == 0 else speakers[i - 1] == flip.speaker,
        "answered by flipper": _NONE if i == target else speakers[i + 1] == flip.speaker,
        "first said": own[0] == i,
        "num said after": sum(j > i for j in own),
        "last said to target": own[-1] == i,
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
    indices = {"": i, "previous ": i - 1, "next ": i + 1, "target ": target, "before target ": target - 1}
    row = {
        f"{prefix}{name}": value
        for prefix, j in indices.items()
        for name, value in (_text_features(utterances[j]) if 0 <= j <= target else _NO_TEXT).items()
    }
    return row | {
        "names flipper": _mentions(utterances[i], utterances[target].speaker),
        "is named by target": _mentions(utterances[target], utterances[i].speaker),
    }


def _text_features(utterance: Utterance) -> dict[str, float]:
    text = utterance.text
    return {
        "num words": math.log1p(len(text.split())),
        "num questions": text.count("?"),
        "num exclamations": text.count("!"),
        "num dots": text.count("...") + text.count("…"),
        "ends": float(".?!".find(text.rstrip()[-1:]) if text.strip() else _NONE),
        "num capitals": sum(word.isupper() and len(word) > 1 for word in text.split()),
    }


_NO_TEXT = dict.fromkeys(_text_features(Utterance("nobody", "")), _NONE)


def _mentions(utterance: Utterance, speaker: str) -> float:
    first = speaker.split()[0].lower()
    return float(first in re.findall(r"\w+", utterance.text.lower()))
