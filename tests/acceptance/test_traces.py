"""The trace of one sync, through all processes, as a collector gets it."""

from collections.abc import Iterator

import pytest

from tests.acceptance.stack import Stack, wait_until
from tests.acceptance.test_nominal import competition, until
from tests.collector import Collector, Span, collecting

pytestmark = pytest.mark.acceptance

TRACED = ("web", "worker-sync", "worker-boards")


def restart(stack: Stack) -> None:
    """Replace the processes that take part."""
    for name in TRACED:
        stack.kill(name)
        stack.start(name)
    wait_until(stack.is_ready, "readiness")


@pytest.fixture
def collector(stack: Stack) -> Iterator[Collector]:
    """A collector to which the stack sends its traces."""
    told = {"OTEL_BSP_SCHEDULE_DELAY": "200"}
    with collecting() as collector:
        stack.environment |= {**told, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        restart(stack)
        yield collector
        for name in (*told, "OTEL_EXPORTER_OTLP_ENDPOINT"):
            del stack.environment[name]
        restart(stack)


def test_one_sync_from_its_request_to_the_frame(stack: Stack, collector: Collector) -> None:
    app = stack.sign_in("walker-009")
    app.connect_google()
    competition_id = competition(app)
    app.call("POST", f"/competitions/{competition_id}/join", expect=200)
    wait_until(lambda: app.board(competition_id)["total"] == 1, "the join on the board")
    with app.socket(f"/ws/leaderboard/{competition_id}") as board:
        (before,) = until(board, "snapshot")["entries"]
        stack.control("POST", "/people/walker-009/walk", steps=99)
        sync_id = app.sync()
        while until(board, "update")["entries"][0]["score"] < before["score"] + 99:
            pass

    def named(name: str, **facts: str) -> list[Span]:
        return [
            one
            for one in collector.spans
            if one.name == name and facts.items() <= one.facts.items()
        ]

    (sync,) = wait_until(lambda: named("fitness.sync", sync_id=sync_id), "the sync's span")
    wait_until(lambda: named("live.frame", competition_id=competition_id), "the frame's span")
    (asked,) = (one for one in collector.spans if one.id == sync.parent)
    (pull,) = (one for one in named("fitness.pull") if asked.id in one.links)
    frames = wait_until(lambda: frames_of(collector, pull, competition_id), "the frame's link")

    assert (asked.name, asked.service) == ("POST /api/v1/fitness/sync", "podium-web")
    assert (sync.trace, sync.service) == (asked.trace, "podium-worker-sync")
    assert pull.id in sync.links
    below = [one.name for one in collector.within(asked)]
    assert any(name.startswith("INSERT") for name in below), below
    assert {"fitness.fetch", "fitness.write"} <= {one.name for one in collector.within(pull)}
    assert {frame.service for frame in frames} == {"podium-web"}
    tell(collector, asked)


def frames_of(collector: Collector, pull: Span, competition_id: str) -> list[Span]:
    """Return the frames that show what a pull has changed of a board, by way of their flush."""
    flushes = [
        one
        for one in collector.served(pull)
        if one.name == "leaderboards.flush_board"
        and one.facts["competition_id"] == competition_id
        and one.service == "podium-worker-boards"
    ]
    return [one for flush in flushes for one in collector.served(flush) if one.name == "live.frame"]


def tell(collector: Collector, root: Span) -> None:
    """Print the whole story, for `pytest -s`."""
    for depth, span in collector.story(root):
        at, took = span.began_ns - root.began_ns, span.ended_ns - span.began_ns
        who = f"{span.service.removeprefix('podium-'):13} {'  ' * depth}{span.name}"
        print(f"{at / 1e6:9.1f} ms {took / 1e6:8.1f} ms  {who}")
