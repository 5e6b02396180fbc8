"""A build without the models that ship says so, and where it expected them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.models import bundled
from fliptrace.models.open_model import open_model


@pytest.mark.parametrize(
    ("ref", "name", "message"),
    [
        ("embedded", "EMBEDDED", "this fliptrace was built without weights; expected them in .*nothing"),
        ("smol", "SMOL", "this fliptrace was built without its adapter; expected it in .*nothing"),
    ],
)
def test_a_build_without_a_model_says_so(
    ref: str, name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundled, name, tmp_path / "nothing")
    with pytest.raises(InputError, match=f"{ref}: {message}"):
        open_model(ref)


def test_a_folder_without_graphs_is_no_embedded_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds neither an encoder model nor an exported decoder"):
        open_model(f"embedded:{tmp_path}")
