"""What the processes log can be read by machines, and leads from a request to its outcome."""

import json
from typing import Any

import pytest

from tests.acceptance.stack import Stack, wait_until
from tests.acceptance.test_nominal import competition

pytestmark = pytest.mark.acceptance


def events(stack: Stack, process: str, **facts: str) -> list[dict[str, Any]]:
    """Return the events of a process that tell of these facts."""
    lines = (stack.folder / f"{process}.log").read_text().splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [one for one in found if facts.items() <= one.items()]


def test_a_sync_is_found_by_its_request(stack: Stack) -> None:
    app = stack.sign_in("walker-010")
    app.connect_google()
    sync_id = app.sync()
    wait_until(lambda: app.sync_status(sync_id) == "succeeded", "the sync")

    (ended,) = wait_until(
        lambda: events(stack, "worker-sync", event="fitness.sync", sync_id=sync_id), "its line"
    )
    (asked,) = events(stack, "web", event="request", method="POST", sync_id=sync_id)
    assert (asked["path"], asked["status"]) == ("/api/v1/fitness/sync", 202)
    assert ended["request_id"] == asked["request_id"]
    assert (ended["attempt"], ended["code"], ended["task"]) == (1, None, "fitness.pull_batch")
    assert {"timestamp", "level", "logger"} <= ended.keys() & asked.keys()


def test_requests_about_a_competition_name_it(stack: Stack) -> None:
    app = stack.sign_in("walker-010")
    competition_id = competition(app)
    app.call("GET", f"/competitions/{competition_id}", expect=200)
    (asked,) = events(stack, "web", event="request", competition_id=competition_id)
    assert asked["path"] == f"/api/v1/competitions/{competition_id}"
