"""Processes that are killed at a step of their own, such as a statement or a commit."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from itertools import count
from typing import NoReturn

from sqlalchemy import Engine, event

Step = Callable[..., None]
"""Called before each step; it does not come back from the last one."""


def dies(steps: int, job: Callable[[Step], None]) -> bool:
    """Run a job in a process that is killed before its step number `steps`.

    Return whether it was; else it had fewer, and ended.
    """
    return died(start(steps, job))


def start(steps: int, job: Callable[[Step], None]) -> int:
    """Let a process begin with a job, to be killed before its step number `steps`; return its id.

    The job gets what counts its steps; `watch` has it count those of a database.
    """
    child = os.fork()
    if child == 0:
        _run_counting(steps, job)
    return child


def died(child: int) -> bool:
    """Wait for a process; say if it was killed before it had done everything."""
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def watch(engine: Engine, step: Step) -> None:
    """Count each statement and each commit."""
    for name in ("before_cursor_execute", "commit"):
        event.listen(engine, name, step)


def _run_counting(steps: int, job: Callable[[Step], None]) -> NoReturn:
    """In the child: never come back, so that nothing of the parent's is closed here."""
    status = 1
    try:
        taken = count(1)

        def step(*_: object) -> None:
            if next(taken) == steps:
                os.kill(os.getpid(), signal.SIGKILL)

        job(step)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
