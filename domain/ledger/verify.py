"""The proof of the ledger: what it says of itself, and what the prizes and payouts say of it.

All is read in one snapshot, so it runs beside everything else and finds nothing that is under way.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger.checks import CHECKS, VALUES, Check

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
# Statistics that are older than a distribution would have the planner look up each row by itself,
# through all the others where no index helps.
_WHOLE = text("""
    SELECT set_config('statement_timeout', '30min', true),
           set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true)
""")
_COUNTS = text("""
    SELECT (SELECT count(*) FROM ledger_transaction) AS transactions,
           (SELECT count(*) FROM ledger_account) AS accounts,
           (SELECT count(*) FROM award) AS awards,
           (SELECT count(*) FROM payout) AS payouts
""")


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    check: Check
    subject: str
    """A transaction's key, an account, or a row by its kind and id."""
    detail: str


@dataclass(frozen=True)
class Report:
    """What was looked at, and what was found."""

    transactions: int
    accounts: int
    awards: int
    payouts: int
    findings: list[Finding]


def begin(session: Session) -> None:
    """Make a new session's transaction a snapshot in which whole tables are joined."""
    session.execute(_SNAPSHOT)
    session.execute(_WHOLE)


def verify(session: Session) -> Report:
    """Prove the ledger. The session must be new: its transaction becomes a snapshot."""
    begin(session)
    findings = [
        Finding(check, row.subject, row.detail)
        for check, query in CHECKS.items()
        for row in session.execute(query, VALUES)
    ]
    counts = session.execute(_COUNTS).one()
    return Report(counts.transactions, counts.accounts, counts.awards, counts.payouts, findings)
