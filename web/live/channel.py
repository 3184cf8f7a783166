"""One watched board: reading, folding and sending is the work of a single greenlet."""

import time
import uuid
from collections.abc import Callable, Iterable, Sequence

import gevent
import structlog
from gevent.event import Event
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from domain.live.folding import Changes
from domain.live.messages import CloseCode
from web.counters import FRAMES
from web.live.feed import Feed, Top
from web.live.frames import Frame
from web.live.positions import Positions
from web.live.watcher import Watcher
from worker.traces import traces

log = structlog.get_logger(__name__)

FRAME_S = 0.25
"""Least time between two updates."""
PLACES_S = 1.0
"""Least time between two looks at everyone's own place."""
RETRY_S = 1.0
"""How long to wait when Redis has no board or does not answer."""
FOLLOW_S = 20.0
"""How often a quiet board is followed anew."""
SENDS = 200
"""After so many sends other greenlets get a turn."""


class Channel:
    """The watchers of one board.

    Whoever arrives is taken in by the greenlet that also sends the frames, so nothing is lost
    between a first snapshot and the frame that follows it.
    """

    def __init__(
        self,
        competition_id: uuid.UUID,
        feed: Feed,
        positions: Positions,
        ended: Callable[[], None],
    ) -> None:
        self._id = competition_id
        self._feed = feed
        self._positions = positions
        self._ended = ended
        self._watchers: set[Watcher] = set()
        self._arriving: set[Watcher] = set()
        self._wake = Event()
        self._epoch: str | None = None
        self._pending = Changes.after(0, 0)
        self._places_offset = 0
        self._frame_at = self._places_at = 0.0

    def start(self) -> None:
        """Begin; it ends by itself, and says so, when nobody watches any more."""
        gevent.spawn(self._run)

    def join(self, watcher: Watcher) -> None:
        """Let someone watch: they get a snapshot or what they missed, then every frame."""
        self._arriving.add(watcher)
        self._wake.set()

    def leave(self, watcher: Watcher) -> None:
        """Send nothing more to a watcher."""
        self._watchers.discard(watcher)
        self._arriving.discard(watcher)
        self._wake.set()

    def moved(self) -> None:
        """Look at the board: it is not where it was."""
        self._wake.set()

    def _run(self) -> None:
        try:
            while self._watchers or self._arriving:
                self._wake.clear()
                self._positions.follow(self._id)
                self._wake.wait(self._turn_or_retry())
        except Exception:
            log.exception("live.channel_failed", competition_id=str(self._id))
            for watcher in [*self._watchers, *self._arriving]:
                watcher.connection.end(CloseCode.INTERNAL_ERROR)
        finally:
            self._ended()

    def _turn_or_retry(self) -> float:
        """Do what is due; return the seconds until there may be more, unless woken."""
        try:
            self._turn()
        except (RedisError, SQLAlchemyError, OSError) as error:
            log.warning("live.board_unread", competition_id=str(self._id), error=str(error))
            return RETRY_S
        return RETRY_S if self._epoch is None else max(0.0, min(self._due_in(), FOLLOW_S))

    def _turn(self) -> None:
        if self._epoch is None:
            self._renew()
        elif self._is_behind():
            self._catch_up(self._epoch)
        if self._epoch is not None and self._arriving:
            self._welcome(self._epoch)
        if self._epoch is not None and self._due_in() <= 0:
            self._tick(self._epoch)

    def _is_behind(self) -> bool:
        """Say whether there is more to read. An older state is a restored one: not for long."""
        heard = self._positions.current(self._id)
        return heard is not None and (
            heard.epoch != self._epoch or heard.offset > self._pending.offset
        )

    def _due_in(self) -> float:
        """Return the seconds until something that waits may be sent."""
        due = self._frame_at if self._pending.matter else float("inf")
        if self._places_offset < self._pending.offset:
            due = min(due, max(self._frame_at, self._places_at))
        return due - time.monotonic()

    def _catch_up(self, epoch: str) -> bool:
        """Read on. A status is sent at once; returns False when only a snapshot could tell."""
        found = self._feed.steps(epoch, self._pending)
        if found is None:
            self._renew()
            return False
        frames, self._pending = found
        for frame in frames:
            self._broadcast(frame)
        return True

    def _tick(self, epoch: str) -> None:
        if self._places_offset < self._pending.offset and self._places_at <= time.monotonic():
            self._tick_with_places(epoch)
        else:
            self._send_pending(epoch)

    def _tick_with_places(self, epoch: str) -> None:
        """Look up places, then read on: nobody may learn theirs before the board shows why."""
        found = self._feed.places(_people(self._watchers))
        if found is None or found[0].epoch != epoch:
            self._renew()
            return
        if not self._catch_up(epoch):
            return
        self._send_pending(epoch)
        position, places = found
        for sent, watcher in enumerate(list(self._watchers), 1):
            if watcher.user_id in places:
                watcher.tell_place(places[watcher.user_id])
            _breathe(sent)
        self._places_offset = position.offset
        self._places_at = time.monotonic() + PLACES_S

    def _send_pending(self, epoch: str) -> None:
        if self._pending.matter:
            (frame,) = self._feed.encode(epoch, [self._pending])
            self._pending = Changes.after(frame.offset, self._pending.total)
            self._broadcast(frame)

    def _broadcast(self, frame: Frame) -> None:
        self._frame_at = time.monotonic() + FRAME_S
        watchers = list(self._watchers)
        board = {"competition_id": str(self._id)}
        with traces.span("live.frame", frame.traces, watchers=len(watchers), **board):
            for first in range(0, len(watchers), SENDS):
                for watcher in watchers[first : first + SENDS]:
                    if watcher.joined_at < frame.offset:
                        watcher.connection.send(frame)
                gevent.sleep(0)
        FRAMES.inc(len(watchers))

    def _renew(self) -> None:
        """Begin anew where the board stands, with a fresh snapshot for everyone who watches."""
        top = self._feed.top(_people(self._watchers))
        if top is None:
            self._epoch = None
            return
        self._epoch = top.page.epoch
        self._pending = Changes.after(top.page.offset, top.page.total)
        self._places_offset = top.page.offset
        _send_snapshots(list(self._watchers), top)

    def _welcome(self, epoch: str) -> None:
        """Take in those who have come: with what they missed, or with a snapshot."""
        arriving = list(self._arriving)
        back = self._feed.back(epoch, [(one.user_id, one.resume) for one in arriving if one.resume])
        fresh = [one for one in arriving if one.resume not in back.missed]
        top = self._feed.top(_people(fresh)) if fresh else None
        if fresh and (top is None or top.page.epoch != epoch):
            self._renew()
            self._wake.set()
            return
        admitted = self._admit(arriving)
        if top is not None:
            _send_snapshots([one for one in fresh if one in admitted], top)
        for one in admitted.difference(fresh):
            one.welcome_back(back)

    def _admit(self, arriving: list[Watcher]) -> set[Watcher]:
        """Count those as watchers who have not left meanwhile."""
        admitted = self._arriving.intersection(arriving)
        self._arriving -= admitted
        self._watchers |= admitted
        return admitted


def _people(watchers: Iterable[Watcher]) -> list[str]:
    return list({watcher.user_id for watcher in watchers})


def _send_snapshots(watchers: Sequence[Watcher], top: Top) -> None:
    for sent, watcher in enumerate(watchers, 1):
        watcher.welcome(top.head, top.page.position, top.places.get(watcher.user_id))
        _breathe(sent)


def _breathe(sent: int) -> None:
    if sent % SENDS == 0:
        gevent.sleep(0)
