"""Gunicorn's gevent worker, except that idle connections do not hold up a shutdown."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

import gevent
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]  # ships no types

LOOK_SECONDS = 0.2
YOUNG = 10_000
"""Objects after which what is new is looked through: the 500 records of an upload are thousands."""
LINGER_SECONDS = 1.0
"""How long a process that is told to stop takes new connections as before."""


class Idle(Exception):
    """A connection has waited long enough for its next request."""


class Worker(GeventWorker):  # type: ignore[misc]  # the base has no types
    """Knows which connections wait for a next request, and lets go of them when it stops."""

    def run(self) -> None:
        """Serve until told to stop."""
        self._idle: set[gevent.Greenlet[..., None]] = set()
        gevent.spawn(self._let_go)
        # What was imported stays; looking through it again and again is a tenth of an upload.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG)
        super().run()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Stop in a moment: who was sent here before others were is still on the way.

        A connection that waits to be accepted when the listening socket closes is reset, and nobody
        can tell whether its request was done.
        """
        gevent.spawn_later(LINGER_SECONDS, super().handle_exit, sig, frame)

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Limit the wait for a connection's next request; gunicorn reads it within this block."""
        connection = cast("gevent.Greenlet[..., None]", gevent.getcurrent())
        self._idle.add(connection)
        try:
            with suppress(Idle), gevent.Timeout(self.cfg.keepalive, Idle):
                yield
        finally:
            self._idle.discard(connection)

    def _let_go(self) -> None:
        while self.alive:
            gevent.sleep(LOOK_SECONDS)
        while True:
            gevent.killall(list(self._idle), Idle, block=False)
            gevent.sleep(LOOK_SECONDS)
