"""One batch of pulls: fetched side by side without a database connection, written together."""

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import aiohttp
import structlog
from sqlalchemy.exc import DataError, IntegrityError

from domain import clock
from domain.database import DATABASE_AWAY, reason
from domain.errors import Refused, Throttled, VendorError
from domain.fitness.budget import OverBudget
from domain.fitness.fetched import Fetched
from domain.fitness.ingest import write
from domain.fitness.providers.base import Account, Pull, TokenDead
from domain.fitness.providers.google_fit import GoogleFit
from domain.fitness.queue import RENEW_AFTER, Claim, Setback, renew
from tasks.gate import Gate
from tasks.tokens import TokenKeeper
from worker.resources import THREADS
from worker.task import PodiumTask

log = structlog.get_logger(__name__)

CONCURRENCY = 32
RENEWING = THREADS - 2
"""Threads that renew tokens; beside them one writes a batch and one claims the next."""
DEADLINE_SECONDS = 10.0
"""What has not arrived by then goes back to the queue."""
WRITE_TRIES = 4


async def fetch(
    claims: Sequence[Claim],
    keeper: TokenKeeper,
    gate: Gate,
    fit_url: str,
    last_began: Callable[[], object] | None = None,
) -> tuple[list[Fetched], list[Setback]]:
    """Fetch every claim's window. Nobody's failure touches another's; each call is paid for.

    `last_began` is called when the last of them has its turn.
    """
    if not claims:
        return [], []
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    turns = asyncio.Semaphore(CONCURRENCY)
    middlewares = (gate.each_call,)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(RENEWING))
    begun: set[uuid.UUID] = set()
    async with aiohttp.ClientSession(connector=connector, middlewares=middlewares) as http:
        pull = GoogleFit(http, fit_url).pull

        async def job(one: Claim) -> Fetched | Setback:
            async with turns:
                begun.add(one.sync_id)
                if last_began is not None and len(begun) == len(claims):
                    last_began()
                gate.enter(one)
                return await _fetch_one(one, keeper, pull)

        jobs = {asyncio.ensure_future(job(one)): one for one in claims}
        done, late = await asyncio.wait(jobs, timeout=DEADLINE_SECONDS)
        for straggler in late:
            straggler.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        outcomes = [one.result() for one in done]
    slow = [_too_slow(jobs[one], begun=jobs[one].sync_id in begun) for one in late]
    fetched = [outcome for outcome in outcomes if isinstance(outcome, Fetched)]
    setbacks = [outcome for outcome in outcomes if isinstance(outcome, Setback)]
    return fetched, setbacks + slow


async def _fetch_one(claim: Claim, keeper: TokenKeeper, pull: Pull) -> Fetched | Setback:
    try:
        token = keeper.current(claim)
        if token is not None:
            try:
                return Fetched.of(claim, await pull(_account(claim, token), claim.window))
            except TokenDead:
                log.info("fitness.token_refused", sync_id=str(claim.sync_id))
        token = await asyncio.to_thread(keeper.renewed, claim)
        return Fetched.of(claim, await pull(_account(claim, token), claim.window))
    except VendorError as error:
        return _setback(claim, error)
    except Exception as error:
        log.exception("fitness.pull_broken", sync_id=str(claim.sync_id))
        return Setback(claim, "internal_error", type(error).__name__, final=False)


def _too_slow(claim: Claim, *, begun: bool) -> Setback:
    """Put a straggler back; one that had no turn yet made no attempt and waits for nothing."""
    delay = None if begun else timedelta(0)
    return Setback(
        claim, "vendor_slow", "Google took too long.", final=False, delay=delay, counted=begun
    )


def _account(claim: Claim, token: str) -> Account:
    return Account(
        token, claim.scopes, claim.manual_streams, claim.streams_listed_at, claim.device_streams
    )


def _setback(claim: Claim, error: VendorError) -> Setback:
    delay = error.delay if isinstance(error, Throttled) else None
    return Setback(
        claim,
        error.code,
        error.detail,
        final=isinstance(error, Refused),
        delay=None if delay is None else timedelta(seconds=delay),
        counted=not isinstance(error, OverBudget),
    )


def write_batch(
    task: PodiumTask, batch: Sequence[Fetched], claimed_at: float
) -> tuple[int, list[Setback]]:
    """Write a batch; return how many scores changed, and whose data the database refused.

    A lost connection, deadlock or time-out repeats the whole. A data error halves the batch until
    one person stands alone, and only that one is put back.
    """
    if not batch:
        return 0, []
    if time.monotonic() - claimed_at > RENEW_AFTER.total_seconds():
        with task.unit() as unit:
            renew(unit.session, [one.claim for one in batch], clock.now())
    try:
        return _write_or_repeat(task, batch), []
    except (DataError, IntegrityError) as error:
        if len(batch) == 1:
            log.exception("fitness.data_refused", sync_id=str(batch[0].claim.sync_id))
            kind = type(error.orig).__name__
            return 0, [Setback(batch[0].claim, "data_refused", kind, final=False)]
    middle = len(batch) // 2
    halves = [write_batch(task, half, claimed_at) for half in (batch[:middle], batch[middle:])]
    return sum(scores for scores, _ in halves), [one for _, refused in halves for one in refused]


def _write_or_repeat(task: PodiumTask, batch: Sequence[Fetched]) -> int:
    for attempt in range(1, WRITE_TRIES + 1):
        try:
            with task.unit() as unit:
                return write(unit.session, batch, clock.now()).scores_changed
        except DATABASE_AWAY as error:
            if attempt == WRITE_TRIES:
                raise
            log.warning("fitness.write_repeated", attempt=attempt, error=reason(error))
            time.sleep(random.uniform(0.1, 0.4) * attempt)
    raise AssertionError("unreachable")
