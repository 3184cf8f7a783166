"""Jobs of prizes, in the payouts queue."""

import time

from tasks.payouts import PAY
from tasks.settling import Settling
from worker.task import PodiumTask, task

SETTLE = "prizes.settle"
LONGEST_SECONDS = 20.0
"""A job with more to do hands over to a fresh one, so that other jobs get their turn."""


@task(SETTLE)
def settle(self: PodiumTask) -> None:
    """Calculate the prizes of final competitions, and distribute those that pay by themselves."""
    self.doorbell.take_off(SETTLE)
    settling = Settling(self.unit, time.monotonic() + LONGEST_SECONDS)
    while settling.calculate():
        self.doorbell.ring(PAY)
        if settling.is_over:
            self.doorbell.ring(SETTLE)
            return
