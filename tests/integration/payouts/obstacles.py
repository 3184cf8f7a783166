"""Things put into a payout's way, and taken out of it."""

import uuid

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from domain import clock
from domain.ids import new_id
from models import Flag, Participant, PayoutAccount, Source
from models.flag import Decision, FlagReason
from models.payout import HoldReason
from models.rail import RailName
from models.slots import Metric, SlotClass
from models.source import SourceKind
from tests.integration.payouts.purse import Purse, account

AUTOMATIC = [one for one in HoldReason if one is not HoldReason.OPERATOR]


def hinder(purse: Purse, payout_id: uuid.UUID, reason: HoldReason) -> None:
    """Put something into a payout's way."""
    row = purse.row(payout_id)
    owner = PayoutAccount.person_id == row.person_id
    with purse.unit() as unit:
        match reason:
            case HoldReason.NO_ACCOUNT:
                unit.session.execute(delete(PayoutAccount).where(owner))
            case HoldReason.ACCOUNT_NOT_READY:
                unit.session.execute(update(PayoutAccount).where(owner).values(ready=False))
            case HoldReason.RAIL_OFF:
                unit.session.execute(
                    update(PayoutAccount).where(owner).values(rail=RailName.STRIPE)
                )
            case HoldReason.DISQUALIFIED:
                unit.session.execute(
                    update(Participant)
                    .where(Participant.person_id == row.person_id)
                    .values(disqualified_at=clock.now())
                )
            case HoldReason.UNDER_REVIEW:
                _flag(unit.session, row.competition_id, row.person_id)


def mend(purse: Purse, payout_id: uuid.UUID) -> None:
    """Take everything out of a payout's way."""
    row = purse.row(payout_id)
    with purse.unit() as unit:
        unit.session.execute(delete(PayoutAccount).filter_by(person_id=row.person_id))
        unit.session.add(account(row.person_id, RailName.MANUAL))
        unit.session.execute(
            update(Participant)
            .where(Participant.person_id == row.person_id)
            .values(disqualified_at=None)
        )
        unit.session.execute(
            update(Flag)
            .where(Flag.person_id == row.person_id)
            .values(decision=Decision.ACCEPTED, decided_by=row.person_id, decided_at=clock.now())
        )


def _flag(session: Session, competition_id: uuid.UUID, person_id: int) -> None:
    now = clock.now()
    source = Source(
        person_id=person_id, key="watch", provider="test", kind=SourceKind.WATCH, first_seen_at=now
    )
    session.add(source)
    session.flush()
    session.add(
        Flag(
            id=new_id(),
            competition_id=competition_id,
            person_id=person_id,
            metric=Metric.STEPS,
            source=source.key,
            day=now.date(),
            slot_class=SlotClass.MEASURED,
            reason=FlagReason.OVER_DAY_CEILING,
            slots=[1, *[None] * 95],
            evidence={},
            raised_at=now,
            changed_at=now,
        )
    )
