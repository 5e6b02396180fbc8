"""Corrections over HTTP: made, listed, taken back, exported; the result stays, and what cannot be is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from services import client_of, inline_service, submit, table
from starlette.testclient import TestClient
from typer.testing import CliRunner

from fliptrace.cli.main import app as command
from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.detect import read_corpus
from fliptrace.server.service import Service

JOBS = "/api/v1/jobs"
TOKEN = "correct horse battery staple"
CALM = {"kind": "emotion", "utterance": 2, "emotion": "neutral"}


def run(service: Service) -> None:
    service.supervisor.run_all()  # type: ignore[attr-defined]


@pytest.fixture
def job(client: TestClient, service: Service) -> str:
    """The address of a conversation that is DONE: Ana flips from joy to fear at 2, Bo from neutral to surprise at 3."""
    id = submit(client)["id"]
    run(service)
    return f"{JOBS}/{id}"


def correct(client: TestClient, job: str, correction: dict[str, Any], author: str = "Mia") -> dict[str, Any]:
    answer = client.post(f"{job}/corrections", json={"author": author, "correction": correction})
    assert answer.status_code == 201, answer.text
    value: dict[str, Any] = answer.json()
    return value


def refused(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["message"])


def flips(client: TestClient, job: str) -> list[tuple[int, str, str, list[int] | None]]:
    found = client.get(f"{job}/corrected").json()["flips"]
    return [(each["target"], each["before"], each["after"], each["triggers"]) for each in found]


FOUND = [(2, "joy", "fear", [1]), (3, "neutral", "surprise", [2])]


def test_a_correction_changes_the_corrected_conversation_and_not_the_result(client: TestClient, job: str) -> None:
    result = client.get(f"{job}/result").json()
    assert flips(client, job) == FOUND
    made = correct(client, job, CALM, "  Mia Öz ")
    assert (made["author"], made["correction"], made["undone_at"]) == ("Mia Öz", CALM, None)
    assert flips(client, job) == [(2, "joy", "neutral", [1]), FOUND[1]]
    correct(client, job, {"kind": "trigger", "target": 2, "utterance": 0, "is_trigger": True})
    correct(client, job, {"kind": "flip", "target": 3, "is_flip": False})
    assert flips(client, job) == [(2, "joy", "neutral", [0, 1])]
    assert client.get(f"{job}/result").json() == result
    corrected = client.get(f"{job}/corrected").json()
    assert corrected["num_corrections"] == 3
    assert [each["emotion"] for each in corrected["utterances"]] == ["joy", "neutral", "neutral", "surprise"]


def test_corrections_are_taken_back_one_after_the_other_and_stay_listed(client: TestClient, job: str) -> None:
    first = correct(client, job, CALM)
    second = correct(client, job, {"kind": "flip", "target": 3, "is_flip": False}, "Jo")
    message = refused(client.post(f"{job}/corrections/{first['number']}/undo"), 409, "not_the_last")
    assert message == f"correction {first['number']} is not the last one that stands; expected that one"
    undone = client.post(f"{job}/corrections/{second['number']}/undo").json()
    assert undone["undone_at"] is not None and undone["number"] == second["number"]
    refused(client.post(f"{job}/corrections/{second['number']}/undo"), 409, "not_the_last")
    assert client.post(f"{job}/corrections/{first['number']}/undo").status_code == 200
    assert flips(client, job) == FOUND
    listed = client.get(f"{job}/corrections").json()["corrections"]
    assert [(each["author"], each["undone_at"] is None) for each in listed] == [("Mia", False), ("Jo", False)]


@pytest.mark.parametrize(
    ("correction", "told"),
    [
        ({"kind": "emotion", "utterance": 4, "emotion": "joy"}, "utterance 4: not in the conversation"),
        ({"kind": "emotion", "utterance": 10**30, "emotion": "joy"}, "not in the conversation"),
        ({"kind": "emotion", "utterance": 0, "emotion": "zeal"}, "emotion 'zeal': unknown; expected one of anger"),
        ({"kind": "flip", "target": 1, "is_flip": True}, "the first utterance of its speaker"),
        ({"kind": "trigger", "target": 2, "utterance": 3, "is_trigger": True}, "comes after the flip"),
        ({"kind": "trigger", "target": 1, "utterance": 0, "is_trigger": True}, "there is none"),
    ],
)
def test_what_cannot_be_is_refused_and_not_kept(
    client: TestClient, job: str, correction: dict[str, Any], told: str
) -> None:
    answer = client.post(f"{job}/corrections", json={"author": "Mia", "correction": correction})
    assert told in refused(answer, 422, "correction_impossible")
    assert client.get(f"{job}/corrections").json() == {"corrections": []}


def test_a_flip_between_equal_emotions_is_refused(client: TestClient, job: str) -> None:
    correct(client, job, {"kind": "emotion", "utterance": 2, "emotion": "joy"})
    new = {"author": "Mia", "correction": {"kind": "flip", "target": 2, "is_flip": True}}
    assert "joy both there" in refused(client.post(f"{job}/corrections", json=new), 422, "correction_impossible")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"correction": CALM}, "body.author"),
        ({"author": "  ", "correction": CALM}, "body.author"),
        ({"author": "M" * 101, "correction": CALM}, "body.author"),
        ({"author": "M\u202eia", "correction": CALM}, "body.author"),
        ({"author": "M\nia", "correction": CALM}, "body.author"),
        ({"author": "Mia"}, "body.correction"),
        ({"author": "Mia", "correction": CALM | {"kind": "text"}}, "body.correction"),
        ({"author": "Mia", "correction": CALM | {"utterance": -1}}, "body.correction.emotion.utterance"),
        ({"author": "Mia", "correction": CALM | {"utterance": True}}, "body.correction.emotion.utterance"),
        ({"author": "Mia", "correction": CALM | {"text": "x"}}, "body.correction.emotion.text"),
        ({"author": "Mia", "correction": CALM, "number": 1}, "body.number"),
    ],
)
def test_a_request_that_makes_no_sense_names_the_field(
    client: TestClient, job: str, body: dict[str, Any], place: str
) -> None:
    told = refused(client.post(f"{job}/corrections", json=body), 422, "invalid_request")
    assert told.startswith(f"{place}: ")


def test_a_conversation_that_is_not_there_or_not_done_cannot_be_corrected(client: TestClient, service: Service) -> None:
    new = {"author": "Mia", "correction": CALM}
    for method, path in (
        ("GET", "/corrections"),
        ("POST", "/corrections"),
        ("POST", "/corrections/1/undo"),
        ("GET", "/corrected"),
    ):
        body = new if path == "/corrections" and method == "POST" else None
        refused(client.request(method, f"{JOBS}/nothing{path}", json=body), 404, "not_found")
    waiting = f"{JOBS}/{submit(client)['id']}"
    assert "is QUEUED; expected DONE" in refused(client.post(f"{waiting}/corrections", json=new), 409, "not_done")
    refused(client.get(f"{waiting}/corrected"), 409, "not_done")
    refused(client.post(f"{waiting}/corrections/1/undo"), 404, "not_found")
    for number in ("0", "x", str(2**64)):
        refused(client.post(f"{waiting}/corrections/{number}/undo"), 422, "invalid_request")


def test_corrections_go_with_their_conversation(client: TestClient, job: str) -> None:
    number = correct(client, job, CALM)["number"]
    assert client.delete(job).status_code == 204
    refused(client.get(f"{job}/corrections"), 404, "not_found")
    refused(client.post(f"{job}/corrections/{number}/undo"), 404, "not_found")
    refused(client.get("/api/v1/corrected/erc"), 409, "nothing_to_export")


def download(client: TestClient, folder: Path, path: str) -> Path:
    """The file of an export under the name that the service gives it."""
    answer = client.get(f"/api/v1/corrected/{path}")
    assert answer.status_code == 200, answer.text
    name = answer.headers["content-disposition"].removeprefix("attachment; filename*=UTF-8''")
    (folder / name).write_bytes(answer.content)
    return folder / name


def test_corrected_conversations_are_exported_for_the_readers_of_corpora(
    client: TestClient, service: Service, job: str, tmp_path: Path
) -> None:
    other = submit(client, table(("Cy", "The tide", "joy"), ("Cy", "The rocks", "fear")), "sea.csv")["id"]
    run(service)
    correct(client, job, CALM)
    correct(client, job, {"kind": "trigger", "target": 3, "utterance": 2, "is_trigger": False})
    id = job.rpartition("/")[2]
    path = download(client, tmp_path, "erc")
    assert path.name == "farm_erc.json"  # of the only one that has corrections
    erc = read_corpus(path)
    assert isinstance(erc, ErcFile)
    assert [dialogue.emotions for dialogue in erc.dialogues] == [("joy", "neutral", "neutral", "surprise")]
    path = download(client, tmp_path, f"efr?job={id}&job={other}&job={id}")
    assert path.name == "corrected_efr.json"
    efr = read_corpus(path)
    assert isinstance(efr, EfrFile)
    assert [(case.flip.target, case.triggers) for case in efr.cases] == [(2, {1}), (3, set()), (1, {0})]


def test_an_export_can_be_predicted_on_and_scored(client: TestClient, job: str, tmp_path: Path) -> None:
    correct(client, job, {"kind": "trigger", "target": 3, "utterance": 1, "is_trigger": True})
    path = download(client, tmp_path, "efr")
    runner, rows = CliRunner(), tmp_path / "p.jsonl"
    result = runner.invoke(command, ["predict", "rule:previous", str(path), "--out", str(rows)])
    assert result.exit_code == 0, result.output
    scores = json.loads(runner.invoke(command, ["score", str(rows), "--json"]).stdout)
    assert (scores["num_flips"], scores["trigger_f1"]) == (2, 0.8)  # of three triggers the rule names two


OWN = {"labels": ["calm", "tense", "upset"], "neutral": "calm", "map": {"worried": "tense"}}


def submit_own(client: TestClient, service: Service) -> str:
    """The id of a conversation with emotions of its own: Ana flips from calm to tense at 2."""
    text = table(("Ana", "The tide is low", "calm"), ("Bo", "Not for long", "upset"), ("Ana", "Oh", "worried"))
    id: str = submit(client, text, "sea.csv", options=json.dumps({"emotions": OWN}))["id"]
    run(service)
    return id


def test_an_export_with_emotions_of_ones_own_declares_them_to_readers(
    client: TestClient, service: Service, tmp_path: Path
) -> None:
    id = submit_own(client, service)
    correct(client, f"{JOBS}/{id}", {"kind": "emotion", "utterance": 1, "emotion": "tense"})
    archive = download(client, tmp_path, "erc")
    assert archive.name == "sea_erc.zip"
    with ZipFile(archive) as file:
        assert sorted(file.namelist()) == ["emotions.toml", "sea_erc.json"]
        file.extractall(tmp_path)
    erc = read_corpus(tmp_path / "sea_erc.json")
    assert isinstance(erc, ErcFile) and erc.findings == ()
    (dialogue,) = erc.dialogues
    assert dialogue.emotions == ("calm", "tense", "tense")
    assert (dialogue.emotion_set.labels, dialogue.emotion_set.neutral) == (("calm", "tense", "upset"), "calm")


def test_an_export_with_emotions_of_ones_own_can_be_predicted_on_and_scored(
    client: TestClient, service: Service, tmp_path: Path
) -> None:
    with ZipFile(download(client, tmp_path, f"efr?job={submit_own(client, service)}")) as file:
        file.extractall(tmp_path)
    runner, rows = CliRunner(), tmp_path / "p.jsonl"
    predict = ["predict", "rule:previous-or-self", str(tmp_path / "sea_efr.json"), "--out", str(rows)]
    result = runner.invoke(command, predict)
    assert result.exit_code == 0, result.output
    scores = json.loads(runner.invoke(command, ["score", str(rows), "--json"]).stdout)
    assert (scores["num_flips"], scores["trigger_f1"]) == (1, 1.0)


def test_conversations_with_different_emotions_are_not_one_file(client: TestClient, service: Service, job: str) -> None:
    ids = [submit_own(client, service), job.rpartition("/")[2]]
    answer = client.get("/api/v1/corrected/erc", params={"job": ids})
    assert "expected jobs with the same" in refused(answer, 409, "emotions_differ")


def test_an_export_of_what_is_not_there_is_refused(client: TestClient, service: Service) -> None:
    assert "no corrections" in refused(client.get("/api/v1/corrected/efr"), 409, "nothing_to_export")
    refused(client.get("/api/v1/corrected/csv"), 422, "invalid_request")
    refused(client.get("/api/v1/corrected/efr?job=nothing"), 404, "not_found")
    id = submit(client, table(("Cy", "The tide", "joy"), ("Cy", "The rocks", "joy")))["id"]
    refused(client.get(f"/api/v1/corrected/efr?job={id}"), 409, "not_done")
    run(service)
    assert "no flips" in refused(client.get(f"/api/v1/corrected/efr?job={id}"), 409, "nothing_to_export")
    many = "&".join(["job=x"] * 201)
    refused(client.get(f"/api/v1/corrected/efr?{many}"), 422, "invalid_request")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service with a token, which it does not send."""
    with inline_service(tmp_path / "data", token=TOKEN) as service, client_of(service) as client:
        yield client


REQUESTS = [
    ("GET", f"{JOBS}/x/corrections"),
    ("POST", f"{JOBS}/x/corrections"),
    ("POST", f"{JOBS}/x/corrections/1/undo"),
    ("GET", f"{JOBS}/x/corrected"),
    ("GET", "/api/v1/corrected/erc"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_without_the_token_nothing_is_told_or_changed(locked: TestClient, method: str, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        refused(locked.request(method, path, headers=headers), 401, "unauthorized")
    answer = locked.request(method, path, headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code in (404, 409, 422)


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_pages_of_other_sites_can_neither_read_nor_correct(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    refused(client.request(method, path, headers=headers), 403, "foreign_origin")


def test_a_form_of_another_program_cannot_send_a_correction(client: TestClient, job: str) -> None:
    body = json.dumps({"author": "Mia", "correction": CALM})
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post(f"{job}/corrections", content=body, headers={"content-type": kind})
        refused(answer, 422, "invalid_request")
    assert client.get(f"{job}/corrections").json() == {"corrections": []}
