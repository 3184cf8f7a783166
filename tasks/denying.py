"""An operator's word that a rail never moved anything, held against the rail's own.

Whoever denies wrongly pays twice. So a rail that keeps a list of its own is asked first; on a list
of ours nobody but people can tell.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

from domain import clock
from domain.errors import Conflict, PodiumError
from domain.payouts import outcomes
from domain.payouts.claims import Claim, claim_of
from domain.payouts.outcomes import Answer
from domain.payouts.rails.base import OUR_LISTS, NotThere, Sent
from domain.payouts.rails.registry import Rails
from domain.payouts.row import OPERATOR, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import lock, take_one
from models.payout import PayoutStatus
from worker.unit import Unit


class Denying:
    """Denies payouts, one at a time, in short units of its own."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]], rails: Rails) -> None:
        self._unit = unit
        self._rails = rails

    def deny(self, payout_id: uuid.UUID, why: str) -> Row:
        """Let a payout be sent again under a new key; return it.

        What the rail has after all is written down as such. Raises NotFound (`payout_not_found`)
        or Conflict: `payout_not_so`, `rail_has_it`, `rail_not_asked`.
        """
        claim = self._doubtful(payout_id)
        if claim is not None:
            self._ask(claim)
        attempt = None if claim is None else claim.attempt
        step = Step(payout_id, Action.DENY, OPERATOR, detail=why, if_attempt=attempt)
        with self._unit() as unit:
            return take_one(unit.session, step, clock.now()).after

    def _doubtful(self, payout_id: uuid.UUID) -> Claim | None:
        """Return what a rail is to be asked about, if it is in doubt and the rail can tell."""
        with self._unit() as unit:
            row = lock(unit.session, [payout_id]).get(payout_id)
        if row is None or row.status is not PayoutStatus.UNKNOWN or row.rail in OUR_LISTS:
            return None
        return claim_of(row)

    def _ask(self, claim: Claim) -> None:
        said = self._look_up(claim)
        if isinstance(said, NotThere):
            return
        with self._unit() as unit:
            outcomes.record(unit.session, [Answer(claim, said)], clock.now())
        raise Conflict(f"Its rail has it, as {said.reference}.", code="rail_has_it")

    def _look_up(self, claim: Claim) -> Sent | NotThere:
        rail = self._rails.get(claim.rail)
        if rail is None:
            raise Conflict(
                f"{claim.rail} is off here, so it cannot be asked.", code="rail_not_asked"
            )
        try:
            return rail.look_up(claim.order)
        except PodiumError as error:
            raise Conflict(
                f"{claim.rail} does not answer: {error.detail}", code="rail_not_asked"
            ) from error
