"""The page in a real browser: what is seen is what the API says, on any network."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from domain import clock
from domain.leaderboards.store import BoardStore
from models import Person, PrizePlan
from models.payout import PayoutStatus
from models.prize import SplitKind
from tests.factories import Factory
from tests.integration.live.cable import Cable
from tests.integration.live.chromium import (
    DESK,
    HALL,
    NARROW,
    PHONE,
    ROWS,
    UPRIGHT,
    needs_chromium,
    sign_in,
    started,
    tab,
)
from tests.integration.live.conftest import PATIENCE_S, Site, Stage, token_of
from tests.integration.payouts.purse import Purse

pytestmark = needs_chromium

DOCS = Path(__file__).parents[3] / "docs"
PROMISE = "€1,000 in prizes: 60 % · 30 % · 10 %"
NAMES = (
    "Alva", "Brisco", "Corin", "Delfa", "Emlyn", "Fenna", "Garro", "Hesta", "Ilvo", "Jorla",
    "Kesta", "Lumo", "Marit", "Nilo", "Oriel", "Pella", "Quill", "Runa", "Sorrel", "Tavo",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser."""
    with started() as running:
        yield running


@pytest.fixture
def cable(site: Site) -> Iterator[Cable]:
    """A cable to the site."""
    with Cable(site.port) as laid:
        yield laid


def named(factory: Factory, count: int) -> list[Person]:
    """Make people who have names."""
    return [
        factory.person(display_name=f"{NAMES[n % 20]} {'KMRT'[n // 10]}.") for n in range(count)
    ]


def scores_of(people: list[Person]) -> dict[str, int]:
    """Give people scores, the first the best."""
    return {str(one.user_id): 48_210 - n * 731 - n * n * 7 for n, one in enumerate(people)}


@pytest.fixture
def race(factory: Factory, store: BoardStore) -> Stage:
    """Forty people with a prize before them."""
    people = [factory.person(display_name=f"{NAMES[n % 20]} {'KMRT'[n // 10]}.") for n in range(40)]
    competition = factory.competition(people[0], name="Autumn city steps")
    for person in people:
        factory.participant(competition, person)
    plan = PrizePlan(
        competition_id=competition.id,
        currency="EUR",
        pool=100_000,
        split=SplitKind.PERCENT,
        places=[60, 30, 10],
        auto_distribute=True,
        funded_at=clock.now(),
    )
    factory.session.add(plan)
    factory.session.commit()
    made = Stage(competition, store, people)
    made.rebuild(scores_of(people))
    return made


BY_REQUEST = """async (competitionId) => {
    delete Response.prototype.body;  // as in React Native
    const { watchBoard } = await import("/clients/js/podium-live.js");
    await new Promise((seen) => watchBoard({ competitionId, spectator: true, onBoard(board) {
        window.shown = board.entries.map((row) => [row.rank, row.display_name, row.score]);
        seen();
    } }));
}"""
"""Watch a board where `fetch` hands out only whole answers."""


def address(cable: Cable, stage: Stage, query: str = "") -> str:
    return f"{cable.site}/live/{stage.competition.id}{query}"


def told(site: Site, stage: Stage, person: Person) -> list[list[Any]]:
    """Return the rows that the API gives out."""
    answer = requests.get(
        f"http://127.0.0.1:{site.port}/api/v1/leaderboard/{stage.competition.id}",
        headers={"Authorization": f"Bearer {token_of(person)}"},
        timeout=PATIENCE_S,
    ).json()
    return [[row["rank"], row["display_name"], row["score"]] for row in answer["entries"]]


def see_the_same(page: Page, site: Site, stage: Stage, person: Person, script: str = ROWS) -> None:
    """Wait until the page shows what the API says."""
    deadline = time.monotonic() + PATIENCE_S
    while (seen := page.evaluate(script)) != (there := told(site, stage, person)):
        assert time.monotonic() < deadline, (seen, there)
        page.wait_for_timeout(20)


def keep(page: Page, name: str, folder: Path) -> None:
    """Take a picture; with SCREENSHOTS set it becomes the one in docs/."""
    page.screenshot(path=folder / name)
    assert (folder / name).stat().st_size > 10_000
    if os.environ.get("SCREENSHOTS"):
        shutil.copy(folder / name, DOCS / name)


def fits(page: Page) -> None:
    """Nobody scrolls in a hall."""
    lowest = "Math.max(...[...document.querySelectorAll('.board *')].map("
    lowest += "(one) => one.getBoundingClientRect().bottom))"
    assert page.evaluate(lowest) <= page.evaluate("innerHeight")


