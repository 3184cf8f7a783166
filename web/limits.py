"""How often someone may call. The counts live in Redis; without it each process counts alone."""

import logging
import math
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RequestLimit

from domain.settings import Settings
from web.errors import problem

SYNC = "6/minute"
"""Syncs that one person may ask for."""

RECORDS = "50000/hour;200000/day"
"""Records and deletions that one person may upload: a month of minutes in an hour."""

PAYOUT_ACCOUNT = "12/minute"
"""Calls of one person that make us ask the rail."""

SPECTATORS = "120/minute"
"""Looks at public competitions from one address, by those who show no credential."""

EXTENSION = "podium.limiter"
TIMEOUT_SECONDS = 1


def install(app: Flask, settings: Settings) -> None:
    """Give `app` its limiter. Whom it refuses stands in the access log already."""
    logging.getLogger("flask-limiter").setLevel(logging.WARNING)
    app.extensions[EXTENSION] = Limiter(
        key_func=_caller,
        app=app,
        storage_uri=settings.redis_url.replace("unix://", "redis+unix://", 1),
        storage_options={
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
        },
        strategy="sliding-window-counter",
        in_memory_fallback_enabled=True,
        key_prefix="podium",
    )


def guard(app: Flask, limit: str, name: str) -> Callable[[], None]:
    """Return a function that refuses a caller who came more often than `limit`."""

    def within() -> None:
        """Pass: Flask-Limiter has counted already."""

    within.__qualname__ = name
    limiter = cast("Limiter", app.extensions[EXTENSION])
    return limiter.limit(limit, cost=_weight, on_breach=_refuse)(within)


def _caller() -> str:
    """Return who is counted: the caller, or the address of one without a credential."""
    name: str = g.caller.name if "caller" in g else f"address {request.remote_addr}"
    return name


def _weight() -> int:
    """Return what the request counts for: 1, unless its body says more."""
    weight: int = g.get("weight", 1)
    return weight


def _refuse(reached: RequestLimit) -> Response:
    wait = max(1, math.ceil(reached.window.reset_time - time.time()))
    detail = f"At most {reached.limit}; try again in {wait} s."
    headers = {"Retry-After": str(wait)}
    return problem(HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", detail, headers).response()
