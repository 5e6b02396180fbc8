"""Checks that the optional dependencies of a command are installed, before it does anything."""

from __future__ import annotations

from importlib.util import find_spec

from fliptrace.core.errors import MissingExtra


def require(command: str, extra: str, *modules: str) -> None:
    """MissingExtra, which names the extra to install, if any of the modules is missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtra(f"fliptrace {command}", extra, " and ".join(missing))
