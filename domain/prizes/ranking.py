"""Who would win: people in the board's order, as they stand now or as a standing has them.

Ties and winners are read in the same order, so the shares of a split fall to them one by one.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.prizes.split import Plan, Split, Tie, least_of, split
from models import Standing
from models.prize import SplitKind

AT_ONCE = 5_000
"""Winners that are read from the database at a time."""

NOW = "participant WHERE competition_id = :competition_id AND disqualified_at IS NULL"
FROZEN = "standing_places(:standing_id, 1, :total) WHERE true"
_COUNT = {
    source: text(f"SELECT count(*) FROM {source} AND score >= :least")  # noqa: S608  our own text
    for source in (NOW, FROZEN)
}
# The last place that a plan pays, and everyone who shares its score, are the last to win.
_LEAST = {
    NOW: f"""
        greatest(:least, (
            SELECT score FROM {NOW} ORDER BY score DESC, user_id OFFSET :places - 1 LIMIT 1
        ))
    """,  # noqa: S608  our own text
    FROZEN: """
        greatest(:least, (SELECT score FROM standing_places(:standing_id, :places, :places)))
    """,
}
_TIES = {
    source: text(
        f"""
        SELECT score, count(*) FROM {source} AND score >= {least}
        GROUP BY score ORDER BY score DESC
        """  # noqa: S608  our own text
    )
    for source, least in _LEAST.items()
}
_WINNERS = {
    NOW: text(
        f"""
        SELECT rank() OVER (ORDER BY score DESC) AS rank, user_id FROM (
            SELECT score, user_id FROM {NOW} ORDER BY score DESC, user_id LIMIT :winners
        ) winners ORDER BY score DESC, user_id
        """  # noqa: S608  our own text
    ),
    FROZEN: text(
        """
        SELECT r.rank, p.user_id FROM standing_places(:standing_id, 1, :winners) r
        JOIN person p ON p.id = r.person_id ORDER BY r.place
        """
    ),
}


@dataclass(frozen=True)
class Winner:
    """Someone who gets something."""

    rank: int
    user_id: uuid.UUID
    amount: int
    """Minor units."""


@dataclass(frozen=True)
class Ranking:
    """Where to read who stands where."""

    competition_id: uuid.UUID
    standing: Standing | None
    """A complete version; None reads the scores of this moment."""

    def share(self, session: Session, plan: Plan, min_score: int | None) -> Split:
        """Share a pool among those who stand here."""
        least = least_of(min_score)
        values = {**self._values, "least": least}
        if plan.split is SplitKind.EQUAL:
            count = session.scalar(_COUNT[self._source], values) or 0
            return split(plan, [Tie(least, count)] if count else [], min_score)
        ties = session.execute(_TIES[self._source], {**values, "places": len(plan.prizes)})
        return split(plan, [Tie(*row) for row in ties], min_score)

    def least(self, session: Session, plan: Plan, min_score: int | None) -> int:
        """Return the least score that wins something here."""
        least = least_of(min_score)
        if plan.split is SplitKind.EQUAL:
            return least
        values = {**self._values, "least": least, "places": len(plan.prizes)}
        found: int = session.execute(text(f"SELECT {_LEAST[self._source]}"), values).scalar_one()
        return found

    def winners(self, session: Session, shared: Split) -> Iterator[Winner]:
        """Yield who gets something, from the first place on."""
        found = session.execute(
            _WINNERS[self._source],
            {**self._values, "winners": shared.winners},
            execution_options={"yield_per": AT_ONCE},
        )
        for row, amount in zip(found, shared.amounts(), strict=True):
            yield Winner(row.rank, row.user_id, amount)

    @property
    def _source(self) -> str:
        return NOW if self.standing is None else FROZEN

    @property
    def _values(self) -> dict[str, object]:
        if self.standing is None:
            return {"competition_id": self.competition_id}
        return {"standing_id": self.standing.id, "total": self.standing.row_count}
