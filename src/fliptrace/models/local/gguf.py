"""Reads a GGUF file, the format of llama.cpp, once into an ordinary Hugging Face folder: weights in bf16, tokenizer.

transformers does the reading. Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import shutil
import struct
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.core.files import hash_file, new_folder, open_input
from fliptrace.models.catalog import BaseRecord, models_dir

_MAGIC = b"GGUF"
# What the gguf package and transformers raise for a damaged file or for one that they do not know.
_UNREADABLE = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, NotImplementedError),
    struct.error,
)


def is_gguf(ref: str) -> bool:
    """Whether a reference to a model stands for a GGUF file. It need not exist.

    >>> is_gguf("models/SmolLM2.Q4_1.gguf"), is_gguf("runs/smol")
    (True, False)
    """
    return ref.lower().endswith(".gguf") and not Path(ref).expanduser().is_dir()


def open_gguf(path: Path) -> Path:
    """Return the Hugging Face folder of a GGUF file, which is written when the file is opened for the first time.

    It lies in the folder of models, named by the file's hash. InputError says why a file cannot be read.
    """
    require_magic(path)
    record = BaseRecord("", path.name, hash_once(path))
    return convert_gguf(path, models_dir() / "gguf" / record.sha256, record)


def convert_gguf(path: Path, folder: Path, record: BaseRecord) -> Path:
    """Write the Hugging Face folder of a GGUF file, with its record, unless it exists; return it.

    It appears complete or not at all. A second process waits for the first.
    """
    if (folder / "config.json").is_file():
        return folder
    require_gguf(str(path))
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "config.json").is_file():
            print(f"reading {path.name!r} once into {str(folder)!r}", file=sys.stderr)
            with new_folder(folder) as neighbour:
                _write_folder(path, neighbour)
                record.write(neighbour)
    return folder


def require_gguf(place: str) -> None:
    """MissingExtra if a package that reads GGUF files is missing."""
    missing = [package for package in ("torch", "transformers", "gguf") if find_spec(package) is None]
    if missing:
        raise MissingExtra(place, "train", " and ".join(missing))


def require_magic(path: Path) -> None:
    """InputError if a file does not begin as GGUF files do."""
    with open_input(path) as file:
        found = file.read(len(_MAGIC))
    if found != _MAGIC:
        raise InputError(path, f"begins with {found!r}; expected a GGUF file, which begins with {_MAGIC!r}")


def hash_once(path: Path) -> str:
    """Return the SHA-256 of a file. A process hashes a file again only if its size or time has changed."""
    status = path.stat()
    return _hash(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _hash(path: Path, size: int, mtime_ns: int) -> str:
    return hash_file(path)


def _write_folder(path: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # In a folder of its own, so that no config or tokenizer of another model beside it is read.
    with TemporaryDirectory() as alone:
        _link(path.resolve(), Path(alone) / path.name)
        how = {"gguf_file": path.name, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(alone, **how)
            model = AutoModelForCausalLM.from_pretrained(alone, dtype=torch.bfloat16, **how)
        except _UNREADABLE as error:
            raise InputError(path, _explain(path, error)) from error
    # The weights are no longer quantized. save_pretrained would refuse a model that says it is.
    model.is_quantized, model.hf_quantizer = False, None
    del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):  # written for their owner alone, but a folder of models may be shared
        shutil.copymode(folder / "config.json", weights)


def _explain(path: Path, error: Exception) -> str:
    """Say why transformers could not read a GGUF file. Asked only now, because reading the header takes seconds."""
    from gguf import GGUFReader
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    try:
        reader: Any = GGUFReader(path)
        architecture = str(reader.fields["general.architecture"].contents())
    except _UNREADABLE as damage:
        return f"cut off or damaged; expected a whole GGUF file ({damage})"
    if architecture not in GGUF_SUPPORTED_ARCHITECTURES:
        known = ", ".join(sorted(GGUF_SUPPORTED_ARCHITECTURES))
        return f"its architecture is {architecture!r}; expected one that transformers reads: {known}"
    return f"cannot be read by transformers ({str(error).strip().partition(chr(10))[0]})"


def _link(path: Path, link: Path) -> None:
    try:
        link.symlink_to(path)
    except OSError:  # Windows lets only some users make links
        shutil.copy(path, link)
