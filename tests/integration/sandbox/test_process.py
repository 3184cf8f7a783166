import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests


@contextmanager
def served(data: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The real process on a free port; killed at the end if it still runs."""
    command = [sys.executable, "-m", "sandbox.server", "--port", "0", "--data", str(data)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("sandbox listening on http://127.0.0.1:")
            yield line.split()[-1], process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_and_stops_when_told(tmp_path: Path, number: int) -> None:
    with served(tmp_path, "--people", "3") as (url, process):
        health = requests.get(f"{url}/control/health", timeout=60).json()
        assert (health["status"], health["people"]) == ("ok", 3)
        process.send_signal(number)
        assert process.wait(5) == 0


def test_it_carries_on_after_a_kill(tmp_path: Path) -> None:
    sign_in = {"email": "walker-004@sandbox.test", "password": "podium"}
    with served(tmp_path, "--people", "3", "--public-url", "http://sandbox.test/") as (
        url,
        process,
    ):
        requests.post(f"{url}/control/people", json={"count": 1}, timeout=60).raise_for_status()
        before = requests.get(f"{url}/auth/v1/.well-known/jwks.json", timeout=60).json()
        process.kill()
    with served(tmp_path, "--people", "3") as (url, _):
        assert requests.get(f"{url}/auth/v1/.well-known/jwks.json", timeout=60).json() == before
        answer = requests.post(f"{url}/auth/v1/token?grant_type=password", json=sign_in, timeout=60)
        assert answer.status_code == 200
