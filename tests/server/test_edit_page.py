"""The page that corrects a conversation, in Chromium: emotions, flips, triggers, undo, order, export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Page, needs_chromium, sync_api, watched_page
from services import inline_service, listening, new_job, table

from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.detect import read_corpus
from fliptrace.server.service import Service
from fliptrace.server.storage.jobs import Finished
from fliptrace.server.storage.search_index import IndexEntry

pytestmark = needs_chromium
SCRIPT, IMAGE = "<script>window.hacked = 1</script>", "<img src=x onerror=hacked=2>"
TOKEN = "correct horse battery staple"
# Ana flips from joy to fear at 3, which 2 triggers.
LINES = (
    ("Ana", "What a day", "joy"),
    (SCRIPT, IMAGE, "neutral"),
    ("Ana", "The barn burns", "fear"),
    ("Ana", "All of it", "fear"),
)


def done(service: Service) -> str:
    """The id of a conversation that was analyzed."""
    id = service.store.submit(new_job(table(*LINES)), len(LINES), 10).job.id
    service.supervisor.run_all()  # type: ignore[attr-defined]
    return id


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Page]:
    """The page of a conversation. The test fails if it logs an error or asks another host."""
    with (
        inline_service(tmp_path / "data") as service,
        listening(service) as address,
        watched_page(browser, address) as page,
    ):
        page.goto(f"/edit?job={done(service)}")
        sync_api.expect(page.locator(".line")).to_have_count(len(LINES))
        yield page


def saved(page: Page, message: str = "Saved.") -> None:
    sync_api.expect(page.locator("#status")).to_have_text(message)


def download(page: Page, link: str, folder: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=link).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_an_emotion_is_corrected_seen_undone_and_exported(page: Page, tmp_path: Path) -> None:
    emotion, line = page.get_by_label("Emotion of 3"), page.locator(".line").nth(2)
    assert emotion.input_value() == "fear" and "joy → fear" in line.inner_text()
    emotion.select_option("anger")
    saved(page, "Enter your name first.")
    assert emotion.input_value() == "fear" and page.evaluate("document.activeElement.id") == "author"
    page.keyboard.type("Mia")

    emotion.select_option("anger")
    saved(page)
    assert emotion.input_value() == "anger"
    assert "found: fear" in line.inner_text() and "joy → anger" in line.inner_text()
    erc = read_corpus(download(page, "Download emotions (ERC)", tmp_path))
    assert isinstance(erc, ErcFile) and erc.dialogues[0].emotions == ("joy", "neutral", "anger", "fear")
    efr = read_corpus(download(page, "Download flips (EFR)", tmp_path))
    assert isinstance(efr, EfrFile) and [(case.flip.after, case.triggers) for case in efr.cases] == [
        ("anger", {1}),
        ("fear", None),
    ]

    page.get_by_role("button", name="Undo").click()
    saved(page, "Undone.")
    assert emotion.input_value() == "fear" and "joy → fear" in line.inner_text()
    assert page.get_by_role("button", name="Undo").is_disabled()
    page.click("#history summary")
    assert page.locator("#history s").inner_text() == "Mia: 3 is anger"
    page.reload()
    sync_api.expect(page.get_by_label("Your name")).to_have_value("Mia")


def test_flips_and_triggers_are_corrected_by_keyboard(page: Page) -> None:
    page.fill("#author", "Mia")
    line = page.locator(".line").nth(2)
    page.focus('[data-key="2 new"]')
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    saved(page)
    sync_api.expect(line.locator(".triggers li")).to_have_text(["1 ×", "2 ×"])
    assert page.evaluate("document.activeElement.dataset.key") == "2 new"  # on to the next one
    page.get_by_role("button", name="Remove trigger 2 of the flip at 3").press("Enter")
    sync_api.expect(line.locator(".triggers li")).to_have_text(["1 ×"])
    page.get_by_role("button", name="Remove flip joy → fear at 3").press("Enter")
    sync_api.expect(line.locator(".triggers")).to_be_hidden()
    sync_api.expect(page.get_by_role("link", name="Download flips (EFR)")).to_be_hidden()
    page.get_by_role("button", name="Add flip joy → fear at 3").press("Enter")
    sync_api.expect(line.locator(".triggers li")).to_have_text(["1 ×"])


def test_a_flip_that_follows_from_a_correction_has_unknown_triggers_until_one_says_there_is_none(
    page: Page, tmp_path: Path
) -> None:
    page.fill("#author", "Mia")
    line = page.locator(".line").nth(3)
    assert line.locator(".triggers").is_hidden() and line.locator(".flip").is_hidden()
    page.get_by_label("Emotion of 4").select_option("sadness")
    sync_api.expect(line.locator(".told")).to_have_text("Triggers unknown")
    page.get_by_role("button", name="The flip at 4 has no trigger").click()
    sync_api.expect(line.locator(".told")).to_have_text("No trigger")
    efr = read_corpus(download(page, "Download flips (EFR)", tmp_path))
    assert isinstance(efr, EfrFile) and [case.triggers for case in efr.cases] == [{1}, set()]


def test_text_of_strangers_stays_text(page: Page) -> None:
    assert page.locator(".text").nth(1).inner_text() == IMAGE
    assert page.locator(".speaker").nth(1).inner_text() == SCRIPT
    assert page.evaluate("window.hacked") is None


def test_what_the_model_was_least_sure_of_comes_first_if_wished(browser: Any, tmp_path: Path) -> None:
    with inline_service(tmp_path / "data") as service, listening(service) as address:
        document = json.loads(service.store.document(done(service)) or "")
        for index, share in ((1, 0.9), (2, 0.6)):
            utterance = document["utterances"][index]
            utterance["emotion_scores"] = {utterance["emotion"]: share, "disgust": 1 - share}
        id = service.store.submit(new_job(), len(LINES), 10).job.id
        claimed = service.store.claim()
        assert claimed is not None
        service.store.finish(claimed, Finished(json.dumps(document), IndexEntry("", "", "", "", ""), 1))
        page = browser.new_page(base_url=address)
        page.goto(f"/edit?job={id}")
        sync_api.expect(page.locator(".number")).to_have_text(["1", "2", "3", "4"])
        page.get_by_label("Order").select_option("uncertain first")
        assert page.locator(".number").all_inner_texts() == ["3", "2", "1", "4"]
        page.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_page_fits_a_phone_in_light_and_dark(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(252, 251, 248)", "dark": "rgb(22, 24, 28)"}[scheme]
    names = page.locator(":is(button, select, input):visible").evaluate_all(
        "(found) => found.map((each) => each.ariaLabel || each.labels?.[0]?.textContent || each.textContent)"
    )
    assert len(names) > 8 and all(name.strip() for name in names)


def test_a_conversation_that_is_not_there_says_so_and_the_list_leads_to_the_page(browser: Any, tmp_path: Path) -> None:
    with inline_service(tmp_path / "data") as service, listening(service) as address:
        id = done(service)
        page = browser.new_page(base_url=address)
        page.goto("/edit?job=nothing")
        sync_api.expect(page.locator("#status")).to_contain_text("no job 'nothing'")
        page.get_by_role("link", name="fliptrace").click()
        page.get_by_role("link", name="Edit farm.csv").click()
        assert page.url == f"{address}/edit?job={id}"
        sync_api.expect(page.locator("h1")).to_have_text("farm.csv")
        page.close()


def test_with_a_token_the_page_asks_for_it_first(browser: Any, tmp_path: Path) -> None:
    with inline_service(tmp_path / "data", token=TOKEN) as service, listening(service) as address:
        page = browser.new_page(base_url=address)
        page.goto("/edit?job=x")
        assert page.url == f"{address}/login"
        page.close()
