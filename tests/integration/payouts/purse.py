"""Competitions that pay, and what became of their payouts."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.ledger.verify import Report, verify
from domain.payouts import claims, distributing
from domain.payouts.claims import Claim
from domain.payouts.row import OPERATOR, RAIL, Lease, Row, Step, Target
from domain.payouts.states import Action
from domain.payouts.steps import lock, take
from models import Payout, PayoutAccount, PayoutStep, Person, Transition
from models.competition import CompetitionStatus
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from tests.factories import Factory
from tests.prizes import Won, won
from worker.unit import Unit, unit_of_work

S, A = PayoutStatus, Action
PATHS: Mapping[PayoutStatus, tuple[Action, ...]] = {
    S.PENDING: (),
    S.HELD: (A.HOLD,),
    S.SENDING: (A.CLAIM,),
    S.UNKNOWN: (A.CLAIM, A.LOSE),
    S.ACCEPTED: (A.CLAIM, A.ACCEPT),
    S.PAID: (A.CLAIM, A.SETTLE),
    S.FAILED: (A.CLAIM, A.REFUSE),
    S.RETURNED: (A.CLAIM, A.ACCEPT, A.RETURN),
}
"""How a payout gets into each status."""


def step(payout_id: uuid.UUID, action: Action, actor: str = RAIL) -> Step:
    """Return a step with all that can come with it."""
    claims_it = action is Action.CLAIM
    leases = claims_it or action is Action.RESEND
    return Step(
        payout_id,
        action,
        actor,
        code="worker_lost",
        target=Target(RailName.MANUAL, "by hand") if claims_it else None,
        lease=Lease(uuid.uuid4(), clock.now() + claims.LEASE) if leases else None,
        reference=f"payout:{payout_id}:1",
        hold_reason=HoldReason.OPERATOR,
    )


class Purse:
    """Makes payouts and looks at them."""

    def __init__(self, engine: Engine, factory: Factory) -> None:
        self.engine = engine
        self.factory = factory

    @property
    def url(self) -> str:
        """Where another process finds the payouts."""
        return self.engine.url.render_as_string(hide_password=False)

    def unit(self) -> AbstractContextManager[Unit]:
        """Open a unit of work."""
        return unit_of_work(self.engine)

    def won(
        self,
        amounts: Sequence[int],
        *,
        rail: RailName | None = RailName.MANUAL,
        people: list[Person] | None = None,
        currency: str = "EUR",
    ) -> Won:
        """Make a final competition with awards, and accounts on a rail of whoever is new."""
        made, session = won(self.factory, amounts, currency, people=people), self.factory.session
        session.add(
            Transition(
                competition_id=made.competition.id,
                before=CompetitionStatus.PROVISIONAL,
                after=CompetitionStatus.FINAL,
                happened_at=clock.now(),
            )
        )
        if rail is not None and people is None:
            session.add_all(account(person.id, rail) for person in made.people)
        session.commit()
        return made

    def distributed(
        self,
        amounts: Sequence[int],
        *,
        rail: RailName | None = RailName.MANUAL,
        currency: str = "EUR",
    ) -> list[uuid.UUID]:
        """Make payouts of such amounts, and return their ids in this order."""
        return self.distribute(self.won(amounts, rail=rail, currency=currency).competition.id)

    def distribute(self, competition_id: uuid.UUID) -> list[uuid.UUID]:
        """Make the payouts of a competition; return their ids, the best's first."""
        with self.unit() as unit:
            made = distributing.distribute(unit.session, competition_id, None, clock.now())
        with self.unit() as unit:
            distributing.lay_out_page(unit.session, made.distribution.id, clock.now())
            found = select(Payout.id).filter_by(competition_id=competition_id)
            return list(unit.session.scalars(found.order_by(Payout.id)))

    def bring(self, payout_ids: Sequence[uuid.UUID], status: PayoutStatus) -> None:
        """Lead new payouts into a status."""
        for action in PATHS[status]:
            with self.unit() as unit:
                steps = [step(one, action) for one in payout_ids]
                assert len(take(unit.session, steps, clock.now())) == len(steps)

    def claim(self, limit: int = 100, rails: Sequence[RailName] = tuple(RailName)) -> list[Claim]:
        """Claim what is due."""
        with self.unit() as unit:
            return claims.claim(unit.session, rails, limit, clock.now()).claims

    def act(self, payout_id: uuid.UUID, action: Action, actor: str = OPERATOR) -> bool:
        """Take a step; say whether it was allowed."""
        with self.unit() as unit:
            return bool(take(unit.session, [step(payout_id, action, actor)], clock.now()))

    def row(self, payout_id: uuid.UUID) -> Row:
        """Return a payout as it stands."""
        with self.unit() as unit:
            return lock(unit.session, [payout_id])[payout_id]

    def counts(self) -> dict[str, int]:
        """Return how many payouts are in each status."""
        with self.engine.connect() as connection:
            query = text("SELECT status, count(*) FROM payout GROUP BY status")
            return {row[0]: row[1] for row in connection.execute(query)}

    def steps(self, payout_id: uuid.UUID) -> list[str]:
        """Return what was done to a payout, in order."""
        with Session(self.engine) as session:
            found = select(PayoutStep.action).filter_by(payout_id=payout_id)
            return list(session.scalars(found.order_by(PayoutStep.number)))

    def verify(self) -> Report:
        """Prove the ledger; every finding fails the test."""
        with self.unit() as unit:
            report = verify(unit.session)
        assert report.findings == []
        return report


def account(person_id: int, rail: RailName, *, ready: bool = True) -> PayoutAccount:
    """Return where someone's prizes go."""
    return PayoutAccount(
        person_id=person_id,
        rail=rail,
        account=f"acct_{person_id}",
        ready=ready,
        updated_at=clock.now(),
    )
