"""The overview over HTTP: a selection by ids or as the list filters, corrected where it is, as JSON and as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services import client_of, inline_service, submit, table
from starlette.testclient import TestClient

from fliptrace.server.service import Service
from fliptrace.server.web import overview as module

OVERVIEW = "/api/v1/overview"
TOKEN = "correct horse battery staple"
SEA = table(("Cy", "The tide", "joy"), ("Ana", "The rocks", "fear"), ("Cy", "The rocks", "fear"))


def run(service: Service) -> None:
    service.supervisor.run_all()  # type: ignore[attr-defined]


@pytest.fixture
def ids(client: TestClient, service: Service) -> list[str]:
    """Two conversations that are DONE, of two flips and of one, and one that FAILED."""
    found = [submit(client)["id"], submit(client, SEA, "sea.csv")["id"], submit(client, "Ana: Hi\nBo: So\n", "x.txt")]
    run(service)
    return [*found[:2], found[2]["id"]]


def asked(client: TestClient, query: str = "") -> dict[str, Any]:
    answer = client.get(f"{OVERVIEW}{query}")
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


def names(client: TestClient, query: str = "") -> list[str]:
    return [each["name"] for each in asked(client, query)["conversations"]]


def refused(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["message"])


def test_all_that_are_done_are_summed_up_the_newest_first(client: TestClient, ids: list[str]) -> None:
    found = asked(client)
    assert [each["id"] for each in found["conversations"]] == [ids[1], ids[0]]
    assert (found["num_conversations"], found["num_flips"], found["num_utterances"]) == (2, 3, 7)
    assert (found["num_corrected"], found["num_left_out"], found["next"]) == (0, 0, None)
    assert found["top_flip"] == {"before": "joy", "after": "fear", "num": 2}
    assert {each["name"]: each["num_conversations"] for each in found["speakers"]} == {"Ana": 2, "Bo": 1, "Cy": 1}
    assert found["conversations"][0]["created_at"] == client.get(f"/api/v1/jobs/{ids[1]}").json()["created_at"]


def test_jobs_are_named_or_filtered_as_in_the_list(client: TestClient, ids: list[str]) -> None:
    assert names(client, f"?job={ids[0]}&job={ids[1]}&job={ids[0]}") == ["farm.csv", "sea.csv"]
    assert names(client, "?q=speaker:cy") == ["sea.csv"]
    assert names(client, "?model=itself") == []
    first = asked(client, "?limit=1")
    assert [each["name"] for each in first["conversations"]] == ["sea.csv"]
    assert names(client, f"?limit=1&before={first['next']}") == ["farm.csv"]
    found = asked(client, "?state=FAILED&state=DONE")
    assert (found["num_conversations"], found["num_left_out"]) == (2, 1)


def test_corrections_count(client: TestClient, ids: list[str]) -> None:
    removal = {"author": "Mia", "correction": {"kind": "flip", "target": 3, "is_flip": False}}
    assert client.post(f"/api/v1/jobs/{ids[0]}/corrections", json=removal).status_code == 201
    found = asked(client)
    assert (found["num_flips"], found["num_corrected"]) == (2, 1)
    assert [each["num_corrections"] for each in found["conversations"]] == [0, 1]
    assert client.post(f"/api/v1/jobs/{ids[0]}/corrections/1/undo").status_code == 200
    assert (asked(client)["num_flips"], asked(client)["num_corrected"]) == (3, 0)


def test_tables_are_downloaded(client: TestClient, ids: list[str]) -> None:
    answer = client.get(f"{OVERVIEW}.csv?q=tide")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="conversations.csv"'
    assert [row["name"] for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))] == ["sea.csv"]
    for kind, num in (("quarters", 4), ("speakers", 3), ("flips", 2), ("triggers", 3)):
        lines = client.get(f"{OVERVIEW}.csv?table={kind}").text.splitlines()
        assert len(lines) == num + 1, kind
    refused(client.get(f"{OVERVIEW}.csv?table=words"), 422, "invalid_request")


@pytest.mark.parametrize("path", [OVERVIEW, f"{OVERVIEW}.csv"])
def test_what_cannot_be_summed_up_is_a_clear_problem(
    client: TestClient, ids: list[str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(client.get(f"{path}?job=nothing"), 404, "not_found")
    assert "is FAILED; expected DONE" in refused(client.get(f"{path}?job={ids[2]}"), 409, "not_done")
    both = refused(client.get(f"{path}?job={ids[0]}&q=tide"), 422, "invalid_request")
    assert both == "both job and q; expected either jobs or a filter"
    assert "at most 200 items" in refused(client.get(f"{path}?{'&'.join(['job=x'] * 201)}"), 422, "invalid_request")
    assert "less than or equal to 200" in refused(client.get(f"{path}?limit=201"), 422, "invalid_request")
    refused(client.get(f"{path}?order=asc"), 422, "invalid_request")
    monkeypatch.setattr(module, "_MAX_UTTERANCES", 6)
    assert "7 utterances; expected at most 6" in refused(client.get(path), 413, "too_large")


def test_a_conversation_that_is_deleted_meanwhile_is_passed_over(
    client: TestClient, service: Service, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = service.store.document
    monkeypatch.setattr(type(service.store), "document", lambda _, id: None if id == ids[1] else document(id))
    assert names(client) == ["farm.csv"]


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service with a token, which it does not send."""
    with inline_service(tmp_path / "data", token=TOKEN) as service, client_of(service) as client:
        yield client


@pytest.mark.parametrize("path", [OVERVIEW, f"{OVERVIEW}.csv"])
def test_without_the_token_nothing_is_told(locked: TestClient, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        refused(locked.get(path, headers=headers), 401, "unauthorized")
    assert locked.get(path, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("path", [OVERVIEW, f"{OVERVIEW}.csv", "/overview"])
@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_pages_of_other_sites_cannot_read_it(client: TestClient, path: str, headers: dict[str, str]) -> None:
    refused(client.get(path, headers=headers), 403, "foreign_origin")
