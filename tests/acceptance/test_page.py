"""The page in a real browser while people sync and the site is restarted."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.stack import App, Stack, wait_until
from tests.acceptance.test_nominal import competition
from tests.integration.live.chromium import DESK, ROWS, needs_chromium, started, tab

pytestmark = [pytest.mark.acceptance, pytest.mark.soak, needs_chromium]

SYNCS = 12
SECONDS = 60.0


def see_the_same(page: Page, app: App, competition_id: str) -> None:
    """Wait until the page shows what the API says."""
    deadline = time.monotonic() + SECONDS
    while True:
        there = app.board(competition_id)
        rows = [[row["rank"], row["display_name"], row["score"]] for row in there["entries"]]
        seen = page.evaluate(ROWS)
        if seen == rows:
            return
        assert time.monotonic() < deadline, (seen, rows)
        page.wait_for_timeout(50)


def test_what_is_seen_while_people_sync_and_the_site_restarts(stack: Stack) -> None:
    apps = [stack.sign_in(f"walker-{n:03d}") for n in range(40, 52)]
    for app in apps:
        app.connect_google()
    competition_id = competition(apps[0], name="Seen")
    for app in apps:
        app.call("POST", f"/competitions/{competition_id}/join", expect=200)
    me = apps[3]
    with started() as browser, tab(browser, **DESK) as page:
        sign_in_to_sandbox(page, f"{stack.web}/live/{competition_id}", me)
        for number, app in enumerate(apps):
            stack.control("POST", f"/people/{app.name}/walk", steps=300 + 70 * number)
            app.sync()
        see_the_same(page, me, competition_id)

        stack.kill("web")
        expect(page.locator("#connection")).to_have_text("Offline, trying again")
        stack.start("web")
        wait_until(stack.is_ready, "readiness")
        stack.control("POST", f"/people/{me.name}/walk", steps=4321)
        sync_id = me.sync()
        wait_until(lambda: me.sync_status(sync_id) == "succeeded", "the sync")
        expect(page.locator("#connection")).to_have_text("Live", timeout=SECONDS * 1000)
        see_the_same(page, me, competition_id)
        mine = me.board(competition_id)["me"]
        assert page.locator(".row.is-me .score").inner_text() == f"{mine['score']:,}"


def sign_in_to_sandbox(page: Page, address: str, app: App) -> None:
    """Choose a person of the sandbox, as a visitor of `make run` does."""
    page.goto(address)
    shown = app.call("GET", "/me", expect=200)["display_name"]
    page.get_by_placeholder("Find a person").fill(shown)
    page.get_by_role("button", name=shown).first.click()
    page.locator("#rows > .row").first.wait_for()
