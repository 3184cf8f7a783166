"""What goes on beside the watchers, each in a process of its own: syncs, moves and visits."""

import random
import time
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import text

from bench.load import Unexpected
from domain.leaderboards.board import Head
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.store import BoardStore
from domain.settings import Settings
from sandbox.ports import LOOPBACK
from tasks.leaderboards import FLUSH
from worker.app import make_app
from worker.unit import unit_of_work

LEAST, MOST = 100, 2_000
"""Points that one sync brings."""

_SYNC = text("""
    UPDATE participant SET computed = computed + :more WHERE user_id = :user
    RETURNING person_id, score
""")
_HEAD = text('SELECT epoch, "offset", lineage FROM board')
_MOVED = text('UPDATE board SET "offset" = :offset, lineage = :lineage')


class Sync(NamedTuple):
    """Whose score was committed, as what, and when, by time.monotonic()."""

    user_id: str
    score: int
    at: float


def sync(
    environment: Mapping[str, str],
    board: uuid.UUID,
    people: Sequence[str],
    per_second: int,
    seconds: float,
) -> list[Sync]:
    """Commit scores as the last transaction of a sync does, and ring; return what was committed."""
    resources = make_app(Settings.load(environment)).resources
    committed = []
    begun = time.monotonic()
    for number in range(int(per_second * seconds)):
        time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        user_id, more = random.choice(people), random.randrange(LEAST, MOST)
        with unit_of_work(resources.engine) as unit:
            person_id, score = unit.session.execute(_SYNC, {"user": user_id, "more": more}).one()
            mark_dirty(unit.session, [(board, person_id)])
            unit.after_commit(lambda: resources.doorbell.ring(FLUSH))
        committed.append(Sync(user_id, score, time.monotonic()))
    return committed


def move(
    environment: Mapping[str, str],
    board: uuid.UUID,
    people: Sequence[str],
    per_second: float,
    seconds: float,
) -> None:
    """Flush scores of these people into the board again and again, without any worker."""
    resources = make_app(Settings.load(environment)).resources
    store = BoardStore(resources.redis)
    with resources.engine.connect() as connection:
        head = Head(*connection.execute(_HEAD).one())
    score, begun = 10**6, time.monotonic()
    while (now := time.monotonic()) < begun + seconds:
        score += 1
        answer = store.flush(board, head, "active", [(one, score) for one in people])
        if not answer.done or answer.head is None:
            raise RuntimeError("refused")
        head = answer.head
        time.sleep(max(0.0, now + 1 / per_second - time.monotonic()))
    with resources.engine.begin() as connection:
        connection.execute(_MOVED, {"offset": head.offset, "lineage": head.lineage})


def visit(
    port: int, path: str, bearers: Sequence[str], per_second: int, seconds: float
) -> list[float]:
    """Ask for a page at a steady pace; return how long each answer took, in seconds."""
    took = []
    begun = time.monotonic()
    for number in range(int(per_second * seconds)):
        time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        asked = urllib.request.Request(
            f"http://{LOOPBACK}:{port}{path}",
            headers={"Authorization": f"Bearer {bearers[number % len(bearers)]}"},
        )
        sent = time.monotonic()
        with urllib.request.urlopen(asked) as answer:  # noqa: S310  our own server
            if not answer.read().startswith(b"{"):
                raise Unexpected(path)
        took.append(time.monotonic() - sent)
    return took
