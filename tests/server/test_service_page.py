"""The web page of the service in Chromium: hand in, follow, search, open, delete; nothing of a stranger runs in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Page, needs_chromium, sync_api, watched_page
from services import TABLE, inline_service, listening, new_job, table

from fliptrace.server.service import Service

pytestmark = needs_chromium
SCRIPT, IMAGE = "<script>window.hacked = 1</script>", "<img src=x onerror=hacked=2>"
TOKEN = "correct horse battery staple"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A service that runs jobs at once, and its address."""
    models = {"previous": "rule:previous", "itself": "rule:previous-or-self"}
    with (
        inline_service(tmp_path_factory.mktemp("data"), is_eager=True, models=models) as service,
        listening(service) as address,
    ):
        yield service, address


@pytest.fixture
def page(browser: Any, served: tuple[Service, str]) -> Iterator[Page]:
    """The page, with an empty list. The test fails if it logs an error or asks another host."""
    service, address = served
    for id in [job["id"] for job in _jobs(service)]:
        service.store.delete(id)
    with watched_page(browser, address, expected_error="status of 4") as page:
        page.goto("/")
        sync_api.expect(page.locator("#empty")).to_contain_text("No conversations yet.")
        yield page


def _jobs(service: Service) -> list[dict[str, Any]]:
    from fliptrace.server.storage.jobs import JobFilter

    return [{"id": job.id, "name": job.name} for job in service.store.page(JobFilter(), 100).jobs]


def hand_in(page: Page, name: str = "farm.csv", text: str = TABLE) -> Any:
    """Choose a file, wait until its job is done, return its row."""
    page.set_input_files("#files", {"name": name, "mimeType": "text/plain", "buffer": text.encode()})
    row = page.locator(".job", has=page.get_by_text(name, exact=True))
    sync_api.expect(row).to_have_attribute("data-state", "DONE", timeout=60_000)
    return row


def test_a_file_is_handed_in_followed_and_opened(page: Page) -> None:
    row = hand_in(page)
    assert "4 utterances · 2 flips · previous" in row.locator(".facts").inner_text()
    with page.context.expect_page() as opened:
        row.get_by_role("link", name="farm.csv", exact=True).click()
    result = opened.value
    result.click("#picture .flip >> nth=0")  # its own script runs
    assert result.is_visible(".card.open h3")
    with page.expect_download() as download:
        row.get_by_role("link", name="CSV farm.csv").click()
    assert download.value.suggested_filename == "farm.csv"
    assert "zucchini" in Path(download.value.path()).read_text("utf-8-sig")


def test_files_are_dropped_anywhere_on_the_page(page: Page) -> None:
    transfer = page.evaluate_handle(
        "(text) => { const t = new DataTransfer(); t.items.add(new File([text], 'dropped.csv')); return t; }", TABLE
    )
    page.dispatch_event("footer", "drop", {"dataTransfer": transfer})
    row = page.locator(".job", has=page.get_by_text("dropped.csv"))
    sync_api.expect(row).to_have_attribute("data-state", "DONE", timeout=60_000)


def test_pasted_text_is_handed_in_with_the_chosen_model_by_keyboard(page: Page) -> None:
    page.focus("#paste")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(TABLE)
    page.fill("#text-name", "meeting")
    page.select_option("#model", "itself")
    page.press("#text-name", "Enter")
    row = page.locator(".job", has=page.get_by_text("meeting", exact=True))
    sync_api.expect(row).to_have_attribute("data-state", "DONE", timeout=60_000)
    assert "itself" in row.locator(".facts").inner_text()


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(page: Page) -> None:
    page.set_input_files("#files", {"name": "a.vtt", "mimeType": "text/vtt", "buffer": b"WEBVTT\n\nno times"})
    message = page.locator("#messages .failed")
    sync_api.expect(message).to_contain_text("a.vtt: no utterances found, read as vtt; expected times")
    assert page.locator(".job").count() == 0


def test_a_failed_job_shows_why(page: Page) -> None:
    page.set_input_files("#files", {"name": "talk.txt", "mimeType": "text/plain", "buffer": b"Ana: Hi\nBo: Hello\n"})
    row = page.locator(".job", has=page.get_by_text("talk.txt"))
    sync_api.expect(row.locator(".error")).to_contain_text("have no emotion", timeout=60_000)
    assert not row.get_by_role("link", name="JSON").is_visible()


