"""The process's one subscription to Redis: short messages that say what has changed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog
from redis.client import PubSub
from redis.exceptions import RedisError

from domain.redis import make_redis

log = structlog.get_logger(__name__)

PAUSE_S = 0.5
"""Between two tries to subscribe."""

LOOK_S = 0.5
"""How soon a stop or a new channel is noticed."""

UNANSWERED_PINGS = 2
"""A connection that owes this many answers is dead, though nothing has raised."""


@dataclass(frozen=True)
class Ear:
    """What to do with a channel's messages. Both are called by the listening thread.

    They must be quick; a ValueError of `heard` is logged and the message dropped. `missed` says
    that messages may have been lost.
    """

    heard: Callable[[bytes], None]
    missed: Callable[[], None]


class Bells:
    """Listens to channels from its first use on; after a break it subscribes again."""

    def __init__(self, redis_url: str) -> None:
        self._redis = make_redis(redis_url)
        self._ears: dict[bytes, Ear] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, channel: str, ear: Ear) -> None:
        """Give a channel's messages to `ear`, from within half a second on."""
        self._ears[channel.encode()] = ear

    def start(self) -> None:
        """Begin to listen. Calling it again does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="bells", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._pubsub() as subscription:
                    self._hear(subscription)
            except (RedisError, OSError) as error:
                log.warning("bells.unheard", error=str(error))
                self._stopping.wait(PAUSE_S)

    def _pubsub(self) -> PubSub:
        return cast("PubSub", self._redis.pubsub())  # type: ignore[no-untyped-call] # redis-py's

    def _hear(self, subscription: PubSub) -> None:
        subscribed: set[bytes] = set()
        while not self._stopping.is_set():
            if new := self._ears.keys() - subscribed:
                subscription.subscribe(*new)  # type: ignore[no-untyped-call] # redis-py's
                subscribed |= new
            message = subscription.get_message(timeout=LOOK_S)
            if subscription.health_check_response_counter >= UNANSWERED_PINGS:
                raise OSError("Redis does not answer the pings of the subscription")
            if message is not None:
                self._pass_on(message)

    def _pass_on(self, message: dict[str, Any]) -> None:
        ear = self._ears[message["channel"]]
        if message["type"] == "subscribe":
            ear.missed()
        elif message["type"] == "message":
            try:
                ear.heard(message["data"])
            except ValueError as error:
                log.warning("bells.unintelligible", error=str(error))
