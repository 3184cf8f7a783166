"""How new the data of participants is, and who is told that theirs is old."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fitness.schedule import AFTERMATH
from models import Competition
from models.competition import CompetitionStatus

PATIENCE = timedelta(hours=12)
"""Whoever was still for so long before the end has probably slept; before that they are behind."""

Participation = tuple[uuid.UUID, int]
"""Competition and person."""


@dataclass(frozen=True)
class SourceFreshness:
    """A source with data in the competition's metric, and the end of its newest quarter hour."""

    source: str
    last_data_at: datetime


@dataclass(frozen=True)
class Freshness:
    """How new a participant's data is."""

    last_synced_at: datetime | None
    synced_until: datetime | None
    sources: list[SourceFreshness]

    @property
    def last_data_at(self) -> datetime | None:
        """The newest data of any source."""
        return max((one.last_data_at for one in self.sources), default=None)

    def is_behind(self, competition: Competition) -> bool:
        """Say whether a competition that closes may lack some of this person's data."""
        if competition.status is not CompetitionStatus.CLOSING:
            return False
        newest = self.last_data_at
        return newest is None or newest <= competition.ends_at - PATIENCE


SYNCED = text(
    """
    SELECT x.competition_id, x.person_id, max(c.last_synced_at), max(c.synced_until)
    FROM unnest(CAST(:competitions AS uuid[]), CAST(:people AS bigint[]))
         AS x(competition_id, person_id)
    LEFT JOIN fitness_connection c USING (person_id)
    GROUP BY x.competition_id, x.person_id
    """
)
NEWEST = text(
    """
    SELECT x.competition_id, x.person_id, s.key, last.at
    FROM unnest(CAST(:competitions AS uuid[]), CAST(:people AS bigint[]))
         AS x(competition_id, person_id)
    JOIN competition k ON k.id = x.competition_id
    JOIN source s ON s.person_id = x.person_id
    CROSS JOIN LATERAL (
        SELECT CAST(d.day AS timestamp) AT TIME ZONE 'UTC' + u.number * interval '15 minutes' AS at
        FROM slot_day d CROSS JOIN LATERAL unnest(d.slots) WITH ORDINALITY AS u(value, number)
        WHERE d.person_id = s.person_id AND d.metric = k.metric AND d.source = s.key
          AND u.value > 0
        ORDER BY d.day DESC, u.number DESC LIMIT 1
    ) last
    ORDER BY s.key
    """
)


def freshness_of(
    session: Session, participations: Collection[Participation]
) -> dict[Participation, Freshness]:
    """Return how new people's data is in the metrics of their competitions."""
    if not participations:
        return {}
    pairs = {
        "competitions": [one[0] for one in participations],
        "people": [one[1] for one in participations],
    }
    found = {
        (competition_id, person_id): Freshness(last_synced_at, synced_until, [])
        for competition_id, person_id, last_synced_at, synced_until in session.execute(
            SYNCED, pairs
        )
    }
    for competition_id, person_id, source, at in session.execute(NEWEST, pairs):
        found[competition_id, person_id].sources.append(SourceFreshness(source, at))
    return found


# Nobody is behind before they have been pulled after the end. A notice is written before it is
# sent, so it is given once, whichever of several processes has the person's sockets.
TELL = text(
    """
    WITH behind AS (
        SELECT m.competition_id, m.person_id, p.user_id, k.name
        FROM person p
        JOIN participant m ON m.person_id = p.id AND m.disqualified_at IS NULL
        JOIN competition k ON k.id = m.competition_id AND k.status = 'closing'
             AND k.ends_at + CAST(:aftermath AS interval) <= :now AND k.cutoff_at > :now
        CROSS JOIN LATERAL (SELECT k.ends_at - CAST(:patience AS interval) AS since) expected
        WHERE p.user_id = ANY(:users)
          AND NOT EXISTS (SELECT FROM behind_notice n
                          WHERE (n.competition_id, n.person_id) = (m.competition_id, m.person_id))
          AND NOT EXISTS (
              SELECT FROM slot_day d
              CROSS JOIN LATERAL unnest(d.slots) WITH ORDINALITY AS u(value, number)
              WHERE d.person_id = m.person_id AND d.metric = k.metric AND u.value > 0
                AND d.day >= CAST(expected.since AT TIME ZONE 'UTC' AS date)
                AND CAST(d.day AS timestamp) AT TIME ZONE 'UTC'
                    + u.number * interval '15 minutes' > expected.since)
    ), told AS (
        INSERT INTO behind_notice (competition_id, person_id, told_at)
        SELECT competition_id, person_id, :now FROM behind ORDER BY competition_id, person_id
        ON CONFLICT DO NOTHING
        RETURNING competition_id, person_id
    )
    SELECT behind.user_id, behind.name FROM behind JOIN told USING (competition_id, person_id)
    ORDER BY behind.name
    """
)


def tell_behind(
    session: Session, user_ids: Collection[uuid.UUID], now: datetime
) -> dict[uuid.UUID, list[str]]:
    """Note who of these people is behind and was not told yet; return the competitions' names.

    Each is returned once per competition, so the caller must tell after the commit.
    """
    rows = session.execute(
        TELL,
        {"users": list(user_ids), "now": now, "aftermath": AFTERMATH, "patience": PATIENCE},
    )
    names: dict[uuid.UUID, list[str]] = {}
    for user_id, name in rows:
        names.setdefault(user_id, []).append(name)
    return names
