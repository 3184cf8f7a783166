"""What competitions promise: checked, kept, and changed only as the money allows."""

import uuid
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import Conflict, Invalid
from domain.prizes import pool
from domain.prizes.split import WHOLE, Plan
from models import PrizePlan
from models.prize import SplitKind

PLACES = ("body", "prize", "split", "places")


def plan_of(session: Session, competition_id: uuid.UUID) -> Plan | None:
    """Return what a competition promises."""
    row = session.get(PrizePlan, competition_id)
    return None if row is None else as_plan(row)


def as_plan(row: PrizePlan) -> Plan:
    """Return a row as the split takes it."""
    places = None if row.places is None else tuple(row.places)
    return Plan(row.currency, row.pool, row.split, places, row.auto_distribute)


def rows_of(session: Session, competition_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, PrizePlan]:
    """Return the plans of those competitions that have one."""
    found = select(PrizePlan).where(PrizePlan.competition_id.in_(competition_ids))
    return {row.competition_id: row for row in session.scalars(found)}


def promise(session: Session, competition_id: uuid.UUID, plan: Plan | None, now: datetime) -> None:
    """Let a competition promise this, or nothing. Who changes it holds its row.

    Raises Invalid, or Conflict (`prize_funded`) where the money that lies in the pool already would
    have no place in the new plan.
    """
    row = session.get(PrizePlan, competition_id, populate_existing=True)
    held = 0 if row is None else pool.money_in(session, row)
    if row is not None and held and not _takes(plan, row.currency, held):
        raise Conflict(
            f"{held} of {row.currency} lie in its pool, which the new prize has no use for.",
            code="prize_funded",
        )
    if plan is None:
        if row is not None:
            session.delete(row)
            session.flush()  # so that it is not found any more
        return
    check(plan)
    row = row or PrizePlan(competition_id=competition_id)
    for name, value in asdict(plan).items():
        setattr(row, name, list(value) if isinstance(value, tuple) else value)
    covered = held >= plan.pool
    row.funded_at = (row.funded_at or now) if covered else None
    session.add(row)


def check(plan: Plan) -> None:
    """Raise Invalid for shares that rise, or of which there are too many."""
    places = plan.places or ()
    if any(later > earlier for earlier, later in pairwise(places)):
        raise Invalid("must never rise from one place to the next", loc=PLACES)
    whole = WHOLE if plan.split is SplitKind.PERCENT else plan.pool
    if sum(places) > whole:
        raise Invalid(f"must not sum up to more than {whole}", loc=PLACES)


def _takes(plan: Plan | None, currency: str, held: int) -> bool:
    return plan is not None and plan.currency == currency and plan.pool >= held
