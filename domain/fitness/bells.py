"""Bells for those who watch their own data: ids only, the rows are read by whoever hears."""

import json
import uuid
from collections.abc import Collection

import structlog
from redis.exceptions import RedisError

from domain.redis import Redis

log = structlog.get_logger(__name__)

CHANNEL = "fitness:bells"
"""Payload: a JSON list of user ids whose syncs or data have changed."""


def announce(redis: Redis, user_ids: Collection[uuid.UUID]) -> None:
    """Say that these people's syncs or data have changed, after the commit.

    Never raises: a poll finds the syncs that were missed, and the next bell the data.
    """
    if not user_ids:
        return
    try:
        redis.publish(CHANNEL, json.dumps([str(user_id) for user_id in user_ids]))
    except RedisError as error:
        log.warning("fitness.bell_unheard", error=str(error))
