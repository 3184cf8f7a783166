"""Writing what was fetched: slots, scores and cursors of a whole batch in one transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.database import array
from domain.fitness import schedule
from domain.fitness.fetched import Fetched
from domain.fitness.owed import owe_what_is_missing
from domain.fitness.slot_store import Change, changed_days, store_days
from domain.fitness.sources import make_known
from domain.fitness.vanished import vanished_days
from domain.locks import lock_for_data
from domain.scoring.recompute import recompute_changed
from domain.scoring.review import review_days


@dataclass(frozen=True)
class Written:
    """What a write did."""

    sync_ids: list[uuid.UUID]
    """Syncs that succeeded; those whose lease was lost are missing."""
    scores_changed: int


def write(session: Session, batch: Sequence[Fetched], now: datetime) -> Written:
    """Store a batch: whoever's lease was lost is left out, what did not change is not written."""
    locked = lock_for_data(session, [one.claim.person_id for one in batch], now)
    held = _still_held(session, batch)
    telling = [one for one in held if one.news]
    make_known(session, (source for one in telling for source in one.sources), now)
    days = [rows for one in telling for rows in one.news]
    changes = store_days(session, [*days, *vanished_days(session, telling)], locked)
    changed = changed_days(changes, locked)
    changed = review_days(session, changed, locked.open, now)
    scores = recompute_changed(session, changed, locked.open)
    _move_cursors(session, held, now)
    _finish(session, held, changes, now)
    owe_what_is_missing(session, [one.claim.person_id for one in held], now)
    return Written([one.claim.sync_id for one in held], len(scores))


def _still_held(session: Session, batch: Sequence[Fetched]) -> list[Fetched]:
    rows = session.execute(
        text(
            "SELECT r.id, r.lease_token FROM sync_request r"
            " WHERE r.id = ANY(:ids) AND r.status = 'running' ORDER BY r.id FOR UPDATE"
        ),
        {"ids": [one.claim.sync_id for one in batch]},
    )
    held = {(sync_id, lease_token) for sync_id, lease_token in rows.all()}
    return [one for one in batch if (one.claim.sync_id, one.claim.lease_token) in held]


def _move_cursors(session: Session, batch: Sequence[Fetched], now: datetime) -> None:
    """Lengthen each connection's unbroken stretch by a window that touches it, and by no other.

    In the same write, what was said of each day is remembered and the next pull is planned.
    """
    session.execute(
        text(
            """
            UPDATE fitness_connection c
            SET last_synced_at = :now,
                manual_streams = ARRAY(SELECT json_array_elements_text(x.manual_streams)),
                device_streams = x.device_streams,
                streams_listed_at = x.listed_at,
                day_digests = x.digests,
                next_pull_at = CASE WHEN c.status = 'active' THEN x.next_pull
                                    ELSE c.next_pull_at END,
                fetched_from = CASE WHEN x.touches THEN least(c.fetched_from, x.start)
                                    ELSE c.fetched_from END,
                synced_until = CASE WHEN x.touches
                                    THEN greatest(c.synced_until, least(x.stop, :now))
                                    ELSE c.synced_until END
            FROM (
                SELECT u.*, coalesce(u.start <= o.synced_until AND u.stop >= o.fetched_from, true)
                       AS touches
                FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS timestamptz[]),
                            CAST(:stops AS timestamptz[]), CAST(:manual AS json[]),
                            CAST(:devices AS jsonb[]), CAST(:listed AS timestamptz[]),
                            CAST(:digests AS jsonb[]), CAST(:next_pulls AS timestamptz[]))
                     AS u(id, start, stop, manual_streams, device_streams, listed_at, digests,
                          next_pull)
                JOIN fitness_connection o ON o.id = u.id
            ) x
            WHERE c.id = x.id
            """
        ),
        {
            "now": now,
            "ids": array(one.claim.connection_id for one in batch),
            "starts": array(one.window.start for one in batch),
            "stops": array(one.window.end for one in batch),
            # An array of arrays must be square, so each person's list travels as one text.
            "manual": array(_document(one.manual_streams) for one in batch),
            "devices": array(_document(one.device_streams) for one in batch),
            "listed": array(one.streams_listed_at for one in batch),
            "digests": array(_document(one.digests) for one in batch),
            "next_pulls": array(
                schedule.next_pulls(session, [one.claim.person_id for one in batch], now)
            ),
        },
    )


def _document(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _finish(
    session: Session, batch: Sequence[Fetched], changes: Sequence[Change], now: datetime
) -> None:
    changed: dict[int, int] = {}
    for change in changes:
        changed[change.person_id] = changed.get(change.person_id, 0) + change.slots
    session.execute(
        text(
            """
            UPDATE sync_request r
            SET status = 'succeeded', finished_at = :now, lease_token = NULL, lease_until = NULL,
                window_from = x.start, window_to = x.stop, slots_received = x.received,
                slots_changed = x.changed, error_code = NULL, error_detail = NULL
            FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS timestamptz[]),
                        CAST(:stops AS timestamptz[]), CAST(:received AS bigint[]),
                        CAST(:changed AS bigint[])) AS x(id, start, stop, received, changed)
            WHERE r.id = x.id
            """
        ),
        {
            "now": now,
            "ids": array(one.claim.sync_id for one in batch),
            "starts": array(one.window.start for one in batch),
            "stops": array(one.window.end for one in batch),
            "received": array(one.received for one in batch),
            "changed": array(changed.get(one.claim.person_id, 0) for one in batch),
        },
    )
