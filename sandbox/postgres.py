"""PostgreSQL 18 from a wheel, on a free port of the loopback."""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO, ClassVar

from sandbox.embedded import EmbeddedServer, ServerFailed
from sandbox.ending import Steps
from sandbox.pginstall import PostgresInstall, find_install
from sandbox.ports import LOOPBACK
from sandbox.spawn import spawn

SUPERUSER = "podium"
DATABASE = "postgres"
PASSWORD_FILE = "superuser.password"  # noqa: S105 - a file name

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
INITDB = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--pwfile=/dev/stdin",
    "--encoding=UTF8",
)
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL server with its data in `data_dir`.

    `durable=False` gives up what a power cut needs, for tests; a crash of the server is still
    survived. The superuser's password is made once and kept in the data directory. PostgreSQL
    refuses to run as root: then it runs as the owner of the data, a system user that exists
    already, and no folder above is opened for it.
    """

    name: ClassVar[str] = "PostgreSQL"
    stopping: ClassVar[Steps] = (
        (signal.SIGINT, 8.0),
        (signal.SIGQUIT, 3.0),
    )

    def __init__(
        self, data_dir: Path, durable: bool = True, install: PostgresInstall | None = None
    ) -> None:
        super().__init__(data_dir)
        self.durable = durable
        self._install = install or find_install()

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the maintenance database, with the password in it."""
        password = self._password_file().read_text()
        return f"postgresql+psycopg://{SUPERUSER}:{password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def client(self, tool: str) -> Path:
        """Path of a client program of the same version: `psql`, `pg_dump`, `pgbench`, ..."""
        return self._install.client(tool)

    def _password_file(self) -> Path:
        return self.data_dir / PASSWORD_FILE

    def _pid_file(self) -> Path:
        return self.data_dir / "postmaster.pid"

    def _prepare(self) -> None:
        """Make the cluster under another name first: one cut short is never taken for whole."""
        if self._password_file().exists():
            return
        fresh = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        with self._install.opened(fresh) as place:
            sync = [] if self.durable else ["--no-sync"]
            args = [f"--pgdata={place.data}", *INITDB, *self._install.locale, *sync]
            done = place.run("initdb", args, password)
        if done.returncode != 0:
            raise ServerFailed(f"initdb failed:\n{done.stdout}")
        descriptor = os.open(fresh / PASSWORD_FILE, os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        fresh.rename(self.data_dir)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {"port": str(self.port)} | ({} if self.durable else NOT_DURABLE)
        with self._install.opened(self.data_dir) as place:
            return spawn(
                [place.program("postgres"), "-D", place.data]
                + [word for key, value in settings.items() for word in ("-c", f"{key}={value}")],
                death_signal=signal.SIGINT,
                account=place.account,
                output=log,
                env=place.environment(),
                cwd=Path("/"),
                pass_fds=place.pass_fds,
            )

    def _is_ready(self) -> bool:
        """The eighth line of the pid file says `ready` when connections are taken."""
        try:
            lines = self._pid_file().read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _crash(self, process: subprocess.Popen[bytes]) -> None:
        # SIGQUIT is PostgreSQL's immediate shutdown. SIGKILL would leave its children for a moment.
        process.send_signal(signal.SIGQUIT)
