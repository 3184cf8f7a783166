"""One run from the first lock to the last."""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import requests

from sandbox.embedded import EmbeddedServer
from sandbox.filelock import FileLock
from sandbox.postgres import EmbeddedPostgres
from sandbox.runner.environment import (
    calmed,
    choose_ports,
    fill_in,
    given,
    podium_url,
    process_environment,
    sandbox_url,
    write_private,
)
from sandbox.runner.leftovers import stop_leftovers
from sandbox.runner.process import Process
from sandbox.runner.procfile import RELEASE, read_procfile
from sandbox.runner.supervisor import ProcessDied, Supervisor
from sandbox.runner.terminal import Terminal
from sandbox.valkey import EmbeddedValkey

COMPANIONS = ("sandbox", "prize", "seed", "phones", "winners")
READY_DEADLINE_S = 90.0
POLL_S = 0.1


class Stopped(Exception):
    """Somebody asked us to stop."""


class NotReady(RuntimeError):
    """Podium did not become ready in time; the text is its own last answer."""


@dataclass(frozen=True)
class Companions:
    """Shell commands beside the Procfile's. Empty: there is none.

    `sandbox` plays the outside world. `prize` promises one before anything runs, `seed` sets up
    people and competitions; both end. `phones` are the people who open the app, and `winners` those
    who get the prize.
    """

    sandbox: str
    prize: str
    seed: str
    phones: str
    winners: str


class Machine:
    """Podium on one machine, with its data under `.local` of the project's folder."""

    def __init__(
        self, root: Path, companions: Companions, environ: Mapping[str, str], stop: threading.Event
    ) -> None:
        self._root = root
        self._local = root / ".local"
        self._companions = companions
        self._stop = stop
        self._given = given(environ, root)
        self._commands = read_procfile(root / "Procfile")
        self._terminal = Terminal([*self._commands, *COMPANIONS])
        self._supervisor = Supervisor(self._terminal, root, self._local / "run.pids")
        self._began = time.monotonic()

    def run(self) -> None:
        """Go on until told to stop.

        Raises `LockHeld`, `BadVariable`, `ServerFailed`, `ProcessDied` or `NotReady`; whatever was
        started has ended by then.
        """
        with ExitStack() as stack:
            lock = FileLock(self._local / "run.lock")
            lock.acquire(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
            stack.callback(lock.release)
            self._stop_leftovers()
            environ = {**self._given, **choose_ports(self._given)}
            variables = fill_in(environ, self._start_servers(stack), self._local)
            stack.enter_context(self._published(variables))
            self._supervisor.env = process_environment({**environ, **variables}, self._root)
            stack.callback(self._stop_processes)
            try:
                self._start(variables)
                while not self._stop.wait(POLL_S):
                    self._supervisor.revive()
            except Stopped:
                return

    def _stop_leftovers(self) -> None:
        left = stop_leftovers(self._local / "run.pids")
        if left:
            self._terminal.say(f"stopped {left} processes that an earlier run had left")

    def _start_servers(self, stack: ExitStack) -> dict[str, str]:
        """Embed what the user has not set, both at a time; PostgreSQL stops last."""
        servers: dict[str, EmbeddedPostgres | EmbeddedValkey] = {}
        if "DATABASE_URL" not in self._given:
            servers["DATABASE_URL"] = EmbeddedPostgres(self._local / "postgres")
        if "REDIS_URL" not in self._given:
            servers["REDIS_URL"] = EmbeddedValkey(self._local / "valkey")
        for server in servers.values():
            stack.callback(server.stop)
        with ThreadPoolExecutor() as pool:
            list(pool.map(EmbeddedServer.start, servers.values()))
        for server in servers.values():
            self._took(f"{server.name} on port {server.port}")
        return {name: server.url for name, server in servers.items()}

    @contextmanager
    def _published(self, variables: Mapping[str, str]) -> Iterator[None]:
        """Commands run beside this one read these variables from the file."""
        path = self._local / "run.env"
        text = "".join(f"{name}={quote(value)}\n" for name, value in sorted(variables.items()))
        write_private(path, text)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def _start(self, variables: Mapping[str, str]) -> None:
        self._start_companion("sandbox", self._companions.sandbox)
        if RELEASE in self._commands:
            self._finish(self._supervisor.start(RELEASE, self._commands[RELEASE]))
            self._took("migrated")
        in_sandbox = variables["SUPABASE_URL"] == sandbox_url(variables)
        pays_there = in_sandbox and variables.get("STRIPE_API_URL") == sandbox_url(variables)
        if pays_there:
            self._furnish("prize", self._companions.prize)
        for name, command in calmed(self._commands, variables).items():
            if name != RELEASE:
                self._supervisor.start(name, command)
        self._wait_until_ready(variables)
        self._took("ready")
        if in_sandbox:
            self._furnish("seed", self._companions.seed)
            self._start_companion("phones", self._companions.phones)
        if pays_there:
            self._start_companion("winners", self._companions.winners)
        self._announce(variables)

    def _start_companion(self, name: str, command: str) -> None:
        if command:
            self._supervisor.start(name, command)

    def _finish(self, process: Process) -> None:
        """Wait for one that is meant to end. Raises `ProcessDied` if it failed."""
        while process.running:
            self._pause()
            self._supervisor.check(but=process)
        self._supervisor.forget(process)
        if process.exit_code != 0:
            raise ProcessDied(process)

    def _wait_until_ready(self, variables: Mapping[str, str]) -> None:
        waiting = []
        if "web" in self._commands:
            waiting.append(f"{podium_url(variables)}/health/ready")
        if self._companions.sandbox:
            waiting.append(f"{sandbox_url(variables)}/control/people")
        deadline = time.monotonic() + READY_DEADLINE_S
        for url in waiting:
            while answer := _complaint(url):
                if time.monotonic() > deadline:
                    raise NotReady(f"{url} is not ready: {answer}")
                self._pause()
                self._supervisor.check()
        # A stranger may have answered on a port that ours could not take.
        self._supervisor.check()

    def _furnish(self, name: str, command: str) -> None:
        """A sandbox that could not be furnished is no reason to end the run."""
        if not command:
            return
        try:
            self._finish(self._supervisor.start(name, command))
        except ProcessDied as died:
            if died.name != name:
                raise
            self._terminal.say(f"the sandbox's {name} could not be set up whole; see above")
        else:
            self._took(f"the {name} is there")

    def _announce(self, variables: Mapping[str, str]) -> None:
        podium, sandbox = podium_url(variables), sandbox_url(variables)
        flower = f"http://127.0.0.1:{variables['FLOWER_PORT']}"
        self._terminal.say(f"page     {podium}/")
        self._terminal.say(f"API      {podium}/docs")
        self._terminal.say(f"Flower   {flower}/")
        self._terminal.say(f"sandbox  {sandbox}/control/people")
        self._took("everything runs; Ctrl-C stops it")

    def _stop_processes(self) -> None:
        began = time.monotonic()
        self._terminal.say("stopping")
        self._supervisor.stop()
        self._terminal.say(f"all processes have stopped ({time.monotonic() - began:.1f} s)")

    def _pause(self) -> None:
        if self._stop.wait(POLL_S):
            raise Stopped

    def _took(self, what: str) -> None:
        self._terminal.say(f"{what} ({time.monotonic() - self._began:.1f} s)")


def _complaint(url: str) -> str:
    """Why `url` does not answer 200; empty when it does."""
    try:
        response = requests.get(url, timeout=2)
    except requests.RequestException as error:
        return type(error).__name__
    return "" if response.status_code == 200 else f"{response.status_code} {response.text[:500]}"
