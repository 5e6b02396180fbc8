"""Damages transcript files at random, the same way for the same seed: what a reader must survive."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

# Pieces that mean something in one format or another, and characters that trouble parsers.
PIECES: Sequence[bytes] = (
    *(b"\n", b"\n\n", b"\r\n", b": ", b"-->", b"00:00:01,000 --> 00:00:02,000", b"WEBVTT\n\n", b"{", b"}", b"[", b"]"),
    *(b'"', b"\\", b",", b";", b"\t", b"<v Ana>", b"</v>", b"<tt>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"\0"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\x8e", b"\xf0\x9f\x98\x80", b"NaN", b"null", b"1e999", b"-1", b"[00:01]"),
    *(b"12/31/24, 11:59 PM - ", b"*CHI:\t", b"{\\rtf1 ", b">> ", b"- ", b"(laughs)", b"#", b"|", b"1" * 400),
)
SUFFIXES = (".txt", ".json", ".jsonl", ".csv", ".tsv", ".vtt", ".srt", ".md", ".cha", ".eaf", ".ass", ".html", "")


class Mutated(NamedTuple):
    """A damaged file: its bytes and a suffix, which may be another format's."""

    data: bytes
    suffix: str


def mutate(seeds: Sequence[tuple[bytes, str]], number: int, seed: int = 0) -> Iterator[Mutated]:
    """`number` damaged files, each made of one or two of the seeds (content and suffix) by one to four changes."""
    draw = random.Random(seed)
    for _ in range(number):
        data, suffix = draw.choice(seeds)
        for _ in range(draw.randint(1, 4)):
            data = draw.choice(_CHANGES)(data, draw, seeds)
        yield Mutated(data, draw.choice(SUFFIXES) if draw.random() < 0.15 else suffix)


_Change = Callable[[bytes, random.Random, Sequence[tuple[bytes, str]]], bytes]


def _insert(data: bytes, draw: random.Random, seeds: Sequence[tuple[bytes, str]]) -> bytes:
    place = draw.randint(0, len(data))
    return data[:place] + draw.choice(PIECES) * draw.choice((1, 1, 1, 2, 50)) + data[place:]


def _delete(data: bytes, draw: random.Random, seeds: Sequence[tuple[bytes, str]]) -> bytes:
    place = draw.randint(0, len(data))
    return data[:place] + data[place + draw.choice((1, 2, 10, 100)) :]


def _flip(data: bytes, draw: random.Random, seeds: Sequence[tuple[bytes, str]]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(draw.choice((1, 3, 10))):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _truncate(data: bytes, draw: random.Random, seeds: Sequence[tuple[bytes, str]]) -> bytes:
    return data[: draw.randint(0, len(data))]


def _repeat(data: bytes, draw: random.Random, seeds: Sequence[tuple[bytes, str]]) -> bytes:
    start, length = draw.randint(0, len(data)), draw.choice((1, 20, 200))
    return data[:start] + data[start : start + length] * draw.choice((2, 20, 200)) + data[start:]


def _splice(data: bytes, draw: random.Random, seeds: Sequence[tuple[bytes, str]]) -> bytes:
    other, _ = draw.choice(seeds)
    return data[: draw.randint(0, len(data))] + other[draw.randint(0, len(other)) :]


def _shuffle_lines(data: bytes, draw: random.Random, seeds: Sequence[tuple[bytes, str]]) -> bytes:
    lines = data.split(b"\n")
    draw.shuffle(lines)
    return b"\n".join(lines)


_CHANGES: Sequence[_Change] = (_insert, _insert, _delete, _flip, _truncate, _repeat, _splice, _shuffle_lines)
