"""Balances: sums of entries, in minor units."""

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger.accounts import Account, find

_LOCK = text("SELECT FROM ledger_account WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
_SUMS = text("""
    SELECT account_id, sum(amount)::bigint AS balance
    FROM ledger_entry WHERE account_id = ANY(:ids) GROUP BY account_id
""")


def balances(session: Session, accounts: Collection[Account]) -> dict[Account, int]:
    """Return what accounts hold; 0 where nothing was ever moved."""
    held = _sums(session, find(session, accounts))
    return {one: held.get(one, 0) for one in accounts}


def balance(session: Session, account: Account) -> int:
    """Return what an account holds."""
    return balances(session, [account])[account]


def locked(session: Session, ids: Mapping[Account, int]) -> dict[Account, int]:
    """Lock accounts until the transaction ends; return what they hold.

    Whoever takes from a payable does that, so that two at once see each other.
    """
    session.execute(_LOCK, {"ids": [*ids.values()]})
    # After the lock, so that it sees what whoever held it before has entered.
    return _sums(session, ids)


def _sums(session: Session, ids: Mapping[Account, int]) -> dict[Account, int]:
    sums = {row.account_id: row.balance for row in session.execute(_SUMS, {"ids": [*ids.values()]})}
    return {one: sums.get(id_, 0) for one, id_ in ids.items()}
