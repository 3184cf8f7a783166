"""Jobs of the sync queue."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import cache, partial

import structlog
from psycopg.errors import DeadlockDetected
from sqlalchemy.exc import IntegrityError, OperationalError

from domain import clock
from domain.fitness import schedule as pulls
from domain.fitness.bells import announce
from domain.fitness.fetched import Fetched
from domain.fitness.google_oauth import GoogleOAuth
from domain.fitness.queue import Claim, Setback, any_due, claim, give_up_on_the_cursed, put_back
from domain.fitness.vault import Vault
from models.connection import Provider
from models.sync import SyncReason
from tasks.gate import Gate
from tasks.pull import fetch, write_batch
from tasks.tokens import TokenKeeper
from worker.task import PodiumTask, task
from worker.traces import traces

log = structlog.get_logger(__name__)

PULL_BATCH = "fitness.pull_batch"
FLUSH = "leaderboards.flush"
BATCH = 256
LINGER_SECONDS = 0.15
LONGEST_SECONDS = 60.0
SCHEDULES_PER_MINUTE = 12


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


@dataclass(frozen=True)
class Pulled:
    """A batch on its way from the vendor to the database."""

    claims: Sequence[Claim]
    claimed_at: float
    fetched: Sequence[Fetched]
    setbacks: Sequence[Setback]
    """Of those who have to wait too."""
    context: Context
    """In which it was fetched: what it logs and traces belongs there."""


@task(PULL_BATCH)
def pull_batch(self: PodiumTask) -> None:
    """Pull everyone who is due, batch by batch; while batches are full, ring for company.

    A batch is written while the next one is fetched, and one more is taken as soon as the last of
    that one has its turn: no sooner, for people's wishes come first.
    """
    time.sleep(LINGER_SECONDS)
    self.doorbell.take_off(PULL_BATCH)
    # A fresh message takes over from a long one, so that workers can be replaced.
    end = time.monotonic() + LONGEST_SECONDS
    with ThreadPoolExecutor(1) as writer, ThreadPoolExecutor(1) as taker:
        writing: Future[None] | None = None
        taken: Taken | None = _take(self)
        while taken is not None:
            more = len(taken.claims) == BATCH and time.monotonic() < end
            ahead = cache(partial(taker.submit, copy_context().run, _take, self))
            pulled = _pull(self, taken, ahead if more else None)
            before, writing = writing, writer.submit(pulled.context.run, _store, self, pulled)
            if before is not None:
                before.result()
            taken = ahead().result() if more else None
        if writing is not None:
            writing.result()


def _take(self: PodiumTask) -> Taken | None:
    """Claim a batch and pay its calls."""
    claimed_at = time.monotonic()
    gate = Gate(self.redis, self.resources.settings)
    claims = _claim(self, gate)
    if len(claims) == BATCH:
        self.doorbell.ring(PULL_BATCH)
    return Taken(claims, claimed_at, gate, *gate.pay(claims)) if claims else None


def _claim(self: PodiumTask, gate: Gate) -> list[Claim]:
    room = gate.room(clock.now())
    most = min(BATCH, room.calls)
    for _ in range(3):
        try:
            with self.unit() as unit:
                claims = claim(unit.session, most, clock.now(), unasked=room.unasked)
                watchers = [one.user_id for one in claims]
                unit.after_commit(partial(announce, self.redis, watchers))
                return claims
        except IntegrityError:
            log.info("fitness.claim_lost_to_another_worker")
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected):
                raise
            log.info("fitness.claim_met_another_worker")
    self.doorbell.ring(PULL_BATCH)
    return []


def _pull(self: PodiumTask, taken: Taken, last_began: Callable[[], object] | None) -> Pulled:
    claims, gate, paid = taken.claims, taken.gate, taken.paid
    settings = self.resources.settings
    keeper = TokenKeeper(self.unit, self.redis, GoogleOAuth(settings), Vault(settings.token_keys))
    with traces.span("fitness.pull", [one.trace for one in claims], people=len(claims)):
        with traces.span("fitness.fetch", people=len(paid)):
            fetched, setbacks = asyncio.run(
                fetch(paid, keeper, gate, settings.google_fit_url, last_began)
            )
        gate.tell(len(fetched), setbacks)
        for outcome, calls in gate.calls.items():
            self.tally("vendor_calls", Provider.GOOGLE_FIT, outcome, amount=calls)
        setbacks = [*taken.waiting, *setbacks]
        return Pulled(claims, taken.claimed_at, fetched, setbacks, copy_context())


def _store(self: PodiumTask, pulled: Pulled) -> None:
    began_ns = time.time_ns() - round((time.monotonic() - pulled.claimed_at) * 1e9)
    with traces.span("fitness.write", people=len(pulled.fetched)):
        scores, refused = write_batch(self, pulled.fetched, pulled.claimed_at)
    for one in pulled.claims:
        traces.served("fitness.sync", one.trace, began_ns, sync_id=str(one.sync_id))
    setbacks = [*pulled.setbacks, *refused]
    with self.unit() as unit:
        put_back(unit.session, setbacks, clock.now())
        watchers = [one.user_id for one in pulled.claims]
        unit.after_commit(partial(announce, self.redis, watchers))
    if scores:
        self.doorbell.ring(FLUSH)
    _tell_of_wishes(pulled.claims, setbacks)
    # Most pulls find nothing new, and nobody wants to read of them.
    tell = log.info if scores or setbacks else log.debug
    tell(
        "fitness.pulled",
        people=len(pulled.claims),
        setbacks=len(setbacks),
        scores_changed=scores,
        seconds=round(time.monotonic() - pulled.claimed_at, 2),
    )


def _tell_of_wishes(claims: Sequence[Claim], setbacks: Sequence[Setback]) -> None:
    """Log what became of each pull that a person asked for, beside the request's own line."""
    codes = {one.claim.sync_id: one.code for one in setbacks}
    for one in claims:
        if one.reason is SyncReason.REQUESTED:
            log.info(
                "fitness.sync",
                sync_id=str(one.sync_id),
                request_id=one.request_id,
                attempt=one.attempts,
                code=codes.get(one.sync_id),
            )


@task("fitness.sweep")
def sweep(self: PodiumTask) -> None:
    """Ring for pulls that are due: new, put back, or left behind by a worker that died."""
    with self.unit() as unit:
        now = clock.now()
        if cursed := give_up_on_the_cursed(unit.session, now):
            log.error("fitness.attempts_exhausted", sync_ids=[str(one) for one in cursed])
        due = any_due(unit.session, now)
    if due:
        self.doorbell.ring(PULL_BATCH)


@task("fitness.schedule")
def schedule(self: PodiumTask) -> None:
    """Queue the pulls that are due without anybody asking, no more than the budget will carry."""
    limit = max(self.resources.settings.google_fit_calls_per_minute // SCHEDULES_PER_MINUTE, 1)
    with self.unit() as unit:
        done = pulls.queue_due(unit.session, limit, clock.now())
        unit.after_commit(partial(announce, self.redis, done.user_ids))
    if done.user_ids:
        self.doorbell.ring(PULL_BATCH)
    if done.looked_at == limit:
        log.info("fitness.schedule_behind", queued=len(done.user_ids))
