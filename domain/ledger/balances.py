"""Balances: sums of entries, in minor units."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger.accounts import Account, find

_SUMS = text("""
    SELECT account_id, sum(amount)::bigint AS balance
    FROM ledger_entry WHERE account_id = ANY(:ids) GROUP BY account_id
""")


def balances(session: Session, accounts: Collection[Account]) -> dict[Account, int]:
    """Return what accounts hold; 0 where nothing was ever moved."""
    ids = find(session, accounts)
    sums = {row.account_id: row.balance for row in session.execute(_SUMS, {"ids": [*ids.values()]})}
    return {one: sums.get(ids.get(one, 0), 0) for one in accounts}


def balance(session: Session, account: Account) -> int:
    """Return what an account holds."""
    return balances(session, [account])[account]
