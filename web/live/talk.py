"""What a client says on its socket: a credential, a newer one, and pings."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager

import gevent
from pydantic import ValidationError

from domain.live.messages import Auth, ClientMessage, CloseCode, read_message
from web.db import Front
from web.identity import Identity
from web.live.frames import message_frame
from web.live.guest import Guest, Refusal, or_end
from web.live.socket import Socket

CREDENTIAL_S = 5.0
"""How long a socket may stay without a credential."""
CHECK_S = 60.0
"""How long checking one may take, with a slow database and many before it."""
MOST_MESSAGES = 60
WINDOW_S = 10.0
"""No client has reason to say more than MOST_MESSAGES in this time."""

PONG = message_frame({"type": "pong"})

Enter = Callable[[Guest], None]
"""Lets someone with a credential in. Raises Refusal and the errors of `or_end`."""


class Talk:
    """One socket's side of the conversation. Messages are answered in their order."""

    def __init__(
        self, socket: Socket, front: Front, door: AbstractContextManager[object], enter: Enter
    ) -> None:
        self._socket = socket
        self._front = front
        self._door = door
        self._enter = enter
        self._guest: Guest | None = None
        self._unanswered: deque[str] = deque()
        self._answering = False
        self._heard = 0
        self._window_ends = 0.0
        socket.heard = self._hear
        socket.expired = self._no_credential
        socket.until = time.monotonic() + CREDENTIAL_S

    def admit(self, identity: Identity) -> None:
        """Let in whoever a credential speaks for, in their turn. Raises as `Enter` does."""
        self._allow_time()
        with self._door:
            if self._socket.closing:
                return
            if self._guest is not None:
                self._guest.renew(identity)
                return
            guest = Guest(self._socket, self._front, identity)
            self._enter(guest)
            self._guest = guest

    def _hear(self, text: str) -> None:
        """Take a message from the event loop, where nothing may wait."""
        or_end(self._socket, self._count)
        if self._socket.closing:
            return
        self._unanswered.append(text)
        if not self._answering:
            self._answering = True
            gevent.spawn(self._answer)

    def _answer(self) -> None:
        try:
            while self._unanswered and not self._socket.closing:
                or_end(self._socket, self._answer_next)
        finally:
            self._answering = False

    def _answer_next(self) -> None:
        message = parse(self._unanswered.popleft())
        if isinstance(message, Auth):
            self._allow_time()
            self.admit(self._front.tokens.verify(message.token))
        elif self._guest is None:
            raise Refusal(CloseCode.BAD_MESSAGE, "credential_first")
        else:
            self._socket.send(PONG)

    def _allow_time(self) -> None:
        self._socket.until = max(self._socket.until, time.monotonic() + CHECK_S)

    def _count(self) -> None:
        now = time.monotonic()
        if now >= self._window_ends:
            self._heard, self._window_ends = 0, now + WINDOW_S
        self._heard += 1
        if self._heard > MOST_MESSAGES:
            raise Refusal(CloseCode.TOO_SLOW_OR_TOO_MANY, "too_many_messages")

    def _no_credential(self) -> None:
        self._socket.end(CloseCode.NO_CREDENTIAL, "no_credential")


def parse(text: str) -> ClientMessage:
    """Read a client's message. Raises Refusal."""
    try:
        return read_message(text)
    except ValidationError as error:
        raise Refusal(CloseCode.BAD_MESSAGE, "bad_message") from error
