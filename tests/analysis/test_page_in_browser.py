"""The page of an analysis, opened from a file in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from analyses import calm, crowd, support_call, two_friends
from browsing import Page, needs_chromium, sync_api

from fliptrace.analysis.page import write_page
from fliptrace.analysis.result import Analysis

pytestmark = needs_chromium
Opener = Callable[..., Page]

# The contrast ratio of each text, from the colours (0 to 255) that the browser paints for it and for its background.
CONTRAST = """(selector) => {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const numbers = (...colours) => {
    for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
    return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const says = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll(selector)].filter((e) => says(e) && !e.disabled).map((element) => {
    const behind = [];
    for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    if (element.tagName === "text" && element.previousElementSibling?.tagName === "circle")
      behind.push(getComputedStyle(element.previousElementSibling).fill);
    const style = getComputedStyle(element);
    const one = light(numbers(...behind));
    const other = light(numbers(...behind, element.tagName === "text" ? style.fill : style.color));
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  });
}"""


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Opener]:
    """Return a function that opens an analysis's page. The test fails if a page logs errors or requests other files."""
    contexts, errors, addresses = [], [], []

    def open_(analysis: Analysis, width: int = 1280, anchor: str = "", **options: Any) -> Page:
        write_page(analysis, tmp_path / "page.html")
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: addresses.append(request.url))
        page.goto((tmp_path / "page.html").as_uri() + anchor)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []
    assert [address for address in addresses if not address.startswith(("file://", "data:"))] == []


def lit(page: Page) -> dict[str, list[int]]:
    """Return the highlighted utterances by role. Picture and transcript must agree on them."""
    roles = {}
    for role in ("source", "trigger", "target"):
        marks = page.eval_on_selector_all(f"#picture .is-{role}", "all => all.map((e) => +e.dataset.n)")
        rows = page.eval_on_selector_all(f".transcript .is-{role}", "all => all.map((e) => +e.id.slice(1))")
        assert sorted(marks) == sorted(rows)
        roles[role] = sorted(marks)
    return roles


def visible(page: Page, selector: str) -> int:
    return int(page.eval_on_selector_all(selector, "all => all.filter((e) => e.checkVisibility()).length"))


FLIP_21 = {"source": [17], "trigger": [18, 20, 21], "target": [21]}
NOTHING: dict[str, list[int]] = {"source": [], "trigger": [], "target": []}


def test_a_click_on_a_flip_highlights_exactly_its_utterances(open_page: Opener) -> None:
    page = open_page(support_call())
    assert lit(page) == NOTHING
    page.click("#picture [data-n='21']")
    assert lit(page) == FLIP_21
    assert page.locator("#picture .arc.lit").count() == 3
    assert page.locator(".card:visible").count() == 1
    assert " ".join(page.inner_text(".card:visible h3").split()) == "Ada Okafor: Di disgust → Jo joy at 21"
    page.click("#picture [data-n='21']")
    assert lit(page) == NOTHING


def test_the_card_shows_triggers_by_support_reason_and_consequences(open_page: Opener) -> None:
    page = open_page(support_call())
    page.click("#picture [data-n='8']")
    card = page.inner_text("#flip-8")
    assert card.index("0.81") < card.index("0.47") < card.index("Below the threshold") < card.index("0.12")
    assert "turns her astonishment into blame" in card
    assert "the model's own rationale" in card
    page.click("#flip-8 .consequences a")
    assert lit(page) == {"source": [7], "trigger": [8], "target": [9]}
    assert "sentence built from the decision" in page.inner_text("#flip-9")


def test_keys_do_what_clicks_do(open_page: Opener) -> None:
    page = open_page(support_call())
    page.focus("[name='text']")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.n") == "5"
    assert "Flip at 5, Ravi: neutral to surprise" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    assert lit(page) == {"source": [3], "trigger": [5], "target": [5]}
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert lit(page) == FLIP_21
    assert page.evaluate("document.activeElement.dataset.n") == "21"
    page.keyboard.press("ArrowLeft")
    assert lit(page)["target"] == [20]
    page.keyboard.press("Escape")
    assert lit(page) == NOTHING


