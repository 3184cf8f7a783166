"""The manual rail's list: what people are to pay, and what they say came of it.

A line is on the list from when its payout is accepted until somebody says what came of it. It is
named by the payout's reference, so a word about an earlier attempt changes nothing.
"""

import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.payouts import confirming
from domain.payouts.claims import payout_of
from domain.payouts.confirming import Paid
from domain.payouts.listing import FIRST, same_winner
from domain.payouts.row import OPERATOR, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import lock, take
from models import Award, Competition, Payout, Person
from models.payout import PayoutStatus
from models.rail import RailName


class Line(NamedTuple):
    """Something to be paid by hand."""

    payout_id: uuid.UUID
    reference: str
    destination: str
    amount: int
    currency: str
    competition: str
    rank: int | None
    """Of its winner's award, if there is one."""
    display_name: str
    sent_at: datetime


class Came(enum.StrEnum):
    """What came of a line."""

    PAID = "paid"
    RETURNED = "returned"
    """It could not be paid, or came back. An operator may release it again."""


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says of a line."""

    reference: str
    amount: int
    currency: str
    came: Came
    note: str | None = None


class Reception(enum.StrEnum):
    """What became of a word."""

    TAKEN = "taken"
    KNOWN = "known"
    """It says what is so already."""
    NO_SUCH_LINE = "no such line"
    OTHER_AMOUNT = "another amount"
    NOT_SO = "not so"
    """The payout is in no state in which that could happen."""


_OPEN = (
    select(
        Payout.id,
        Payout.reference,
        Payout.destination,
        Payout.amount,
        Payout.currency,
        Competition.name,
        Award.rank,
        Person.display_name,
        Payout.sent_at,
    )
    .outerjoin(Award, same_winner(Payout))
    .join(Competition, Competition.id == Payout.competition_id)
    .join(Person, Person.id == Payout.person_id)
    .where(Payout.rail == RailName.MANUAL, Payout.status == PayoutStatus.ACCEPTED)
    .order_by(Payout.id)
)
MOVES = {Came.PAID: Action.SETTLE, Came.RETURNED: Action.RETURN}
ENDS = {Came.PAID: PayoutStatus.PAID, Came.RETURNED: PayoutStatus.RETURNED}


def open_lines(session: Session, after: uuid.UUID | None, limit: int) -> list[Line]:
    """Return at most `limit` lines whose payouts follow one."""
    found = _OPEN.where(Payout.id > (after or FIRST)).limit(limit)
    # None of it is null: what is accepted was sent somewhere.
    return [Line(*row) for row in session.execute(found)]  # type: ignore[arg-type]


def hear(session: Session, words: Sequence[Word], now: datetime) -> dict[Word, Reception]:
    """Take what people say of lines, at most one word for each; return what became of it."""
    plain = [one for one in words if one.came is Came.PAID and one.note is None]
    paid = [Paid(one.reference, one.amount, one.currency) for one in plain]
    settled = confirming.settle(session, paid, now)
    became = {one: Reception.TAKEN for one in plain if one.reference in settled}
    return became | _hear_each(session, [one for one in words if one.reference not in settled], now)


def _hear_each(session: Session, words: Sequence[Word], now: datetime) -> dict[Word, Reception]:
    if not words:
        return {}
    ids = {one.reference: payout_of(one.reference) for one in words}
    named = {one for one in ids.values() if one is not None}
    found = [row for row in lock(session, named).values() if row.rail is RailName.MANUAL]
    rows = {row.reference: row for row in found}
    became = {one: _reception(rows.get(one.reference), one) for one in words}
    steps = [
        _step(row, one)
        for one in words
        if became[one] is Reception.TAKEN and (row := rows.get(one.reference)) is not None
    ]
    taken = {one.after.id for one in take(session, steps, now)}
    for one, reception in became.items():
        if reception is Reception.TAKEN and ids[one.reference] not in taken:
            became[one] = Reception.NOT_SO
    return became


def _reception(row: Row | None, word: Word) -> Reception:
    if row is None:
        return Reception.NO_SUCH_LINE
    if (row.amount, row.currency) != (word.amount, word.currency):
        return Reception.OTHER_AMOUNT
    return Reception.KNOWN if row.status is ENDS[word.came] else Reception.TAKEN


def _step(row: Row, word: Word) -> Step:
    back = word.came is Came.RETURNED
    return Step(
        row.id,
        MOVES[word.came],
        OPERATOR,
        code="rail_returned" if back else None,
        detail=word.note or ("It could not be paid, or came back." if back else None),
        reference=row.reference,
    )
