"""Generated requests, sensible and senseless, to every route: no answer is a bug, all are as OpenAPI describes them.

FLIPTRACE_NUM_REQUESTS says how many in all; `make fuzz-serve` sends 5,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from services import TABLE, inline_service, listening, new_job

from fliptrace.server.service import Service
from fliptrace.server.web.app import make_api

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

ENDLESS = "/api/v1/events"  # ends when the service does
OPERATIONS = [
    (path, method)
    for path, described in make_api(cast(Service, None)).openapi()["paths"].items()
    for method in described
    if path != ENDLESS
]
NUM_REQUESTS = int(os.environ.get("FLIPTRACE_NUM_REQUESTS", "300"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with inline_service(tmp_path_factory.mktemp("data"), is_eager=True) as service:
        yield service


@pytest.fixture(scope="module")
def api(service: Service) -> Iterator[Any]:
    """The description that a running service gives of itself."""
    with listening(service) as url:
        yield schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")


def requests(operation: Any, ids: list[str]) -> st.SearchStrategy[Any]:
    """Requests that fit their description or not, whose ids are those of jobs or not."""
    modes = list(schemathesis.GenerationMode)
    of_jobs = st.sampled_from(ids).map(lambda id: {"id": id}) if "{id}" in operation.path else st.nothing()
    chosen = st.tuples(st.sampled_from(modes), st.none() | of_jobs)
    return chosen.flatmap(lambda choice: operation.as_strategy(choice[0], path_parameters=choice[1]))


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_described(path: str, method: str, api: Any, service: Service) -> None:
    ids = [service.store.submit(new_job(TABLE), 4, 1_000).job.id for _ in range(2)]
    service.supervisor.run_all()  # type: ignore[attr-defined]

    @settings(
        max_examples=max(1, NUM_REQUESTS // len(OPERATIONS)),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests(api[path][method], ids))
    def check(case: Any) -> None:
        # What fits its description may still make no sense, such as a flip between equal emotions: that is a 422.
        case.call_and_validate(excluded_checks=[checks.positive_data_acceptance])

    check()
