"""Processes that a killed runner left behind."""

import contextlib
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

from sandbox.ending import end, gone
from sandbox.runner.process import Process, kill_group

PATIENCE_S = 3.0
CLOCK_STEP_S = 2.0
"""How far a start time may move when the system clock is set."""


def record(path: Path, processes: Iterable[Process]) -> None:
    """Write down who runs, one `pid start-time` per line."""
    lines = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.running:
                lines.append(f"{process.pid} {psutil.Process(process.pid).create_time()}\n")
    path.write_text("".join(lines))


def stop_leftovers(path: Path) -> int:
    """End what `record` wrote down and still runs, group by group; return how many there were."""
    if not path.exists():
        return 0
    left = [process for line in path.read_text().splitlines() if (process := _find(line))]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
    for process in left:
        if not gone(process, PATIENCE_S):
            end(process.pid, ())
        kill_group(process.pid)
    path.unlink()
    return len(left)


def _find(line: str) -> psutil.Process | None:
    """The recorded process; not another one that got its pid."""
    try:
        pid, began = line.split()
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(began)) < CLOCK_STEP_S
    except (ValueError, psutil.NoSuchProcess):
        return None
    return process if same and not gone(process, 0) else None
