"""Jobs of the sync queue."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial

import structlog
from sqlalchemy.exc import IntegrityError

from domain import clock
from domain.fitness.bells import announce
from domain.fitness.google_oauth import GoogleOAuth
from domain.fitness.queue import Claim, any_due, claim, give_up_on_the_cursed, put_back
from domain.fitness.vault import Vault
from tasks.pull import fetch, write_batch
from tasks.tokens import TokenKeeper
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

PULL_BATCH = "fitness.pull_batch"
FLUSH = "leaderboards.flush"
BATCH = 256
LINGER_SECONDS = 0.15
LONGEST_SECONDS = 60.0


@task(PULL_BATCH)
def pull_batch(self: PodiumTask) -> None:
    """Pull everyone who is due, batch by batch; while batches are full, ring for company."""
    time.sleep(LINGER_SECONDS)
    self.doorbell.take_off(PULL_BATCH)
    # A fresh message takes over from a long one, so that workers can be replaced.
    end = time.monotonic() + LONGEST_SECONDS
    while _pull_some(self) == BATCH and time.monotonic() < end:
        pass


def _pull_some(self: PodiumTask) -> int:
    claimed_at = time.monotonic()
    claims = _claim(self)
    if len(claims) == BATCH:
        self.doorbell.ring(PULL_BATCH)
    if claims:
        _pull(self, claims, claimed_at)
    return len(claims)


def _claim(self: PodiumTask) -> list[Claim]:
    for _ in range(3):
        try:
            with self.unit() as unit:
                claims = claim(unit.session, BATCH, clock.now())
                watchers = [one.user_id for one in claims]
                unit.after_commit(partial(announce, self.redis, watchers))
                return claims
        except IntegrityError:
            log.info("fitness.claim_lost_to_another_worker")
    self.doorbell.ring(PULL_BATCH)
    return []


def _pull(self: PodiumTask, claims: Sequence[Claim], claimed_at: float) -> None:
    settings = self.resources.settings
    keeper = TokenKeeper(self.unit, self.redis, GoogleOAuth(settings), Vault(settings.token_keys))
    fetched, setbacks = asyncio.run(fetch(claims, keeper, settings.google_fit_url))
    scores, refused = write_batch(self, fetched, claimed_at)
    with self.unit() as unit:
        put_back(unit.session, [*setbacks, *refused], clock.now())
        unit.after_commit(partial(announce, self.redis, [one.user_id for one in claims]))
    if scores:
        self.doorbell.ring(FLUSH)
    log.info(
        "fitness.pulled",
        people=len(claims),
        setbacks=len(setbacks) + len(refused),
        scores_changed=scores,
        seconds=round(time.monotonic() - claimed_at, 2),
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
