"""The database itself refuses what no program may do to the ledger."""

import uuid

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from domain import clock
from domain.ledger.accounts import Account, account_ids
from domain.ledger.posting import Movement, post, transfer
from models import LedgerEntry, LedgerTransaction
from models.ledger import TransactionKind
from models.rail import RailName

FUNDING, REMAINDER = Account.funding("EUR"), Account.remainder("EUR")
KEPT = ["ledger_account", "ledger_transaction", "ledger_entry"]


@pytest.fixture
def gift(session: Session) -> uuid.UUID:
    """A transaction that stands."""
    gift = Movement(TransactionKind.FUND, "gift", transfer(FUNDING, REMAINDER, 5))
    transaction = post(session, [gift], clock.now())["gift"]
    session.commit()
    return transaction


def write(session: Session, amounts: list[int], entries: int) -> None:
    """Write a transaction past the code that checks it."""
    ids = account_ids(session, [FUNDING, REMAINDER, Account.paid("EUR", RailName.MANUAL)])
    made = LedgerTransaction(
        id=uuid.uuid4(),
        kind=TransactionKind.FUND,
        key="made by hand",
        currency="EUR",
        posted_at=clock.now(),
        entries=entries,
    )
    session.add(made)
    session.flush()
    session.add_all(
        LedgerEntry(transaction_id=made.id, account_id=account, currency="EUR", amount=amount)
        for account, amount in zip(ids.values(), amounts, strict=False)
    )
    session.flush()


@pytest.mark.parametrize(
    ("amounts", "entries"),
    [([-5, 4], 2), ([-5, 5], 3), ([-5, 2, 3], 2), ([], 2), ([-5], 2)],
    ids=["unbalanced", "one missing", "one too many", "empty", "one side"],
)
def test_what_is_not_whole_is_not_committed(
    session: Session, amounts: list[int], entries: int
) -> None:
    write(session, amounts, entries)
    with pytest.raises(IntegrityError, match="is not whole or does not balance"):
        session.commit()


def test_what_is_whole_is_committed(session: Session) -> None:
    write(session, [-5, 2, 3], 3)
    session.commit()


def test_an_entry_is_not_added_later(session: Session, gift: uuid.UUID) -> None:
    paid = Account.paid("EUR", RailName.MANUAL)
    entry = LedgerEntry(
        transaction_id=gift,
        account_id=account_ids(session, [paid])[paid],
        currency="EUR",
        amount=1,
    )
    session.add(entry)
    with pytest.raises(IntegrityError, match=f"{gift} is not whole"):
        session.commit()


def test_an_entry_is_of_its_transactions_currency(session: Session, gift: uuid.UUID) -> None:
    foreign = Account.remainder("SEK")
    account = account_ids(session, [foreign])[foreign]
    session.add(LedgerEntry(transaction_id=gift, account_id=account, currency="SEK", amount=1))
    with pytest.raises(IntegrityError, match="fk_ledger_entry_transaction"):
        session.flush()


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("command", ["UPDATE {} SET currency = 'SEK'", "DELETE FROM {}"])
def test_nothing_is_rewritten(engine: Engine, gift: uuid.UUID, table: str, command: str) -> None:
    with (
        pytest.raises(IntegrityError, match=f"{table} is only ever added to"),
        engine.begin() as connection,
    ):
        connection.execute(text(command.format(table)))


def test_entries_are_not_even_granted_to_their_owner(engine: Engine, gift: uuid.UUID) -> None:
    held = text("""
        SELECT privilege_type FROM information_schema.role_table_grants
        WHERE table_name = 'ledger_entry' AND grantee = current_user
    """)
    with engine.connect() as connection:
        granted = set(connection.scalars(held))
    assert {"INSERT", "SELECT"} <= granted
    assert not granted & {"UPDATE", "DELETE", "TRUNCATE"}


def test_ledger_is_not_emptied(engine: Engine, gift: uuid.UUID) -> None:
    with pytest.raises((IntegrityError, ProgrammingError)), engine.begin() as connection:
        connection.execute(text("TRUNCATE ledger_entry"))
