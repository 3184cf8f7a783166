"""Things that break while it works: everything is right again without anybody's help."""

import shutil

import pytest
from sqlalchemy import text

from domain import clock
from tests.acceptance.crowd import Crowd
from tests.acceptance.stack import Stack, rows, wait_until

pytestmark = pytest.mark.acceptance

AGGREGATE = "/fitness/v1/users/me/dataset:aggregate"


def names(first: int, count: int) -> list[str]:
    return [f"walker-{number:03}" for number in range(first, first + count)]


@pytest.fixture(scope="module")
def crowd(whole_stack: Stack) -> Crowd:
    """Thirty people for the tests that share one."""
    return Crowd(whole_stack, names(451, 30))


LEASES_END = text(
    "UPDATE sync_request SET lease_until = :now WHERE status = 'running' RETURNING id"
)


@pytest.mark.parametrize("waits", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_a_worker_killed_in_the_middle_of_500_people(stack: Stack, waits: bool) -> None:
    crowd = Crowd(stack, names(11, 430) + names(1, 10) + names(461, 60))
    stack.control("POST", "/faults", path=AGGREGATE, kind="delay", delay_ms=400, count=None)
    crowd.sync()
    wait_until(lambda: crowd.statuses().get("running", 0) > 100, "a batch under way")
    stack.kill("worker-sync")
    stack.control("DELETE", "/faults")
    left = crowd.statuses()
    assert left.get("running", 0) > 100
    if not waits:
        # So that the minute need not go by in which the dead worker's leases hold.
        with stack.engine.begin() as connection:
            assert len(connection.scalars(LEASES_END, {"now": clock.now()}).all()) > 100
    stack.start("worker-sync")
    wait_until(crowd.all_synced, "every sync to succeed", 120)
    wait_until(crowd.board_is_right, "the board to be right")
    crowd.check_books(crowd.names[::10])
    assert sum(crowd.statuses().values()) == 500


def test_valkey_flushed_while_people_sync(stack: Stack, crowd: Crowd) -> None:
    for _ in range(3):
        crowd.sync()
        stack.redis.flushall()
        wait_until(crowd.board_is_right, "the board to be right after the flush")
    wait_until(crowd.all_synced, "every sync to succeed")
    wait_until(crowd.board_is_right, "the board to be right at the end")
    crowd.check_books(crowd.names[:5])


def test_valkey_restarted_and_put_back_to_an_older_state(stack: Stack, crowd: Crowd) -> None:
    crowd.sync()
    wait_until(crowd.all_synced, "the first syncs")
    wait_until(crowd.board_is_right, "the board to be right")
    stack.valkey.stop()
    data, older = stack.folder / "valkey", stack.folder / "valkey-older"
    shutil.rmtree(older, ignore_errors=True)
    shutil.copytree(data, older)
    stack.valkey.start()
    wait_until(crowd.board_is_right, "the board to be right after the restart")

    name = crowd.names[0]
    stack.control("POST", f"/people/{name}/walk", steps=7000)
    crowd.sync()
    wait_until(crowd.all_synced, "the syncs after the restart")
    wait_until(crowd.board_is_right, "the newer board")
    stack.valkey.stop()
    shutil.rmtree(data)
    older.rename(data)
    stack.valkey.start()
    wait_until(crowd.board_is_right, "the older state to be overcome")

    stack.control("POST", f"/people/{name}/walk", steps=500)
    crowd.sync()
    wait_until(crowd.all_synced, "the syncs after the restoration")
    wait_until(crowd.board_is_right, "the board to move on")


def test_workers_outlive_a_broker_that_goes_in_the_middle_of_a_task(
    stack: Stack, crowd: Crowd
) -> None:
    stack.control("POST", "/faults", path=AGGREGATE, kind="delay", delay_ms=2000, count=None)
    crowd.sync()
    wait_until(lambda: crowd.statuses().get("running", 0) > 0, "a batch under way")
    stack.valkey.restart()
    stack.control("DELETE", "/faults")
    wait_until(crowd.all_synced, "every sync to succeed")
    wait_until(crowd.board_is_right, "the board to be right")
    assert [name for name, one in stack.processes.items() if one.poll() is not None] == []


def test_postgresql_restarted(stack: Stack, crowd: Crowd) -> None:
    crowd.sync()
    stack.postgres.restart()
    wait_until(crowd.all_synced, "every sync to succeed")
    wait_until(crowd.board_is_right, "the board to be right")
    wait_until(stack.is_ready, "readiness")
    app = stack.sign_in(crowd.names[0])
    assert app.board(str(crowd.competition_id))["total"] == len(crowd.names)


def test_two_schedules_and_one_works(stack: Stack) -> None:
    leaders = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 28783"  # "po"
        " AND granted"
    )
    wait_until(lambda: rows(stack.engine, leaders)[0].count == 1, "the first to lead")
    first = stack.processes.pop("beat")
    stack.start("beat")
    logs = stack.folder / "beat.log"
    wait_until(lambda: "beat.follows" in logs.read_text(), "the second to follow")
    assert rows(stack.engine, leaders)[0].count == 1
    first.terminate()
    first.wait(60)
    wait_until(lambda: rows(stack.engine, leaders)[0].count == 1, "the other to lead")
    assert stack.processes["beat"].poll() is None
    wait_until(stack.is_ready, "progress in every queue")
