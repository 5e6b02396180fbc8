"""The API: conversations in, jobs, results as `fliptrace analyze` gives them, and one clear error for all else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest
from fastapi.sse import ServerSentEvent
from services import TABLE, bytes_in, client_of, inline_service, submit, table
from starlette.testclient import TestClient
from typer.testing import CliRunner

from fliptrace.api import analyze, load_model, read_transcript
from fliptrace.cli.main import app as command
from fliptrace.core.errors import InputError
from fliptrace.server.service import Service
from fliptrace.server.web import app as web_app
from fliptrace.server.web import events as web_events
from fliptrace.transcripts.bundled import BUNDLED

JOBS = "/api/v1/jobs"
CONVERSATIONS = "/api/v1/conversations"


def run(service: Service) -> None:
    service.supervisor.run_all()  # type: ignore[attr-defined]


def events_of(client: TestClient, path: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream that ends by itself."""
    with client.stream("GET", path) as stream:
        lines = [line for line in stream.iter_lines() if line and not line.startswith(":")]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in zip(lines[::2], lines[1::2], strict=True)
    ]


def refused(answer: Any, status: int, code: str) -> str:
    """The message of an error of the API."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["message"])


def test_a_conversation_becomes_a_job_and_then_the_result_of_analyze(
    client: TestClient, service: Service, tmp_path: Path
) -> None:
    job = submit(client)
    assert (job["state"], job["name"], job["model"], job["num_utterances"]) == ("QUEUED", "farm.csv", "previous", 4)
    assert "expected DONE" in refused(client.get(f"{JOBS}/{job['id']}/result"), 409, "not_done")
    run(service)
    done = client.get(f"{JOBS}/{job['id']}").json()
    assert (done["state"], done["num_flips"], done["attempts"], done["error"]) == ("DONE", 2, 1, None)

    (tmp_path / "farm.csv").write_text(TABLE)
    expected = analyze(read_transcript(tmp_path / "farm.csv"), load_model("rule:previous"))
    assert client.get(f"{JOBS}/{job['id']}/result").json() == expected.to_json()
    expected.to_csv(tmp_path / "out.csv")
    csv = client.get(f"{JOBS}/{job['id']}/result.csv")
    assert csv.content == (tmp_path / "out.csv").read_bytes()
    assert csv.headers["content-disposition"] == "attachment; filename*=UTF-8''farm.csv"
    expected.to_html(tmp_path / "out.html")
    assert client.get(f"{JOBS}/{job['id']}/page").content == (tmp_path / "out.html").read_bytes()


def test_text_and_samples_are_taken_too_with_options(client: TestClient, service: Service) -> None:
    text = "Caller\tWords\tFeeling\nAna\tI won!\tjoy\nBo\tSo?\tneutral\nAna\tGo away\tanger\n"
    options = {"columns": {"speaker": "Caller", "text": "Words", "emotion": "Feeling"}, "emotion_set": "meld7"}
    fields = {"text": text, "name": "x/..\\mine.tsv", "model": "itself", "options": json.dumps(options)}
    answer = client.post(CONVERSATIONS, data=fields)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["name"], job["model"], job["options"]["columns"]["text"]) == ("mine.tsv", "itself", "Words")
    assert answer.headers["location"] == f"{JOBS}/{job['id']}"
    run(service)
    result = client.get(f"{JOBS}/{job['id']}/result").json()
    assert result["emotion_set"]["name"] == "meld7"
    assert [(flip["before"], flip["after"]) for flip in result["flips"]] == [("joy", "anger")]
    sample = client.post(CONVERSATIONS, data={"sample": "call"}).json()
    assert (sample["name"], sample["num_utterances"]) == ("call.vtt", len(read_transcript(BUNDLED["call"])))


def test_an_analysis_that_is_refused_fails_with_the_message_of_analyze(client: TestClient, service: Service) -> None:
    job = submit(client, "Ana: Hello\nBo: Hi there\nAna: Bye\n", "talk.txt")
    run(service)
    failed = client.get(f"{JOBS}/{job['id']}").json()
    assert failed["state"] == "FAILED"
    assert failed["error"].startswith("talk: 3 of 3 utterances have no emotion, and rule:previous reads no text")
    job = submit(client, options='{"evidence": "words"}')
    run(service)
    assert (
        client.get(f"{JOBS}/{job['id']}").json()["error"].startswith("farm: holds all emotions; evidence is measured")
    )


def test_a_job_of_a_model_that_is_not_offered_any_more_fails_with_the_reason(tmp_path: Path) -> None:
    with inline_service(tmp_path / "data") as service, client_of(service) as client:
        job = submit(client, model="itself")
    with inline_service(tmp_path / "data", models={"previous": "rule:previous"}) as service:
        run(service)
        failed = service.store.get(job["id"])
        assert failed is not None
        assert failed.error == "model itself: is not offered any more; expected one of previous"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("call.vtt", b"WEBVTT\n\nno times"),
        ("a.json", b'{"a": [1, 2'),
        ("a.csv", b"a,b\n1,2\n3,4\n"),
        ("a.pdf", b"%PDF-1.7 ..."),
        ("empty.txt", b""),
    ],
)
def test_a_transcript_that_analyze_refuses_is_refused_with_the_same_words(
    client: TestClient, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_transcript(tmp_path / name)
    told = refused(client.post(CONVERSATIONS, files={"file": (name, content)}), 422, "transcript_unreadable")
    assert told == str(error.value)
    assert client.get(JOBS).json()["jobs"] == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "exactly one of file, text and sample"),
        ({"text": "Ana: hi", "sample": "call"}, "exactly one"),
        ({"sample": "/etc/passwd"}, "sample"),
        ({"sample": "call", "options": "{"}, "options"),
        ({"sample": "call", "options": '{"threshold": 2}'}, "threshold"),
        ({"sample": "call", "options": '{"path": "/etc/passwd"}'}, "path"),
        ({"sample": "call", "options": '{"emotion_set": "none"}'}, "emotion_set"),
        ({"sample": "call", "options": '{"emotions": {"labels": ["calm"]}}'}, "expected a list `labels` of 2 to 100"),
        ({"sample": "call", "options": '{"emotions": {"labels": ["calm", "1 [x]"]}}'}, "found '1 [x]' for a label"),
    ],
)
def test_a_request_that_makes_no_sense_names_the_field(client: TestClient, fields: dict[str, str], told: str) -> None:
    assert told in refused(client.post(CONVERSATIONS, data=fields), 422, "invalid_request")


@pytest.mark.parametrize("model", ["embedded", "rule:previous", "/etc", "../x", "Qwen/Qwen3-0.6B", "http://evil/v1#m"])
def test_only_models_that_the_operator_listed_can_be_chosen(client: TestClient, model: str) -> None:
    answer = client.post(CONVERSATIONS, data={"sample": "call", "model": model})
    assert "expected one of previous, itself" in refused(answer, 422, "model_not_listed")


def test_names_lead_nowhere_and_are_shown_without_control_characters(client: TestClient, tmp_path: Path) -> None:
    job = submit(client, name="../../../\x1b[31m\u202eevil.csv")
    assert job["name"] == "[31mevil.csv"
    assert {path.name for path in tmp_path.rglob("*evil*")} == set()


def test_too_large_a_body_is_refused_before_it_is_read(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = b"x" * (web_app.MAX_BYTES + 1)
    assert "over 20 MB" in refused(client.post(CONVERSATIONS, files={"file": ("a.txt", big)}), 413, "too_large")
    pasted = client.post(CONVERSATIONS, files={"text": (None, b"x" * 2_100_000)})
    assert "maximum size" in refused(pasted, 400, "bad_request")
    monkeypatch.setattr(web_app, "_MAX_BODY", 10_000)
    with client_of(service) as small:
        boundary = {"content-type": "multipart/form-data; boundary=x"}
        declared = small.post(CONVERSATIONS, content=b"x" * 10_001, headers=boundary)
        assert "expected at most 10,000" in refused(declared, 413, "too_large")
        streamed = small.post(CONVERSATIONS, content=(b"x" * 1_000 for _ in range(20)), headers=boundary)
        assert streamed.status_code == 413


def test_a_full_queue_says_when_to_come_again(tmp_path: Path) -> None:
    with inline_service(tmp_path / "data", queue=2) as service, client_of(service) as client:
        headers = {"Idempotency-Key": "first"}
        first = client.post(CONVERSATIONS, data={"sample": "call"}, headers=headers)
        submit(client)
        answer = client.post(CONVERSATIONS, data={"sample": "call"})
        assert "2 jobs wait" in refused(answer, 429, "queue_full")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        again = client.post(CONVERSATIONS, data={"sample": "call"}, headers=headers)
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
        run(service)
        submit(client)


def test_a_key_makes_one_job_of_a_repeated_request(client: TestClient) -> None:
    headers = {"Idempotency-Key": "abc"}
    answers = [client.post(CONVERSATIONS, data={"sample": "call"}, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = client.post(CONVERSATIONS, data={"sample": "hindi-english"}, headers=headers)
    assert "new key" in refused(other, 422, "key_used_otherwise")
    assert len(client.get(JOBS).json()["jobs"]) == 1


def test_jobs_are_listed_in_pages_and_filtered(client: TestClient, service: Service) -> None:
    ids = [submit(client, model=("previous", "itself")[i % 2])["id"] for i in range(5)]
    pages, query = [], "?limit=2"
    while True:
        page = client.get(f"{JOBS}{query}").json()
        pages.append([job["id"] for job in page["jobs"]])
        if page["next"] is None:
            break
        query = f"?limit=2&before={page['next']}"
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    client.post(f"{JOBS}/{ids[0]}/cancel")
    run(service)

    def listed(query: str) -> list[str]:
        return [job["id"] for job in client.get(f"{JOBS}?{query}").json()["jobs"]]

    assert listed("state=CANCELLED") == [ids[0]]
    assert listed("state=DONE&state=CANCELLED&model=previous") == [ids[4], ids[2], ids[0]]
    assert listed("q=flip:joy>fear&model=itself") == [ids[3], ids[1]]
    assert listed("q=speaker:ana%20zucchini&limit=1") == [ids[4]]
    assert listed("q=rhubarb") == []
    for wrong in (
        "limit=0",
        "limit=1000",
        "state=SLEEPING",
        "before=x",
        f"before={2**63}",
        f"q={'x' * 501}",
        "order=asc",
    ):
        refused(client.get(f"{JOBS}?{wrong}"), 422, "invalid_request")


def test_a_job_is_cancelled_and_deleted_over_http(client: TestClient, service: Service) -> None:
    job, other = submit(client), submit(client)
    assert client.post(f"{JOBS}/{job['id']}/cancel").json()["state"] == "CANCELLED"
    run(service)
    assert client.post(f"{JOBS}/{other['id']}/cancel").json()["state"] == "DONE"
    for id in (job["id"], other["id"]):
        assert client.delete(f"{JOBS}/{id}").status_code == 204
        refused(client.get(f"{JOBS}/{id}"), 404, "not_found")
        refused(client.get(f"{JOBS}/{id}/result"), 404, "not_found")
        refused(client.delete(f"{JOBS}/{id}"), 404, "not_found")
        refused(client.post(f"{JOBS}/{id}/cancel"), 404, "not_found")
    assert set(service.supervisor.abandoned) == {job["id"], other["id"]}  # type: ignore[attr-defined]
    assert b"zucchini" not in bytes_in(service.settings.data)


def once_heard(service: Service, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Make a change as soon as a stream listens to the service, however busy the machine is."""
    listen = service.changes.listening

    @contextmanager
    def listening(id: str | None = None) -> Iterator[AsyncIterator[str]]:
        with listen(id) as changed:
            Thread(target=change).start()
            yield changed

    monkeypatch.setattr(service.changes, "listening", listening)


