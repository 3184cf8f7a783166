"""A page of a rail's own list, held against our payouts."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from domain.payouts.rails.base import Listed
from domain.payouts.reconciliation import Work
from domain.payouts.row import Row
from domain.payouts.steps import lock
from models.payout import PayoutStatus
from models.rail import RailName
from models.reconciliation import DifferenceKind, Reconciliation

TAKEN_OVER = {PayoutStatus.ACCEPTED, PayoutStatus.PAID}

_SEEN = text("UPDATE payout SET listed_at = :now WHERE id = ANY(:ids)")
# Lines of one second may be read twice where a comparison was cut.
_NOTE = text(
    """
    INSERT INTO difference
        (reconciliation_id, kind, payout_id, reference, ours, theirs, currency)
    SELECT :id, kind, payout_id, reference, ours, theirs, currency
    FROM unnest(CAST(:kinds AS text[]), CAST(:payouts AS uuid[]), CAST(:references AS text[]),
                CAST(:ours AS bigint[]), CAST(:theirs AS bigint[]), CAST(:currencies AS text[]))
        AS one(kind, payout_id, reference, ours, theirs, currency)
    WHERE NOT EXISTS (SELECT FROM difference f WHERE f.reconciliation_id = :id
                      AND f.reference = one.reference AND f.kind = one.kind)
    """
)


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the list that does not match."""

    kind: DifferenceKind
    payout_id: uuid.UUID | None
    line: Listed
    ours: int | None
    theirs: int


def compare(session: Session, work: Work, lines: Sequence[Listed], now: datetime) -> list[Found]:
    """Hold lines, the newest first, against payouts; note what differs, and how far this came.

    Lines of other days only show that a payout is on the list.
    """
    ours = {one.payout for one in lines if one.payout is not None}
    rows = lock(session, ours)
    seen = [row.id for one in lines if (row := _row(rows, one)) and _bears(row, work.rail, one)]
    session.execute(_SEEN, {"ids": seen, "now": now})
    judged = [one for one in lines if work.begins_at <= one.made_at < work.ends_at]
    found = [f for one in judged if (f := judge(_row(rows, one), work.rail, one)) is not None]
    _note(session, work, found)
    session.execute(
        update(Reconciliation)
        .where(Reconciliation.id == work.id)
        .values(
            compared=Reconciliation.compared + len(judged),
            reached_at=min(one.made_at for one in lines) + timedelta(seconds=1),
        )
    )
    return found


def judge(row: Row | None, rail: RailName, line: Listed) -> Found | None:
    """Return what is wrong with a line, if anything. `row` is the payout that it names."""
    whole_back = line.returned >= line.amount

    def differs(kind: DifferenceKind, ours: int | None, theirs: int) -> Found:
        return Found(kind, None if row is None else row.id, line, ours, theirs)

    if row is not None and _bears(row, rail, line):
        if row.status is PayoutStatus.RETURNED:
            back = DifferenceKind.REVERSED
            return None if whole_back else differs(back, row.amount, line.returned)
        if (row.amount, row.currency) != (line.amount, line.currency):
            return differs(DifferenceKind.AMOUNT, row.amount, line.amount)
        return differs(DifferenceKind.REVERSED, 0, line.returned) if line.returned else None
    if whole_back:
        return None
    if row is not None and row.status in TAKEN_OVER:
        return differs(DifferenceKind.DOUBLE, row.amount, line.amount)
    return differs(DifferenceKind.UNKNOWN_HERE, None, line.amount - line.returned)


def _bears(row: Row, rail: RailName, line: Listed) -> bool:
    """Say whether a payout is taken over by this very transfer, or came back from it."""
    told = row.status in TAKEN_OVER or row.status is PayoutStatus.RETURNED
    return told and row.rail is rail and row.reference == line.reference


def _row(rows: dict[uuid.UUID, Row], line: Listed) -> Row | None:
    return None if line.payout is None else rows.get(line.payout)


def _note(session: Session, work: Work, found: Sequence[Found]) -> None:
    if not found:
        return
    values = {
        "kinds": [one.kind for one in found],
        "payouts": [one.payout_id for one in found],
        "references": [one.line.reference for one in found],
        "ours": [one.ours for one in found],
        "theirs": [one.theirs for one in found],
        "currencies": [one.line.currency for one in found],
    }
    session.execute(_NOTE, {**values, "id": work.id})


def pages(lines: Iterator[Listed], size: int) -> Iterator[list[Listed]]:
    """Cut a rail's list into pages."""
    page: list[Listed] = []
    for one in lines:
        page.append(one)
        if len(page) == size:
            yield page
            page = []
    if page:
        yield page
