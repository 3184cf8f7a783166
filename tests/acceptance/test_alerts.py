"""No alert in a healthy hour, and a real Prometheus with our settings beside the running site."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from domain import clock
from sandbox.ports import free_port
from tests.acceptance.stack import Stack, rows, wait_until
from tests.acceptance.test_nominal import competition
from tests.promtool import RULES, SCRAPE_SECONDS, Scrape, Story, judge, needs_promtool, read_scrape

pytestmark = pytest.mark.acceptance

PROMETHEUS = shutil.which("prometheus")
WALKERS = ("walker-442", "walker-443", "walker-444")
"""In no crowd of the other tests: what they write lies an hour ahead of them."""


def page(stack: Stack) -> str:
    return requests.get(f"{stack.web}/metrics", timeout=60).text


def at_rest(stack: Stack) -> Scrape | None:
    """Return a scrape if nothing runs, and nothing is due that should have been done, else None."""
    if rows(stack.engine, "SELECT FROM sync_request WHERE status = 'running'"):
        return None
    scrape = read_scrape(page(stack))
    waits = [value for name, value in scrape.items() if name.startswith("podium_due{")]
    return scrape if waits and not any(waits) else None


@needs_promtool
@pytest.mark.parametrize("minutes", [20, pytest.param(2, marks=pytest.mark.soak)])
def test_a_healthy_hour_is_silent(moved: Stack, minutes: int, tmp_path: Path) -> None:
    """The clock is moved in steps; what became due by that is done, and then it is asked."""
    stack, began = moved, clock.now()
    organiser = stack.sign_in(WALKERS[0])
    board = competition(organiser)
    for name in WALKERS:
        app = stack.sign_in(name)
        app.connect_google()
        app.call("POST", f"/competitions/{board}/join", expect=200)
        app.sync()
    scrapes: list[Scrape] = []
    for passed in range(0, 60 + minutes, minutes):
        stack.move_clock(began + timedelta(minutes=passed))
        stack.control("POST", f"/people/{WALKERS[passed % 3]}/walk", steps=100)
        scrape = wait_until(lambda: at_rest(stack), "everything due to be done")
        scrapes += [scrape] * (minutes * 60 // SCRAPE_SECONDS)
    synced = [one for one in scrapes if any('status="succeeded"' in name for name in one)]
    assert synced
    judge(tmp_path, Story("a healthy hour", scrapes, ()))


@contextmanager
def prometheus(stack: Stack, folder: Path) -> Iterator[str]:
    """Run one with our settings, except that it asks this site, and often; give its address."""
    settings = yaml.safe_load(RULES.with_name("prometheus.yml").read_text())
    settings["global"] |= dict.fromkeys(["scrape_interval", "evaluation_interval"], "1s")
    settings["global"]["scrape_timeout"] = "1s"
    settings["rule_files"] = [str(RULES)]
    (job,) = settings["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [stack.web.removeprefix("http://")]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    address = f"127.0.0.1:{free_port()}"
    assert PROMETHEUS is not None
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                PROMETHEUS,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://{address}/api/v1"
    finally:
        process.terminate()
        process.wait(30)


def ask(url: str) -> Any:
    """Return what it tells, or None while it does not yet."""
    try:
        answer = requests.get(url, timeout=10)
    except requests.ConnectionError:
        return None
    return answer.json()["data"] if answer.ok else None


@pytest.mark.skipif(
    PROMETHEUS is None, reason="prometheus is not installed (Debian's package of that name)"
)
def test_prometheus_asks_and_judges(stack: Stack, tmp_path: Path) -> None:
    with prometheus(stack, tmp_path) as api:

        def asked() -> Any:
            found = (ask(f"{api}/targets") or {}).get("activeTargets", [])
            return [one for one in found if one["health"] != "unknown"]

        def judged() -> Any:
            groups = (ask(f"{api}/rules") or {}).get("groups", [])
            rules = [rule for group in groups for rule in group["rules"]]
            return rules and all(rule["health"] != "unknown" for rule in rules) and rules

        (target,) = wait_until(asked, "the first look at the site")
        assert (target["health"], target["lastError"]) == ("up", "")
        rules = wait_until(judged, "the first judgement")
        assert {rule["health"] for rule in rules} == {"ok"}
        assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
        assert ask(f"{api}/query?query=podium_redis_up")["result"][0]["value"][1] == "1"
