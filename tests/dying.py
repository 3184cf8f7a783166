"""Processes that are killed at a step of their own: before a statement, or before a commit."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from itertools import count
from typing import NoReturn

from sqlalchemy import Engine, event

Watch = Callable[[Engine], None]
"""Counts the steps that are taken with an engine."""


def dies(steps: int, job: Callable[[Watch], None]) -> bool:
    """Run a job in a process that is killed before its step number `steps`.

    Return whether it was; else it had fewer, and ended.
    """
    child = os.fork()
    if child == 0:
        _run_counting(steps, job)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _run_counting(steps: int, job: Callable[[Watch], None]) -> NoReturn:
    """In the child: never come back, so that nothing of the parent's is closed here."""
    status = 1
    try:
        taken = count(1)

        def step(*_: object) -> None:
            if next(taken) == steps:
                os.kill(os.getpid(), signal.SIGKILL)

        def watch(engine: Engine) -> None:
            for name in ("before_cursor_execute", "commit"):
                event.listen(engine, name, step)

        job(watch)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
