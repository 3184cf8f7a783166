"""One terminal for many processes: whole lines, each behind the name of who wrote it."""

import contextlib
import os
import sys
import threading
from typing import TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
OWN_NAME = "podium"


class Terminal:
    """Writes lines of several threads without mixing them. Coloured when `out` is a terminal."""

    def __init__(self, names: list[str], out: TextIO = sys.stdout) -> None:
        self._out = out
        self._width = max(len(name) for name in [*names, OWN_NAME])
        self._coloured = out.isatty() and "NO_COLOR" not in os.environ
        self._colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        label = name.ljust(self._width)
        if self._coloured:
            label = f"\x1b[{self._colours.get(name, 1)}m{label}\x1b[0m"
        with self._lock:
            self._print(f"{label} | {text}")

    def say(self, text: str) -> None:
        """A line of the runner itself."""
        self.line(OWN_NAME, text)

    def _print(self, text: str) -> None:
        # When nobody reads any more, the processes still have to be stopped in order.
        with contextlib.suppress(OSError):
            self._out.write(f"{text}\n")
            self._out.flush()
