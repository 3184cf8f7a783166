"""Everything that is live in one web process."""

import time
import uuid
from functools import partial

import gevent
from gevent.lock import BoundedSemaphore

from domain.errors import Unavailable
from domain.fitness.bells import CHANNEL
from domain.leaderboards.board import Position
from domain.live.messages import CloseCode
from web.db import Front
from web.live.bells import Ear
from web.live.channel import Channel
from web.live.connection import Connection
from web.live.crowd import Crowd
from web.live.doorkeeper import Doorkeeper
from web.live.feed import Feed
from web.live.guest import Guest
from web.live.sync_feed import SyncFeed, SyncWatcher
from web.live.watcher import Watcher

SWEEP_S = 1.0
"""How often connections are looked at for what is due: pings, ends of tokens, lost clients."""
TICKS = 500
"""After so many other greenlets get a turn."""
LET_IN_AT_ONCE = 10
"""Sockets whose credentials are looked up side by side, half of what the database gives us."""


class Hub:
    """Brings connections together with what they watch."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._channels: dict[uuid.UUID, Channel] = {}
        self._syncs = SyncFeed(front.unit)
        self._doorkeeper = Doorkeeper(front.unit)
        self._crowd = Crowd(front.settings)
        self._draining = self._sweeping = False
        self.door = BoundedSemaphore(LET_IN_AT_ONCE)
        """All who watched a process that has ended come here within a second, and take turns."""
        front.positions.on_moved(self._moved)
        front.bells.listen(CHANNEL, Ear(self._syncs.heard, self._syncs.missed))

    def check_room(self, address: str, name: str | None = None) -> None:
        """Raise TooMany, or Unavailable when the process stops."""
        if self._draining:
            raise Unavailable("This process restarts; come back.", retry_after=1, code="restarting")
        self._crowd.check_address(address)
        if name is not None:
            self._crowd.check_person(name)

    def open(self, connection: Connection, address: str) -> None:
        """Take care of a connection until it is over; whoever opens it starts it."""
        self._crowd.add(connection, address)
        if not self._sweeping:
            self._sweeping = True
            gevent.spawn(self._sweep)
        if self._draining:
            connection.end(CloseCode.RESTARTING, "restarting")

    def know(self, connection: Connection, guest: Guest) -> None:
        """Count a connection as someone's. Raises TooMany."""
        self._crowd.check_person(guest.name)
        self._crowd.know(connection, guest.name)

    def watch(self, competition_id: uuid.UUID, guest: Guest, watcher: Watcher) -> None:
        """Send a board to the watcher, as long as the guest may see it."""
        watcher.lost_place = partial(self._doorkeeper.suspect, competition_id)
        channel = self._channels.get(competition_id)
        if channel is None:
            channel = self._open_channel(competition_id)
        channel.join(watcher)
        self._doorkeeper.watch(competition_id, guest)
        watcher.connection.on_gone(partial(channel.leave, watcher))
        watcher.connection.on_gone(partial(self._doorkeeper.forget, competition_id, guest))

    def watch_syncs(self, watcher: SyncWatcher) -> None:
        """Send a person's syncs to the watcher."""
        self._front.bells.start()
        self._syncs.join(watcher)
        watcher.connection.on_gone(partial(self._syncs.leave, watcher))

    def drain(self) -> None:
        """Close everything, now and from now on: clients come back to another process."""
        self._draining = True
        for connection in self._crowd.everyone():
            connection.end(CloseCode.RESTARTING, "restarting")

    def wait_until_empty(self, seconds: float) -> None:
        """Wait until the clients have taken the news, or long enough."""
        deadline = time.monotonic() + seconds
        while len(self._crowd) and time.monotonic() < deadline:
            gevent.sleep(0.05)

    def _sweep(self) -> None:
        while len(self._crowd):
            gevent.sleep(SWEEP_S)
            now = time.monotonic()
            for seen, connection in enumerate(self._crowd.everyone(), 1):
                connection.tick(now)
                if seen % TICKS == 0:
                    gevent.sleep(0)
        self._sweeping = False

    def _open_channel(self, competition_id: uuid.UUID) -> Channel:
        front = self._front
        feed = Feed(competition_id, front.boards, front.finished_board, front.names.of)
        channel = Channel(
            competition_id,
            feed,
            self._front.positions,
            partial(self._forget, competition_id),
        )
        self._channels[competition_id] = channel
        channel.start()
        return channel

    def _forget(self, competition_id: uuid.UUID) -> None:
        del self._channels[competition_id]

    def _moved(self, competition_id: uuid.UUID, _position: Position | None) -> None:
        channel = self._channels.get(competition_id)
        if channel is not None:
            channel.moved()
