"""Looks at a model on the Hub before its weights are downloaded: whether it is there, and whether they can be loaded.

Only names, sizes and headers of files are asked for. Nothing is downloaded here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fliptrace.core.errors import InputError
from fliptrace.models.local.weight_files import check_weights

# The files of a model itself; folders beside them hold other formats.
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
_TIMEOUT_SECONDS = 10
_WEIGHTS = re.compile(r"model[^/]*\.safetensors")
_PART = re.compile(r"(?P<stem>.*)-\d{5}-of-(?P<num_parts>\d{5})\.safetensors")
_OTHER_FORMATS = {".bin": "pickles, which can run code when loaded", ".gguf": "GGUF", ".h5": "HDF5", ".msgpack": "Flax"}


def why_not_on_hub(ref: str) -> str | None:
    """Why the Hub does not give a model, in one line; None if it does.

    Asked first, because without a network loading would retry for most of a minute.
    """
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(ref, timeout=_TIMEOUT_SECONDS)
    except Exception as error:  # whatever its HTTP client raises: the client changed with huggingface_hub 1 and 2
        return first_line(error)
    return None


def check_hub_weights(ref: str) -> None:
    """InputError if the weights of a model on the Hub are missing, no safetensors, or damaged, as far as headers tell.

    Of a model in the Hub's cache, the files there are checked instead.
    """
    cached = _cached(ref)
    if cached is not None:
        check_weights(cached, "model")
        return
    files = _list_files(ref)
    weights = sorted(name for name in files if _WEIGHTS.fullmatch(name))
    if not weights:
        raise InputError(ref, f"has no weights as safetensors on the Hub{_found_instead(files)}; nothing is downloaded")
    for name in _missing_parts(weights):
        raise InputError(ref, f"lacks {name} on the Hub; nothing is downloaded")
    for name in weights:
        _check_header(ref, name, files[name])


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _cached(ref: str) -> Path | None:
    """The folder of the Hub's cache that has weights of a model, or None."""
    from huggingface_hub import try_to_load_from_cache

    for name in ("model.safetensors.index.json", "model.safetensors"):
        found = try_to_load_from_cache(ref, name)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _list_files(ref: str) -> Mapping[str, int]:
    """The size of every file by its name, in bytes; 0 where the Hub does not tell it."""
    from huggingface_hub import HfApi

    try:
        found = HfApi().model_info(ref, timeout=_TIMEOUT_SECONDS, files_metadata=True).siblings
    except Exception as error:  # as above
        raise InputError(
            ref, f"its weights are not here, and the Hub does not list them: {first_line(error)}"
        ) from error
    return {file.rfilename: file.size or 0 for file in found or ()}


def _check_header(ref: str, name: str, size: int) -> None:
    """InputError if a file does not begin with a header of safetensors, or is shorter than its header says."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import SafetensorsParsingError

    try:
        tensors = HfApi().parse_safetensors_file_metadata(ref, name).tensors
    except SafetensorsParsingError:
        raise InputError(
            ref, f"{name} on the Hub has no safetensors header (a Git LFS pointer, perhaps); nothing is downloaded"
        ) from None
    except Exception as error:  # as above
        raise InputError(ref, f"{name} on the Hub cannot be looked at: {first_line(error)}") from error
    expected = max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
    if size and size < expected:
        raise InputError(
            ref,
            f"{name} on the Hub has {size:,} bytes; expected over {expected:,} by its header; nothing is downloaded",
        )


def _missing_parts(weights: list[str]) -> Iterator[str]:
    """The names of the parts that are missing of weights in several files."""
    for name in weights:
        part = _PART.fullmatch(name)
        if part:
            num_parts = int(part["num_parts"])
            names = (f"{part['stem']}-{i + 1:05}-of-{num_parts:05}.safetensors" for i in range(num_parts))
            yield from (each for each in names if each not in weights)


def _found_instead(files: Mapping[str, int]) -> str:
    found = sorted({told for suffix, told in _OTHER_FORMATS.items() if any(name.endswith(suffix) for name in files)})
    return f", only {' and '.join(found)}" if found else ""
