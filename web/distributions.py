"""`/api/v1/prizes/distribution/{competitionId}`: prizes on their way."""

import uuid
from collections.abc import Iterator
from http import HTTPStatus

from flask import Response
from pydantic import TypeAdapter

from domain.payouts import distributing
from domain.payouts.listing import Line, of_distribution
from web.admission import admit
from web.api import Routes
from web.cursors import part_of, read_cursor, write_cursor
from web.db import Front, front
from web.limits import EXPORT
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.fields import PageQuery
from web.schemas.prizes import DistributionAnswer, PayoutAnswer, PayoutsAnswer
from web.services import Service
from web.spreadsheets import CSV, harmless, written

routes = Routes("prizes")

BY_ID = TypeAdapter(uuid.UUID)
CSV_PAGE = 2_000
ABSENT = {HTTPStatus.NOT_FOUND: "Nothing is distributed."}
COLUMNS = (
    *("payout_id", "rank", "user_id", "display_name", "amount", "currency", "status"),
    *("hold_reason", "rail", "reference", "failure_code", "created_at", "sent_at", "paid_at"),
)


@routes.route(
    "GET",
    "/prizes/distribution/<uuid:competition_id>",
    PayoutsAnswer,
    refusals=ABSENT,
)
def payouts(caller: Caller | Service, competition_id: uuid.UUID, query: PageQuery) -> Reply:
    """Show how far a competition's prizes are, the best first.

    Whoever may see the competition may see who was paid; only its organiser, admins and services
    see on which rail, and what stands in the way.
    """
    after = read_cursor(BY_ID, query.cursor)
    with front().unit() as unit:
        competition = admit(unit.session, caller, competition_id)
        made = distributing.get(unit.session, competition_id)
        found = of_distribution(unit.session, made.distribution.id, after, query.limit + 1)
    shown, last = part_of(found, query.limit)
    in_full = caller.directs(competition)
    return reply(
        PayoutsAnswer(
            **vars(DistributionAnswer.of(made)),
            competition_id=competition_id,
            requested_at=made.distribution.requested_at,
            counts=made.counts,
            items=[PayoutAnswer.of(one, in_full=in_full) for one in shown],
            next_cursor=write_cursor(BY_ID, last.payout.id) if last else None,
        )
    )


@routes.route(
    "GET",
    "/prizes/distribution/<uuid:competition_id>/payouts.csv",
    None,
    text=CSV,
    limit=EXPORT,
    refusals=ABSENT,
)
def payouts_table(caller: Caller | Service, competition_id: uuid.UUID) -> Response:
    """Show a competition's payouts as a table for spreadsheets."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        made = distributing.get(unit.session, competition_id)
    name = f"distribution-{competition_id}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(_csv(front(), made.distribution.id), mimetype=CSV, headers=headers)


def _csv(here: Front, distribution_id: uuid.UUID) -> Iterator[str]:
    """Yield payouts page by page, each as it stands when its page is read."""
    yield written([COLUMNS])
    last: uuid.UUID | None = None
    while True:
        with here.unit() as unit:
            page = of_distribution(unit.session, distribution_id, last, CSV_PAGE)
        if not page:
            return
        last = page[-1].payout.id
        yield written(map(_cells, page))


def _cells(line: Line) -> tuple[object, ...]:
    payout, rank, user_id, name = line
    money = (payout.amount, payout.currency, payout.status)
    way = (payout.hold_reason, payout.rail, payout.reference, payout.failure_code)
    times = (payout.created_at, payout.sent_at, payout.paid_at)
    moments = tuple(one and one.isoformat().replace("+00:00", "Z") for one in times)
    return (payout.id, rank, user_id, harmless(name), *money, *way, *moments)
