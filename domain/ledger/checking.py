"""The proof of the ledger, made again and again, and what it found last."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.ledger.verify import Report
from models import LedgerCheck

EVERY = timedelta(hours=1)


def last_check(session: Session) -> LedgerCheck | None:
    """Return the newest check."""
    return session.scalar(select(LedgerCheck).order_by(LedgerCheck.id.desc()).limit(1))


def is_due(session: Session, now: datetime) -> bool:
    """Say whether the last check lies an hour back. Call it, and check, while nobody else does."""
    last = last_check(session)
    return last is None or last.checked_at <= now - EVERY


def record(session: Session, report: Report, now: datetime) -> None:
    """Note what a check that began at `now` has found."""
    session.add(
        LedgerCheck(checked_at=now, transactions=report.transactions, findings=len(report.findings))
    )
