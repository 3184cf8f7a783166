"""A deploy as it should be: new processes first, and when they are ready the old ones end."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import requests

from sandbox.ports import free_port
from tests.acceptance.stack import PROCESSES, ROOT, Stack, wait_until

numbers = count(2)


def replace_all(stack: Stack, patience_s: float = 120) -> None:
    """Replace every process of the program. Raises AssertionError if an old one ends badly.

    As behind a proxy, who calls from now on is sent to the new site, and who is on the way to the
    old one when it ends is turned away before anything was sent.
    """
    number, port = next(numbers), str(free_port())
    fresh = {name: f"{name}.{number}" for name in PROCESSES}
    logs = {name: stack.start(name, place, PORT=port) for name, place in fresh.items()}
    for name, log in logs.items():
        wait_until(readiness(name, log, port), f"the new {name}", patience_s)
    stack.environment["PORT"] = port
    old = {name: stack.processes[name] for name in PROCESSES}
    for process in old.values():
        process.send_signal(signal.SIGTERM)
    for name, place in fresh.items():
        stack.processes[name] = stack.processes.pop(place)
    ended = {name: ending(process, patience_s) for name, process in old.items()}
    assert ended == dict.fromkeys(PROCESSES, 0), logs_of(stack)


@contextmanager
def signing_in(folder: Path) -> Iterator[str]:
    """Give the address of a sandbox of its own for signing in, which no pull keeps waiting."""
    port = str(free_port())
    command = [sys.executable, "-m", "sandbox.server", "--people", "520", "--port", port]
    with (folder / "supabase.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data", str(folder / "supabase")], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: answers(port, "/auth/v1/.well-known/jwks.json"), "signing in")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def readiness(name: str, log: Path, port: str) -> Callable[[], bool]:
    """Return what tells that a new process can do its work."""
    if name == "web":
        return lambda: answers(port, "/health/ready")
    word = "beat.follows" if name == "beat" else " ready."
    return lambda: word in log.read_text()


def answers(port: str, path: str) -> bool:
    """Say whether a site answers well at an address."""
    try:
        return requests.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def ending(process: subprocess.Popen[bytes], patience_s: float) -> int:
    """Wait for the end, and return the exit status."""
    return process.wait(patience_s)


def logs_of(stack: Stack) -> str:
    """Return the ends of all logs."""
    return stack.logs()[-8000:]
