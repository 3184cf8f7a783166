"""Competitions whose pool was shared out, row by row as the ledger knows it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from domain import clock
from domain.ids import NUMBERED
from domain.ledger.accounts import Account
from domain.ledger.keys import award_key
from domain.ledger.posting import Movement, post, transfer
from models import Award, Competition, Person, PrizeCalculation, PrizePlan, Standing
from models.competition import CompetitionStatus
from models.ledger import TransactionKind
from models.prize import SplitKind
from tests.factories import Factory


@dataclass(frozen=True)
class Won:
    """A competition with a prize, and who won what."""

    competition: Competition
    people: list[Person]
    awards: list[Award]


def won(
    factory: Factory,
    amounts: Sequence[int],
    currency: str = "EUR",
    *,
    people: list[Person] | None = None,
) -> Won:
    """Make a final competition whose whole pool went to people, the first one the best."""
    competition = factory.competition(status=CompetitionStatus.FINAL)
    people = people or factory.people(len(amounts))
    for score, person in enumerate(people[::-1], start=1):
        factory.participant(competition, person, score)
    awards = [
        Award(
            id=_award_id(factory, rank),
            competition_id=competition.id,
            person_id=person.id,
            rank=rank,
            amount=amount,
            currency=currency,
        )
        for rank, (person, amount) in enumerate(zip(people, amounts, strict=True), start=1)
    ]
    _calculate(factory, competition, awards)
    return Won(competition, people, awards)


def _award_id(factory: Factory, rank: int) -> uuid.UUID:
    """Return an id as calculations give: the payout's is made from it."""
    numbered = text(f"SELECT {NUMBERED} FROM (SELECT :rank AS number) award")  # noqa: S608  our own text
    found: uuid.UUID = factory.session.execute(
        numbered, {"rank": rank, "now": clock.now()}
    ).scalar_one()
    return found


def _calculate(factory: Factory, competition: Competition, awards: list[Award]) -> None:
    session, now = factory.session, clock.now()
    currency, pool = awards[0].currency, sum(award.amount for award in awards)
    promised = {"competition_id": competition.id, "currency": currency, "pool": pool}
    times = {"funded_at": now, "settled_at": now, "awarded": len(awards)}
    session.add(PrizePlan(**promised, **times, split=SplitKind.EQUAL, auto_distribute=False))
    standing = Standing(
        competition_id=competition.id,
        version=1,
        reason="frozen at the cut-off",
        created_at=now,
        last_ruling_id=0,
        page_rows=1000,
        last_score=0,
        last_user_id=uuid.UUID(int=0),
        last_rank=0,
        digest=b"",
        completed_at=now,
    )
    session.add(standing)
    session.flush()
    session.add(
        PrizeCalculation(
            **promised,
            standing_id=standing.id,
            remainder=0,
            total=pool,
            calculated_at=now,
        )
    )
    session.flush()
    session.add_all(awards)
    account = Account.pool(currency, competition.id)
    fund = transfer(Account.funding(currency), account, pool)
    movements = [Movement(TransactionKind.FUND, f"fund:{competition.id}", fund)]
    for award in awards:
        entries = transfer(account, Account.payable(currency, award.person_id), award.amount)
        movements.append(Movement(TransactionKind.AWARD, award_key(award.id), entries))
    post(session, movements, now)
    session.commit()
