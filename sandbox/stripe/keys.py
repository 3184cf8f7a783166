"""Idempotency keys: what was answered under each, for a day."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sandbox.clock import DAY_MS, SandboxClock
from sandbox.stripe import errors
from sandbox.stripe.journal import Journal

ROOM = "key"


@dataclass(frozen=True)
class Kept:
    """An answer as it was given first."""

    status: int
    body: Any


class Keys:
    """A key is forgotten as early as Stripe allows itself to: after 24 hours."""

    def __init__(self, journal: Journal, clock: SandboxClock) -> None:
        self._journal = journal
        self._clock = clock
        self._kept: dict[str, dict[str, Any]] = {}
        self._in_use: set[str] = set()

    def restore(self, key: str, value: dict[str, Any]) -> None:
        self._kept[key] = value

    def answered(self, key: str, request: str) -> Kept | None:
        """What this request was answered before. Raises `StripeError` if it was another's key."""
        if key in self._in_use:
            raise errors.key_in_use(key)
        kept = self._kept.get(key)
        if kept is None or self._clock.now_ms() - kept["at_ms"] >= DAY_MS:
            return None
        if kept["request"] != request:
            raise errors.key_mismatch(key)
        return Kept(kept["status"], kept["body"])

    @contextmanager
    def held(self, key: str) -> Iterator[None]:
        """During the block the key is in use."""
        self._in_use.add(key)
        try:
            yield
        finally:
            self._in_use.discard(key)

    def keep(self, key: str, request: str, answer: Kept) -> None:
        """From now on this is the answer."""
        value = {
            "at_ms": self._clock.now_ms(),
            "request": request,
            "status": answer.status,
            "body": answer.body,
        }
        self._kept[key] = value
        self._journal.write(ROOM, key, value)
