"""Ends the competition with the prize, and does for it what people do until its winners are paid.

`python -m sandbox.winners`. The end comes three minutes after its start. The organiser then answers
what is doubted, for prizes wait for that; and whoever has won and has no account yet opens one at
the sandbox's Stripe, as people do when they are told.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import requests

from sandbox.phone import TIMEOUT_S, Owner, Phone, Places, Refused, list_owners
from sandbox.seed import OPEN

AFTER_S = 180.0
EVERY_S = 2.0
UNDER_REVIEW = {"closing", "provisional"}
NOTE = "The organiser has asked, and nobody could explain it."
"""Said to what the organiser does not let count."""


class Ceremony:
    """The competitions with a prize that one organiser has, until all is paid."""

    def __init__(self, owners: list[Owner], places: Places, sandbox: str) -> None:
        self._owners = {owner.sub: owner for owner in owners}
        self._places = places
        self._sandbox = sandbox
        self._organiser = Phone(owners[0], places)
        self._opened: set[str] = set()
        self._settled: set[str] = set()

    def look(self, *, is_time: bool) -> list[str]:
        """Do what can be done now; return lines that say what was refused and what was paid."""
        mine = self._organiser.get("/competitions", mine="true", limit="100")["items"]
        lines: list[str] = []
        for one in mine:
            if one["prize"] is None or one["id"] in self._settled:
                continue
            if one["status"] in OPEN and is_time:
                self._organiser.post(f"/competitions/{one['id']}/end", {"reason": "Time is up."})
            elif one["status"] in UNDER_REVIEW:
                lines += self._answer_doubts(one)
            elif one["status"] == "final":
                lines += self._look_after(one)
        return lines

    def _answer_doubts(self, competition: Any) -> list[str]:
        """Refuse what nobody explains: without an answer its prizes would wait for a week."""
        path = f"/competitions/{competition['id']}/flags"
        lines: list[str] = []
        for flag in self._organiser.get(path, decision="open", limit="100")["items"]:
            said = {"decision": "reject", "note": NOTE, "changed_at": flag["changed_at"]}
            self._organiser.post(f"{path}/{flag['id']}", said)
            lines.append(
                f"{competition['name']}: {flag['metric']} of {flag['display_name']} on"
                f" {flag['date']} do not count: {flag['reason']}"
            )
        return lines

    def _look_after(self, competition: Any) -> list[str]:
        distribution = self._organiser.get(f"/prizes/distribution/{competition['id']}")
        for payout in distribution["items"]:
            winner = self._owners[payout["user_id"]]
            if payout["hold_reason"] == "no_account" and winner.id not in self._opened:
                self._open_account(winner)
                self._opened.add(winner.id)
        if distribution["status"] != "done":
            return []
        self._settled.add(competition["id"])
        return [
            f"{competition['name']}: {one['display_name']} is {one['rank']}. and has got"
            f" {one['amount'] / 100:.2f} {one['currency']}"
            for one in distribution["items"]
        ]

    def _open_account(self, winner: Owner) -> None:
        made = requests.post(f"{self._sandbox}/control/stripe/accounts", json={}, timeout=TIMEOUT_S)
        made.raise_for_status()
        phone = Phone(winner, self._places)
        phone.put("/me/payout-account", {"rail": "stripe", "account": made.json()["id"]})
        phone.close()


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.winners")
    parser.add_argument("--after", type=float, default=AFTER_S, help="seconds until the end")
    end_at = time.monotonic() + parser.parse_args(argv).after
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    sandbox = f"http://127.0.0.1:{environ['SANDBOX_PORT']}"
    places = Places(f"http://127.0.0.1:{environ['PORT']}", environ["SUPABASE_URL"])
    ceremony = Ceremony(list_owners(sandbox), places, sandbox)
    while not stop.wait(EVERY_S):
        try:
            lines = ceremony.look(is_time=time.monotonic() >= end_at)
        except (Refused, requests.RequestException) as error:
            lines = [f"it is tried again: {error}"]
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
