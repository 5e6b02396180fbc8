"""Every view of the service, checked by axe-core in Chromium: light and dark, on a screen and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Page, needs_chromium, sync_api
from services import inline_service, listening, new_job, table

from fliptrace.server.service import Service

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

pytestmark = needs_chromium
TOKEN = "correct horse battery staple"
CALL = table(
    ("Ana", "The lighthouse lamp works again!", "joy"),
    ("Bo", "Since when?", "neutral"),
    ("Ana", "Since noon; now it smokes", "fear"),
    ("Bo", "Then switch it off", "anger"),
    ("Ana", "It is off and still smokes", "fear"),
    ("Bo", "I come up with the bucket", "neutral"),
    ("Ana", "Too late: the curtain", "sadness"),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a service with jobs in several states, and the id of one that is done and was corrected."""
    with inline_service(tmp_path_factory.mktemp("data")) as service, listening(service) as address:
        ids = [_submit(service, text) for text in (CALL, CALL, "speaker,text\nAna,A rule reads no text\n")]
        service.supervisor.run_all()  # type: ignore[attr-defined]
        _submit(service, CALL)
        _correct(service, ids[0], {"kind": "emotion", "utterance": 1, "emotion": "surprise"})
        _correct(service, ids[0], {"kind": "trigger", "target": 2, "utterance": 0, "is_trigger": True})
        yield address, ids[0]


def _submit(service: Service, text: str) -> str:
    return service.store.submit(new_job(text), len(text.splitlines()) - 1, 10).job.id


def _correct(service: Service, id: str, value: dict[str, Any]) -> None:
    job = service.store.get(id)
    assert job is not None
    assert service.store.corrections.add(job, value, "Noor") is not None


def open_list(page: Page, _: str) -> None:
    page.goto("/")
    sync_api.expect(page.locator(".job")).to_have_count(4)


def open_upload(page: Page, id: str) -> None:
    open_list(page, id)
    page.click("#more summary")
    page.click("#paste")
    page.set_input_files("#files", {"name": "a.vtt", "mimeType": "text/plain", "buffer": b"WEBVTT"})
    sync_api.expect(page.locator("#messages .failed")).to_be_visible()


def open_conversation(page: Page, id: str) -> None:
    page.goto(f"/api/v1/jobs/{id}/page")
    sync_api.expect(page.locator("#picture")).to_be_visible()


def open_editor(page: Page, id: str) -> None:
    page.goto(f"/edit?job={id}")
    sync_api.expect(page.locator(".line")).to_have_count(7)
    page.click("#history summary")


def open_overview(page: Page, _: str) -> None:
    page.goto("/overview")
    sync_api.expect(page.locator("#conversations tbody tr")).to_have_count(2)


VIEWS = (open_list, open_upload, open_conversation, open_editor, open_overview)


def violations(page: Page) -> list[str]:
    """What axe-core finds in light and dark, on a screen and on a phone, one line per element."""
    found = []
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 844})
            told = axe.Axe().run(page).response  # its script goes around the Content-Security-Policy
            assert len(told["passes"]) > 10
            for rule in told["violations"]:
                nodes = [f"{' '.join(map(str, node['target']))}: {node['failureSummary']}" for node in rule["nodes"]]
                found += [f"{scheme}, {width}: {rule['id']}: {node}" for node in nodes]
    return found


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_axe_finds_nothing(browser: Any, served: tuple[str, str], view: Any) -> None:
    address, id = served
    page = browser.new_page(base_url=address)
    view(page, id)
    assert violations(page) == []
    page.close()


def test_axe_finds_nothing_in_the_form_for_the_token(browser: Any, tmp_path: Path) -> None:
    with inline_service(tmp_path, token=TOKEN) as service, listening(service) as address:
        page = browser.new_page(base_url=address)
        page.goto("/login")
        page.fill("#token", "wrong")
        page.keyboard.press("Enter")
        sync_api.expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == []
        page.close()
