"""The models that ship with fliptrace: where they lie, and an error where a build lacks one."""

from __future__ import annotations

from pathlib import Path

from fliptrace.core.errors import InputError
from fliptrace.models.checkpoints import DEFAULTS_FILE

_SHIPPED = Path(__file__).parents[1] / "embedded"
EMBEDDED = _SHIPPED / "reader"  # an encoder model; `python -m tools.reader.pack` makes it
SMOL = _SHIPPED / "smol"  # an adapter on SmolLM2-135M-Instruct; `python -m tools.smol.pack` makes it


def is_shipped(folder: Path) -> bool:
    """Whether this build has one of the folders above. It has either the whole folder or none."""
    return (folder / DEFAULTS_FILE).is_file()


def embedded_folder() -> Path:
    """The folder of the MODEL `embedded`; InputError if this build has no weights."""
    if not is_shipped(EMBEDDED):
        raise InputError(
            "embedded",
            f"this fliptrace was built without weights; expected them in {EMBEDDED}, or the folder of another model",
        )
    return EMBEDDED


def smol_folder() -> Path:
    """The folder of the adapter of the MODEL `smol`; InputError if this build has none."""
    if not is_shipped(SMOL):
        raise InputError("smol", f"this fliptrace was built without its adapter; expected it in {SMOL}")
    return SMOL
