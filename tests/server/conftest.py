"""What the tests of the service share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services import client_of, inline_service
from starlette.testclient import TestClient

from fliptrace.server.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service whose jobs run when a test calls `service.supervisor.run_all()`."""
    with inline_service(tmp_path / "data") as service:
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with client_of(service) as client:
        yield client
