"""Every process is replaced under load, and nobody notices."""

import time
from contextlib import ExitStack

import pytest

from tests.acceptance.callers import Callers
from tests.acceptance.crowd import Crowd
from tests.acceptance.rolling import replace_all
from tests.acceptance.stack import Stack, rows, wait_until
from tests.acceptance.watchers import Watchers
from tests.acceptance.winners import Winners

pytestmark = pytest.mark.acceptance

RETURN_CODES = {1001, 1012}
"""Going away, restarting: come back."""


def names(first: int, count: int) -> list[str]:
    return [f"walker-{number:03}" for number in range(first, first + count)]


@pytest.mark.parametrize(
    ("people", "rate", "sockets", "rounds", "every_s"),
    [
        pytest.param(30, 8, 30, 1, 1.0, id="seed"),
        pytest.param(440, 20, 500, 4, 0.5, id="whole", marks=pytest.mark.soak),
    ],
)
def test_every_process_is_replaced_under_load(
    stack: Stack, people: int, rate: float, sockets: int, rounds: int, every_s: float
) -> None:
    crowd = Crowd(stack, names(11, people))
    apps = [stack.sign_in(name) for name in crowd.names]
    board = str(crowd.competition_id)
    began = time.monotonic()
    with ExitStack() as running:
        watchers = running.enter_context(Watchers(stack, apps, board, sockets))
        winners = running.enter_context(Winners(stack, every_s))
        with Callers(stack, apps, board, rate) as callers:
            for _ in range(rounds):
                replace_all(stack)
                callers.wait_for_more()
        lasted = time.monotonic() - began
        wait_until(lambda: outcomes(stack, callers.syncs), "every sync to end", 300)
        wait_until(crowd.board_is_right, "the board to be right")
        wait_until(lambda: watchers.all_see(apps[0].board(board)["entries"]), "the same top 100")
    wait_until(winners.all_paid, "every prize", 300)
    print(
        f"\n{lasted:.0f} s, {rounds} replacements of everything:"
        f" {callers.requests} requests, {len(callers.failures)} failed;"
        f" {len(callers.syncs)} syncs, {outcomes(stack, callers.syncs)};"
        f" {sockets} sockets, closed {dict(watchers.closes)}, {watchers.turned_away} turned away,"
        f" {len(watchers.failures)} gaps; {len(winners.payouts)} payouts,"
        f" {dict(winners.statuses())}, {winners.transfers().total()} transfers"
    )
    assert callers.failures == []
    assert outcomes(stack, callers.syncs) == {"succeeded": len(callers.syncs)}
    assert watchers.failures == []
    assert {code for code, _ in watchers.closes} <= RETURN_CODES, watchers.closes
    assert sum(watchers.closes.values()) >= rounds * sockets
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
