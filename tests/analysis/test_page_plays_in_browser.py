"""The page of an analysis with a recording, in Chromium: what was measured is shown, and the sound is played."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from analyses import support_call, with_cues
from browsing import Page, needs_chromium, sync_api

pytestmark = needs_chromium
Opener = Callable[..., Page]
TIME = "(player) => player.currentTime"


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Opener]:
    """Return a function that opens the call's page, its recording beside it or within. It may log no errors."""
    contexts, errors = [], []

    def open_(folder: str = "", width: int = 1280, **options: Any) -> Page:
        recording, path = tmp_path / folder / "call.wav", tmp_path / "page.html"
        recording.parent.mkdir(exist_ok=True)
        with wave.open(str(recording), "wb") as file:
            file.setparams((1, 1, 8_000, 0, "NONE", ""))
            file.writeframes(b"\x80" * 8_000 * 185)
        assert with_cues(support_call()).to_html(path, recording)
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def expect_paused(page: Page) -> None:
    sync_api.expect(page.locator(".play.on")).to_have_count(0, timeout=15_000)


@pytest.mark.parametrize("folder", ["", "../elsewhere"])
def test_a_click_plays_an_utterance_to_its_end(open_page: Opener, folder: str) -> None:
    page = open_page(folder)
    page.click("#u6 .play")  # 38.2 to 41.1 s
    sync_api.expect(page.locator("#u6 .play.on")).to_have_count(1)
    assert 38.2 <= page.eval_on_selector("audio", TIME) < 41.1
    page.eval_on_selector("audio", "(player) => { player.currentTime = 40.9; }")
    expect_paused(page)
    assert 40.9 < page.eval_on_selector("audio", TIME) < 43


def test_a_second_click_stops(open_page: Opener) -> None:
    page = open_page()
    page.click("#u6 .play")
    sync_api.expect(page.locator("#u6 .play.on")).to_have_count(1)
    page.click("#u6 .play")
    expect_paused(page)


def test_a_flip_and_its_triggers_are_played_from_its_card_and_by_a_key(open_page: Opener) -> None:
    page = open_page()
    page.keyboard.press("p")
    assert page.eval_on_selector("audio", TIME) == 0  # no flip is chosen
    page.click("#picture [data-n='8'].flip")
    page.keyboard.press("p")
    sync_api.expect(page.locator("#u8 .play.on")).to_have_count(1)
    assert 47.3 <= page.eval_on_selector("audio", TIME) < 52
    page.click("#flip-8 .triggers .play >> nth=0")  # 7
    assert 42.9 <= page.eval_on_selector("audio", TIME) < 45


def test_buttons_can_be_reached_and_named_without_a_mouse(open_page: Opener) -> None:
    page = open_page()
    page.focus("#u6 .play")
    page.keyboard.press("Enter")
    sync_api.expect(page.get_by_role("button", name="Play 6").first).to_have_class("play on")


def test_cues_stand_beside_the_words_and_in_the_card(open_page: Opener) -> None:
    page = open_page()
    told = ["louder than usual", "higher pitch", "faster"]
    assert page.locator("#u8 .heard i").all_inner_texts() == told
    page.click("#picture [data-n='8'].flip")
    assert page.locator("#flip-8 .heard i").all_inner_texts() == told
    assert page.locator("#picture .sound circle").count() == 23
    assert "no emotion here follows from it" in page.inner_text("footer")


def test_no_phone_has_to_scroll_sideways(open_page: Opener) -> None:
    page = open_page(width=390)
    page.click("#picture .flip >> nth=3")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_print_shows_lanes_and_words_and_no_player(open_page: Opener) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert not page.locator("audio").is_visible()
    assert not page.locator("#u8 .play").is_visible()
    assert page.locator("#u8 .heard").is_visible()
    assert page.locator(".strip .sound circle >> nth=0").is_visible()


def test_without_script_the_player_is_there_and_no_dead_button(open_page: Opener) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator("audio").is_visible()
    assert not page.locator("#u8 .play").is_visible()
