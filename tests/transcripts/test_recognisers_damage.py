"""Damaged recogniser files give a transcript or an InputError, never another exception, in linear time."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.recognisers import READERS
from tests.transcripts import test_recognisers_clouds, test_recognisers_meetings

FILES = {
    f"{module.__name__.rpartition('_')[2]} {name}": value
    for module in (test_recognisers_clouds, test_recognisers_meetings)
    for name, value in vars(module).items()
    if name.isupper() and name not in ("NAMED", "UNNAMED", "NUMBERED", "TWO", "LETTERS", "CALL")
    if isinstance(value, dict | list)
}
DAMAGE: tuple[Any, ...] = (
    None,
    7,
    -1.5,
    10**400,
    True,
    "",
    "x",
    "1e999",
    "\ud800",
    [],
    {},
    [None],
    [[]],
    [7],
    {"text": 1},
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every object or list in a value with each of its keys."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in pairs:
        yield value, key
        yield from places(child)


def damaged(value: Any, random_numbers: random.Random) -> Any:
    value = copy.deepcopy(value)
    for _ in range(random_numbers.choice((1, 1, 2, 5))):
        holder, key = random_numbers.choice(list(places(value)))
        holder[key] = copy.deepcopy(random_numbers.choice(DAMAGE))
    return value


def test_every_format_is_damaged() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("name", FILES)
def test_damage_is_an_input_error_at_worst(tmp_path: Path, name: str) -> None:
    random_numbers = random.Random(name)
    path = tmp_path / "talk.json"
    for _ in range(20):
        path.write_text(json.dumps(damaged(FILES[name], random_numbers)), encoding="utf-8")
        for format in (None, random_numbers.choice(READERS).name):
            try:
                transcript = read_transcript(path, format=format)
            except InputError as error:
                assert str(error).startswith("talk.json")
            else:
                assert all(u.text and u.speaker for u in transcript.dialogue.utterances)
