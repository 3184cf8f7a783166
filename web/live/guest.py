"""Who is at a connection, and for how long."""

import time
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from domain import clock
from domain.database import DATABASE_AWAY
from domain.errors import NotFound, Unavailable
from domain.live.messages import CloseCode
from web.db import Front
from web.errors import TooMany, Unauthorised
from web.identity import Identity
from web.live.connection import Connection
from web.people import NOBODY, Caller
from web.tokens import LEEWAY_SECONDS

log = structlog.get_logger(__name__)


class Refusal(Exception):
    """The connection is to be closed. `reason` has at most 123 bytes."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Guest:
    """Someone at a connection with a valid token."""

    def __init__(self, connection: Connection, front: Front, identity: Identity) -> None:
        self._connection = connection
        self._front = front
        self.caller: Caller = front.people.behind(identity)
        connection.expired = self._expired
        self._stay(identity)

    @property
    def name(self) -> str:
        """Whose connections are counted together."""
        return self.caller.name

    def renew(self, identity: Identity) -> None:
        """Stay as long as a newer token lasts. Raises Refusal for somebody else's."""
        caller = self._front.people.behind(identity)
        if caller.user_id != self.caller.user_id:
            raise Refusal(CloseCode.UNAUTHORISED, "another_person")
        self.caller = caller
        self._stay(identity)

    def dismiss(self, code: CloseCode, reason: str) -> None:
        """Send them away; any greenlet may."""
        self._connection.end(code, reason)

    def _stay(self, identity: Identity) -> None:
        left = (identity.expires_at - clock.now()).total_seconds() + LEEWAY_SECONDS
        self._connection.until = time.monotonic() + left

    def _expired(self) -> None:
        self.dismiss(CloseCode.UNAUTHORISED, "token_expired")


class Spectator(Guest):
    """Someone without a credential at a public board, for as long as it is public."""

    def __init__(self, connection: Connection, address: str) -> None:
        self._connection = connection
        self._address = address
        self.caller = NOBODY

    @property
    def name(self) -> str:
        """All of an address count as one person: big screens are few."""
        return spectators_at(self._address)


def spectators_at(address: str) -> str:
    """Return the name under which those without a credential at an address are counted."""
    return f"spectators at {address}"


def or_end(connection: Connection, action: Callable[[], None]) -> None:
    """Do something for a connection; what goes wrong ends it with a code.

    Nothing may be raised from here: the answer to an error would be written into the connection.
    """
    try:
        action()
    except Refusal as refusal:
        connection.end(refusal.code, refusal.reason)
    except Unauthorised as error:
        connection.end(CloseCode.UNAUTHORISED, error.code)
    except TooMany as error:
        connection.end(CloseCode.TOO_SLOW_OR_TOO_MANY, error.code)
    except NotFound as error:
        connection.end(CloseCode.NOT_FOUND, error.code)
    except Unavailable as error:
        connection.end(CloseCode.INTERNAL_ERROR, error.code)
    except DATABASE_AWAY as error:
        log.warning("live.database_unavailable", error=str(error.__cause__ or error))
        connection.end(CloseCode.INTERNAL_ERROR, Unavailable.code)
    except RedisError as error:
        log.warning("live.redis_unavailable", error=str(error))
        connection.end(CloseCode.INTERNAL_ERROR, "redis_unavailable")
    except Exception:
        log.exception("live.failed")
        connection.end(CloseCode.INTERNAL_ERROR)
