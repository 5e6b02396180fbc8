"""Checks of safetensors files before they are loaded: whether they are whole, and whether an adapter fits its base.

Only headers are read. Format: https://huggingface.co/docs/safetensors (8 bytes of length, a JSON header, the data).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.core.files import open_input, read_json

_LFS_POINTER = b"version https://git-lfs"  # https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_NUM_LENGTH_BYTES = 8
_ADAPTER_PREFIX = "base_model.model."


def check_weights(folder: Path, stem: str) -> None:
    """InputError if the weights of a folder are missing or damaged. `stem` is "model" or "adapter_model"."""
    index = folder / f"{stem}.safetensors.index.json"
    if index.is_file():
        named = read_json(index).get("weight_map", {})
        for name in sorted(set(named.values())):
            if not (folder / name).is_file():
                raise InputError(folder / name, f"no such file, but {index.name} names it")
    files = sorted(folder.glob(f"{stem}*.safetensors"))
    if not files:
        raise InputError(folder, f"has no weights; expected {stem}.safetensors, or its parts and their index")
    for file in files:
        read_header(file)


def read_header(file: Path) -> Mapping[str, Any]:
    """The shape, dtype and place of every tensor of a file; InputError if the file is damaged."""
    size = file.stat().st_size
    with open_input(file) as stream:
        start = stream.read(len(_LFS_POINTER))
        if start == _LFS_POINTER:
            raise InputError(file, "a Git LFS pointer, not the weights; fetch them with `git lfs pull`")
        num_bytes = int.from_bytes(start[:_NUM_LENGTH_BYTES], "little")
        if len(start) < _NUM_LENGTH_BYTES or num_bytes > size - _NUM_LENGTH_BYTES:
            raise InputError(file, f"{size:,} bytes, which end within the header; expected a whole safetensors file")
        stream.seek(_NUM_LENGTH_BYTES)
        text = stream.read(num_bytes)
    try:
        header = json.loads(text)
        tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
        end = max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise InputError(file, f"no safetensors header: {error}") from None
    expected = _NUM_LENGTH_BYTES + num_bytes + end
    if size != expected:
        raise InputError(file, f"{size:,} bytes; expected {expected:,} by its header, so it was cut off or changed")
    return tensors


def check_adapter(folder: Path, base: Any, base_ref: str) -> None:
    """InputError if the weights of an adapter do not fit a base, given as a model on the meta device."""
    tensors = {name: tensor for file in sorted(folder.glob("adapter_model*.safetensors"))
               for name, tensor in read_header(file).items()}  # fmt: skip
    shapes = {name: tuple(parameter.shape) for name, parameter in base.named_parameters(remove_duplicate=False)}
    num_found = 0
    for name, tensor in tensors.items():
        place, _, kind = name.removeprefix(_ADAPTER_PREFIX).partition(".lora_")
        weight = f"{place}.weight" if kind else place
        if weight not in shapes:
            continue
        num_found += 1
        here, there = tuple(tensor["shape"]), shapes[weight]
        if not _fits(kind, here, there):
            raise InputError(
                folder,
                f"does not fit its base {base_ref}: {name} is {_times(here)}, but {weight} of the base is "
                f"{_times(there)}; expected the base that it was trained on, with the same vocabulary",
            )
    inside = next((name for name in tensors if ".lora_" in name), None)
    if inside and not num_found:
        raise InputError(
            folder,
            f"does not fit its base {base_ref}, which has no weight for {inside}; expected the base that it was "
            "trained on",
        )


def _fits(kind: str, here: tuple[int, ...], there: tuple[int, ...]) -> bool:
    """Whether a tensor of an adapter fits a weight. Of LoRA's two factors, either may have either of its sizes.

    Embeddings and GPT-2's layers are stored transposed, and `lora_embedding_A` has the vocabulary in its columns.
    """
    if not kind:
        return here == there
    if len(here) != 2 or len(there) != 2:
        return True  # DoRA's magnitudes; experts with a dimension of their own
    outer = here[1] if kind.startswith(("A", "embedding_A")) else here[0]
    return outer in there


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape)
