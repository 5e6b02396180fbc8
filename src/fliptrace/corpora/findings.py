"""Findings of reading a corpus file: errors, and warnings about quirks that were repaired.

A reader writes its findings to a `FindingLog`. The `read_*` functions raise the first error; `doctor` shows everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from fliptrace.core.errors import InputError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One error or warning. `where` is "case 17", "dialogue 3", "line 12", or "" for the file as a whole.

    `kind` is a short name that is stable across versions. A quirk, or an error with the same message, is reported once
    per file, at the first place where it occurs; `num_places` is the number of its places. Cases, dialogues and
    utterances count from 0, lines from 1.

    >>> print(Finding("error", "MaSaC_val_efr.json", "case 17", "unequal-lists", "12 utterances but 11 triggers"))
    MaSaC_val_efr.json case 17: 12 utterances but 11 triggers
    """

    severity: Severity
    file: str
    where: str
    kind: str
    message: str
    num_places: int = 1

    @property
    def place(self) -> str:
        return f"{self.file} {self.where}".strip()

    def __str__(self) -> str:
        more = f" (and in {self.num_places - 1:,} more places)" if self.num_places > 1 else ""
        return f"{self.place}: {self.message}{more}"

    def to_json(self) -> dict[str, object]:
        return {
            "severity": self.severity,
            "file": self.file,
            "where": self.where,
            "kind": self.kind,
            "message": self.message,
            "num_places": self.num_places,
        }


@dataclass(slots=True)
class FindingLog:
    """Collects the findings of one file while it is read."""

    file: str
    _errors: dict[tuple[str, str], Finding] = field(default_factory=dict)
    _warnings: dict[str, Finding] = field(default_factory=dict)
    _first_forms: dict[str, str] = field(default_factory=dict)

    def error(self, where: str, kind: str, message: str) -> None:
        """Log an error. Of errors with the same message the first is kept, and further ones are counted."""
        first = self._errors.get((kind, message))
        found = Finding("error", self.file, where, kind, message)
        self._errors[kind, message] = replace(first, num_places=first.num_places + 1) if first else found

    def warn(self, where: str, kind: str, message: str) -> None:
        """Log a repaired quirk. Only the first place of each kind is kept; further ones are counted."""
        first = self._warnings.get(kind)
        if first is None:
            self._warnings[kind] = Finding("warning", self.file, where, kind, message)
        else:
            self._warnings[kind] = replace(first, num_places=first.num_places + 1)

    def saw(self, where: str, kind: str, value: str, form: str) -> None:
        """Log a warning if the same value was written differently earlier in the file."""
        first = self._first_forms.setdefault(f"{kind} {value}", form)
        if form != first:
            self.warn(where, kind, f"{form} here, {first} before, both read as {value}")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The errors in the order in which they occurred, then the warnings."""
        return (*self._errors.values(), *self._warnings.values())


def raise_first_error(findings: Iterable[Finding]) -> None:
    """Raise an InputError for the first error among the findings, if any."""
    for finding in findings:
        if finding.severity == "error":
            raise InputError(finding.place, finding.message)
