"""People who watch their own syncs: told by bells, read from the rows."""

import json
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

import gevent
import orjson
import structlog
from gevent.event import Event
from sqlalchemy.exc import SQLAlchemyError

from domain import clock
from domain.competitions.freshness import tell_behind
from domain.live import composing
from domain.live.lost_grants import who_lost_a_grant
from domain.live.messages import CloseCode
from domain.live.recent_syncs import recent_syncs
from domain.live.today import Today, todays
from models import SyncRequest
from web.live.connection import Connection
from web.live.frames import Frame, message_frame
from worker.unit import Unit

log = structlog.get_logger(__name__)

LINGER_S = 0.1
"""Bells that come together are answered by one query."""
POLL_S = 5.0
"""How often syncs that are under way are looked at without a bell."""
RETRY_S = 1.0


@dataclass(eq=False, slots=True)
class SyncWatcher:
    """One connection, and what it was told of each recent sync."""

    connection: Connection
    user_id: uuid.UUID
    joined_at: datetime = field(default_factory=clock.now, init=False)
    told: dict[uuid.UUID, bytes] | None = field(default=None, init=False)
    noticed: bool = field(default=False, init=False)
    """Whether they were told that a grant is gone, and it still is."""

    today: Today | None = field(default=None, init=False)

    def tell(self, syncs: Sequence[SyncRequest], today: Today) -> None:
        """Send what has changed; at first, what is under way and the last one that ended.

        Today's totals follow a sync that changed anything, and whatever else changed them.
        """
        texts = {one.id: orjson.dumps(composing.sync(one)) for one in syncs}
        if self.told is None:
            ended = [one.id for one in syncs if one.finished_at is not None]
            self.told = {id_: texts[id_] for id_ in ended[:-1]}
        news = [one for one in syncs if self.told.get(one.id) != texts[one.id]]
        for one in news:
            self.connection.send(Frame(texts[one.id]))
        synced = any(brought_something(one, since=self.joined_at) for one in news)
        if synced or self.today not in (None, today):
            self.connection.send(message_frame(composing.stats(today)))
        self.told, self.today = texts, today

    def notice(self, *, grant_lost: bool) -> None:
        """Tell once that a grant is gone; again only when it came back in between."""
        if grant_lost and not self.noticed:
            self.connection.send(message_frame(composing.reauth_required()))
        self.noticed = grant_lost


def brought_something(sync: SyncRequest, *, since: datetime) -> bool:
    """Say whether a sync has changed what is stored."""
    return sync.slots_changed > 0 and sync.finished_at is not None and sync.finished_at >= since


class SyncFeed:
    """All connections of this process that watch syncs."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]]) -> None:
        self._unit = unit
        self._watchers: dict[uuid.UUID, set[SyncWatcher]] = {}
        self._due: set[uuid.UUID] = set()
        self._under_way: set[uuid.UUID] = set()
        self._wake = Event()
        self._running = False

    def join(self, watcher: SyncWatcher) -> None:
        """Tell someone how their syncs stand, and from then on what changes."""
        self._watchers.setdefault(watcher.user_id, set()).add(watcher)
        self._look_at({watcher.user_id})
        if not self._running:
            self._running = True
            gevent.spawn(self._run)

    def leave(self, watcher: SyncWatcher) -> None:
        """Send nothing more to a watcher."""
        of_person = self._watchers.get(watcher.user_id, set())
        of_person.discard(watcher)
        if not of_person:
            self._watchers.pop(watcher.user_id, None)

    def heard(self, payload: bytes) -> None:
        """Take a bell: a JSON list of user ids."""
        self._look_at({uuid.UUID(user_id) for user_id in json.loads(payload)})

    def missed(self) -> None:
        """Look at everyone: bells may have been lost."""
        self._look_at(set(self._watchers))

    def _look_at(self, user_ids: set[uuid.UUID]) -> None:
        here = user_ids & self._watchers.keys()
        if here:
            self._due |= here
            self._wake.set()

    def _run(self) -> None:
        try:
            while self._watchers:
                if not self._wake.wait(POLL_S):
                    self._under_way &= self._watchers.keys()
                    self._look_at(self._under_way)
                gevent.sleep(LINGER_S)
                self._wake.clear()
                self._tell_or_retry()
        except Exception:
            log.exception("live.sync_feed_failed")
            for watcher in [one for of_person in self._watchers.values() for one in of_person]:
                watcher.connection.end(CloseCode.INTERNAL_ERROR)
        finally:
            self._running = False

    def _tell_or_retry(self) -> None:
        due, self._due = self._due & self._watchers.keys(), set()
        if not due:
            return
        try:
            with self._unit() as unit:
                syncs = recent_syncs(unit.session, due)
                without_grant = who_lost_a_grant(unit.session, due)
                today = todays(unit.session, due, clock.now())
                behind = tell_behind(unit.session, due, clock.now())
        except (SQLAlchemyError, OSError) as error:
            log.warning("live.syncs_unread", error=str(error))
            gevent.sleep(RETRY_S)
            self._look_at(due)
            return
        self._dismiss(due - today.keys())
        for user_id in syncs.keys() & today.keys():
            of_person = syncs[user_id]
            under_way = any(one.finished_at is None for one in of_person)
            (self._under_way.add if under_way else self._under_way.discard)(user_id)
            for watcher in list(self._watchers.get(user_id, ())):
                watcher.tell(of_person, today[user_id])
                watcher.notice(grant_lost=user_id in without_grant)
                for competition in behind.get(user_id, ()):
                    watcher.connection.send(message_frame(composing.behind(competition)))

    def _dismiss(self, erased: set[uuid.UUID]) -> None:
        """Close the connections of people who are no more."""
        for watcher in [one for user_id in erased for one in self._watchers.get(user_id, ())]:
            watcher.connection.end(CloseCode.FORBIDDEN, "account_gone")
