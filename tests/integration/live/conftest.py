"""A real site under gunicorn, boards that tests move, and clients of its sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jwt
import psutil
import pytest
import requests
from cryptography.fernet import Fernet
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from domain.leaderboards.board import Head, Position
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from models import Competition, Person
from sandbox.ports import free_port
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.boards import put_board
from tests.factories import Factory
from tests.integration.live import spoken

ROOT = Path(__file__).parents[3]
SECRET = "a shared secret of at least thirty-two bytes"
SUPABASE = "http://127.0.0.1:9"
PATIENCE_S = 60.0

Message = dict[str, Any]


def token_of(person: Person, *, seconds: float = 3600, **claims: Any) -> str:
    """Sign a token for someone, as the sign-in service would."""
    now = int(time.time())
    usual = {
        "iss": f"{SUPABASE}/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(person.sub),
        "session_id": str(uuid.uuid4()),
        "iat": now,
        "exp": int(now + seconds),
    }
    return jwt.encode({**usual, **claims}, SECRET, algorithm="HS256")


def wait_until(holds: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Poll until something holds, with a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain for {what}")
        time.sleep(0.02)


def is_open(port: int) -> bool:
    """Say whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Site:
    """One gunicorn with one worker."""

    def __init__(self, postgres_url: str, redis_url: str, log: Path, **changes: str) -> None:
        self.port = free_port()
        self._log = log
        environment = {
            **os.environ,
            "DATABASE_URL": postgres_url,
            "REDIS_URL": redis_url,
            "SUPABASE_URL": SUPABASE,
            "SUPABASE_JWT_SECRET": SECRET,
            "GOOGLE_CLIENT_ID": "client",
            "GOOGLE_CLIENT_SECRET": "secret",
            "TOKEN_KEYS": Fernet.generate_key().decode(),
            "PORT": str(self.port),
            "LOG_FORMAT": "console",
            "CORS_ORIGINS": "https://app.example.com",
            "PYTHONPATH": str(ROOT),
            **changes,
        }
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "web:create_app()"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._answers, "the site")
        except pytest.fail.Exception:
            self._process.kill()
            self._process.wait()
            raise

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            pytest.fail(self._log.read_text())
        return is_open(self.port)

    @contextmanager
    def open(self, path: str, token: str | None = None, **options: Any) -> Iterator["Listener"]:
        """Open a socket; with a token, it goes into the header."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"ws://127.0.0.1:{self.port}{path}"
        with connect(url, additional_headers=headers, **options) as connection:
            yield Listener(connection, path)

    @contextmanager
    def open_stuffed(self, path: str, token: str) -> Iterator["Listener"]:
        """Open a socket whose client takes one message and then stops reading the network."""
        with socket.socket() as narrow:
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            narrow.connect(("127.0.0.1", self.port))
            with self.open(path, token, sock=narrow, max_queue=1, ping_interval=None) as listener:
                yield listener

    def terminate(self) -> None:
        """Ask it to stop."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Let its processes die on the spot."""
        master = psutil.Process(self._process.pid)
        for one in (*master.children(recursive=True), master):
            one.kill()

    def stop(self) -> None:
        """Stop it and wait for it."""
        self.terminate()
        self._process.wait(timeout=PATIENCE_S)

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text()

    @property
    def memory(self) -> int:
        """Bytes of memory that the process which serves holds."""
        (served,) = psutil.Process(self._process.pid).children()
        held: int = served.memory_info().rss
        return held


@pytest.fixture(scope="session")
def site(
    postgres: EmbeddedPostgres, valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site that runs throughout."""
    started = Site(postgres.url, valkey.url, tmp_path_factory.mktemp("site") / "log")
    yield started
    started.stop()


class Listener:
    """A client's end of a socket. What it hears must be in the AsyncAPI document."""

    def __init__(self, connection: ClientConnection, path: str) -> None:
        self.connection = connection
        self._path = path

    def say(self, message: Mapping[str, object] | str | bytes) -> None:
        """Send a message."""
        plain = isinstance(message, str | bytes)
        self.connection.send(message if plain else json.dumps(message))

    def hear(self, *types: str) -> Message:
        """Return the next message; skip those that are not of the given types."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            message: Message = json.loads(
                self.connection.recv(timeout=max(0.0, deadline - time.monotonic()))
            )
            spoken.check(self._path, message)
            if not types or message["type"] in types:
                return message

    def silent(self) -> bool:
        """Say whether nothing has come: a pong that was asked for now is the next message."""
        self.say({"type": "ping"})
        return bool(self.hear()["type"] == "pong")

    def ended(self) -> int:
        """Say something; return the code with which it was ended instead of answered, or 0."""
        try:
            self.say({"type": "ping"})
            self.connection.recv(timeout=PATIENCE_S)
        except ConnectionClosed as end:
            return 1006 if end.rcvd is None else end.rcvd.code
        return 0

    def closed(self) -> int:
        """Wait for the end and return its code."""
        try:
            while True:
                self.connection.recv(timeout=PATIENCE_S)
        except ConnectionClosed as end:
            return 1006 if end.rcvd is None else end.rcvd.code


Listen = Callable[..., Listener]


class Stage:
    """A competition whose board tests move by hand."""

    def __init__(self, competition: Competition, store: BoardStore, people: list[Person]) -> None:
        self.competition = competition
        self.store = store
        self.people = people
        self.status = competition.status.value
        self.head = Head("", 0)

    @property
    def position(self) -> Position:
        """Where it stands."""
        return self.head.position

    @property
    def path(self) -> str:
        """Where its socket is."""
        return f"/ws/leaderboard/{self.competition.id}"

    def rebuild(self, scores: Mapping[str, int]) -> None:
        """Put a new board into Redis, under a new epoch."""
        target = Position(uuid.uuid4().hex[:12], self.position.offset + 1)
        self.head = put_board(self.store, self.competition.id, scores, target, self.status)

    def flush(self, changes: Mapping[str, int | None]) -> None:
        """Move the board by one offset."""
        answer = self.store.flush(
            self.competition.id, self.head, self.status, list(changes.items())
        )
        assert answer.done
        assert answer.head is not None
        self.head = answer.head


@pytest.fixture
def store(redis: Redis) -> BoardStore:
    """Boards of an empty Redis."""
    return BoardStore(redis)


@pytest.fixture
def stage(factory: Factory, store: BoardStore) -> Stage:
    """A public competition of three people with 30, 20 and 20 points."""
    people = sorted(factory.people(3), key=lambda one: str(one.user_id))
    made = Stage(factory.competition(people[0]), store, people)
    made.rebuild({str(one.user_id): 30 - 10 * (n > 0) for n, one in enumerate(people)})
    return made


@pytest.fixture
def listen(site: Site) -> Iterator[Callable[..., Listener]]:
    """Open sockets that end with the test."""
    with ExitStack() as opened:

        def open_(path: str, person: Person | None = None) -> Listener:
            token = None if person is None else token_of(person)
            return opened.enter_context(site.open(path, token))

        yield open_


@pytest.fixture
def ticket(site: Site) -> Callable[..., str]:
    """Get tickets as the app does."""

    def give(person: Person, *, seconds: float = 3600) -> str:
        answer = requests.post(
            f"http://127.0.0.1:{site.port}/api/v1/live/tickets",
            headers={"Authorization": f"Bearer {token_of(person, seconds=seconds)}"},
            timeout=PATIENCE_S,
        )
        assert answer.status_code == 201, answer.text
        given: str = answer.json()["ticket"]
        return given

    return give
