"""Podium as it runs: the Procfile's processes, embedded servers and the sandbox, all real."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine, text
from websockets.sync.client import ClientConnection, connect

from domain import clock
from domain.redis import Redis, make_redis
from sandbox.ports import free_port
from sandbox.postgres import EmbeddedPostgres
from sandbox.runner.environment import process_environment
from sandbox.runner.procfile import read_procfile
from sandbox.valkey import EmbeddedValkey

ROOT = Path(__file__).parent.parent.parent
MOVED_CLOCK = Path(__file__).parent / "moved_clock"
PROCESSES = ("web", "worker-sync", "worker-boards", "worker-money", "beat")
PATIENCE_SECONDS = 60


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)
    return found


@dataclass
class Stack:
    """Everything that runs, and handles on it."""

    folder: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    environment: dict[str, str]
    engine: Engine
    redis: Redis
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    """Tokens and codes that were used."""

    @property
    def web(self) -> str:
        """The address of the site."""
        return f"http://127.0.0.1:{self.environment['PORT']}"

    @property
    def sandbox(self) -> str:
        """The address of the outside world."""
        return self.environment["GOOGLE_FIT_URL"]

    def start(self, name: str, place: str = "", **environment: str) -> Path:
        """Start a process of the Procfile, or the sandbox; return its log.

        Under another name, its `place`, it runs beside one that runs already.
        """
        command = {
            **read_procfile(ROOT / "Procfile"),
            "sandbox": f"python -m sandbox.server --people 520 --data {self.folder}/world"
            f" --webhooks {self.web}/webhooks/stripe",
        }[name]
        path = self.folder / f"{place or name}.log"
        with path.open("ab") as log:
            self.processes[place or name] = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                cwd=ROOT,
                env=process_environment({**os.environ, **self.environment, **environment}, ROOT),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return path

    def kill(self, name: str) -> None:
        """End a process and its children at once, as a machine that loses power does."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_all(self) -> None:
        """Ask everything to end, and wait for it."""
        for process in self.processes.values():
            process.terminate()
        while self.processes:
            _, process = self.processes.popitem()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def is_ready(self) -> bool:
        """Say whether the site says that everything works."""
        try:
            return requests.get(f"{self.web}/health/ready", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def control(self, method: str, path: str, /, **body: Any) -> Any:
        """Call the sandbox's control path."""
        answer = requests.request(
            method, f"{self.sandbox}/control{path}", json=body or None, timeout=PATIENCE_SECONDS
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def sign_in(self, name: str) -> "App":
        """Sign someone of the sandbox in, as the app does."""
        answer = requests.post(
            f"{self.environment['SUPABASE_URL']}/auth/v1/token?grant_type=password",
            json={"email": f"{name}@sandbox.test", "password": "podium"},
            timeout=PATIENCE_SECONDS,
        )
        answer.raise_for_status()
        self.secrets.add(answer.json()["access_token"])
        return App(self, name, answer.json()["access_token"], answer.json()["user"]["id"])

    def move_clock(self, moment: datetime) -> None:
        """Let it be a certain time for all processes and the outside world; it runs on from there.

        Some of what they wrote lies in the future when the clock goes back.
        """
        seconds = (moment - clock.now()).total_seconds()
        self.control("POST", "/clock", offset_s=seconds)
        _write_offset(self.folder, seconds)

    def logs(self) -> str:
        """Return everything that the processes wrote."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@dataclass
class App:
    """The app in one person's hand."""

    stack: Stack
    name: str
    token: str
    user_id: str

    def call(self, method: str, path: str, *, expect: int, **body: Any) -> Any:
        """Call the API."""
        answer = requests.request(
            method,
            f"{self.stack.web}/api/v1{path}",
            json=body or None,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=PATIENCE_SECONDS,
        )
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def connect_google(self) -> Any:
        """Connect Google Fit with a code from Google's sign-in."""
        code = self.stack.control("GET", f"/people/{self.name}/code")["code"]
        self.stack.secrets.add(code)
        return self.call(
            "POST",
            "/fitness/connections",
            expect=201,
            provider="google_fit",
            server_auth_code=code,
        )

    def sync(self) -> str:
        """Ask for a sync; return its id."""
        asked = self.call("POST", "/fitness/sync", expect=202, provider="google_fit")
        return str(asked["sync_id"])

    def sync_status(self, sync_id: str) -> str:
        """Return where a sync stands."""
        return str(self.call("GET", f"/fitness/syncs/{sync_id}", expect=200)["status"])

    def board(self, competition_id: str, query: str = "") -> Any:
        """Read a leaderboard."""
        return self.call("GET", f"/leaderboard/{competition_id}{query}", expect=200)

    def socket(self, path: str) -> ClientConnection:
        """Open a WebSocket."""
        return connect(
            f"{self.stack.web.replace('http', 'ws')}{path}",
            additional_headers={"Authorization": f"Bearer {self.token}"},
        )


def _write_offset(folder: Path, seconds: float) -> Path:
    path, fresh = folder / "offset", folder / "offset.new"
    fresh.write_text(str(seconds))
    return fresh.rename(path)


@contextmanager
def running(
    folder: Path,
    postgres: EmbeddedPostgres | None = None,
    valkey: EmbeddedValkey | None = None,
    **changes: str,
) -> Iterator[Stack]:
    """Run everything, ready to be used; stop it at the end.

    Servers may be given, and variables that are other than usual.
    """
    sandbox_port, port = free_port(), free_port()
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    with ExitStack() as cleanup:
        postgres = postgres or EmbeddedPostgres(folder / "postgres", durable=False)
        valkey = valkey or EmbeddedValkey(folder / "valkey")
        for server in (postgres, valkey):
            cleanup.enter_context(server)
        # A connection's password costs both sides milliseconds; a restart ends what is in the pool.
        engine = create_engine(postgres.url, pool_pre_ping=True)
        cleanup.callback(engine.dispose)
        redis = make_redis(valkey.url)
        cleanup.callback(redis.close)
        environment = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "PORT": str(port),
            "SANDBOX_PORT": str(sandbox_port),
            "SUPABASE_URL": sandbox,
            "GOOGLE_CLIENT_ID": "sandbox-client",
            "GOOGLE_CLIENT_SECRET": "sandbox-secret",
            "GOOGLE_TOKEN_URL": f"{sandbox}/token",
            "GOOGLE_REVOKE_URL": f"{sandbox}/revoke",
            "GOOGLE_FIT_URL": sandbox,
            "STRIPE_API_KEY": "sk_test_sandbox",
            "STRIPE_API_URL": sandbox,
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
            # The sandbox bears more, and five hundred people would wait for it.
            "GOOGLE_FIT_CALLS_PER_MINUTE": "60000",
            "TOKEN_KEYS": Fernet.generate_key().decode(),
            "PYTHONPATH": str(MOVED_CLOCK),
            "MOVED_CLOCK": str(_write_offset(folder, 0)),
            **changes,
        }
        stack = Stack(folder, postgres, valkey, environment, engine, redis)
        cleanup.callback(stack.stop_all)
        stack.start("release")
        assert stack.processes.pop("release").wait(PATIENCE_SECONDS) == 0, stack.logs()
        for name in ("sandbox", *PROCESSES):
            stack.start(name)
        try:
            wait_until(stack.is_ready, "readiness")
        except TimeoutError as error:
            raise TimeoutError(stack.logs()[-8000:]) from error
        yield stack


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    """Run a query of a test's own."""
    with engine.connect() as connection:
        return list(connection.execute(text(query), parameters))
