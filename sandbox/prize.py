"""Promises a prize as of three days ago: `python -m sandbox.prize`.

With a prize nothing starts in the past, and what is not funded at its start is called off. So the
competition that people here find running is made and funded by a site whose clock is set back, and
before anything else runs. A second time it finds it there.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from signal import SIGTERM
from typing import TypeVar

import requests

from sandbox.ending import end
from sandbox.people import MAIL_DOMAIN
from sandbox.phone import TIMEOUT_S, Owner, Phone, Places, Refused, list_owners
from sandbox.ports import LOOPBACK, free_port
from sandbox.seed import OPEN, PLANS
from sandbox.spawn import spawn

PATIENCE_S = 60.0
POLL_S = 0.05
STOPPING = ((SIGTERM, 2.0),)
SET_BACK = timedelta(days=3)
"""More than the time since the start, in every zone."""
PRIZE = {
    "currency": "EUR",
    "pool": 100_000,
    "split": {"kind": "percent", "places": [60, 30, 10]},
    "auto_distribute": True,
}
AT_ONCE = {"grace_hours": 0, "review_hours": 0}
"""So that prizes are paid soon after the end."""
SITE = """
import sys
from datetime import timedelta
from gevent.pywsgi import WSGIServer
from domain import clock
from web import create_app
with clock.moved(-timedelta(seconds=float(sys.argv[2]))):
    WSGIServer(("127.0.0.1", int(sys.argv[1])), create_app(), log=None).serve_forever()
"""
ADMIN = Owner("admin", "", f"admin@{MAIL_DOMAIN}", "Admin", "UTC")

Found = TypeVar("Found")


def promise(places: Places, organiser: Owner, now: datetime) -> str:
    """Make the competition unless it is there; return one line that says what was done."""
    phone, plan = Phone(organiser, places), PLANS[0]
    mine = phone.get("/competitions", mine="true", limit="100")["items"]
    if any(one["name"] == plan.name and one["status"] in OPEN for one in mine):
        return f"{plan.name} is there"
    made = phone.post("/competitions", {**plan.body(now), **AT_ONCE, "prize": PRIZE})
    money = {"amount": PRIZE["pool"], "currency": PRIZE["currency"]}
    Phone(ADMIN, places).post(f"/competitions/{made['id']}/fund", money)
    return f"{plan.name} has a prize"


@contextmanager
def site_of_the_past(environ: Mapping[str, str]) -> Iterator[str]:
    """Run a site whose clock is set back; give its address."""
    port = free_port()
    back = str(SET_BACK.total_seconds())
    argv = [sys.executable, "-c", SITE, str(port), back]
    process = spawn(argv, env={**environ, "LOG_LEVEL": "WARNING"})
    url = f"http://{LOOPBACK}:{port}"
    try:
        patiently(lambda: requests.get(f"{url}/health", timeout=TIMEOUT_S).raise_for_status())
        yield url
    finally:
        end(process.pid, STOPPING)
        process.wait()


def patiently(ask: Callable[[], Found]) -> Found:
    """Return what a server answers as soon as it does; raise its last error when that is late."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_S)


def main(environ: Mapping[str, str]) -> int:
    sandbox = f"http://{LOOPBACK}:{environ['SANDBOX_PORT']}"
    try:
        organiser = patiently(lambda: list_owners(sandbox))[0]
        with site_of_the_past(environ) as podium:
            places = Places(podium, environ["SUPABASE_URL"])
            done = promise(places, organiser, datetime.now(UTC))
    except (Refused, requests.RequestException) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
