"""What leaves winners' accounts alike, in the ledger: posted from payouts as they lie in the table.

There may be a hundred thousand of them, so it takes a few statements, whatever their number.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ids import alike
from domain.ledger.accounts import Account, account_ids
from domain.ledger.posting import PayableOverdrawn
from models.ledger import AccountKind, TransactionKind


class Leg(NamedTuple):
    """A movement of a payout's amount; a payable account is each winner's own."""

    kind: TransactionKind
    number: int
    """Of the payout's step, which names the transaction: see `domain.ledger.keys`."""
    source: Account
    target: Account


KEY = "'payout:' || id || ':' || leg.number"
"""As `domain.ledger.keys` writes it."""

# Each account is asked for by its whole key: see `domain.ledger.awards`. What is locked here the
# entries need not lock anew.
_LOCK = text("""
    WITH owed AS MATERIALIZED (
        SELECT p.id, p.amount, k.id AS payable FROM payout p
        JOIN ledger_account k ON k.kind = 'payable' AND k.currency = :currency
            AND k.competition_id IS NULL AND k.person_id = p.person_id AND k.rail IS NULL
        WHERE p.id = ANY(CAST(:payouts AS uuid[]))
        ORDER BY k.id FOR NO KEY UPDATE OF k
    )
    SELECT CAST(array_agg(id) AS text) AS payouts, CAST(array_agg(amount) AS text) AS amounts,
           CAST(array_agg(payable) AS text) AS payables,
           count(*) = cardinality(CAST(:payouts AS uuid[])) AS all_owed
    FROM owed
""")
# In the order of the keys, so that an index grows at its end and is not searched for each of them.
# An account that is none of the rail's is the winner's.
_POST = text(f"""
    WITH moved AS MATERIALIZED (
        SELECT {alike(KEY)} AS transaction_id, leg.kind, {KEY} AS key,
               COALESCE(leg.source, payable) AS source, COALESCE(leg.target, payable) AS target,
               amount
        FROM unnest(CAST(:payouts AS uuid[]), CAST(:amounts AS bigint[]),
                    CAST(:payables AS bigint[])) AS page(id, amount, payable)
        CROSS JOIN unnest(CAST(:kinds AS text[]), CAST(:numbers AS integer[]),
                          CAST(:sources AS bigint[]), CAST(:targets AS bigint[]))
            AS leg(kind, number, source, target)
        ORDER BY id, number
    ), begun AS (
        INSERT INTO ledger_transaction (id, kind, key, currency, posted_at, entries)
        SELECT transaction_id, kind, key, :currency, :now, 2 FROM moved
    )
    INSERT INTO ledger_entry (transaction_id, account_id, currency, amount)
    SELECT transaction_id, side.account_id, :currency, side.amount
    FROM moved CROSS JOIN LATERAL (VALUES (source, -amount), (target, amount))
        AS side(account_id, amount)
""")  # noqa: S608  our own text
_BELOW = text("""
    SELECT EXISTS (SELECT FROM ledger_entry WHERE account_id = ANY(CAST(:payables AS bigint[]))
                   GROUP BY account_id HAVING sum(amount) < 0)
""")


def post_legs(session: Session, payout_ids: str, legs: Sequence[Leg], now: datetime) -> None:
    """Post movements of payouts of one currency, the same for each.

    The ids are an array as the database writes it: nobody here has to look into it.

    Unlike `domain.ledger.posting.post` it is no repetition of anything: the steps are new. Raises
    PayableOverdrawn as that does.
    """
    shared = {
        account
        for leg in legs
        for account in (leg.source, leg.target)
        if account.kind is not AccountKind.PAYABLE
    }
    ids = account_ids(session, shared)
    currency = legs[0].source.currency
    owed = session.execute(_LOCK, {"payouts": payout_ids, "currency": currency}).one()
    values = {
        "payouts": owed.payouts,
        "amounts": owed.amounts,
        "payables": owed.payables,
        "currency": currency,
        "kinds": [leg.kind for leg in legs],
        "numbers": [leg.number for leg in legs],
        "sources": [ids.get(leg.source) for leg in legs],
        "targets": [ids.get(leg.target) for leg in legs],
    }
    session.execute(_POST, {**values, "now": now})
    # After the lock, so that it sees what whoever held it before has entered.
    if not owed.all_owed or session.scalar(_BELOW, {"payables": owed.payables}):
        raise PayableOverdrawn("Somebody among many is owed less.")
