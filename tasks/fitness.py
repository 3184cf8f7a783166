"""Jobs of the sync queue."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial

import structlog

from domain import clock
from domain.fitness import schedule as pulls
from domain.fitness.bells import announce
from domain.fitness.fetched import Fetched
from domain.fitness.google_oauth import GoogleOAuth
from domain.fitness.queue import Claim, Setback, any_due, give_up_on_the_cursed, put_back
from domain.fitness.vault import Vault
from models.connection import Provider
from models.sync import SyncReason
from tasks.claiming import PULL_BATCH, Taken, Taking
from tasks.pull import fetch, write_batch
from tasks.tokens import TokenKeeper
from worker.task import PodiumTask, task
from worker.traces import traces

log = structlog.get_logger(__name__)

FLUSH = "leaderboards.flush"
LINGER_SECONDS = 0.15
LONGEST_SECONDS = 60.0
SCHEDULES_PER_MINUTE = 12


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


class Writing:
    """Writes one batch while the next is fetched. The block ends when the last is written."""

    def __init__(self, task: PodiumTask) -> None:
        self._task = task
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> "Writing":
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        with self._thread:
            if self._last is None:
                return
            if error is None:
                self._last.result()
            elif failure := self._last.exception():
                log.error("fitness.write_failed", exc_info=failure)

    def add(self, pulled: Pulled) -> None:
        """Have a batch written; raise what the one before may have failed for."""
        write = partial(pulled.context.run, _store, self._task, pulled)
        before, self._last = self._last, self._thread.submit(write)
        if before is not None:
            before.result()


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
    with Writing(self) as writing, Taking(self) as taking:
        taken = taking.next()
        while taken is not None:
            more = taken.is_full and time.monotonic() < end
            writing.add(_pull(self, taken, taking.begin if more else None))
            taken = taking.next() if more else None


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
