"""Ending processes, children of ours or not."""

import contextlib
import signal
import time

import psutil

POLL_S = 0.02

Steps = tuple[tuple[signal.Signals, float], ...]
"""Signals that ask a process to end, each with the seconds it gets before the next one."""


def end(pid: int, steps: Steps) -> None:
    """Go through the steps until the process has ended; SIGKILL comes last."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for number, seconds in (*steps, (signal.SIGKILL, 10.0)):
            process.send_signal(number)
            if gone(process, seconds):
                return


def gone(process: psutil.Process, seconds: float) -> bool:
    """Wait until the process has ended. A zombie has: it may never be reaped if it is not ours."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
