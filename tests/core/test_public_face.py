"""What users import from the package itself."""

from __future__ import annotations

import importlib

import fliptrace
from fliptrace.core.errors import InputError


def test_every_public_name_is_there() -> None:
    assert len(fliptrace.__all__) >= 12
    assert [name for name in fliptrace.__all__ if not hasattr(fliptrace, name)] == []


def test_errors_are_caught_under_their_old_module_too() -> None:
    assert importlib.import_module("fliptrace.errors").InputError is InputError is fliptrace.InputError
