"""A client on a bad network, which keeps to the contract's rule."""

import json
import socket
import time
from contextlib import ExitStack, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed

from domain.leaderboards.board import Position
from models import Person
from tests.integration.live import spoken
from tests.integration.live.conftest import PATIENCE_S, Listener, Message, Site, token_of
from tests.unit.live.client import Client

LOST = 10
"""Every tenth message does not arrive."""


class Lossy:
    """Someone who watches a board, and what they see."""

    def __init__(self, site: Site, path: str, person: Person) -> None:
        self.person = person
        self.board = Client()
        self.me: Message | None = None
        self.snapshots = 0
        self._path = path
        self._heard = 0
        self._stack = ExitStack()
        self._site = site
        self._listener: Listener
        self.come()

    @property
    def position(self) -> Position:
        """Where their board stands."""
        return Position(self.board.epoch, self.board.offset)

    def come(self, site: Site | None = None) -> None:
        """Come back, with what they have; to another site if one is given."""
        self.leave()
        self._site = site or self._site
        epoch, offset = self.position
        path = f"{self._path}?epoch={epoch}&offset={offset}" if epoch else self._path
        opened = self._site.open(path, token_of(self.person), close_timeout=0.1)
        self._listener = self._stack.enter_context(opened)

    def leave(self) -> None:
        """Be cut off: nobody says goodbye."""
        if hasattr(self, "_listener"):
            with suppress(OSError):  # the other end may have been first
                self._listener.connection.socket.shutdown(socket.SHUT_RDWR)
            self._stack.close()
            del self._listener

    def read(self, seconds: float) -> None:
        """Read for a while, and lose some of it; come back where something is missing."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                text = self._listener.connection.recv(timeout=left)
            except TimeoutError:
                return
            except ConnectionClosed:
                self.come()
                continue
            self._heard += 1
            if self._heard % LOST and not self._take(json.loads(text)):
                self.come()

    def catch_up(self, position: Position) -> None:
        """Come back once more, and read until there, with the place that is told after it."""
        self.come()
        told = False
        while not (told and self.position == position):
            message = self._listener.hear()
            told = told or message["type"] in {"me", "snapshot"}
            assert self._take(message), "a gap after a resume"

    def follow(self, position: Position) -> None:
        """Read until there; nothing may be missing."""
        deadline = time.monotonic() + PATIENCE_S
        while self.position != position:
            assert time.monotonic() < deadline, "the board was not brought up to date"
            assert self._take(self._listener.hear()), "a gap"

    def _take(self, message: dict[str, Any]) -> bool:
        """Apply a message; say whether nothing is missing before it."""
        spoken.check(self._path, message)
        if message["type"] == "me":
            self.me = place(message)
            return True
        if message["type"] == "snapshot":
            self.snapshots += 1
            self.me = None if message["me"] is None else place(message["me"])
        elif message["offset"] > self.board.offset and (
            message["epoch"] != self.board.epoch or message["base"] > self.board.offset
        ):
            return False
        self.board.take(message)
        return True


def place(message: Message) -> Message | None:
    """Return the place in a message; None for someone without one."""
    if message["rank"] is None:
        return None
    return {name: message[name] for name in ("rank", "score", "next")}
