"""What can be wrong with what a user gives us. Bugs of our own are plain AssertionErrors."""

from __future__ import annotations

from typing import Any


class InputError(ValueError):
    """Bad input: the message names the place, what was found and what was wanted.

    >>> str(InputError("val.json case 17", "12 utterances but 11 triggers"))
    'val.json case 17: 12 utterances but 11 triggers'
    """

    def __init__(self, place: object, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = str(place)

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors reach us from other processes too."""
        return _restore, (type(self), *self.args, self.place)


class RunError(InputError):
    """A run cannot start or go on as it stands: another recipe, a damaged folder, nothing to train on."""


class MissingExtra(InputError):
    """A command needs packages that the core install does not bring."""

    def __init__(self, command: str, extra: str, missing: str) -> None:
        super().__init__(command, f"needs {missing}; install it with: pip install 'fliptrace[{extra}]'")


def _restore(kind: type[InputError], text: str, place: str) -> InputError:
    error = kind.__new__(kind)
    error.args, error.place = (text,), place
    return error
