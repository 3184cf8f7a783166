"""Flower as an operator sees it: signed in, behind a prefix, and only looking."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from domain.redis import Redis
from domain.settings import Settings
from sandbox.ports import LOOPBACK, free_port
from tests.architecture.program import ROOT

OPERATOR = ("operator", "a password")
FLOWER = (sys.executable, "-m", "celery", "-A", "worker.app", "flower", "--conf=flowerconfig.py")
PATIENCE_SECONDS = 60


def variables(settings: Settings, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SUPABASE_URL": settings.supabase_url,
        "GOOGLE_CLIENT_ID": "any",
        "GOOGLE_CLIENT_SECRET": "any",
        "TOKEN_KEYS": settings.token_keys[0],
        "FLOWER_URL_PREFIX": "flower",
        **more,
    }


@pytest.fixture
def flower(settings: Settings, redis: Redis) -> Iterator[str]:
    """Flower's address."""
    port = free_port()
    told = variables(settings, FLOWER_PORT=str(port), FLOWER_BASIC_AUTH=":".join(OPERATOR))
    child = subprocess.Popen(FLOWER, cwd=ROOT, env=told, stderr=subprocess.DEVNULL)
    address, deadline = f"http://{LOOPBACK}:{port}/flower", time.monotonic() + PATIENCE_SECONDS
    while not answers(f"{address}/healthcheck"):
        assert time.monotonic() < deadline, "flower does not answer"
        time.sleep(0.1)
    yield address
    child.terminate()
    child.wait(PATIENCE_SECONDS)


def answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except requests.RequestException:
        return False


def test_only_operators_look_and_nobody_touches(flower: str) -> None:
    def call(method: str, path: str, **more: Any) -> int:
        return requests.request(method, f"{flower}{path}", timeout=30, **more).status_code

    assert call("GET", "/workers") == 401
    assert call("GET", "/workers", auth=("operator", "another")) == 401
    assert call("GET", "/workers", auth=OPERATOR) == 200
    assert call("GET", "/tasks", auth=OPERATOR) == 200
    for path in ("/api/worker/shutdown/any", "/api/task/async-apply/fitness.sweep"):
        assert call("POST", path, auth=OPERATOR, json={}) == 403


def test_each_task_says_what_it_is_for(settings: Settings) -> None:
    program = (
        "import worker.app; worker.app.app; import flowerconfig, celeryconfig\n"
        "from celery.events.state import Task\n"
        "for name in sorted({one['task'] for one in celeryconfig.beat_schedule.values()}):\n"
        "    print(flowerconfig.format_task(Task(name=name, args='()')).args)\n"
    )
    told = variables(settings, FLOWER_BASIC_AUTH="operator:x")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=told,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert "Look after what lies about, and wake whoever has something to do." in lines
    assert all(line.endswith(".") for line in lines)


def test_a_proxy_passes_nothing_on_without_a_password(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import flowerconfig"],
        cwd=ROOT,
        env=variables(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("podium: FLOWER_BASIC_AUTH: is not set")
