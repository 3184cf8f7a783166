"""`/api/v1/prizes`: pools shared out and sent on their way, and what I have won."""

import time
import uuid
from http import HTTPStatus

from pydantic import TypeAdapter

from domain import clock
from domain.errors import Unavailable
from domain.payouts import distributing
from domain.payouts.listing import of_person
from domain.prizes import calculation
from models.competition import CompetitionStatus
from web.admission import admit
from web.api import Routes
from web.cursors import part_of, read_cursor, write_cursor
from web.db import front
from web.idempotency import keep
from web.limits import PRIZES
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.fields import Page, PageQuery
from web.schemas.prizes import CalculationAnswer, DistributionAnswer, PrizeHistoryAnswer
from web.services import Service

routes = Routes("prizes")

LONGEST_SECONDS = 15.0
"""After this a caller comes again; whatever was written stays written."""
BY_ID = TypeAdapter(uuid.UUID)
REFUSALS = {
    HTTPStatus.SERVICE_UNAVAILABLE: "Its awards, or a correction, are still being written.",
}


@routes.route(
    "POST",
    "/prizes/calculate/<uuid:competition_id>",
    CalculationAnswer,
    limit=PRIZES,
    refusals={
        **REFUSALS,
        HTTPStatus.CONFLICT: "It has no prize, or was cancelled.",
    },
)
def calculate(caller: Caller | Service, competition_id: uuid.UUID) -> Reply:
    """Share a pool out: before the competition is final for a look, then once and for good."""
    with front().unit() as unit:
        competition = admit(unit.session, caller, competition_id)
        if competition.status is not CompetitionStatus.FINAL:
            made = calculation.preview(unit.session, competition)
            return keep(unit, reply(CalculationAnswer.of(competition_id, made)))
    settle(competition_id, caller.author_id)
    with front().unit() as unit:
        made = calculation.stored(unit.session, admit(unit.session, caller, competition_id))
        return keep(unit, reply(CalculationAnswer.of(competition_id, made)))


@routes.route(
    "POST",
    "/prizes/distribute/<uuid:competition_id>",
    DistributionAnswer,
    status=HTTPStatus.ACCEPTED,
    limit=PRIZES,
    refusals={
        **REFUSALS,
        HTTPStatus.NOT_FOUND: "There is no such competition.",
        HTTPStatus.CONFLICT: "It is not final, or has no prize.",
    },
)
def distribute(caller: Caller | Service, competition_id: uuid.UUID) -> Reply:
    """Send a final competition's prizes on their way. A repeat answers the same distribution."""
    author = caller.author_id
    settle(competition_id, author)
    with front().unit() as unit:
        made = distributing.distribute(unit.session, competition_id, author, clock.now())
        unit.after_commit(lambda: front().doorbell.ring("payouts.pay"))
        return keep(unit, reply(DistributionAnswer.of(made), HTTPStatus.ACCEPTED))


@routes.route(
    "GET",
    "/prizes/history/<user_id>",
    Page[PrizeHistoryAnswer],
)
def history(caller: Caller, user_id: str, query: PageQuery) -> Reply:  # noqa: ARG001  the door reads it
    """List what I have won, the newest first. `me` stands for my id."""
    before = read_cursor(BY_ID, query.cursor)
    with front().unit() as unit:
        found = of_person(unit.session, caller.person.id, before, query.limit + 1)
    shown, last = part_of(found, query.limit)
    cursor = write_cursor(BY_ID, last.id) if last else None
    return reply(Page(items=[PrizeHistoryAnswer.of(one) for one in shown], next_cursor=cursor))


def settle(competition_id: uuid.UUID, author_id: int | None) -> None:
    """Calculate a final competition's prizes, each page in a unit of its own."""
    end = time.monotonic() + LONGEST_SECONDS
    with front().unit() as unit:
        shared = calculation.begin(unit.session, competition_id, author_id, clock.now())
    while True:
        with front().unit() as unit:
            if not calculation.write_page(unit.session, competition_id, shared, clock.now()):
                unit.after_commit(lambda: front().doorbell.ring("payouts.pay"))
                return
        if time.monotonic() > end:
            raise Unavailable("Its awards are still being written.", retry_after=5)
