"""A worker's health is what it did, or that it had nothing to do."""

import socket
import subprocess
import sys
import time

import pytest
from celery import Celery

from domain.redis import Redis
from domain.settings import Settings
from sandbox.ports import free_port
from tests.architecture.program import ROOT
from worker.health import beat_is_alive, broker_of, worker_is_alive
from worker.queues import BEAT_MARK, WORKER_MARK, Queue

NODE = "boards@here"
QUEUES = [Queue.BOARDS, Queue.COMPETITIONS]


@pytest.fixture
def broker(settings: Settings) -> Celery:
    """The broker of the test."""
    return broker_of(settings)


def left(redis: Redis, mark: str, ago: int) -> None:
    redis.set(mark, int(time.time()) - ago)


def test_who_did_something_is_alive_however_much_waits(redis: Redis, broker: Celery) -> None:
    left(redis, f"{WORKER_MARK}{NODE}", 20)
    broker.send_task("leaderboards.flush", queue=Queue.BOARDS)
    assert worker_is_alive(redis, broker, NODE, QUEUES).alive


@pytest.mark.parametrize("ago", [None, 500])
def test_who_did_nothing_is_alive_while_nothing_waits(
    redis: Redis, broker: Celery, ago: int | None
) -> None:
    if ago is not None:
        left(redis, f"{WORKER_MARK}{NODE}", ago)
    left(redis, f"{WORKER_MARK}boards@elsewhere", 1)
    broker.send_task("fitness.sweep", queue=Queue.SYNC)
    assert worker_is_alive(redis, broker, NODE, QUEUES).alive

    broker.send_task("competitions.sweep", queue=Queue.COMPETITIONS)

    verdict = worker_is_alive(redis, broker, NODE, QUEUES)
    assert not verdict.alive
    assert verdict.why.endswith("and 1 messages wait")


def test_beat_is_alive_while_the_schedule_is_kept(redis: Redis) -> None:
    assert not beat_is_alive(redis).alive
    left(redis, BEAT_MARK, 40)
    assert not beat_is_alive(redis).alive
    left(redis, BEAT_MARK, 10)
    assert beat_is_alive(redis).alive


def test_the_command(redis: Redis, settings: Settings) -> None:
    left(redis, f"{WORKER_MARK}money@{socket.gethostname()}", 3)
    assert run(settings, settings.redis_url, "money", Queue.PAYOUTS).returncode == 0
    assert run(settings, settings.redis_url, "beat").returncode == 1
    away = run(settings, f"redis://127.0.0.1:{free_port()}/0", "sync", Queue.SYNC)
    assert (away.returncode, away.stdout[:21]) == (1, "sync: cannot be told:")


def run(settings: Settings, redis_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "SUPABASE_URL": settings.supabase_url,
        "GOOGLE_CLIENT_ID": "any",
        "GOOGLE_CLIENT_SECRET": "any",
        "TOKEN_KEYS": settings.token_keys[0],
    }
    return subprocess.run(
        [sys.executable, "-m", "worker.health", *arguments],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
