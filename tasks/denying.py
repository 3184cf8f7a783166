"""An operator's word that a rail never moved anything, held against the rail's own.

Whoever denies wrongly pays twice. So a rail that keeps a list of its own is asked first; on a list
of ours nobody but people can tell.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

from domain import clock
from domain.errors import Conflict, PodiumError
from domain.payouts import asking, outcomes
from domain.payouts.claims import Claim
from domain.payouts.outcomes import Answer
from domain.payouts.rails.base import NotThere, Sent
from domain.payouts.rails.registry import Rails
from domain.payouts.row import OPERATOR, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import lock, take_one
from worker.unit import Unit


class Denying:
    """Denies payouts, one at a time, in short units of its own."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]], rails: Rails) -> None:
        self._unit = unit
        self._rails = rails

    def deny(self, payout_id: uuid.UUID, why: str) -> Row:
        """Let a payout be sent again under a new key; return it.

        What the rail has after all is written down as such. Raises NotFound (`payout_not_found`)
        or Conflict: `payout_not_so`, `rail_asked_too_soon`, `rail_has_it`, `rail_not_asked`.
        """
        with self._unit() as unit:
            row = lock(unit.session, [payout_id]).get(payout_id)
            question = None if row is None else asking.question(unit.session, row, clock.now())
        if question is not None:
            self._ask(question)
        # While the rail was asked, the order may have been sent again.
        steps = None if row is None else row.steps
        step = Step(payout_id, Action.DENY, OPERATOR, detail=why, if_steps=steps)
        with self._unit() as unit:
            return take_one(unit.session, step, clock.now()).after

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
