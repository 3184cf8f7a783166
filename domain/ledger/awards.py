"""Awards in the ledger: from a competition's pool to what each winner is owed.

There may be a million of them, so they are posted as they lie in the table; one transaction each.
"""

import uuid
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ids import alike
from domain.ledger.accounts import Account, account_ids

_OPEN = text("""
    INSERT INTO ledger_account (kind, currency, person_id)
    SELECT 'payable', currency, person_id FROM award
    WHERE competition_id = :competition_id AND id BETWEEN :first AND :last
    ORDER BY person_id
    ON CONFLICT DO NOTHING
""")
# A statement of its own, so that it sees what others have opened meanwhile. Each account is asked
# for by its whole key: a planner that knows of no accounts yet would compare all with all.
_POST = text(f"""
    WITH page AS (
        SELECT {alike("'award:' || id")} AS transaction_id, id, amount, (
            SELECT k.id FROM ledger_account k
            WHERE k.kind = 'payable' AND k.currency = :currency AND k.competition_id IS NULL
              AND k.person_id = award.person_id AND k.rail IS NULL
        ) AS account_id
        FROM award WHERE competition_id = :competition_id AND id BETWEEN :first AND :last
    ), begun AS (
        INSERT INTO ledger_transaction (id, kind, key, currency, posted_at, entries)
        SELECT transaction_id, 'award', 'award:' || id, :currency, :now, 2 FROM page
    )
    INSERT INTO ledger_entry (transaction_id, account_id, currency, amount)
    SELECT transaction_id, side.account_id, :currency, side.amount
    FROM page CROSS JOIN LATERAL (
        VALUES (CAST(:pool AS bigint), -page.amount), (page.account_id, page.amount)
    ) AS side(account_id, amount)
""")  # noqa: S608  our own text


def post_awards(
    session: Session, pool: Account, first: uuid.UUID, last: uuid.UUID, now: datetime
) -> None:
    """Post a pool's awards from the one to the other, in order of their ids. None was before."""
    values = {
        "competition_id": pool.competition_id,
        "currency": pool.currency,
        "pool": account_ids(session, [pool])[pool],
        "first": first,
        "last": last,
        "now": now,
    }
    session.execute(_OPEN, values)
    session.execute(_POST, values)
