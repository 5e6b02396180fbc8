"""Odd values for a place in JSON (tools/attack/places.py), for tests of what reads JSON from outside."""

from __future__ import annotations

from typing import Any

ODD: tuple[Any, ...] = (
    *(None, [], {}, "", 0, -1, 1.5, True, "x", 10**30, 1e308, "\ud800", "a" * 5000, [[]], [{}], [None]),
    *({"a": []}, {"type": []}, {"role": []}, {"name": 1}, {"enum": 3}),
)
