"""Pages in Chromium, and what every page of ours has to do without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

Page = Any  # playwright.sync_api.Page, which may not be installed


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, until the tests that share it have ended."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched_page(browser: Any, address: str, expected_error: str | None = None) -> Iterator[Page]:
    """A page of the service at an address. It may log only errors with the expected words, and ask no other host."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address)
    errors: list[str] = []
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert [error for error in errors if expected_error is None or expected_error not in error] == []
    assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []
