"""A headless Chromium that looks at the site's page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PATIENCE_MS = 30_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

PHONE: Any = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
}
DESK: Any = {"viewport": {"width": 1280, "height": 860}}
NARROW: Any = {"viewport": {"width": 320, "height": 640}}
UPRIGHT: Any = {"viewport": {"width": 1080, "height": 1920}}
HALL: Any = {"viewport": {"width": 1920, "height": 1080}}

ROWS = """() => [...document.querySelectorAll("#rows > .row")].map((row) => [
    Number(row.querySelector(".rank").textContent),
    row.querySelector(".name").textContent,
    Number(row.querySelector(".score").textContent.replaceAll(",", "")),
])"""


@contextmanager
def started() -> Iterator[Browser]:
    """Start the browser. What is expected of its pages may take as long as on a busy machine."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Root may not have a sandbox, and a container's /dev/shm is small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser, **device: Any) -> Iterator[Page]:
    """Open a page in English; an error in it, or a foreign host, fails the test."""
    context = browser.new_context(locale="en-GB", reduced_motion="reduce", **device)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: _note_foreign(asked.url, faults))
    page.on("console", lambda said: _note(said.type, said.text, faults))
    yield page
    context.close()
    assert faults == []


def _note_foreign(url: str, faults: list[str]) -> None:
    if urlsplit(url).hostname not in ("127.0.0.1", None):
        faults.append(url)


def _note(kind: str, text: str, faults: list[str]) -> None:
    """Keep what is an error of the page; that the network was away is none."""
    if kind == "error" and not any(word in text for word in ("WebSocket", "net::", "404")):
        faults.append(text)


def sign_in(page: Page, address: str, token: str) -> None:
    """Open the page and show it a token."""
    page.goto(address)
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#rows > .row").first.wait_for()