def test_the_focused_flip_is_ringed(open_page: Opener) -> None:
    page = open_page(support_call())
    ring = "getComputedStyle(document.querySelector('#picture .flip .ring')).strokeWidth"
    before = page.evaluate(ring)
    page.focus("[name='text']")
    page.keyboard.press("Tab")
    assert float(page.evaluate(ring).removesuffix("px")) > 2 * float(before.removesuffix("px"))


def test_flips_in_the_transcript_in_the_list_and_in_the_address_open_too(open_page: Opener) -> None:
    page = open_page(support_call(), anchor="#flip-21")
    assert lit(page) == FLIP_21
    page.click("text=All flips")
    assert lit(page) == NOTHING
    page.click("#u21 .tag")
    assert lit(page) == FLIP_21
    page.click("[data-step='1']")
    assert lit(page)["target"] == [22]
    page.click("text=All flips")
    page.click(".index [data-n='21']")
    assert lit(page) == FLIP_21


def test_the_list_of_flips_is_sorted_by_time_and_back(open_page: Opener) -> None:
    analysis = support_call()
    shares = [0.9 - 0.1 * (i % 3) for i in range(len(analysis.flips))]
    flips = tuple(replace(found, probability=share) for found, share in zip(analysis.flips, shares, strict=True))
    page = open_page(replace(analysis, flips=flips))
    listed = "() => [...document.querySelectorAll('.index a')].map((e) => +e.dataset.n)"
    surest = page.evaluate(listed)
    assert surest[:4] == [5, 8, 13, 20]
    page.click("text=In order of time")
    assert page.evaluate(listed) == sorted(surest)
    page.click("text=Surest first")
    assert page.evaluate(listed) == surest


def test_a_filter_by_speaker_or_emotion_hides_the_others(open_page: Opener) -> None:
    page = open_page(support_call())
    page.select_option("[name='speaker']", label="Ines")
    assert visible(page, ".transcript li") == 5
    assert visible(page, ".index li") == 1
    assert visible(page, "#picture .ring") == 1
    assert visible(page, "#picture .arc") == 1
    assert page.inner_text(".result output") == "1 of 12 flips, 5 of 24 utterances"
    page.click("text=Clear")
    page.select_option("[name='emotion']", "fear")
    assert visible(page, ".transcript li") == 2
    assert visible(page, ".index li") == 1


def test_a_filter_by_change_keeps_the_utterances_of_its_flips(open_page: Opener) -> None:
    page = open_page(support_call())
    page.click("td [data-change='surprise|anger']")
    assert page.input_value("[name='change']") == "surprise|anger"
    assert visible(page, ".index li") == 1
    assert visible(page, ".transcript li") == 4  # source 6, triggers 5 and 7, target 8
    page.click("td [data-change='surprise|anger']")
    assert visible(page, ".index li") == 12


def test_least_support_hides_weaker_arcs_and_flips_left_without_any(open_page: Opener) -> None:
    page = open_page(support_call())
    assert visible(page, "#picture .arc") == 14
    page.fill("[name='support']", "0.6")
    assert visible(page, "#picture .arc") == 11
    assert visible(page, ".index li") == 11
    page.fill("[name='support']", "0.9")
    assert visible(page, "#picture .arc") == visible(page, ".index li") == 3


def test_a_search_finds_words_of_the_text_and_says_when_there_are_none(open_page: Opener) -> None:
    page = open_page(support_call())
    page.fill("[name='text']", "GREEN")
    assert visible(page, ".transcript li") == 2
    page.fill("[name='text']", "zebra")
    assert visible(page, ".transcript li") == 0
    assert page.is_visible("text=Nothing matches the filters.")


def test_a_filter_that_hides_the_chosen_flip_lets_go_of_it(open_page: Opener) -> None:
    page = open_page(support_call(), anchor="#flip-21")
    page.select_option("[name='speaker']", label="Ravi")
    assert lit(page) == NOTHING
    page.focus("[name='text']")
    page.keyboard.press("Tab")  # to Clear
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.n") == "5"


def test_script_in_a_transcript_stays_text(open_page: Opener) -> None:
    hostile = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\"><b>"
    page = open_page(two_friends("Hello.", hostile, "Well.", speakers=("Ana", hostile)))
    page.click("#picture [data-n='3']")
    assert page.evaluate("window.hacked") is None
    assert page.inner_text("#u2 p").endswith(hostile)  # after its role
    assert page.inner_text("#u2 b") == hostile
    assert page.query_selector("#u2 img, #u2 script") is None


