"""Sockets do not hold up a shutdown: they are told to come back elsewhere."""

from typing import Protocol

import gevent
from flask import Flask

from web.live.routes import EXTENSION

LOOK_S = 0.2


class Worker(Protocol):
    """What is asked of gunicorn's worker."""

    alive: bool
    wsgi: Flask


def watch(worker: Worker) -> None:
    """Drain the worker's sockets as soon as it is told to stop.

    To be called from gunicorn's `post_worker_init`. By `worker_exit` it is too late: before that,
    gunicorn waits for open connections until its graceful timeout.
    """
    gevent.spawn(_wait_and_drain, worker)


def _wait_and_drain(worker: Worker) -> None:
    while worker.alive:
        gevent.sleep(LOOK_S)
    worker.wsgi.extensions[EXTENSION].drain()
