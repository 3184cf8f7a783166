"""A server that lives inside this process's life, with its data in a directory of its own."""

import atexit
import os
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

import psutil

from sandbox.ending import Steps, end
from sandbox.filelock import FileLock
from sandbox.ports import free_port

START_TRIES = 8
START_DEADLINE_S = 60.0
POLL_S = 0.02


class ServerFailed(RuntimeError):
    """The server did not start; the message ends with the last lines of its log."""


class EmbeddedServer(ABC):
    """Start, stop and crash one server; usable as a context manager.

    The port is chosen at the first start and kept, so clients find the server again after
    `restart()`. A lock on the data directory allows one owner at a time. What a killed owner left
    running is stopped by the next `start()`.
    """

    name: ClassVar[str]
    stopping: ClassVar[Steps]

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.log = self.data_dir.with_name(f"{self.data_dir.name}.log")
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = FileLock(self.data_dir.with_name(f"{self.data_dir.name}.lock"))
        self._owner = os.getpid()

    @property
    def port(self) -> int:
        if self._port is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._port

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Return when the server answers. Raises `LockHeld` or `ServerFailed`."""
        if self.running:
            return self
        if not self._lock.held:
            self._lock.acquire(f"process {os.getpid()}")
        try:
            self._stop_leftover()
            self._prepare()
            self.log.write_bytes(b"")
            self._start_until_ready()
        except BaseException:
            self.stop()
            raise
        atexit.register(self._stop_at_exit)
        return self

    def stop(self) -> None:
        """End the server in order and free the directory; does nothing when it is not running."""
        if self._process is not None:
            end(self._process.pid, self.stopping)
            self._process.wait()
            self._process = None
        self._lock.release()
        atexit.unregister(self._stop_at_exit)

    def kill(self) -> None:
        """Crash: no shutdown work is done, and the next start has to recover."""
        if self._process is not None:
            self._crash(self._process)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop and start again on the same port with the same data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data directory ready."""

    @abstractmethod
    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _is_ready(self) -> bool: ...

    @abstractmethod
    def _pid_file(self) -> Path: ...

    def _crash(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()

    def _start_until_ready(self) -> None:
        """Try more than once: another program can take the port first, and the last children of a
        crashed server can still hold its memory.
        """
        chosen = self._port
        for _ in range(START_TRIES):
            self._port = chosen or free_port()
            with self.log.open("ab") as log:
                self._process = self._spawn(log)
            if self._wait_until_ready(self._process):
                return
            self._process = None
            time.sleep(0.25)
        raise ServerFailed(f"{self.name} did not start:\n{self._log_tail()}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_DEADLINE_S
        while process.poll() is None:
            if self._is_ready():
                return True
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} is not ready:\n{self._log_tail()}")
            time.sleep(POLL_S)
        return False

    def _stop_leftover(self) -> None:
        """Pids come round again, so the process must also work in our directory."""
        try:
            process = psutil.Process(int(self._pid_file().read_text().split()[0]))
            ours = self.data_dir.samefile(process.cwd())
        except (FileNotFoundError, IndexError, ValueError, psutil.Error):
            ours = False
        if ours:
            end(process.pid, self.stopping)
        self._pid_file().unlink(missing_ok=True)

    def _stop_at_exit(self) -> None:
        if os.getpid() == self._owner:
            self.stop()

    def _log_tail(self, lines: int = 12) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
