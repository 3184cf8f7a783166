"""Who is at a socket, and for how long."""

import re
import time
from collections.abc import Iterable

from pydantic import ValidationError

from domain import clock
from domain.errors import Unavailable
from domain.live.messages import Auth, ClientMessage, CloseCode, read_message
from web.auth import bearer_token
from web.db import Front
from web.errors import Unauthorised
from web.live.frames import message_frame
from web.live.socket import Socket
from web.people import Caller
from web.tokens import LEEWAY_SECONDS

CREDENTIAL_S = 5.0
"""How long a socket may stay without a credential."""
MOST_MESSAGES = 60
WINDOW_S = 10.0
"""No client has reason to say more than MOST_MESSAGES in this time."""

TOKEN_NAMES = {"token", "access_token"}
JWT = re.compile(r"ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
"""A JSON object in base64url, and two parts more."""

PONG = message_frame({"type": "pong"})


class Refusal(Exception):
    """The socket is to be closed. `reason` has at most 123 bytes."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Guest:
    """Someone at a socket with a valid token."""

    def __init__(self, socket: Socket, front: Front, token: str) -> None:
        """Check the token. Raises Refusal."""
        self._socket = socket
        self._front = front
        self._heard = 0
        self._window_ends = 0.0
        self._until = 0.0
        self.caller = self._show(token)

    def _show(self, token: str) -> Caller:
        try:
            identity = self._front.tokens.verify(token)
            caller = self._front.people.behind(identity)
        except Unauthorised as error:
            raise Refusal(CloseCode.UNAUTHORISED, error.code) from error
        except Unavailable as error:
            raise Refusal(CloseCode.INTERNAL_ERROR, error.code) from error
        left = (identity.expires_at - clock.now()).total_seconds() + LEEWAY_SECONDS
        self._until = time.monotonic() + left
        return caller

    def dismiss(self, code: CloseCode, reason: str) -> None:
        """Send them away; any greenlet may. `stay` ends by it."""
        self._socket.close(code, reason)

    def stay(self) -> None:
        """Answer the client until it leaves. Raises Closed, or Refusal when its token ends."""
        while True:
            try:
                text = self._socket.receive(self._until)
            except TimeoutError as error:
                raise Refusal(CloseCode.UNAUTHORISED, "token_expired") from error
            self._count()
            message = parse(text)
            if isinstance(message, Auth):
                self._renew(message.token)
            else:
                self._socket.send(PONG)

    def _renew(self, token: str) -> None:
        """Stay as long as a newer token lasts."""
        caller = self._show(token)
        if caller.user_id != self.caller.user_id:
            raise Refusal(CloseCode.UNAUTHORISED, "another_person")
        self.caller = caller

    def _count(self) -> None:
        now = time.monotonic()
        if now >= self._window_ends:
            self._heard, self._window_ends = 0, now + WINDOW_S
        self._heard += 1
        if self._heard > MOST_MESSAGES:
            raise Refusal(CloseCode.TOO_SLOW_OR_TOO_MANY, "too_many_messages")


def admit(socket: Socket, front: Front, header: str | None) -> Guest:
    """Take the credential from the `Authorization` header or the first message."""
    if header:
        try:
            return Guest(socket, front, bearer_token(header))
        except Unauthorised as error:
            raise Refusal(CloseCode.UNAUTHORISED, error.code) from error
    try:
        message = parse(socket.receive(time.monotonic() + CREDENTIAL_S))
    except TimeoutError as error:
        raise Refusal(CloseCode.NO_CREDENTIAL, "no_credential") from error
    if not isinstance(message, Auth):
        raise Refusal(CloseCode.BAD_MESSAGE, "credential_first")
    return Guest(socket, front, message.token)


def refuse_token_in(query: Iterable[tuple[str, str]]) -> None:
    """Raise Refusal for a token in the query, which logs and proxies write down."""
    for name, value in query:
        if name.casefold() in TOKEN_NAMES or JWT.search(name) or JWT.search(value):
            raise Refusal(CloseCode.UNAUTHORISED, "token_in_query")


def parse(text: str) -> ClientMessage:
    """Read a client's message. Raises Refusal."""
    try:
        return read_message(text)
    except ValidationError as error:
        raise Refusal(CloseCode.BAD_MESSAGE, "bad_message") from error
