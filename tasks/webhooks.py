"""Jobs of vendors' messages, in the payouts queue."""

import time

from domain.payouts.rails.stripe_accounts import open_accounts
from tasks.hearing import Hearing
from worker.task import PodiumTask, task

SWEEP = "webhooks.sweep"
LONGEST_SECONDS = 20.0
"""A job with more to do hands over to a fresh one, so that other jobs get their turn."""


@task(SWEEP)
def sweep(self: PodiumTask) -> None:
    """Work off the messages that are due; what fails is due again in a while."""
    self.doorbell.take_off(SWEEP)
    hearing = Hearing(self.unit, open_accounts(self.resources.settings))
    end = time.monotonic() + LONGEST_SECONDS
    while hearing.work_off():
        if time.monotonic() > end:
            self.doorbell.ring(SWEEP)
            return
