"""People who open the app now and then: `python -m sandbox.phones`."""

import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import FrameType

import requests

from sandbox.phone import Phone, Places, Refused, list_owners

EVERY_S = 1.0
AT_ONCE = 2
REPORT_EVERY_S = 60.0
SHORTEST_REST_S = 5.0


class Phones:
    """All phones of one sandbox. Everybody gets a turn before anybody gets a second one."""

    def __init__(self, phones: list[Phone], dice: random.Random) -> None:
        self._phones = phones
        self._dice = dice
        self._waiting: list[Phone] = []
        self._rest_until: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def turn(self, now: float) -> None:
        """Let the next few people ask for a sync; `now` in seconds of any steady clock."""
        for _ in range(AT_ONCE):
            if not self._waiting:
                self._waiting = self._dice.sample(self._phones, len(self._phones))
            phone = self._waiting.pop()
            if self._rest_until.get(phone.owner.id, 0.0) <= now:
                self._counts[self._ask(phone, now)] += 1

    def report(self) -> str:
        """What happened since the last report, in one line."""
        counts, self._counts = self._counts, Counter()
        return ", ".join(f"{name} {counts[name]}" for name in ("asked", "limited", "failed"))

    def _ask(self, phone: Phone, now: float) -> str:
        try:
            phone.sync()
        except Refused as refused:
            rest = max(refused.retry_after, SHORTEST_REST_S)
            self._rest_until[phone.owner.id] = now + rest
            return "limited" if refused.status == 429 else "failed"
        except requests.RequestException:
            return "failed"
        return "asked"


def main(environ: Mapping[str, str]) -> int:
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    places = Places(f"http://127.0.0.1:{environ['PORT']}", environ["SUPABASE_URL"])
    owners = list_owners(f"http://127.0.0.1:{environ['SANDBOX_PORT']}")
    phones = Phones([Phone(owner, places) for owner in owners], random.Random())
    report_at = time.monotonic() + REPORT_EVERY_S
    while not stop.wait(EVERY_S):
        phones.turn(time.monotonic())
        if time.monotonic() >= report_at:
            sys.stdout.write(f"syncs: {phones.report()}\n")
            report_at += REPORT_EVERY_S
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
