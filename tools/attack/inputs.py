"""Hostile inputs, drawn by a seed: transcripts, corpora, recipes, prediction files, manifests, descriptions of models.

Each is a file as a stranger might send it. None is meant to be understood; each has to end in a result or one clear
error, in bounded time and memory (trials.py).
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fliptrace.core.files import read_jsonl, to_line
from fliptrace.report.run.toml_text import to_toml
from tools.attack.places import places, put

RECIPE = Path(__file__).parents[2] / "recipes" / "demo.toml"


class Attack(NamedTuple):
    """A file to try: what it is, its name and its content."""

    what: str
    name: str
    content: bytes


# The beginning of a file, and pieces that are repeated behind it: many small things of each format.
_OPENINGS: Mapping[str, tuple[str, ...]] = {
    "a.txt": ("", "Ana: hi\n", "Transcript\n\n"),
    "a.srt": ("", "1\n00:00:01,000 --> 00:00:02,000\n"),
    "a.vtt": ("WEBVTT\n\n", "WEBVTT\n\n00:01.000 --> 00:02.000\n", "WEBVTT\n\nSTYLE\n"),
    "a.json": ("[", '{"segments":[', '{"results":{"items":[', '[{"speaker":', '{"messages":[{"text":'),
    "a.jsonl": ("", '{"speaker":"A","text":"hi"}\n'),
    "a.csv": ("speaker,text\n", "speaker;text;start\n", "a,b\n", 'speaker,text\nA,"'),
    "a.ttml": ('<tt xmlns="http://www.w3.org/ns/ttml"><body><div>', "<transcript>"),
    "a.ass": ("[Events]\nFormat: Start, End, Name, Text\n",),
    "a.cha": ("@Begin\n",),
    "a.ctm": ("",),
    "a.TextGrid": (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n1\n"IntervalTier"\n"a"\n0\n1\n9\n',
    ),
    "a.rtf": ("{\\rtf1\\ansi ",),
    "a.html": ("<html><body>",),
}
_PIECES = (
    *(
        "a\n",
        "- a\n",
        "A: a\n",
        "Ana:\n",
        "Ana: [laughs]\n",
        "\n",
        " \n",
        ">> a\n",
        "{i}: {i}\n",
        "N{i}: hi\n",
        "a b\t",
    ),
    *(
        "{i}\n00:00:01,000 --> 00:00:02,000\n\n",
        "00:01.000 --> 00:02.000\nw{i}\n\n",
        "NOTE a\n\n",
        "[00:{i}] ",
        "♪ a ♪\n",
    ),
    *(
        "{{}},",
        "[],",
        "[",
        '{{"text":',
        "{{}}\n",
        '{{"text":""}},',
        '{{"speaker":"{i}","text":"a"}},',
        '{{"a{i}":{i}}}\n',
    ),
    *(",\n", "A,\n", "a,", '""', '"', ";=1+1\n", "<p begin='1s'/>", "<p begin='1s'>a</p>", "<span>", "<text>", "&amp;"),
    *(
        "Dialogue: 0:00:01.00,0:00:02.00,A{i},hi\n",
        "*ANA:\t.\n",
        "a 1 {i}.0 0.5 w\n",
        '0\n1\n"hi"\n',
        "{{a}}",
        "\\b ",
        "\\'e9",
    ),
    *(
        "1/2/23, 10:00 - A{i}: hi\n",
        "[10:00] <a{i}> hi\n",
        "9" * 400,
        "\u200b",
        "é",
        "\x00",
        "\U0001f44d",
        "(",
        "[",
        "<v A>",
    ),
)
# Values in places where another type is expected.
_ODD: tuple[Any, ...] = (
    *(None, [], {}, "", 0, -1, 1.5, True, "x", 10**30, 1e308, "\ud800", "a" * 5000, "../../x", "/etc/passwd", "a\nb"),
    *("\x1b[2J", "nan", [[]], [{}], [None], {"a": []}, {"type": []}, {"name": 1}, [1] * 1000),
)


def transcripts(draw: random.Random, max_bytes: int) -> Iterator[Attack]:
    """Files of one piece repeated, up to `max_bytes` long; half of them shorter than a hundredth of that."""
    while True:
        name = draw.choice(tuple(_OPENINGS))
        opening, piece = draw.choice(_OPENINGS[name]), draw.choice(_PIECES)
        size = int(max_bytes ** draw.uniform(0.5, 1.0))
        number = max(1, (size - len(opening)) // max(1, len(piece.format(i=99999).encode())))
        body = "".join(piece.format(i=i) for i in range(number)) if "{i}" in piece else piece.format(i=0) * number
        content = (opening + body + draw.choice(("", "\n", "]", "}", "]}", "</p>"))).encode()
        yield Attack(f"{opening[:30]!r} and {number:,} times {piece[:30]!r}", name, content[:max_bytes])


def recipes(draw: random.Random, max_bytes: int) -> Iterator[Attack]:
    """The demo recipe with an odd value, or TOML made to break its parser."""
    recipe = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    while True:
        if draw.random() < 0.1:
            piece = draw.choice(("a = [", "[", "[[a]]\n", "a.", "a = " + "9" * 5_000, '"""', "a = {a = "))
            content = piece.encode() * draw.choice((1, 2_000, 50_000))
            yield Attack(f"many times {piece[:20]!r}", "a.toml", content[:max_bytes])
            continue
        place, odd = _draw_place(draw, recipe), draw.choice(_ODD)
        try:
            text = to_toml(put(recipe, place, odd))
        except (TypeError, ValueError, AttributeError):  # what TOML cannot hold
            continue
        yield Attack(f"{odd!r:.40} in {place}", "a.toml", text.encode(errors="backslashreplace"))


def predictions(draw: random.Random, max_bytes: int, rows: Path) -> Iterator[Attack]:
    """A prediction file of which one row holds an odd value."""
    good = [row.value for row in read_jsonl(rows)]
    while True:
        number, odd = draw.randrange(len(good)), draw.choice(_ODD)
        place = _draw_place(draw, good[number])
        odd_rows = [put(row, place, odd) if i == number else row for i, row in enumerate(good)]
        text = "".join(to_line(row) if isinstance(row, dict) else f"{json.dumps(row)}\n" for row in odd_rows)
        yield Attack(f"{odd!r:.40} in {place} of row {number}", "p.jsonl", text.encode())


def objects(draw: random.Random, max_bytes: int, good: Any, name: str) -> Iterator[Attack]:
    """A JSON file, such as a manifest, that holds an odd value, or is cut, or nested deeply."""
    while True:
        kind = draw.random()
        if kind < 0.1:
            text = draw.choice(("[", '{"a":', "9", '"')) * draw.choice((1, 1_000, 100_000))
        else:
            place, odd = _draw_place(draw, good), draw.choice(_ODD)
            text = json.dumps(put(good, place, odd))
            text = text[: draw.randrange(len(text) + 1)] if kind < 0.3 else text
        yield Attack(f"{text[:60]!r}", name, text.encode())


Generator = Callable[[random.Random, int], Iterator[Attack]]


def _draw_place(draw: random.Random, value: Any) -> tuple[Any, ...]:
    """One of the places in a JSON value."""
    return draw.choice(list(places(value)))
