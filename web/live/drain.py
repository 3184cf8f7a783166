"""Connections do not hold up a shutdown: clients are told to come back elsewhere."""

from typing import Protocol, cast

import gevent
from flask import Flask

from web.live.hub import Hub
from web.live.routes import EXTENSION

LOOK_S = 0.2
GOODBYE_S = 2.0
"""How long clients have to answer the close; then the process ends with them connected."""


class Worker(Protocol):
    """What is asked of gunicorn's worker."""

    alive: bool
    wsgi: Flask


def watch(worker: Worker) -> None:
    """Drain the worker's connections as soon as it is told to stop.

    To be called from gunicorn's `post_worker_init`. By `worker_exit` it is late: before that,
    gunicorn waits for open requests until its graceful timeout.
    """
    gevent.spawn(_wait_and_drain, worker)


def see_off(_server: object, worker: Worker) -> None:
    """Let the clients answer. To be called from gunicorn's `worker_exit`."""
    if getattr(worker, "wsgi", None) is not None:
        hub = _hub(worker)
        hub.drain()
        hub.wait_until_empty(GOODBYE_S)


def _wait_and_drain(worker: Worker) -> None:
    while worker.alive:
        gevent.sleep(LOOK_S)
    _hub(worker).drain()


def _hub(worker: Worker) -> Hub:
    return cast("Hub", worker.wsgi.extensions[EXTENSION])