def test_the_search_asks_the_service_as_one_types(page: Page) -> None:
    hand_in(page)
    hand_in(page, "sea.csv", table(("Cy", "The tide turns", "joy"), ("Cy", "The rocks", "fear")))
    page.keyboard.press("/")
    page.keyboard.type("speaker:cy tid")
    sync_api.expect(page.locator(".job")).to_have_count(1)
    assert page.inner_text(".job .name") == "sea.csv"
    page.fill("#query", "rhubarb")
    sync_api.expect(page.locator("#empty")).to_have_text("Nothing fits the search.")
    page.fill("#query", "")
    sync_api.expect(page.locator(".job")).to_have_count(2)
    page.select_option("#state", "FAILED")
    sync_api.expect(page.locator(".job")).to_have_count(0)


def test_a_job_is_deleted_only_after_a_confirmation(page: Page, served: tuple[Service, str]) -> None:
    row = hand_in(page)
    row.get_by_role("button", name="Delete").click()
    assert page.inner_text("#confirm q") == "farm.csv"
    page.keyboard.press("Enter")  # the focus is on: Keep it
    sync_api.expect(page.locator("#confirm")).to_be_hidden()
    assert len(_jobs(served[0])) == 1
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    sync_api.expect(page.locator(".job")).to_have_count(0)
    assert _jobs(served[0]) == []


def test_what_others_do_appears_by_itself(page: Page, served: tuple[Service, str]) -> None:
    service, _ = served
    id = service.store.submit(new_job(), 4, 10).job.id
    row = page.locator(".job")
    sync_api.expect(row).to_have_attribute("data-state", "QUEUED")
    row.get_by_role("button", name="Cancel").click()
    sync_api.expect(row).to_have_attribute("data-state", "CANCELLED")
    service.store.delete(id)
    sync_api.expect(row).to_have_count(0)


def test_a_script_in_a_name_or_a_speaker_stays_text(page: Page, served: tuple[Service, str]) -> None:
    name = f"{IMAGE}{SCRIPT.replace('/', '')}.csv"
    row = hand_in(page, name, table((SCRIPT, IMAGE + SCRIPT, "joy"), (IMAGE, "So", "joy"), (SCRIPT, "No", "fear")))
    assert row.locator(".name").inner_text() == name
    assert page.evaluate("window.hacked") is None
    with page.context.expect_page() as opened:
        row.locator(".name").click()
    result = opened.value
    result.wait_for_load_state()
    assert [result.inner_text(f"#u{number} b") for number in (1, 2, 3)] == [SCRIPT, IMAGE, SCRIPT]
    assert result.evaluate("window.hacked") is None


def test_scripts_of_a_result_cannot_reach_the_api(page: Page, served: tuple[Service, str]) -> None:
    row = hand_in(page)
    with page.context.expect_page() as opened:
        row.locator(".name").click()
    result = opened.value
    result.wait_for_load_state()
    assert result.evaluate("self.origin") == "null"
    ask = "() => fetch('/api/v1/jobs').then(() => 'reached', () => 'refused')"
    assert result.evaluate(ask) == "refused"
    assert result.evaluate("() => { try { return document.cookie } catch { return 'refused' } }") == "refused"
    page.bring_to_front()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "dark")])
def test_the_page_fits_a_phone_in_light_and_dark(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    hand_in(page, "a" * 120 + ".csv")
    page.click("#more summary")
    page.click("#paste")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(252, 251, 248)", "dark": "rgb(22, 24, 28)"}[scheme]


def test_with_a_token_the_page_asks_for_it_first(browser: Any, tmp_path: Path) -> None:
    with inline_service(tmp_path, token=TOKEN, is_eager=True) as service, listening(service) as address:
        context = browser.new_context(base_url=address)
        page = context.new_page()
        page.goto("/")
        assert page.url == f"{address}/login"
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        sync_api.expect(page.get_by_role("alert")).to_contain_text("This is not the token")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        row = hand_in(page)
        with context.expect_page() as opened:
            row.locator(".name").click()
        assert opened.value.is_visible("#picture")
        page.get_by_role("button", name="Sign out").click()
        assert page.url == f"{address}/login"
        context.close()
