"""What tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # on a busy machine the time of one example says nothing
settings.load_profile("no deadline")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models gain nothing from threads, and lose much on a busy machine


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than processors, since some tests wait for others."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium for the tests of a file; they skip without it, or without Playwright."""
    from browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real corpora: $FLIPTRACE_DATA, or shared/data beside the repository. Without it the test skips."""
    named = os.environ.get("FLIPTRACE_DATA")
    root = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"no corpora at {root}; set FLIPTRACE_DATA to their folder")
    return root


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Tiny files in the forms of the real corpora, their sentences written for this project."""
    return Path(__file__).parent / "fixtures"
