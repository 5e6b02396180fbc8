"""Exceptions for invalid user input. Internal bugs raise a plain AssertionError instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_MAX_MESSAGE = 1_500


class InputError(ValueError):
    """Invalid input. The message names the place, what was found and what was expected.

    What was found may be any length; a message is cut after 1,500 characters.

    >>> str(InputError("val.json case 17", "12 utterances but 11 triggers"))
    'val.json case 17: 12 utterances but 11 triggers'
    """

    def __init__(self, place: object, message: str) -> None:
        message = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]} …"
        super().__init__(f"{place}: {message}")
        self.place = str(place)

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling: errors are also passed between processes."""
        return _restore, (type(self), *self.args, self.place)


class RunError(InputError):
    """A run cannot start or resume: its recipe changed, its folder is damaged, or there is no training data."""


class MissingExtra(InputError):
    """A command needs packages that the core installation does not include."""

    def __init__(self, command: str, extra: str, missing: str) -> None:
        super().__init__(command, f"needs {missing}; install it with: pip install 'fliptrace[{extra}]'")


@contextmanager
def damage_named(place: object) -> Iterator[None]:
    """Turn errors that malformed content of our own files causes into a RunError that names the file or folder."""
    try:
        yield
    except InputError:
        raise
    except KeyError as error:
        raise RunError(place, f"no field {error.args[0]!r}: damaged, or not written by a run") from error
    except (TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError) as error:
        raise RunError(place, f"damaged, or not written by a run: {error}") from error


def _restore(kind: type[InputError], text: str, place: str) -> InputError:
    error = kind.__new__(kind)
    error.args, error.place = (text,), place
    return error
