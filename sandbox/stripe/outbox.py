"""Webhooks: events on their way to whoever listens, signed; again until they are taken."""

import heapq
import hmac
import random
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count

import orjson
import requests

TIMEOUT_S = 5.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
MOST_TRIES = 12

SECRET = "whsec_sandbox"  # noqa: S105 - signs nothing but the sandbox's events


@dataclass
class Manner:
    """How events are delivered from now on."""

    url: str = ""
    """Empty: nobody listens."""
    secret: str = field(default=SECRET, repr=False)
    copies: int = 1
    """How often each event is sent."""
    late_ms: int = 0
    """Each copy waits at most so long, each another time: so they overtake each other."""


@dataclass(order=True)
class _Delivery:
    at: float
    """By the monotonic clock."""
    number: int
    body: bytes = field(compare=False)
    tries: int = field(default=0, compare=False)


class Outbox:
    """A native thread sends while there is something to send: its waiting must not stop gevent."""

    def __init__(self, seed: int) -> None:
        self.manner = Manner()
        self._dice = random.Random(f"{seed}/stripe")
        self._numbers = count(1)
        self._lock = threading.Condition()
        self._waiting: list[_Delivery] = []
        self._sending = False

    def send(self, event: dict[str, object]) -> None:
        if not self.manner.url:
            return
        body = orjson.dumps(event, option=orjson.OPT_INDENT_2)
        for _ in range(self.manner.copies):
            late_s = self._dice.uniform(0, self.manner.late_ms / 1000)
            self._push(_Delivery(time.monotonic() + late_s, next(self._numbers), body))

    def close(self) -> None:
        """Send nothing any more."""
        with self._lock:
            self._waiting.clear()
            self._lock.notify()

    def _push(self, delivery: _Delivery) -> None:
        with self._lock:
            heapq.heappush(self._waiting, delivery)
            self._lock.notify()
            if not self._sending:
                self._sending = True
                threading.Thread(target=self._run, name="stripe outbox", daemon=True).start()

    def _run(self) -> None:
        while delivery := self._next():
            if not _taken(self.manner, delivery.body) and delivery.tries + 1 < MOST_TRIES:
                pause_s = min(FIRST_PAUSE_S * 2**delivery.tries, LONGEST_PAUSE_S)
                at = time.monotonic() + pause_s
                self._push(_Delivery(at, delivery.number, delivery.body, delivery.tries + 1))

    def _next(self) -> _Delivery | None:
        """The next that is due; None when there is nothing left, which ends the thread."""
        with self._lock:
            while self._waiting:
                wait_s = self._waiting[0].at - time.monotonic()
                if wait_s <= 0:
                    return heapq.heappop(self._waiting)
                self._lock.wait(wait_s)
            self._sending = False
            return None


def signature(secret: str, body: bytes, at_s: int) -> str:
    """The header `Stripe-Signature`."""
    code = hmac.new(secret.encode(), b"%d.%s" % (at_s, body), sha256).hexdigest()
    return f"t={at_s},v1={code}"


def _taken(manner: Manner, body: bytes) -> bool:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        # By real time: the listener's clock is not the sandbox's.
        "Stripe-Signature": signature(manner.secret, body, int(time.time())),
    }
    try:
        answer = requests.post(manner.url, body, headers=headers, timeout=TIMEOUT_S)
    except requests.RequestException:
        return False
    return answer.ok