def is_accessible(page: Page) -> None:
    """Hold the page against axe's rules."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_what_is_seen_is_what_the_api_says_on_any_network(
    race: Stage, site: Site, cable: Cable, browser: Browser, tmp_path: Path
) -> None:
    me = race.people[11]
    with tab(browser, **PHONE) as page:
        sign_in(page, address(cable, race), token_of(me))
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("#my-rank")).to_have_text("12th")
        expect(page.locator("#my-gap")).to_have_text("878 to 11th place")
        see_the_same(page, site, race, me)
        race.flush({str(me.user_id): 44_000, str(race.people[5].user_id): 50_001})
        see_the_same(page, site, race, me)
        expect(page.locator("#my-rank")).to_have_text("7th")
        is_accessible(page)
        keep(page, "page-phone.png", tmp_path)
        page.set_viewport_size(DESK["viewport"])
        expect(page.locator("#board-prize")).to_have_text(PROMISE)
        is_accessible(page)
        keep(page, "page-desk.png", tmp_path)

        cable.dark = True
        cable.cut()
        expect(page.locator("#connection")).to_have_text("Offline, trying again")
        race.flush({str(me.user_id): 47_000})
        cable.dark = False
        see_the_same(page, site, race, me)
        expect(page.locator("#connection")).to_have_text("Live")
        expect(page.locator("#my-rank")).to_have_text("4th")


def test_the_end_shows_the_podium_and_who_was_paid(
    factory: Factory,
    engine: Engine,
    store: BoardStore,
    cable: Cable,
    browser: Browser,
    tmp_path: Path,
) -> None:
    people, purse = named(factory, 24), Purse(engine, factory)
    made = purse.won([60_000, 30_000, 10_000], people=people[:3])
    made.competition.name = "Autumn city steps"
    factory.session.commit()
    first, second, _ = purse.distribute(made.competition.id)
    purse.bring([first], PayoutStatus.PAID)
    purse.bring([second], PayoutStatus.ACCEPTED)
    race = Stage(made.competition, store, people)
    race.status = "provisional"
    race.rebuild(scores_of(people))
    with tab(browser, **DESK) as page:
        sign_in(page, address(cable, race), token_of(people[1]))
        expect(page.get_by_role("heading", name="Provisional result")).to_be_visible()
        expect(page.locator("#prizes-text")).to_contain_text("after the review")
        race.status = "final"
        race.flush({})
        expect(page.get_by_role("heading", name="Final result")).to_be_visible()
        expect(page.locator(".step-name")).to_have_text(["Alva K.", "Brisco K.", "Corin K."])
        expect(page.locator("#prizes-text")).to_have_text("1 of 3 paid")
        expect(page.locator(".winner-amount")).to_have_text(["€600", "€300", "€100"])
        expect(page.locator(".winner .chip")).to_have_text(["Paid", "Sent", "On its way"])
        mine = page.locator(".winner.is-mine .winner-name")
        expect(mine).to_have_text("Brisco K. (you)")
        expect(page.locator(".competition-facts")).to_contain_text("final")
        is_accessible(page)
        keep(page, "page-end.png", tmp_path)
    with tab(browser, **HALL) as page:
        page.goto(address(cable, race, "?screen=1"))
        expect(page.locator(".winner .chip")).to_have_text(["Paid", "Sent", "On its way"])
        page.screenshot(path=tmp_path / "hall-end.png")
        fits(page)


def test_a_hall_needs_no_sign_in(
    race: Stage, site: Site, cable: Cable, browser: Browser, tmp_path: Path
) -> None:
    with tab(browser, **HALL) as page:
        page.goto(address(cable, race, "?screen=1"))
        see_the_same(page, site, race, race.people[0])
        race.flush({str(race.people[7].user_id): 48_000})
        see_the_same(page, site, race, race.people[0])
        expect(page.locator("#connection")).to_have_text("Live")
        fits(page)
        is_accessible(page)
        keep(page, "page-hall.png", tmp_path)


@pytest.mark.soak
def test_it_holds_on_other_screens(race: Stage, cable: Cable, browser: Browser) -> None:
    token = token_of(race.people[11])
    with tab(browser, **PHONE, color_scheme="dark") as page:
        page.goto(cable.site)
        page.get_by_label("Access token").wait_for()
        is_accessible(page)
        sign_in(page, address(cable, race), token)
        is_accessible(page)
    with tab(browser, **NARROW) as page:
        sign_in(page, address(cable, race), token)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    with tab(browser, **UPRIGHT) as page:
        page.goto(address(cable, race, "?screen=1"))
        page.locator("#rows > .row").first.wait_for()
        fits(page)
        page.goto(f"{cable.site}/live/{uuid.uuid4()}?screen=1")
        expect(page.get_by_role("alert")).to_have_text("This is no public competition.")


@pytest.mark.soak
def test_by_keyboard_alone(race: Stage, factory: Factory, cable: Cable, browser: Browser) -> None:
    other = factory.competition(race.people[0], name="Long distance")
    with tab(browser, **DESK) as page:
        page.goto(address(cable, race))
        page.get_by_label("Access token").fill(token_of(race.people[11]))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.locator("#rows > .row").first.wait_for()
        page.get_by_role("button", name="Long distance").first.wait_for()
        for _ in range(8):
            page.keyboard.press("Tab")
            focused = page.evaluate("document.activeElement.textContent.trim()")
            if focused.startswith("Long distance"):
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Long distance")).to_be_visible()
        assert page.url.endswith(f"/live/{other.id}")


@pytest.mark.soak
def test_where_fetch_knows_no_streams_a_request_is_read(
    race: Stage, site: Site, cable: Cable, browser: Browser
) -> None:
    me = race.people[0]
    with tab(browser) as page:
        page.goto(cable.site)
        page.evaluate(BY_REQUEST, str(race.competition.id))
        see_the_same(page, site, race, me, "window.shown")
        race.flush({str(race.people[3].user_id): 48_000})
        see_the_same(page, site, race, me, "window.shown")
        cable.cut()
        race.flush({str(race.people[3].user_id): 48_100})
        see_the_same(page, site, race, me, "window.shown")


def test_the_documents_are_shown_with_nothing_inline(browser: Browser, site: Site) -> None:
    with tab(browser, **DESK) as page:
        page.goto(f"http://127.0.0.1:{site.port}/docs")
        route = page.locator(".opblock", has_text="/api/v1/me").first
        route.click()
        expect(route.get_by_text("Show who I am.").first).to_be_visible()
        expect(page.get_by_role("button", name="Authorize").first).to_be_visible()
