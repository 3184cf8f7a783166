"""The main job on the oldest servers that are promised, and with RabbitMQ as the broker."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import test_nominal
from tests.acceptance.installed import postgres_15, rabbitmq, redis_7
from tests.acceptance.stack import Stack, rows, running, wait_until

pytestmark = pytest.mark.acceptance


def test_redis_7_and_postgresql_15(tmp_path: Path) -> None:
    with running(tmp_path, postgres_15(tmp_path), redis_7(tmp_path)) as stack:
        (version,) = rows(stack.engine, "SHOW server_version")
        assert version[0].startswith("15.")
        told: Any = stack.redis.info("server")
        assert told["redis_version"].startswith("7.0.")
        test_nominal.test_a_sync_moves_a_live_leaderboard(stack)


def test_rabbitmq_as_the_broker(tmp_path: Path) -> None:
    with rabbitmq() as address, running(tmp_path, CELERY_BROKER_URL=address) as stack:
        test_nominal.test_a_sync_moves_a_live_leaderboard(stack)
        assert [key for key in keys(stack) if key.startswith("celery:")] == []
        wait_until(stack.is_ready, "work in every queue")


def keys(stack: Stack) -> list[str]:
    return [key.decode() for key in stack.redis.scan_iter()]
