"""The page over many conversations, in Chromium: from the list, sorted, on a phone; the evidence of the list's form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Page, needs_chromium, sync_api, watched_page
from services import TABLE, inline_service, listening, new_job, table

from fliptrace.server.service import Service

pytestmark = needs_chromium
SCRIPT = "<img src=x onerror=hacked=1>"
TOKEN = "correct horse battery staple"
SEA = table((SCRIPT, "The tide", "joy"), ("Ana", "The rocks", "fear"), (SCRIPT, "The rocks", "fear"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """A service with two conversations, of two flips and of one, and its address."""
    with inline_service(tmp_path_factory.mktemp("data")) as service, listening(service) as address:
        for text in (TABLE, SEA):
            service.store.submit(new_job(text), len(text.splitlines()) - 1, 10)
        service.supervisor.run_all()  # type: ignore[attr-defined]
        yield service, address


@pytest.fixture
def page(browser: Any, served: tuple[Service, str]) -> Iterator[Page]:
    """The list page. The test fails if it logs an error or asks another host."""
    with watched_page(browser, served[1]) as page:
        page.goto("/")
        sync_api.expect(page.locator(".job")).to_have_count(2)
        yield page


def column(page: Page, number: int) -> list[str]:
    found: list[str] = page.locator(f"#conversations tbody tr > :nth-child({number})").all_inner_texts()
    return found


def open_overview(page: Page) -> None:
    page.get_by_role("link", name="Overview").click()
    sync_api.expect(page.locator("#conversations tbody tr")).to_have_count(2)


def test_the_table_is_sorted_by_mouse_and_by_keyboard(page: Page) -> None:
    open_overview(page)
    assert column(page, 5) == ["1", "2"]  # the newest first
    header = page.get_by_role("columnheader", name="Flips", exact=True).first
    assert header.get_attribute("aria-sort") is None
    header.get_by_role("button").click()
    assert (header.get_attribute("aria-sort"), column(page, 5)) == ("descending", ["2", "1"])
    header.get_by_role("button").press("Enter")
    assert (header.get_attribute("aria-sort"), column(page, 5)) == ("ascending", ["1", "2"])
    other = page.locator("#conversations").get_by_role("columnheader", name="When")
    other.get_by_role("button").press("Space")
    assert (other.get_attribute("aria-sort"), header.get_attribute("aria-sort")) == ("ascending", None)
    assert column(page, 5) == ["2", "1"]


def test_the_page_tells_emotions_flips_speakers_and_triggers(page: Page) -> None:
    open_overview(page)
    assert page.locator("#facts dd").all_inner_texts() == ["2", "7", "3", "42.9"]
    flips = page.locator("#flips tbody tr", has=page.get_by_role("rowheader", name="joy")).locator("td")
    assert "2" in flips.all_inner_texts()
    picture = page.locator("#conversations .stack").first
    assert picture.get_attribute("aria-label") == "fear 67%, joy 33%"
    assert picture.locator(".h-violet").evaluate("each => getComputedStyle(each).fill") == "rgb(118, 80, 159)"
    speakers = page.locator("#speakers tbody th").all_inner_texts()
    assert SCRIPT in speakers and page.evaluate("window.hacked") is None
    assert page.locator("#triggers tbody tr").count() == 3
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV: speakers").click()
    assert Path(download.value.path()).read_text("utf-8-sig").startswith("name,num_conversations")


def test_the_search_of_the_list_is_kept(page: Page) -> None:
    page.fill("#query", "tide")
    sync_api.expect(page.locator(".job")).to_have_count(1)
    page.get_by_role("link", name="Overview").click()
    sync_api.expect(page.locator("#conversations tbody tr")).to_have_count(1)
    page.fill("#query", "rhubarb")
    page.press("#query", "Enter")
    sync_api.expect(page.locator("#status")).to_have_text("No finished conversation fits.")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_page_fits_a_phone_in_light_and_dark(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    open_overview(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(252, 251, 248)", "dark": "rgb(22, 24, 28)"}[scheme]
    assert page.locator("[style]").count() == 0


def test_with_a_token_the_page_asks_for_it_first(browser: Any, tmp_path: Path) -> None:
    with inline_service(tmp_path / "data", token=TOKEN) as service, listening(service) as address:
        page = browser.new_page(base_url=address)
        page.goto("/overview")
        assert page.url == f"{address}/login"
        page.close()


def test_the_chosen_evidence_is_handed_in(page: Page, served: tuple[Service, str]) -> None:
    page.click("#more summary")
    chosen = page.get_by_label("Evidence")
    values = chosen.locator("option").evaluate_all("(found) => found.map((each) => each.value)")
    assert values == ["", "triggers", "all", "words", "none"]
    for value in ("words", ""):
        chosen.select_option(value)
        with page.expect_response("**/conversations") as handed_in:
            page.click("#sample")
        id = handed_in.value.json()["id"]
        job = served[0].store.get(id)
        assert job is not None and job.options["evidence"] == (value or None)
        served[0].store.delete(id)
