"""Detect the format of a corpus file from its content, and read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_text
from fliptrace.corpora.catalog import CATALOG
from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.efr import read_efr, scan_efr
from fliptrace.corpora.emorynlp import scan_emorynlp
from fliptrace.corpora.entries import is_case_table, is_parquet, json_entries, parquet_entries
from fliptrace.corpora.findings import Finding, raise_first_error
from fliptrace.corpora.goemotions import scan_goemotions
from fliptrace.corpora.masac_erc import scan_masac_erc
from fliptrace.corpora.meld_erc import scan_meld_erc
from fliptrace.corpora.reccon import has_reccon_form, read_reccon, scan_reccon

Form = Literal["efr", "masac-erc", "meld-erc", "emorynlp", "goemotions", "reccon"]

SCANNERS: Mapping[Form, Callable[[Path], EfrFile | ErcFile]] = {
    "efr": scan_efr,
    "masac-erc": scan_masac_erc,
    "meld-erc": scan_meld_erc,
    "emorynlp": scan_emorynlp,
    "goemotions": scan_goemotions,
    "reccon": scan_reccon,
}


def read_corpus(path: Path) -> EfrFile | ErcFile:
    """Read the cases or dialogues of a file in any known format; InputError at the first error."""
    file = scan_corpus(path)
    raise_first_error(file.findings)
    return file


def read_flip_cases(path: Path, *, to_train: bool = False) -> EfrFile:
    """Read the flip cases of a file in EFR or RECCON format. A file that is not RECCON's is read as EFR.

    With `to_train`, InputError for a corpus that is for evaluation only.
    """
    file = read_reccon(path) if detect_form(path) == "reccon" else read_efr(path)
    data_set = CATALOG.get(file.cases[0].dialogue.corpus) if file.cases else None
    if to_train and data_set is not None and data_set.is_evaluation_only:
        raise InputError(path, f"{data_set.name} is for evaluation only: {data_set.licence}")
    return file


def scan_corpus(path: Path) -> EfrFile | ErcFile:
    """Like `read_corpus`, but errors, including an unknown format, become findings."""
    form = detect_form(path)
    if form is None:
        known = (
            "EFR or ERC as JSON, JSONL or Parquet, EFR as CSV, RECCON's JSON, MELD or EmoryNLP as CSV, GoEmotions as "
            "TSV (docs/data.md)"
        )
        return ErcFile(path, (), (Finding("error", path.name, "", "unknown-form", f"expected {known}"),))
    return SCANNERS[form](path)


def detect_form(path: Path) -> Form | None:
    """Detect the format of a file; None if it is unknown.

    The format of an unreadable file is guessed from its name, so that its reader can report the error.
    """
    try:
        if is_parquet(path):
            return _form_of(parquet_entries(path), path)
        text = read_text(path)
    except InputError:
        return _form_by_name(path)
    if text.lstrip()[:1] in ("[", "{"):
        return _json_form(path, text)
    header = text.split("\n", 1)[0]
    if "Utterance" in header and "Scene_ID" in header:
        return "emorynlp"
    if "Utterance" in header and "Dialogue_ID" in header:
        return "meld-erc"
    if is_case_table(header):
        return "efr"
    return "goemotions" if header.count("\t") == 2 else _form_by_name(path)


def _json_form(path: Path, text: str) -> Form | None:
    try:
        entries = json_entries(text, path)
    except InputError:
        return _form_by_name(path)
    if isinstance(entries, dict):
        return "reccon" if has_reccon_form(entries) else None
    return _form_of(entries, path)


def _form_of(entries: Sequence[Any], path: Path) -> Form | None:
    first: dict[str, Any] = next((entry for entry in entries if isinstance(entry, dict)), {})
    if "triggers" in first or ("labels" in first and "emotions" in first):
        return "efr"
    if "labels" in first:
        return "masac-erc"
    return _form_by_name(path) if "emotions" in first or not first else "masac-erc"


def _form_by_name(path: Path) -> Form | None:
    """Guess the format from the file name; without labels, only the name tells an EFR case from a whole dialogue."""
    if path.suffix in (".json", ".jsonl", ".parquet"):
        return "efr" if "efr" in path.stem.casefold() else "masac-erc"
    if path.suffix == ".csv":
        return "meld-erc"
    return "goemotions" if path.suffix == ".tsv" else None
