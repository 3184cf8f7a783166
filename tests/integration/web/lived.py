"""Someone who has left traces everywhere, and where these are found."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain import clock
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from models import Base, Competition, Person
from tests.integration.web.conftest import Caller

MODEL = "Zebraphone 9"
NAME = "Ada Zebra"


def record(model: str = MODEL) -> dict[str, Any]:
    start = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    return {
        "provider": "health_connect",
        "records": [
            {
                "id": str(uuid.uuid4()),
                "metric": "steps",
                "start": start.isoformat(),
                "end": (start + timedelta(minutes=10)).isoformat(),
                "utc_offset_s": 20700,
                "value": 812,
                "origin": "com.zebra.fit",
                "device": {"type": "phone", "manufacturer": "Zebra", "model": model},
                "recording_method": "automatic",
            }
        ],
    }


def lived(caller: Caller, contest: Competition) -> None:
    """Do what leaves traces everywhere."""
    named = {"display_name": NAME, "timezone": "Asia/Kathmandu"}
    assert caller.call("PATCH", "/me", json=named).status_code == 200
    assert caller.post(f"/competitions/{contest.id}/join", {}, key="join").status_code == 200
    assert caller.post("/fitness/records", record(), key="upload").status_code == 202
    assert caller.post("/fitness/sync", {}, key="sync").status_code == 202
    chosen = {"rail": "manual", "account": "NP00 Zebra Bank"}
    caller.call("PUT", "/me/payout-account", json=chosen)


def mentions(engine: Engine, redis: Redis, needles: list[str]) -> list[str]:
    """Return the tables and Redis keys in which one of some texts stands, also as bytes.

    What counts calls holds an id and no more, and ends within two days.
    """
    sought = [*needles, *(one.encode().hex() for one in needles)]
    found: list[str] = []
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows = connection.scalars(text(f"SELECT CAST(t AS text) FROM {table.name} t"))  # noqa: S608  our own tables
            found += {table.name for row in rows for one in sought if one in row}
    for key in redis.scan_iter("*"):
        if b"LIMITER" in key:
            ends: Any = redis.ttl(key)
            assert 0 < ends <= 2 * 86_400
        elif any(one.encode() in key + contents(redis, key) for one in needles):
            found.append(key.decode())
    return found


def contents(redis: Redis, key: bytes) -> bytes:
    kind: Any = redis.type(key)
    read: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: redis.get(key),
        b"hash": lambda: redis.hgetall(key.decode()),
        b"zset": lambda: redis.zrange(key, 0, -1),
        b"list": lambda: redis.lrange(key, 0, -1),
        b"set": lambda: redis.smembers(key),
        b"stream": lambda: redis.xrange(key),
    }
    return repr(read[kind]()).encode() if kind in read else b""


def personal(session: Session, ada: Person, caller: Caller) -> list[str]:
    """Return what only Ada has."""
    session.refresh(ada)
    connection = session.scalar(
        text("SELECT subject FROM fitness_connection WHERE person_id = :id"), {"id": ada.id}
    )
    return [
        str(caller.sub),
        NAME,
        MODEL,
        "com.zebra.fit",
        "Zebra Bank",
        *filter(None, [connection]),
    ]


def board_of(redis: Redis, contest: Competition) -> dict[str, int | None]:
    store = BoardStore(redis)
    ids = [one for page in store.members(contest.id) for one in page]
    return store.scores(contest.id, ids)
