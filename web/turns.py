"""Turns at the database: one query at a time for each key, and few altogether."""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from domain.errors import Unavailable


@dataclass(slots=True)
class _Queue:
    turn: threading.Lock = field(default_factory=threading.Lock)
    people: int = 0


class Turns:
    """Lets callers in one by one. Whoever cannot be served soon is told so at once."""

    def __init__(self, *, at_once: int, longest: int, wait_seconds: float) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._longest = longest
        self._wait = wait_seconds
        self._queues: dict[Hashable, _Queue] = {}
        self._guard = threading.Lock()

    @contextmanager
    def take(self, key: Hashable, refusal: Unavailable) -> Iterator[None]:
        """Wait for this key's turn. Raises `refusal` when the queue or the wait is too long."""
        queue = self._join(key, refusal)
        try:
            if not queue.turn.acquire(timeout=self._wait):
                raise refusal
            try:
                with self._place(refusal):
                    yield
            finally:
                queue.turn.release()
        finally:
            self._leave(key, queue)

    @contextmanager
    def _place(self, refusal: Unavailable) -> Iterator[None]:
        if not self._places.acquire(timeout=self._wait):
            raise refusal
        try:
            yield
        finally:
            self._places.release()

    def _join(self, key: Hashable, refusal: Unavailable) -> _Queue:
        with self._guard:
            queue = self._queues.setdefault(key, _Queue())
            if queue.people >= self._longest:
                raise refusal
            queue.people += 1
            return queue

    def _leave(self, key: Hashable, queue: _Queue) -> None:
        with self._guard:
            queue.people -= 1
            if queue.people == 0:
                del self._queues[key]
