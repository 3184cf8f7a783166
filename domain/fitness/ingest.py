"""Writing what was fetched: slots, scores and cursors of a whole batch in one transaction."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness import schedule
from domain.fitness.owed import owe_what_is_missing
from domain.fitness.providers.base import Pulled
from domain.fitness.queue import Claim
from domain.fitness.slot_store import Change, changed_days, store_days
from domain.fitness.sources import SeenSource, make_known
from domain.fitness.staging import SourceDay, digest, packed
from domain.leaderboards.marks import mark_dirty
from domain.locks import lock_for_data
from domain.scoring.recompute import recompute_changed
from models.source import SourceKind


@dataclass(frozen=True)
class Fetched:
    """A claimed pull and what it brought."""

    claim: Claim
    pulled: Pulled

    @cached_property
    def days(self) -> dict[str, bytes]:
        """What was said about each UTC day, packed for the slot table."""
        readings = self.pulled.readings
        days: dict[str, bytearray] = {}
        for row in readings.rows():
            day = SourceDay(self.claim.person_id, readings.source, row)
            days.setdefault(row.day.isoformat(), bytearray()).extend(packed(day))
        return {day: bytes(rows) for day, rows in days.items()}

    @cached_property
    def digests(self) -> dict[str, str]:
        """What tells each day from what another pull says about it."""
        return {day: digest(rows) for day, rows in self.days.items()}

    def news(self) -> list[bytes]:
        """Return the days of which the connection's last pull did not say the very same.

        Nothing else writes a connection's source, and its pulls run one at a time, so what it said
        last is what is stored.
        """
        known = self.claim.day_digests
        return [rows for day, rows in self.days.items() if known.get(day) != self.digests[day]]


@dataclass(frozen=True)
class Written:
    """What a write did."""

    sync_ids: list[uuid.UUID]
    """Syncs that succeeded; those whose lease was lost are missing."""
    scores_changed: int


def write(session: Session, batch: Sequence[Fetched], now: datetime) -> Written:
    """Store a batch: whoever's lease was lost is left out, what did not change is not written."""
    news = {one.claim.sync_id: one.news() for one in batch}  # before anyone waits for our locks
    open_competitions = lock_for_data(session, [one.claim.person_id for one in batch], now)
    held = _still_held(session, batch)
    telling = [one for one in held if news[one.claim.sync_id]]
    make_known(session, _sources(telling), now)
    days = [rows for one in telling for rows in news[one.claim.sync_id]]
    changes = store_days(session, days, now)
    scores = recompute_changed(session, changed_days(changes), open_competitions)
    mark_dirty(session, scores)
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
    held = {(sync_id, lease_token) for sync_id, lease_token in rows}
    return [one for one in batch if (one.claim.sync_id, one.claim.lease_token) in held]


def _sources(batch: Sequence[Fetched]) -> Iterator[SeenSource]:
    for one in batch:
        source = one.pulled.readings.source
        yield SeenSource(one.claim.person_id, source, one.claim.provider, SourceKind.CLOUD)


def _move_cursors(session: Session, batch: Sequence[Fetched], now: datetime) -> None:
    """Lengthen each connection's unbroken stretch by a window that touches it, and by no other.

    In the same write, what was said of each day is remembered and the next pull is planned.
    """
    session.execute(
        text(
            """
            UPDATE fitness_connection c
            SET last_synced_at = :now,
                manual_streams = CAST(x.manual_streams AS text[]),
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
                            CAST(:stops AS timestamptz[]), CAST(:manual AS text[]),
                            CAST(:listed AS timestamptz[]), CAST(:digests AS jsonb[]),
                            CAST(:next_pulls AS timestamptz[]))
                     AS u(id, start, stop, manual_streams, listed_at, digests, next_pull)
                JOIN fitness_connection o ON o.id = u.id
            ) x
            WHERE c.id = x.id
            """
        ),
        {
            "now": now,
            "ids": [one.claim.connection_id for one in batch],
            "starts": [one.pulled.readings.window.start for one in batch],
            "stops": [one.pulled.readings.window.end for one in batch],
            # An array of arrays must be square, so each person's list travels as one text.
            "manual": ["{" + ",".join(_quoted(one)) + "}" for one in batch],
            "listed": [one.pulled.streams_listed_at for one in batch],
            "digests": [orjson.dumps(one.digests).decode() for one in batch],
            "next_pulls": schedule.next_pulls(session, [one.claim.person_id for one in batch], now),
        },
    )


def _quoted(one: Fetched) -> list[str]:
    escaped = (
        stream.replace("\\", "\\\\").replace('"', '\\"') for stream in one.pulled.manual_streams
    )
    return [f'"{stream}"' for stream in escaped]


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
            "ids": [one.claim.sync_id for one in batch],
            "starts": [one.pulled.readings.window.start for one in batch],
            "stops": [one.pulled.readings.window.end for one in batch],
            "received": [one.pulled.readings.received for one in batch],
            "changed": [changed.get(one.claim.person_id, 0) for one in batch],
        },
    )
