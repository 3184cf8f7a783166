"""A final competition whose pool lies there whole, and everybody in it has won some of it."""

import uuid

from sqlalchemy import insert, text

from bench.closing import fill_over, freeze
from bench.stage import Stage
from domain import clock
from domain.competitions.life import advance
from domain.ledger.accounts import Account
from domain.ledger.posting import Movement, post, transfer
from models import PrizePlan
from models.competition import CompetitionStatus
from models.ledger import TransactionKind
from models.prize import SplitKind
from worker.unit import unit_of_work

CURRENCY = "EUR"
EACH = 500
"""Minor units, but for the odd ones."""

# A score of nothing wins nothing.
_SCORES = text("UPDATE participant SET computed = computed + 1")
_ACCOUNTS = text("""
    INSERT INTO payout_account (person_id, rail, account, ready, updated_at)
    SELECT id, 'manual', 'Person ' || id, true, :now FROM person
""")


def fill_final(on: Stage, winners: int) -> uuid.UUID:
    """Make it, with accounts on the manual rail."""
    on.clear()
    competition_id, now = fill_over(on, winners), clock.now()
    pool = winners * EACH + winners // 3
    with on.engine.begin() as connection:
        connection.execute(_SCORES)
        connection.execute(_ACCOUNTS, {"now": now})
    freeze(on, competition_id)
    with unit_of_work(on.engine) as unit:
        if advance(unit.session, competition_id, clock.now()) is not CompetitionStatus.FINAL:
            raise RuntimeError("it is still reviewed")
        plan = {
            "competition_id": competition_id,
            "currency": CURRENCY,
            "pool": pool,
            "split": SplitKind.EQUAL,
            "auto_distribute": True,
            "funded_at": now,
        }
        unit.session.execute(insert(PrizePlan).values(plan))
        account = Account.pool(CURRENCY, competition_id)
        entries = transfer(Account.funding(CURRENCY), account, pool)
        post(unit.session, [Movement(TransactionKind.FUND, "fund:bench", entries)], now)
    return competition_id
