"""Rails called side by side, while no database connection is held."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TypeVar

import structlog

from domain.errors import PodiumError
from domain.payouts.claims import LEASE, Claim
from domain.payouts.rails.base import NotExecuted

log = structlog.get_logger(__name__)

AT_ONCE = 8
CALLS_FOR: timedelta = LEASE / 2
"""No call is begun later than this after the claim: the other half is for its end."""
WRITE_EVERY_SECONDS = 1.0
"""What is answered is written down at least so often, so that a loss leaves little in doubt."""

Said = TypeVar("Said")


def call_all(
    claims: Sequence[Claim], call: Callable[[Claim], Said]
) -> Iterator[list[tuple[Claim, Said | Exception]]]:
    """Call about each claim; yield the ends of calls in lots, as they come.

    A claim that is not reached in time ends with NotExecuted.
    """
    end = time.monotonic() + CALLS_FOR.total_seconds()

    def attempt(claim: Claim) -> Said | Exception:
        if time.monotonic() > end:
            return NotExecuted("There was no time left to call the rail.")
        try:
            return call(claim)
        except PodiumError as error:
            return error
        except Exception as error:
            log.exception("payouts.rail_broke", payout_id=str(claim.order.payout))
            return error

    with ThreadPoolExecutor(min(AT_ONCE, len(claims) or 1)) as pool:
        running = {pool.submit(attempt, claim): claim for claim in claims}
        while running:
            yield _ended(running)


def _ended(running: dict[Future[Said | Exception], Claim]) -> list[tuple[Claim, Said | Exception]]:
    """Take out what has ended by the time it is to be written down."""
    until = time.monotonic() + WRITE_EVERY_SECONDS
    left: set[Future[Said | Exception]] = set(running)
    while left and (rest := until - time.monotonic()) > 0:
        left = wait(left, rest, FIRST_COMPLETED).not_done
    done = [one for one in running if one.done()] or list(wait(running, None, FIRST_COMPLETED).done)
    return [(running.pop(one), one.result()) for one in done]
