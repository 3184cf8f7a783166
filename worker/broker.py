"""What each kind of broker needs to be told."""

from typing import Any

from kombu.transport import redis as redis_transport

REDIS = {
    # Above the longest task (celeryconfig.task_time_limit), or a slow task would start twice.
    "visibility_timeout": 900,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # Without a time limit a publish on a dead connection waits for ever.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 25,
    # A message sent again after a lost reply would be a second message.
    "retry_on_timeout": False,
    "global_keyprefix": "celery:",
    "client_name": "podium-celery",
}
AMQP = {"confirm_publish": True}


def transport_options(url: str) -> dict[str, Any]:
    """Return kombu's options for the broker at `url`."""
    return dict(AMQP if url.startswith("amqp") else REDIS)


def leave_unacked_messages() -> None:
    """Let the broker give unacknowledged messages again by itself, after the visibility timeout.

    kombu 5.7.0 otherwise restores them while it closes a connection, and where that connection was
    lost in the middle of a task the attempt ends the whole worker. Ours are hints: the rows say
    what is to be done.
    """
    redis_transport.QoS.restore_at_shutdown = False
