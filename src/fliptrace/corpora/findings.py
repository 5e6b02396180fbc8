"""What reading a corpus file brings to light: errors, and quirks that were repaired on the way.

Not the reading itself. A reader writes into a `FindingLog`; reading for use stops at the first error, `doctor` shows
them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from fliptrace.core.errors import InputError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a file. `where` is "case 17", "dialogue 3", "line 12" or "" for the file as a whole.

    `kind` is a short name that stays the same from version to version. A quirk is told once a file, at the first
    place it was seen; `num_places` says how many there were. Cases and dialogues count from 0, lines from 1.

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
    _errors: list[Finding] = field(default_factory=list)
    _warnings: dict[str, Finding] = field(default_factory=dict)
    _first_forms: dict[str, str] = field(default_factory=dict)

    def error(self, where: str, kind: str, message: str) -> None:
        self._errors.append(Finding("error", self.file, where, kind, message))

    def warn(self, where: str, kind: str, message: str) -> None:
        """Tell of a repaired quirk; only the first place of a kind is kept, the others are counted."""
        first = self._warnings.get(kind)
        if first is None:
            self._warnings[kind] = Finding("warning", self.file, where, kind, message)
        else:
            self._warnings[kind] = replace(first, num_places=first.num_places + 1)

    def saw(self, where: str, kind: str, value: str, form: str) -> None:
        """Tell where one value is written in a second way within the file."""
        first = self._first_forms.setdefault(f"{kind} {value}", form)
        if form != first:
            self.warn(where, kind, f"{form} here, {first} before, both read as {value}")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Errors in the order met, then the warnings."""
        return (*self._errors, *self._warnings.values())


def raise_first_error(findings: Iterable[Finding]) -> None:
    """InputError for the first error among the findings; nothing where there is none."""
    for finding in findings:
        if finding.severity == "error":
            raise InputError(finding.place, finding.message)
