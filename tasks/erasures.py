"""Jobs that carry an erasure to Redis and to the vendors."""

import uuid

import structlog
from cryptography.fernet import InvalidToken

from domain import clock
from domain.erasure import Unfinished, claim_unfinished, finish, lock_board
from domain.errors import VendorError
from domain.fitness.bells import announce
from domain.fitness.google_oauth import GoogleOAuth
from domain.fitness.vault import Vault
from domain.leaderboards.marks import mark_dirty
from domain.leaderboards.names import Names
from domain.leaderboards.store import BoardStore
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

SWEEP = "erasures.sweep"
MOST_ATTEMPTS = 2880
"""A day of them. A vendor that is away for longer keeps a grant that nobody can use any more."""


@task(SWEEP)
def sweep(self: PodiumTask) -> None:
    """Finish the erasures that are due; what fails is due again in a while."""
    self.doorbell.take_off(SWEEP)
    with self.unit() as unit:
        claimed = claim_unfinished(unit.session, clock.now())
    for one in claimed:
        Names(self.redis, self.engine).forget(str(one.user_id))
        announce(self.redis, [one.user_id])
        uncleared = [board for board in one.boards if not _clear(self, board, one.person_id)]
        if _revoked(self, one) and not uncleared:
            with self.unit() as unit:
                finish(unit.session, one)
            log.info("erasure.finished", attempts=one.attempts)
    if claimed:
        self.doorbell.ring("leaderboards.flush")


def _clear(self: PodiumTask, competition_id: uuid.UUID, person_id: int) -> bool:
    """Drop a board whose lines and steps name who is gone; it is made anew by the next flush."""
    with self.unit() as unit:
        if not lock_board(unit.session, competition_id, clock.now()):
            return False
        BoardStore(self.redis).drop(competition_id)
        mark_dirty(unit.session, [(competition_id, person_id)])
    return True


def _revoked(self: PodiumTask, one: Unfinished) -> bool:
    """Give the grants back; False when that is to be tried again."""
    settings = self.resources.settings
    vault, google = Vault(settings.token_keys), GoogleOAuth(settings)
    done = True
    for sealed in one.grants:
        try:
            google.revoke(vault.open(sealed))
        except InvalidToken:
            log.warning("erasure.not_revoked", error="no key opens")
        except VendorError as error:
            log.warning("erasure.not_revoked", error=error.detail, attempts=one.attempts)
            done = done and one.attempts >= MOST_ATTEMPTS
    return done
