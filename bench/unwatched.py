"""The site and the workers without metrics and logs, to see what those cost.

gunicorn 'bench.unwatched:site()'
celery -A bench.unwatched:worker worker ...
"""

from typing import Any

from flask import Flask

from web import access, counters, create_app
from worker.task import PodiumTask


def _forget(*_: object, **__: object) -> None:
    """Do nothing."""


def site() -> Flask:
    """Return the application."""
    access._tell = _forget  # noqa: SLF001  it has no switch
    counters.POOL_IN_USE.set = _forget  # type: ignore[method-assign]  # it is to be away
    return create_app()


def __getattr__(name: str) -> Any:
    """Make the worker's application when Celery asks for it."""
    if name != "worker":
        raise AttributeError(name)
    from worker.app import app

    PodiumTask._tell = _forget  # type: ignore[method-assign]  # noqa: SLF001  it has no switch
    return app
