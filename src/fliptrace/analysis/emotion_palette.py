"""How a page tells emotions apart: a colour each, and a short code for those who cannot go by the colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Names of colours in templates/page.css. Near relatives of different sets share one.
HUES: Mapping[str, str] = {
    "neutral": "grey",
    "anger": "red",
    "mad": "red",
    "contempt": "plum",
    "disgust": "green",
    "fear": "violet",
    "scared": "violet",
    "joy": "amber",
    "joyful": "amber",
    "peaceful": "teal",
    "powerful": "orange",
    "sadness": "blue",
    "sad": "blue",
    "surprise": "teal",
}
FREE_HUES = ("red", "blue", "amber", "violet", "teal", "plum", "green", "orange")  # for labels of no set we know


@dataclass(frozen=True, slots=True)
class Sign:
    """An emotion as a page marks it: `hue` names a colour, `code` is a beginning no other label shares."""

    label: str
    code: str
    hue: str


def emotion_palette(labels: Sequence[str]) -> dict[str, Sign]:
    """A sign for every label of an emotion set. Two letters tell most sets apart: sadness, surprise.

    >>> [sign.code for sign in emotion_palette(("joy", "neutral", "sadness", "surprise")).values()]
    ['Jo', 'Ne', 'Sa', 'Su']
    >>> [sign.code for sign in emotion_palette(("calm", "candid")).values()]
    ['Cal', 'Can']
    """
    taken = {HUES[label] for label in labels if label in HUES}
    free = [hue for hue in FREE_HUES if hue not in taken] or list(FREE_HUES)
    palette: dict[str, Sign] = {}
    num_unknown = 0
    for label in labels:
        hue = HUES.get(label)
        if hue is None:
            hue = free[num_unknown % len(free)]
            num_unknown += 1
        palette[label] = Sign(label, _code(label, labels), hue)
    return palette


def _code(label: str, labels: Sequence[str]) -> str:
    """The shortest beginning of two letters or more that no other label has; the whole label where it begins another.

    >>> _code("sad", ("sad", "sadness")), _code("sadness", ("sad", "sadness"))
    ('Sad', 'Sadn')
    """
    for length in range(2, len(label)):
        if not any(other != label and other[:length] == label[:length] for other in labels):
            return label[:length].capitalize()
    return label.capitalize()
