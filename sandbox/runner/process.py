"""One supervised process."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.spawn import spawn

KEPT_LINES = 20
LONG_LIFE_S = 60.0
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0


class Process:
    """A command in a session of its own, so that Ctrl-C at the terminal does not reach it.

    It is asked to end by one SIGTERM to the main process only: Celery takes a second one, or one to
    its children, as an order to drop its work.
    """

    def __init__(self, name: str, command: str, show: Callable[[str, str], None]) -> None:
        self.name = name
        self.command = command
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._show = show
        self._popen: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started = 0.0
        self._delay = FIRST_DELAY_S

    @property
    def pid(self) -> int:
        if self._popen is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and before it was started."""
        return self._popen.poll() if self._popen else None

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def start(self, env: Mapping[str, str], cwd: Path) -> None:
        # `exec` makes the program itself the main process.
        argv = ["sh", "-c", f"exec {self.command}"]
        self._popen = spawn(argv, output=subprocess.PIPE, env=env, cwd=cwd)
        self._started = time.monotonic()
        self._reader = threading.Thread(
            target=self._read, args=(self._popen,), name=f"read {self.name}", daemon=True
        )
        self._reader.start()

    def next_delay(self) -> float:
        """Seconds to wait before it is started again: doubled each time, reset by a long life."""
        if time.monotonic() - self._started > LONG_LIFE_S:
            self._delay = FIRST_DELAY_S
        delay, self._delay = self._delay, min(2 * self._delay, LONGEST_DELAY_S)
        return delay

    def terminate(self) -> None:
        """Ask the main process to end."""
        if self._popen is not None and self.running:
            self._popen.terminate()

    def wait(self, seconds: float) -> bool:
        """Wait for the main process; say whether it has ended."""
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(max(seconds, 0.0))
        return not self.running

    def clear(self) -> None:
        """Kill what is left of the group, and read its last words."""
        if self._popen is None:
            return
        kill_group(self._popen.pid)
        self._popen.wait()
        if self._reader is not None:
            self._reader.join(timeout=1.0)

    def _read(self, popen: subprocess.Popen[bytes]) -> None:
        if popen.stdout is None:
            return
        with popen.stdout as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self.last_lines.append(text)
                self._show(self.name, text)


def kill_group(leader: int) -> None:
    """SIGKILL for a process group; one that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def describe_exit(code: int | None) -> str:
    """`exit code 1`, `SIGKILL`."""
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
