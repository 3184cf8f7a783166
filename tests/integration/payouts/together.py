"""Transactions that begin together."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from worker.unit import Unit

Done = TypeVar("Done")
PATIENCE_SECONDS = 60


class Units(Protocol):
    """Whoever opens units of work."""

    def unit(self) -> AbstractContextManager[Unit]:
        """Open one."""


def at_once(units: Units, acts: Sequence[Callable[[Unit], Done]]) -> list[Done | Exception]:
    """Do each thing in a transaction and a thread of its own; return what came of each."""
    start, done = threading.Barrier(len(acts)), dict[int, Done | Exception]()

    def run(number: int, act: Callable[[Unit], Done]) -> None:
        start.wait()
        try:
            with units.unit() as unit:
                done[number] = act(unit)
        except Exception as error:  # noqa: BLE001  the test looks at it
            done[number] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return [done[number] for number in range(len(acts))]
