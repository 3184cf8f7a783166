"""Every process is replaced under load, and nobody notices."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.callers import Callers
from tests.acceptance.crowd import Crowd
from tests.acceptance.rolling import replace_all, signing_in
from tests.acceptance.stack import Stack, rows, running, wait_until
from tests.acceptance.watchers import Watchers
from tests.acceptance.winners import Winners

pytestmark = pytest.mark.acceptance

RETURN_CODES = {1001, 1012}
"""Going away, restarting: come back."""


def names(first: int, count: int) -> list[str]:
    return [f"walker-{number:03}" for number in range(first, first + count)]


def test_a_deploy_under_some_load(stack: Stack) -> None:
    replace_under_load(stack, Load(people=30, rate=8, sockets=30, rounds=1, prize_every_s=1.0))


@pytest.mark.soak
def test_deploys_under_load(tmp_path: Path) -> None:
    with signing_in(tmp_path) as supabase, running(tmp_path, SUPABASE_URL=supabase) as stack:
        load = Load(people=440, rate=20, sockets=500, rounds=4, prize_every_s=0.5)
        replace_under_load(stack, load)


@dataclass(frozen=True)
class Load:
    """What goes on meanwhile."""

    people: int
    rate: float
    """Syncs a second."""
    sockets: int
    rounds: int
    """How often everything is replaced."""
    prize_every_s: float


def replace_under_load(stack: Stack, load: Load) -> None:
    """Replace everything; nothing may fail, be lost or be doubled."""
    crowd = Crowd(stack, names(11, load.people))
    apps = [stack.sign_in(name) for name in crowd.names]
    board = str(crowd.competition_id)
    began = time.monotonic()
    with ExitStack() as under_way:
        watchers = under_way.enter_context(Watchers(stack, apps, board, load.sockets))
        winners = under_way.enter_context(Winners(stack, load.prize_every_s))
        with Callers(stack, apps, board, load.rate) as callers:
            for _ in range(load.rounds):
                replace_all(stack)
                callers.wait_for_more()
        lasted = time.monotonic() - began
        wait_until(lambda: outcomes(stack, callers.syncs), "every sync to end", 300)
        wait_until(crowd.board_is_right, "the board to be right")
        wait_until(lambda: watchers.all_see(apps[0].board(board)["entries"]), "the same top 100")
    wait_until(winners.all_paid, "every prize", 300)
    print(
        f"\n{lasted:.0f} s, {load.rounds} replacements of everything:"
        f" {callers.requests} requests, {len(callers.failures)} failed;"
        f" {len(callers.syncs)} syncs, {outcomes(stack, callers.syncs)};"
        f" {load.sockets} sockets, closed {dict(watchers.closes)},"
        f" {watchers.turned_away} turned away, {len(watchers.failures)} gaps;"
        f" {len(winners.payouts)} payouts, {dict(winners.statuses())},"
        f" {winners.transfers().total()} transfers"
    )
    assert callers.failures == []
    assert outcomes(stack, callers.syncs) == {"succeeded": len(callers.syncs)}
    assert watchers.failures == []
    assert {code for code, _ in watchers.closes} <= RETURN_CODES, watchers.closes
    assert sum(watchers.closes.values()) >= load.rounds * load.sockets
    assert winners.transfers() == dict.fromkeys(winners.payouts, 1)
    crowd.check_books(crowd.names[::10])


def outcomes(stack: Stack, syncs: set[str]) -> dict[str, int]:
    """Count syncs by how they ended; nothing while some have not."""
    found = rows(
        stack.engine,
        "SELECT status, count(*) FROM sync_request WHERE id = ANY(CAST(:ids AS uuid[]))"
        " GROUP BY status",
        ids=list(syncs),
    )
    counted = {row.status: row.count for row in found}
    return {} if {"queued", "running"} & set(counted) else counted
