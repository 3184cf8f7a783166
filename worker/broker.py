"""What each kind of broker needs to be told."""

from typing import Any

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
