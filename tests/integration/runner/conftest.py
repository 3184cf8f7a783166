"""A folder to run in, and a run to look at."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]
ACTOR = "python -m tests.integration.runner.actor"
UNSET = ("DATABASE_URL", "REDIS_URL", "SUPABASE_URL", "TOKEN_KEYS")
ANY_PORTS = {"PORT": "0", "SANDBOX_PORT": "0", "FLOWER_PORT": "0"}
DEADLINE_S = 60.0


def eventually(what: Callable[[], bool]) -> bool:
    """Look again and again until it is so, or too late."""
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Run:
    """A runner in a folder of its own; with everything that works in that folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runner: subprocess.Popen[bytes] | None = None
        self.procfile(web=f"{ACTOR} web")

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    @property
    def events(self) -> list[str]:
        path = self.folder / "events"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._runner is None:
            raise RuntimeError("start it first")
        return self._runner

    def procfile(self, **commands: str) -> None:
        lines = [f"{name.replace('_', '-')}: {command}\n" for name, command in commands.items()]
        (self.folder / "Procfile").write_text("".join(lines))

    def start(self, *args: str, environ: Mapping[str, str] | None = None) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in UNSET}
        with (self.folder / "output").open("w") as output:
            self._runner = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.runner.play", *args],
                cwd=self.folder,
                env={**inherited, **ANY_PORTS, "PYTHONPATH": str(ROOT), **(environ or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_and_wait(self, environ: Mapping[str, str] | None = None) -> None:
        self.start(environ=environ)
        ended_or_up = eventually(
            lambda: "everything runs" in self.output or self.process.poll() is not None
        )
        assert ended_or_up, self.output
        assert self.process.poll() is None, self.output

    def ask_to_stop(self, number: signal.Signals) -> int:
        """The exit code after a signal to the runner."""
        self.process.send_signal(number)
        return self.process.wait(timeout=DEADLINE_S)

    def variables(self) -> dict[str, str]:
        text = (self.folder / ".local" / "run.env").read_text()
        return dict(line.split("=", 1) for line in text.splitlines())

    def alive(self) -> list[psutil.Process]:
        """Processes that work in this folder or below it, zombies left out."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if Path(process.cwd()).is_relative_to(self.folder):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def at(self, word: str) -> int:
        """Count those whose command line has this word."""
        count = 0
        for process in self.alive():
            with suppress(psutil.Error):
                count += word in process.cmdline()
        return count

    def leftover_files(self) -> set[str]:
        local = self.folder / ".local"
        return {path.name for path in local.iterdir() if path.suffix in {".lock", ".env", ".pids"}}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path.resolve())
    yield made
    for process in made.alive():
        process.kill()
    if made._runner is not None:
        made._runner.wait()
