"""Final competitions whose pool lies there whole, and what became of it."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.freezing import Written, begin_standing, write_page
from domain.ledger.accounts import Account
from domain.ledger.balances import balances
from domain.ledger.posting import Movement, post, transfer
from domain.ledger.verify import verify
from domain.prizes import calculation
from domain.prizes.plan import promise
from domain.prizes.split import Plan
from models import Award, Competition, PrizeCalculation, PrizePlan
from models.competition import CompetitionStatus
from models.ledger import TransactionKind
from models.prize import SplitKind
from tests.factories import Factory
from worker.unit import Unit, unit_of_work

PODIUM = Plan("EUR", 1000, SplitKind.PERCENT, (60, 30, 10), auto_distribute=True)
AWARDS = text(
    """
    SELECT a.rank, a.amount FROM award a
    JOIN prize_calculation c USING (competition_id) JOIN standing s ON s.id = c.standing_id
    JOIN standing_places(s.id, 1, s.row_count) r USING (person_id)
    WHERE a.competition_id = :competition_id ORDER BY r.place
    """
)
EVERYONE = Plan("EUR", 1003, SplitKind.EQUAL, None, auto_distribute=True)


class Promised:
    """Makes them."""

    def __init__(self, engine: Engine, factory: Factory) -> None:
        self.engine = engine
        self.factory = factory

    def unit(self) -> AbstractContextManager[Unit]:
        """Open a unit of work."""
        return unit_of_work(self.engine)

    def final(self, scores: Sequence[int], plan: Plan = PODIUM, **columns: Any) -> Competition:
        """Make one with a complete standing, in which people have these scores."""
        made = self.factory.competition(status=CompetitionStatus.FINAL, **columns)
        for person, score in zip(self.factory.people(len(scores)), scores, strict=True):
            self.factory.participant(made, person, score)
        with self.unit() as unit:
            promise(unit.session, made.id, plan, clock.now())
            self.fund(unit.session, made.id, plan)
        self.freeze(made.id)
        return made

    def fund(self, session: Session, competition_id: uuid.UUID, plan: Plan) -> None:
        """Cover a pool."""
        pool = Account.pool(plan.currency, competition_id)
        entries = transfer(Account.funding(plan.currency), pool, plan.pool)
        post(
            session,
            [Movement(TransactionKind.FUND, f"fund:{competition_id}", entries)],
            clock.now(),
        )
        session.get_one(PrizePlan, competition_id).funded_at = clock.now()

    def freeze(self, competition_id: uuid.UUID) -> None:
        """Write a new version of a standing."""
        with self.unit() as unit:
            begun = begin_standing(unit.session, competition_id, "frozen", None, clock.now()).id
        written = Written.PAGE
        while written is Written.PAGE:
            with self.unit() as unit:
                written = write_page(unit.session, begun, clock.now())

    def calculate(self, competition_id: uuid.UUID) -> None:
        """Share a pool out for good."""
        with self.unit() as unit:
            shared = calculation.begin(unit.session, competition_id, None, clock.now())
        more = True
        while more:
            with self.unit() as unit:
                more = calculation.write_page(unit.session, competition_id, shared, clock.now())

    def awards(self, competition_id: uuid.UUID) -> list[tuple[int, int]]:
        """Return rank and amount of each award, in the board's order."""
        with Session(self.engine) as session:
            found = session.execute(AWARDS, {"competition_id": competition_id})
            return [(row.rank, row.amount) for row in found]

    def check_settled(self, competition_id: uuid.UUID) -> None:
        """Prove the ledger, and that nothing of the pool is left in it."""
        with self.unit() as unit:
            assert verify(unit.session).findings == []
        with Session(self.engine) as session:
            plan = session.get_one(PrizePlan, competition_id)
            made = session.get_one(PrizeCalculation, competition_id)
            total = select(func.coalesce(func.sum(Award.amount), 0))
            given = session.scalar(total.where(Award.competition_id == competition_id))
            assert plan.settled_at is not None
            assert (made.total, made.pool) == (given, plan.pool)
            pool = Account.pool(plan.currency, competition_id)
            remainder = Account.remainder(plan.currency)
            assert balances(session, [pool, remainder]) == {pool: 0, remainder: 0}