@pytest.mark.parametrize("name", ["call", "crowd", "long words"])
def test_no_phone_has_to_scroll_sideways(open_page: Opener, name: str) -> None:
    long = "a" * 300
    analyses = {
        "call": support_call,
        "crowd": lambda: crowd(80, 12),
        "long words": lambda: two_friends(long, long, long, speakers=("B" * 90, "C" * 90)),
    }
    page = open_page(analyses[name](), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.click("#picture .flip >> nth=0")
    assert page.is_visible(".card.open h3")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_the_card_leaves_the_chosen_mark_in_sight(open_page: Opener) -> None:
    page = open_page(support_call(), width=390)
    page.click("#picture [data-n='20']")
    mark, panel = page.locator("#picture [data-n='20']").bounding_box(), page.locator(".panel").bounding_box()
    assert mark["y"] + mark["height"] < panel["y"]
    assert 0 < mark["x"] < 390


def _expect_sticky(page: Any) -> None:
    """Wait until the panel is sticky. `wait_for_function` would evaluate a string, which the page's policy forbids."""
    sync_api.expect(page.locator(".panel")).to_have_css("position", "sticky")


def test_the_card_comes_to_the_reader_where_the_picture_fills_the_screen(open_page: Opener) -> None:
    page = open_page(crowd(80, 12))
    page.click("#picture .flip >> nth=0")
    assert page.locator(".card.open h3").bounding_box()["y"] < 900
    page.evaluate("document.querySelector('.columns').scrollIntoView()")
    _expect_sticky(page)


def test_on_a_laptop_a_choice_shows_picture_and_card_together(open_page: Opener) -> None:
    page = open_page(support_call())
    page.set_viewport_size({"width": 1280, "height": 720})
    page.click("#picture [data-n='21']")
    _expect_sticky(page)
    picture, panel = page.locator(".picture").bounding_box(), page.locator(".panel").bounding_box()
    assert 0 <= picture["y"] <= picture["y"] + picture["height"] <= panel["y"]
    assert panel["y"] <= 720 - 260


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(open_page: Opener, scheme: str) -> None:
    page = open_page(crowd(120, 3), color_scheme=scheme, anchor="#flip-21")
    for selector, least in {
        "h1, h2, dt, dd, .legend li, .legend .count": 4.5,
        "#picture .mark > text, #picture .tick, .names b, .names small": 4.5,
        ".chip i, .transcript b, .transcript p, .transcript .n, .transcript .share, .transcript .tag": 4.5,
        ".card.open *, .steps *, td button, td span, td.zero, footer p": 4.4,
    }.items():
        contrasts = page.evaluate(CONTRAST, selector)
        assert contrasts, selector
        assert min(contrasts) >= least, selector


def test_light_and_dark_follow_the_system(open_page: Opener) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = open_page(support_call(), color_scheme="light").evaluate(paper)
    dark = open_page(support_call(), color_scheme="dark").evaluate(paper)
    assert (light, dark) == ("rgb(252, 251, 248)", "rgb(22, 24, 28)")


def test_print_shows_every_flip_and_line_and_no_controls(open_page: Opener) -> None:
    page = open_page(support_call(), anchor="#flip-21")
    page.select_option("[name='speaker']", label="Ada Okafor")
    page.emulate_media(media="print")
    assert visible(page, ".card") == 12
    assert visible(page, ".transcript li") == 24
    assert visible(page, ".strip") == 2
    assert visible(page, ".filters, .steps, .picture, .index") == 0


def test_without_script_everything_is_there(open_page: Opener) -> None:
    page = open_page(support_call(), java_script_enabled=False)
    assert page.locator(".card").count() == 12
    assert page.locator(".card >> nth=11").is_visible()
    assert not page.is_visible(".filters")


def test_no_flips_and_a_thousand_utterances_open_without_complaint(open_page: Opener) -> None:
    assert open_page(calm()).is_visible("text=No flips")
    page = open_page(crowd(1000, 3))
    page.click(".index a >> nth=-1")
    assert page.locator("#picture .is-target").is_visible()
    box, mark = page.locator(".scroll").bounding_box(), page.locator("#picture .is-target").bounding_box()
    assert box["x"] <= mark["x"] <= box["x"] + box["width"]