def test_events_tell_of_a_job_until_it_ends(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(client)
    tell, running = web_events._event, Thread(target=run, args=[service])

    async def tell_and_run(service: Service, id: str) -> ServerSentEvent:
        """The first event is made before the job runs, however busy the machine is."""
        event = await tell(service, id)
        if running.ident is None:
            running.start()
        return event

    monkeypatch.setattr(web_events, "_event", tell_and_run)
    events = events_of(client, f"{JOBS}/{job['id']}/events")
    assert {name for name, _ in events} == {"job"}
    states = [told["state"] for _, told in events]
    assert (states[0], states[-1]) == ("QUEUED", "DONE")
    assert states == sorted(states, key=["QUEUED", "RUNNING", "DONE"].index)
    assert events[-1][1] == client.get(f"{JOBS}/{job['id']}").json()
    assert events_of(client, f"{JOBS}/{job['id']}/events") == events[-1:]
    refused(client.get(f"{JOBS}/nothing/events"), 404, "not_found")


def test_events_tell_that_a_job_was_deleted(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(client)
    once_heard(service, monkeypatch, lambda: service.store.delete(job["id"]))
    events = events_of(client, f"{JOBS}/{job['id']}/events")
    assert events[-1] == ("deleted", {"id": job["id"]})


def test_events_of_all_jobs_end_when_the_service_stops(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        submit(client)
        submit(client, table(("Ana", "Later", "joy")), "later.csv")
        Timer(0.5, service.changes.close).start()

    once_heard(service, monkeypatch, change)
    events = events_of(client, "/api/v1/events")
    assert events[0] == ("listening", {})
    assert [told["name"] for _, told in events[1:]] == ["farm.csv", "later.csv"]


def test_openapi_describes_every_route_with_typed_answers(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    routes = {(method, path) for path, methods in described["paths"].items() for method in methods}
    assert len(routes) == 19
    for method, path in routes:
        answers = described["paths"][path][method]["responses"]
        assert "$ref" in json.dumps(answers) or "text/" in json.dumps(answers), path
        for status, answer in answers.items():
            if int(status) >= 400 and (path, status) != ("/healthz", "503"):
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Problem"), (path, status)
    result = described["paths"]["/api/v1/jobs/{id}/result"]["get"]["responses"]["200"]["content"]["application/json"]
    assert result["schema"]["$ref"].endswith("/AnalysisDocument")
    assert ".backup" in described["info"]["description"]


def test_choices_and_health_tell_what_the_page_and_operators_need(client: TestClient, service: Service) -> None:
    choices = client.get("/api/v1/choices").json()
    assert (choices["models"], choices["has_token"], choices["keep_days"]) == (["previous", "itself"], False, None)
    assert "vtt" in choices["formats"] and choices["samples"] == ["call", "hindi-english"]
    assert client.get("/healthz").json() == {"status": "ok"}
    service.supervisor.num_alive = 0  # type: ignore[misc]
    assert client.get("/healthz").status_code == 503


def test_a_bug_is_told_without_the_words_that_it_met(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> None:
        raise KeyError("zucchini")

    monkeypatch.setattr(service.store, "page", break_down)
    answer = client.get(JOBS)
    assert "KeyError in fliptrace itself" in refused(answer, 500, "internal_error")
    assert "zucchini" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_command_explains_itself_and_checks_what_it_would_expose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIPTRACE_SERVE_TOKEN", "a token of enough characters")
    options = ["--host", "0.0.0.0", "--data", str(tmp_path / "d"), "--models", "embedded,gpt=openai:gpt-x", "--check"]
    result = CliRunner().invoke(command, ["serve", *options])
    told = " ".join(result.output.split())
    assert result.exit_code == 0, told
    assert "other machines too can connect" in told and "needs the token" in told and "no encryption" in told
    assert "each address may make 600 requests and hand in 60 conversations" in told
    assert "model gpt: openai:gpt-x; each transcript is sent to its provider" in told
    assert "a token of enough" not in told
    assert not (tmp_path / "d").exists()
    assert "--token-file" in CliRunner().invoke(command, ["serve", "--help"]).output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "0.0.0.0"], "expected a token: --token-file"),
        (["--token-file", "short"], "expected 16 or more"),
        (["--models", "a=x,a=y"], "listed twice"),
        (["--models", ","], "expected at least one"),
        (["--keep-days", "0"], "expected more than 0"),
    ],
)
def test_the_command_refuses_what_would_be_unsafe(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLIPTRACE_SERVE_TOKEN", raising=False)
    Path("short").write_text("secret\n")
    result = CliRunner().invoke(command, ["serve", *options, "--check"])
    assert isinstance(result.exception, InputError)
    assert told in str(result.exception)
