"""What stands in the way of a payout: only of that one, never of the others."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.payouts.row import Target
from models.payout import HoldReason
from models.rail import RailName

WINNERS = {HoldReason.NO_ACCOUNT, HoldReason.ACCOUNT_NOT_READY}
"""What the winner alone can mend, and is reminded of."""

# What an operator has looked past is no obstacle any more, unless it came up again since.
_WAY = """
    SELECT p.id, a.rail, a.account, CASE
        WHEN m.disqualified_at > COALESCE(p.cleared_at, '-infinity') THEN 'disqualified'
        WHEN EXISTS (
            SELECT FROM flag f
            WHERE f.competition_id = p.competition_id AND f.person_id = p.person_id
              AND f.decision <> 'accepted' AND f.raised_at > COALESCE(p.cleared_at, '-infinity')
              AND f.raised_at > (SELECT t.happened_at FROM transition t
                                 WHERE t.competition_id = p.competition_id AND t.after = 'final')
        ) THEN 'under_review'
        WHEN a.person_id IS NULL THEN 'no_account'
        WHEN NOT a.ready THEN 'account_not_ready'
        WHEN a.rail <> ALL(:rails) THEN 'rail_off'
        END AS reason
    FROM {asked} JOIN payout p ON p.id = asked.id
    JOIN participant m ON m.competition_id = p.competition_id AND m.person_id = p.person_id
    LEFT JOIN payout_account a ON a.person_id = p.person_id
    """


def ways_of(asked: str) -> str:
    """Return a query of `id, rail, account, reason`; no reason means that nothing is in the way.

    `asked` is a table by that name of the payouts' ids; `:rails` are those that can be gone.
    """
    return _WAY.format(asked=asked)


_LOOK = text(ways_of("unnest(CAST(:ids AS uuid[])) AS asked(id)"))


@dataclass(frozen=True, slots=True)
class Way:
    """The way of a payout to its winner: a target, or what stands before it."""

    target: Target | None
    obstacle: HoldReason | None


def look(
    session: Session, payout_ids: Collection[uuid.UUID], rails: Collection[RailName]
) -> dict[uuid.UUID, Way]:
    """Return the ways of payouts, of which `rails` can be gone."""
    found = session.execute(_LOOK, {"ids": list(payout_ids), "rails": list(rails)})
    return {
        row.id: Way(None, HoldReason(row.reason))
        if row.reason
        else Way(Target(RailName(row.rail), row.account), None)
        for row in found
    }
