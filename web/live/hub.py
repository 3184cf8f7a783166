"""Everything that is live in one web process."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from domain.fitness.bells import CHANNEL
from domain.leaderboards.board import Position
from domain.live.messages import CloseCode
from web.db import Front
from web.live.bells import Ear
from web.live.channel import Channel
from web.live.doorkeeper import Doorkeeper
from web.live.feed import Feed
from web.live.guest import Guest
from web.live.socket import Socket
from web.live.sync_feed import SyncFeed, SyncWatcher
from web.live.watcher import Watcher


class Hub:
    """Brings sockets together with what they watch."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._channels: dict[uuid.UUID, Channel] = {}
        self._syncs = SyncFeed(front.unit)
        self._doorkeeper = Doorkeeper(front.unit)
        self._sockets: set[Socket] = set()
        self._draining = False
        front.positions.on_moved(self._moved)
        front.bells.listen(CHANNEL, Ear(self._syncs.heard, self._syncs.missed))

    @contextmanager
    def open(self, socket: Socket) -> Iterator[None]:
        """Count a socket as open within the block, so that a drain reaches it."""
        self._sockets.add(socket)
        if self._draining:
            socket.close(CloseCode.RESTARTING, "restarting")
        try:
            yield
        finally:
            self._sockets.discard(socket)

    @contextmanager
    def watching(self, competition_id: uuid.UUID, guest: Guest, watcher: Watcher) -> Iterator[None]:
        """Send a board to the watcher within the block, as long as the guest may see it."""
        watcher.lost_place = partial(self._doorkeeper.suspect, competition_id)
        channel = self._channels.get(competition_id)
        if channel is None:
            channel = self._open_channel(competition_id)
        channel.join(watcher)
        self._doorkeeper.watch(competition_id, guest)
        try:
            yield
        finally:
            channel.leave(watcher)
            self._doorkeeper.forget(competition_id, guest)

    @contextmanager
    def watching_syncs(self, watcher: SyncWatcher) -> Iterator[None]:
        """Send a person's syncs to the watcher within the block."""
        self._front.bells.start()
        self._syncs.join(watcher)
        try:
            yield
        finally:
            self._syncs.leave(watcher)

    def drain(self) -> None:
        """Close every socket, now and from now on: its client comes back to another process."""
        self._draining = True
        for socket in list(self._sockets):
            socket.close(CloseCode.RESTARTING, "restarting")

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
