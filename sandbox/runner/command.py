"""The command line of the runner: signals in, one line and an exit code out."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from sandbox.embedded import ServerFailed
from sandbox.filelock import FileLock, LockHeld
from sandbox.runner.environment import BadVariable
from sandbox.runner.machine import Companions, Machine, NotReady
from sandbox.runner.procfile import ProcfileError
from sandbox.runner.supervisor import ProcessDied

FAILURES = (BadVariable, NotReady, PermissionError, ProcessDied, ProcfileError, ServerFailed)
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str], root: Path, companions: Companions) -> int:
    """Run Podium in the folder `root` until a signal comes; 0, or 1 after saying why."""
    parser = argparse.ArgumentParser(prog="make run", description="Podium on one machine.")
    parser.add_argument("--idle", action="store_true", help="only say whether a run is active")
    options = parser.parse_args(argv)
    try:
        if options.idle:
            _insist_on_idle(root)
        else:
            Machine(root, companions, os.environ, _stop_on_signals()).run()
    except LockHeld as held:
        return _fail(f"already running: {held.holder}")
    except FAILURES as error:
        return _fail(str(error))
    return 0


def _insist_on_idle(root: Path) -> None:
    lock = FileLock(root / ".local" / "run.lock")
    lock.acquire(f"process {os.getpid()}")
    lock.release()


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP:
            signal.signal(number, ask)
    return stop


def _fail(reason: str) -> int:
    print(f"podium: {reason}", file=sys.stderr)
    return 1
