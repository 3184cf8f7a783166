"""Furnishes Podium with the sandbox's people and two competitions, over its REST API only.

`python -m sandbox.seed`. A second time it finds everything and only asks for syncs.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from sandbox.phone import TIMEOUT_S, Owner, Phone, Places, Refused, list_owners

AT_ONCE = 12
OPEN = {"upcoming", "active"}


@dataclass(frozen=True)
class Plan:
    """A competition that began yesterday at midnight of its zone and ends in five days."""

    name: str
    metric: str
    timezone: str
    extra: Mapping[str, Any]

    def body(self, now: datetime) -> dict[str, Any]:
        """The body of `POST /competitions`."""
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        return {
            "name": self.name,
            "metric": self.metric,
            "timezone": self.timezone,
            "starts_at": self._midnight(today - timedelta(days=1)),
            "ends_at": self._midnight(today + timedelta(days=5)),
            "visibility": "public",
            **self.extra,
        }

    def _midnight(self, day: date) -> str:
        local = datetime.combine(day, time.min, ZoneInfo(self.timezone))
        return local.astimezone(UTC).isoformat().replace("+00:00", "Z")


PLANS = (
    Plan("City steps", "steps", "Europe/Berlin", {"description": "Every measured step counts."}),
    Plan(
        "Long distance",
        "distance",
        "Europe/Lisbon",
        {"description": "Metres, at most 15 km a day.", "daily_cap": 15_000},
    ),
)


class Seed:
    """One pass over all people of a sandbox."""

    def __init__(self, places: Places, sandbox: str) -> None:
        self._places = places
        self._sandbox = sandbox
        self._owners = list_owners(sandbox)

    def run(self) -> str:
        """Do what is missing; return one line that says what was done."""
        organiser = Phone(self._owners[0], self._places)
        members = {id_: set(_participants(organiser, id_)) for id_ in self._competitions(organiser)}
        organiser.close()
        complete = set.intersection(*members.values())
        new = [owner for owner in self._owners if owner.sub not in complete]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda owner: self._furnish(owner, members), self._owners))
        return f"{len(self._owners)} people, {len(new)} of them new, in {len(members)} competitions"

    def _competitions(self, organiser: Phone) -> list[str]:
        mine = _pages(organiser, "/competitions", mine="true")
        known = {item["name"]: item["id"] for item in mine if item["status"] in OPEN}
        now = datetime.now(UTC)
        return [
            known.get(plan.name) or organiser.post("/competitions", plan.body(now))["id"]
            for plan in PLANS
        ]

    def _furnish(self, owner: Owner, members: Mapping[str, set[str]]) -> None:
        """Connected before joined: who has joined everything has all the rest."""
        phone = Phone(owner, self._places)
        missing = [id_ for id_, subs in members.items() if owner.sub not in subs]
        if missing:
            phone.patch("/me", {"display_name": owner.display_name, "timezone": owner.timezone})
            self._connect(phone)
        for id_ in missing:
            phone.post(f"/competitions/{id_}/join", {})
        try:
            phone.sync()
        except Refused as refused:
            # Limited, or disconnected by somebody's experiment: both are for the owner to mend.
            if refused.status not in {409, 429}:
                raise
        phone.close()

    def _connect(self, phone: Phone) -> None:
        connections = phone.get("/fitness/connections")["items"]
        if any(connection["status"] == "active" for connection in connections):
            return
        minted = requests.get(
            f"{self._sandbox}/control/people/{phone.owner.id}/code", timeout=TIMEOUT_S
        )
        minted.raise_for_status()
        phone.post(
            "/fitness/connections",
            {"provider": "google_fit", "server_auth_code": minted.json()["code"]},
        )


def _participants(phone: Phone, competition: str) -> Iterator[str]:
    for item in _pages(phone, f"/competitions/{competition}/participants"):
        yield item["user_id"]


def _pages(phone: Phone, path: str, **params: str) -> Iterator[Any]:
    cursor: dict[str, str] = {}
    while True:
        page = phone.get(path, limit="100", **params, **cursor)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def main(environ: Mapping[str, str]) -> int:
    sandbox = f"http://127.0.0.1:{environ['SANDBOX_PORT']}"
    places = Places(f"http://127.0.0.1:{environ['PORT']}", environ["SUPABASE_URL"])
    try:
        done = Seed(places, sandbox).run()
    except (Refused, requests.RequestException) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
