"""The page of a study as a reader sees it: in Chromium, opened from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Page, needs_chromium
from synthetic_cells import tiny_report

from fliptrace.report.study.report import render_study_html

pytestmark = needs_chromium

# The WCAG contrast between the colour of a text and the page behind it; all charts are transparent.
CONTRAST = """(selector) => {
  const light = (css) => css.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll(selector)].filter((e) => e.textContent.trim()).map((element) => {
    const style = getComputedStyle(element);
    const one = light(element.tagName === "text" ? style.fill : style.color);
    return (Math.max(one, paper) + 0.05) / (Math.min(one, paper) + 0.05);
  });
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("study") / "study.html"
    path.write_text(render_study_html(tiny_report()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def requests(browser: Any) -> Iterator[list[str]]:
    """The addresses that the page requested, and its console messages. In the end, only the page itself is allowed."""
    found: list[str] = []
    yield found
    assert [one for one in found if not one.startswith("file://")] == []


def open_page(browser: Any, address: str, requests: list[str], width: int = 1280, **options: Any) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    page.on("console", lambda message: requests.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    return page


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_wide_tables_scroll_within_the_page_not_with_it(
    browser: Any, address: str, requests: list[str], width: int
) -> None:
    page = open_page(browser, address, requests, width)
    page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.eval_on_selector_all("table", "all => all.length") > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark_in_charts_too(
    browser: Any, address: str, requests: list[str], scheme: str
) -> None:
    page = open_page(browser, address, requests, color_scheme=scheme)
    for selector, least in {"h1, h2, h3, p, td, th, dd, dt, nav a": 4.3, "caption, figcaption, svg text": 4.3}.items():
        contrasts = page.evaluate(CONTRAST, selector)
        assert len(contrasts) > 50
        assert min(contrasts) >= least


def test_print_opens_what_is_folded_and_leaves_the_links_out(browser: Any, address: str, requests: list[str]) -> None:
    page = open_page(browser, address, requests)
    page.emulate_media(media="print")
    assert not page.is_visible("nav")
    assert page.locator("details td").first.bounding_box() is not None


def test_a_link_leads_to_its_section_without_script(browser: Any, address: str, requests: list[str]) -> None:
    page = open_page(browser, address, requests, java_script_enabled=False)
    page.click("nav a >> text=Decoding")
    assert page.url.endswith("#decoding")
