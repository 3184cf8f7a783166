"""Batches of pulls on their way to the vendor: claimed and paid, one of them ahead of its turn."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog
from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import IntegrityError, OperationalError

from domain import clock
from domain.fitness.bells import announce
from domain.fitness.queue import RENEW_AFTER, Claim, Setback, claim, put_back, renew
from tasks.gate import Gate, held_up
from worker.task import PodiumTask

log = structlog.get_logger(__name__)

PULL_BATCH = "fitness.pull_batch"
BATCH = 256


@dataclass(frozen=True)
class Taken:
    """A claimed batch on its way to the vendor."""

    claims: Sequence[Claim]
    claimed_at: float
    gate: Gate
    paid: Sequence[Claim]
    """Whose calls are paid."""
    waiting: Sequence[Setback]
    """Those for whom there is no budget yet."""
    is_full: bool
    """Whether more may be due."""


class Taking:
    """Takes batches one after the other, and each as early as it is told to.

    A batch that was taken ahead and is not asked for when the block ends is put back.
    """

    def __init__(self, task: PodiumTask) -> None:
        self._task = task
        self._thread = ThreadPoolExecutor(1)
        self._ahead: Future[Taken | None] | None = None

    def __enter__(self) -> "Taking":
        return self

    def __exit__(self, *_: object) -> None:
        with self._thread:
            try:
                if self._ahead is not None and (taken := self._ahead.result()) is not None:
                    self._put_back(taken)
            except Exception:
                # What ended the block goes on; the lease will end too.
                log.exception("fitness.not_put_back")

    def begin(self) -> "Future[Taken | None]":
        """Take the next batch meanwhile, unless that has begun."""
        if self._ahead is None:
            self._ahead = self._thread.submit(copy_context().run, self._take)
        return self._ahead

    def next(self) -> Taken | None:
        """Return the next batch, as far as it is still ours; None when nobody may be pulled."""
        ahead, self._ahead = self.begin(), None
        taken = ahead.result()
        if taken is None:
            return None
        if taken.gate.is_shut(clock.now()):
            self._put_back(taken)
            return None
        old = time.monotonic() - taken.claimed_at > RENEW_AFTER.total_seconds()
        return self._renewed(taken) if old else taken

    def _renewed(self, taken: Taken) -> Taken:
        """Renew a batch's leases, and leave out who was lost to another worker."""
        with self._task.unit() as unit:
            held = renew(unit.session, taken.claims, clock.now())
        taken.gate.give_back([one for one in taken.paid if one.sync_id not in held])
        log.info("fitness.renewed", people=len(held), lost=len(taken.claims) - len(held))
        return replace(
            taken,
            claims=[one for one in taken.claims if one.sync_id in held],
            paid=[one for one in taken.paid if one.sync_id in held],
        )

    def _take(self) -> Taken | None:
        """Claim a batch and pay its calls."""
        claimed_at = time.monotonic()
        gate = Gate(self._task.redis, self._task.resources.settings)
        claims = self._claim(gate)
        is_full = len(claims) == BATCH
        if is_full:
            self._task.doorbell.ring(PULL_BATCH)
        return Taken(claims, claimed_at, gate, *gate.pay(claims), is_full) if claims else None

    def _claim(self, gate: Gate) -> list[Claim]:
        room = gate.room(clock.now())
        most = min(BATCH, room.calls)
        for _ in range(3):
            try:
                with self._task.unit() as unit:
                    claims = claim(unit.session, most, clock.now(), unasked=room.unasked)
                    watchers = [one.user_id for one in claims]
                    unit.after_commit(partial(announce, self._task.redis, watchers))
                    return claims
            except IntegrityError:
                log.info("fitness.claim_lost_to_another_worker")
            except OperationalError as error:
                if not isinstance(error.orig, DeadlockDetected):
                    raise
                log.info("fitness.claim_met_another_worker")
        self._task.doorbell.ring(PULL_BATCH)
        return []

    def _put_back(self, taken: Taken) -> None:
        """Let others have a batch at once: it was no attempt, and its calls are not made."""
        unbegun = [held_up(one, timedelta(0)) for one in taken.paid]
        with self._task.unit() as unit:
            put_back(unit.session, [*taken.waiting, *unbegun], clock.now())
            watchers = [one.user_id for one in taken.claims]
            unit.after_commit(partial(announce, self._task.redis, watchers))
        taken.gate.give_back(taken.paid)
        log.info("fitness.put_back", people=len(taken.claims))
