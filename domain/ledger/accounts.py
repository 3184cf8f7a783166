"""Accounts of the ledger: found by what they stand for, made when first needed."""

import uuid
from collections.abc import Collection
from typing import Any, NamedTuple, Self

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.ledger import AccountKind
from models.rail import RailName


class Account(NamedTuple):
    """What an account stands for. Which of the last three it has follows from its kind."""

    kind: AccountKind
    currency: str
    """ISO 4217."""
    competition_id: uuid.UUID | None = None
    person_id: int | None = None
    rail: RailName | None = None

    @classmethod
    def funding(cls, currency: str) -> Self:
        """Return where prize money comes from and goes back to."""
        return cls(AccountKind.FUNDING, currency)

    @classmethod
    def remainder(cls, currency: str) -> Self:
        """Return what money that no place took goes through on its way back."""
        return cls(AccountKind.REMAINDER, currency)

    @classmethod
    def pool(cls, currency: str, competition_id: uuid.UUID) -> Self:
        """Return what a competition has to give."""
        return cls(AccountKind.POOL, currency, competition_id=competition_id)

    @classmethod
    def payable(cls, currency: str, person_id: int) -> Self:
        """Return what a person has won and was not sent."""
        return cls(AccountKind.PAYABLE, currency, person_id=person_id)

    @classmethod
    def clearing(cls, currency: str, rail: RailName) -> Self:
        """Return what a rail was told to pay."""
        return cls(AccountKind.CLEARING, currency, rail=rail)

    @classmethod
    def paid(cls, currency: str, rail: RailName) -> Self:
        """Return what a rail took over."""
        return cls(AccountKind.PAID, currency, rail=rail)


# One branch for each shape of a key: with each column compared or null, the unique index serves.
_FIND = text("""
    WITH asked AS (
        SELECT kind, currency::char(3) AS currency, competition_id, person_id, rail
        FROM unnest(CAST(:kinds AS text[]), CAST(:currencies AS text[]),
                    CAST(:competitions AS uuid[]), CAST(:people AS bigint[]),
                    CAST(:rails AS text[]))
            AS one(kind, currency, competition_id, person_id, rail)
    )
    SELECT a.id, a.kind, a.currency, a.competition_id, a.person_id, a.rail
    FROM asked JOIN ledger_account a USING (kind, currency)
    WHERE asked.person_id = a.person_id AND a.competition_id IS NULL AND a.rail IS NULL
    UNION ALL
    SELECT a.id, a.kind, a.currency, a.competition_id, a.person_id, a.rail
    FROM asked JOIN ledger_account a USING (kind, currency)
    WHERE asked.competition_id = a.competition_id AND a.person_id IS NULL AND a.rail IS NULL
    UNION ALL
    SELECT a.id, a.kind, a.currency, a.competition_id, a.person_id, a.rail
    FROM asked JOIN ledger_account a USING (kind, currency)
    WHERE asked.rail = a.rail AND a.competition_id IS NULL AND a.person_id IS NULL
    UNION ALL
    SELECT a.id, a.kind, a.currency, a.competition_id, a.person_id, a.rail
    FROM asked JOIN ledger_account a USING (kind, currency)
    WHERE COALESCE(asked.competition_id::text, asked.person_id::text, asked.rail) IS NULL
        AND a.competition_id IS NULL AND a.person_id IS NULL AND a.rail IS NULL
""")
_OPEN = text("""
    INSERT INTO ledger_account (kind, currency, competition_id, person_id, rail)
    SELECT kind, currency, competition_id, person_id, rail
    FROM unnest(CAST(:kinds AS text[]), CAST(:currencies AS text[]),
                CAST(:competitions AS uuid[]), CAST(:people AS bigint[]), CAST(:rails AS text[]))
        AS one(kind, currency, competition_id, person_id, rail)
    ORDER BY kind, currency, competition_id, person_id, rail
    ON CONFLICT DO NOTHING
""")


def account_ids(session: Session, accounts: Collection[Account]) -> dict[Account, int]:
    """Return the ids of accounts, opening those that are not there yet."""
    asked = set(accounts)
    found = find(session, asked)
    if missing := asked - found.keys():
        session.execute(_OPEN, _columns(missing))
        # Also those that somebody else has opened at the same time, after waiting for him.
        found |= find(session, missing)
    return found


def find(session: Session, accounts: Collection[Account]) -> dict[Account, int]:
    """Return the ids of those accounts that are there."""
    if not accounts:
        return {}
    return {account_of(row): row.id for row in session.execute(_FIND, _columns(accounts))}


def account_of(row: Row[Any]) -> Account:
    """Return what a row of ledger_account stands for."""
    return Account(
        AccountKind(row.kind),
        row.currency,
        row.competition_id,
        row.person_id,
        None if row.rail is None else RailName(row.rail),
    )


def _columns(accounts: Collection[Account]) -> dict[str, list[Any]]:
    return {
        "kinds": [one.kind for one in accounts],
        "currencies": [one.currency for one in accounts],
        "competitions": [one.competition_id for one in accounts],
        "people": [one.person_id for one in accounts],
        "rails": [one.rail for one in accounts],
    }
