"""The colour and the short code of each emotion on the page. The code is for readers who cannot rely on colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Names of colours in templates/page.css. Similar emotions of different sets share a colour.
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
FREE_HUES = ("red", "blue", "amber", "violet", "teal", "plum", "green", "orange")  # for labels that are not in HUES


@dataclass(frozen=True, slots=True)
class Sign:
    """How the page marks an emotion. `hue` names a colour; `code` is a prefix of the label that no other label has."""

    label: str
    code: str
    hue: str


def emotion_palette(labels: Sequence[str]) -> dict[str, Sign]:
    """Make a sign for every label of an emotion set. In most sets two letters suffice for a code.

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
    """Return the shortest prefix, of at least two letters, that no other label has; if there is none, the whole label.

    >>> _code("sad", ("sad", "sadness")), _code("sadness", ("sad", "sadness"))
    ('Sad', 'Sadn')
    """
    for length in range(2, len(label)):
        if not any(other != label and other[:length] == label[:length] for other in labels):
            return label[:length].capitalize()
    return label.capitalize()
