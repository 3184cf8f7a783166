"""What someone who watches their own syncs is told about."""

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import select, true
from sqlalchemy.orm import Session, aliased

from models import Person, SyncRequest
from models.sync import SyncReason

EACH = 4
"""Syncs of a person that are looked at: what waits, what runs and what came before."""


def recent_syncs(
    session: Session, user_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, list[SyncRequest]]:
    """Return each person's newest syncs, oldest first. Owed windows are nobody's wish."""
    newest = (
        select(SyncRequest)
        .where(SyncRequest.person_id == Person.id, SyncRequest.reason != SyncReason.OWED)
        .order_by(SyncRequest.requested_at.desc(), SyncRequest.id.desc())
        .limit(EACH)
        .lateral()
    )
    sync = aliased(SyncRequest, newest)
    rows = session.execute(
        select(Person.user_id, sync)
        .join(newest, true())
        .where(Person.user_id.in_(user_ids))
        .order_by(sync.requested_at, sync.id)
    )
    found: dict[uuid.UUID, list[SyncRequest]] = {user_id: [] for user_id in user_ids}
    for user_id, one in rows.tuples():
        found[user_id].append(one)
    return found
