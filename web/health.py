"""`/health` and `/health/ready`: is it alive, and can it do its work?"""

import time
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from web.api import Routes
from web.db import Front, front
from web.errors import problem
from web.replies import Reply, reply
from web.schemas.health import Alive, Part, Ready
from worker.queues import BEAT_MARK, PROGRESS_MARK, Queue

routes = Routes("service", prefix="")

MIGRATIONS = Path(__file__).parent.parent / "alembic"
STALE_SECONDS = 30


@routes.route("GET", "/health", Alive)
def health() -> Reply:
    """Say that this process answers."""
    return reply(Alive(status="alive"))


@routes.route(
    "GET",
    "/health/ready",
    Ready,
    refusals={HTTPStatus.SERVICE_UNAVAILABLE: "Some `parts` do not work; each is named."},
)
def ready() -> Reply:
    """Say whether all that the service needs works."""
    parts = [database(front()), *queues(front()), sign_in(front())]
    if all(part.ok for part in parts):
        return reply(Ready(status="ready", parts=parts))
    down = ", ".join(part.name for part in parts if not part.ok)
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_ready",
        f"Not working: {down}.",
        {"Retry-After": "2"},
        parts=[part.model_dump() for part in parts],
    )


def database(here: Front) -> Part:
    """Look whether PostgreSQL answers and has our tables."""
    try:
        with here.engine.connect() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as error:
        return Part(name="postgresql", ok=False, detail=type(error).__name__)
    if found in _former():
        return Part(name="postgresql", ok=False, detail=f"migrated to {found} only")
    # A revision that we do not know is that of a deploy under way, on which we run as well.
    return Part(name="postgresql", ok=True, detail=f"migrated to {found}")


def sign_in(here: Front) -> Part:
    """Look whether tokens can be checked: who is sent to a new process must find it so."""
    known = here.tokens.prepare()
    return Part(name="sign-in", ok=known, detail="keys are known" if known else "no keys yet")


def queues(here: Front) -> list[Part]:
    """Look whether Redis answers, and in it how lately each queue was worked on, and beat ran."""
    try:
        marks: Any = here.redis.mget([*(f"{PROGRESS_MARK}{queue}" for queue in Queue), BEAT_MARK])
    except RedisError as error:
        return [Part(name="redis", ok=False, detail=type(error).__name__)]
    parts = [Part(name="redis", ok=True, detail="answers")]
    names = [*(f"queue {queue}" for queue in Queue), "beat"]
    for name, mark in zip(names, marks, strict=True):
        age = None if mark is None else time.time() - float(mark)
        detail = "has never worked" if age is None else f"worked {max(0, round(age))} s ago"
        fresh = age is not None and age < STALE_SECONDS
        parts.append(Part(name=name, ok=fresh, detail=detail))
    return parts


@cache
def _former() -> frozenset[str | None]:
    """Return what a database may be migrated to that is not enough for us."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    known = {one.revision for one in scripts.walk_revisions()}
    return frozenset({None} | known - set(scripts.get_heads()))
