"""Gunicorn's gevent worker, except that idle connections do not hold up a shutdown."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

import gevent
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]  # ships no types

LOOK_SECONDS = 0.2


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
        super().run()

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
