"""Movements of money into the ledger: whole, balanced, and each key once."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.ids import new_id
from domain.ledger.accounts import Account, account_ids, account_of
from domain.ledger.balances import locked
from models import LedgerTransaction, Person
from models.ledger import AccountKind, TransactionKind


class PayableOverdrawn(Conflict):
    """Somebody would be sent, or give back, more than they are owed."""

    code = "payable_overdrawn"


@dataclass(frozen=True, slots=True)
class Movement:
    """What a transaction is to do. Raises ValueError if it would not balance."""

    kind: TransactionKind
    key: str
    """Idempotency key: says of what it is, such as `award:<id>`."""
    entries: Mapping[Account, int]
    """Minor units; what goes in is positive."""
    reason: str | None = field(default=None, compare=False)
    author_id: int | None = field(default=None, compare=False)
    reverses_id: uuid.UUID | None = None

    def __post_init__(self) -> None:
        """Refuse what the database would refuse, with the key."""
        if len(self.entries) < 2 or not all(self.entries.values()):
            raise ValueError(f"{self.key} moves nothing between two accounts")
        if sum(self.entries.values()):
            raise ValueError(f"{self.key} does not balance")
        if len({account.currency for account in self.entries}) > 1:
            raise ValueError(f"{self.key} mixes currencies")

    @property
    def currency(self) -> str:
        """ISO 4217, of all its accounts."""
        return next(iter(self.entries)).currency


def transfer(source: Account, target: Account, amount: int) -> dict[Account, int]:
    """Return the entries that take `amount` out of one account into another."""
    return {source: -amount, target: amount}


_BEGIN = text("""
    INSERT INTO ledger_transaction
        (id, kind, key, currency, posted_at, entries, reverses_id, author_id, reason)
    SELECT id, kind, key, currency, :now, entries, reverses_id, author_id, reason
    FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:keys AS text[]),
                CAST(:currencies AS text[]), CAST(:entries AS smallint[]),
                CAST(:reversed AS uuid[]), CAST(:authors AS bigint[]), CAST(:reasons AS text[]))
        AS one(id, kind, key, currency, entries, reverses_id, author_id, reason)
    ORDER BY key
    ON CONFLICT (key) DO NOTHING
    RETURNING id, key
""")
_ENTER = text("""
    INSERT INTO ledger_entry (transaction_id, account_id, currency, amount)
    SELECT * FROM unnest(CAST(:transactions AS uuid[]), CAST(:accounts AS bigint[]),
                         CAST(:currencies AS text[]), CAST(:amounts AS bigint[]))
""")
_STANDING = text("""
    SELECT t.id, t.key, t.kind, jsonb_object_agg(e.account_id, e.amount) AS entries
    FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id
    WHERE t.key = ANY(:keys) GROUP BY t.id
""")
_ENTRIES = text("""
    SELECT a.kind, a.currency, a.competition_id, a.person_id, a.rail, e.amount
    FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id WHERE e.transaction_id = :id
""")


def post(session: Session, movements: Collection[Movement], now: datetime) -> dict[str, uuid.UUID]:
    """Post movements; return their transactions by key, those posted before included.

    Raises Conflict (`ledger_key_reused`) if a key has moved something else, and PayableOverdrawn.
    """
    wanted = {one.key: one for one in movements}
    if other := [one.key for one in movements if wanted[one.key] != one]:
        raise _reused(other[0])
    if not wanted:
        return {}
    accounts = account_ids(session, {a for one in movements for a in one.entries})
    begun = _begin(session, list(wanted.values()), now)
    _enter(session, [(id_, wanted[key]) for key, id_ in begun.items()], accounts)
    _refuse_overdrawn(session, [wanted[key] for key in begun], accounts)
    rest = {key: wanted[key] for key in wanted.keys() - begun.keys()}
    return begun | (_standing(session, rest, accounts) if rest else {})


def _refuse_overdrawn(
    session: Session, begun: Iterable[Movement], accounts: Mapping[Account, int]
) -> None:
    """Let nobody's payable fall below zero, also where two take from it at once."""
    debited = {
        account: accounts[account]
        for one in begun
        for account, amount in one.entries.items()
        if account.kind is AccountKind.PAYABLE and amount < 0
    }
    held = locked(session, debited) if debited else {}
    if below := [debited[account] for account, amount in held.items() if amount < 0]:
        raise PayableOverdrawn(f"Account {min(below)} does not hold that much.")


def reverse(
    session: Session, transaction_id: uuid.UUID, reason: str, author: Person | None, now: datetime
) -> uuid.UUID:
    """Post the opposite of a transaction, once; return the reversal's id. Raises NotFound."""
    if session.get(LedgerTransaction, transaction_id) is None:
        raise NotFound("The ledger has no such transaction.", code="transaction_not_found")
    entries = {
        account_of(row): -row.amount for row in session.execute(_ENTRIES, {"id": transaction_id})
    }
    reversal = Movement(
        TransactionKind.REVERSAL,
        f"reversal:{transaction_id}",
        entries,
        reason=reason,
        author_id=None if author is None else author.id,
        reverses_id=transaction_id,
    )
    return post(session, [reversal], now)[reversal.key]


def _begin(session: Session, movements: Sequence[Movement], now: datetime) -> dict[str, uuid.UUID]:
    columns = {
        "ids": [new_id() for _ in movements],
        "kinds": [one.kind for one in movements],
        "keys": [one.key for one in movements],
        "currencies": [one.currency for one in movements],
        "entries": [len(one.entries) for one in movements],
        "reversed": [one.reverses_id for one in movements],
        "authors": [one.author_id for one in movements],
        "reasons": [one.reason for one in movements],
    }
    return {row.key: row.id for row in session.execute(_BEGIN, {**columns, "now": now})}


def _enter(
    session: Session,
    begun: Sequence[tuple[uuid.UUID, Movement]],
    accounts: Mapping[Account, int],
) -> None:
    lines = [
        (id_, accounts[account], account.currency, amount)
        for id_, movement in begun
        for account, amount in movement.entries.items()
    ]
    if lines:
        names = ("transactions", "accounts", "currencies", "amounts")
        session.execute(_ENTER, dict(zip(names, map(list, zip(*lines, strict=True)), strict=True)))


def _standing(
    session: Session, wanted: Mapping[str, Movement], accounts: Mapping[Account, int]
) -> dict[str, uuid.UUID]:
    """Return what was posted under keys before, if it was the same."""
    rows = session.execute(_STANDING, {"keys": list(wanted)}).all()
    other = [
        row.key for row in rows if not _is_same(row.kind, row.entries, wanted[row.key], accounts)
    ]
    if other:
        raise _reused(other[0])
    return {row.key: row.id for row in rows}


def _is_same(
    kind: str, entries: Mapping[str, int], movement: Movement, accounts: Mapping[Account, int]
) -> bool:
    by_id = {str(accounts[account]): amount for account, amount in movement.entries.items()}
    return kind == movement.kind and entries == by_id


def _reused(key: str) -> Conflict:
    return Conflict(f"The ledger has moved something else under {key}.", code="ledger_key_reused")
