"""Two who correct prizes."""

import uuid
from collections.abc import Callable

from domain import clock
from domain.ids import new_id
from domain.ledger.accounts import Account
from domain.ledger.posting import Movement, post, transfer
from domain.prizes.adjustments import approve
from models import Adjustment, Person
from models.ledger import TransactionKind
from tests.integration.payouts.purse import Purse
from worker.unit import Unit


class Admins:
    """One proposes, the other approves."""

    def __init__(self, purse: Purse) -> None:
        self.purse = purse
        self.one, self.other = purse.factory.people(2)
        purse.factory.session.commit()

    def propose(self, payout_id: uuid.UUID, amount: int) -> tuple[uuid.UUID, uuid.UUID]:
        """Propose to give the winner of a payout something, or to take it back."""
        row = self.purse.row(payout_id)
        made = Adjustment(
            id=new_id(),
            competition_id=row.competition_id,
            person_id=row.person_id,
            amount=amount,
            currency=row.currency,
            reason="A correction.",
            proposed_at=clock.now(),
            proposed_by=self.one.id,
        )
        with self.purse.unit() as unit:
            unit.session.add(made)
            return made.competition_id, made.id

    def approve(self, proposed: tuple[uuid.UUID, uuid.UUID]) -> Callable[[Unit], object]:
        """Return what approves it."""

        def act(unit: Unit) -> object:
            other = unit.session.get_one(Person, self.other.id)
            return approve(unit.session, *proposed, other, clock.now())

        return act

    def adjust(self, payout_id: uuid.UUID, amount: int) -> None:
        """Propose and approve."""
        with self.purse.unit() as unit:
            self.approve(self.propose(payout_id, amount))(unit)

    def approved_of_old(self, payout_id: uuid.UUID, amount: int) -> uuid.UUID:
        """Propose and approve as when no payout heeded it; return the adjustment."""
        _, adjustment_id = self.propose(payout_id, amount)
        with self.purse.unit() as unit:
            made = unit.session.get_one(Adjustment, adjustment_id)
            made.approved_at, made.approved_by = clock.now(), self.other.id
            payable = Account.payable(made.currency, made.person_id)
            entries = transfer(Account.funding(made.currency), payable, amount)
            key = f"adjustment:{adjustment_id}"
            post(unit.session, [Movement(TransactionKind.ADJUSTMENT, key, entries)], clock.now())
        return adjustment_id
