"""`/api/v1/competitions/{id}`: its steps, and those that its organiser takes."""

import uuid
from http import HTTPStatus

from domain import clock
from domain.competitions import life
from domain.competitions.competition import see
from domain.competitions.ending import end as end_early
from models import Person
from web.admission import admit
from web.api import Routes
from web.db import front
from web.idempotency import keep
from web.people import NOBODY, Caller
from web.replies import Reply, reply
from web.schemas.competitions import CompetitionAnswer
from web.schemas.fields import Page
from web.schemas.life import StepAnswer, WhyBody
from web.services import Service
from worker.unit import Unit

routes = Routes("life")


@routes.route(
    "POST",
    "/competitions/<uuid:competition_id>/cancel",
    CompetitionAnswer,
    refusals={HTTPStatus.CONFLICT: "It is final."},
)
def cancel(caller: Caller | Service, competition_id: uuid.UUID, body: WhyBody) -> Reply:
    """Call a competition off."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        author, service = _author(caller)
        life.cancel(unit.session, competition_id, author, body.reason, clock.now(), service)
        return _moved(unit, caller, competition_id)


@routes.route(
    "POST",
    "/competitions/<uuid:competition_id>/end",
    CompetitionAnswer,
    refusals={HTTPStatus.CONFLICT: "It does not run."},
)
def end(caller: Caller | Service, competition_id: uuid.UUID, body: WhyBody) -> Reply:
    """End a competition with the running quarter hour; late data is taken until the cut-off."""
    with front().unit() as unit:
        admit(unit.session, caller, competition_id)
        author, service = _author(caller)
        end_early(unit.session, competition_id, author, body.reason, clock.now(), service)
        unit.after_commit(lambda: front().doorbell.ring("competitions.sweep"))
        return _moved(unit, caller, competition_id)


@routes.route("GET", "/competitions/<uuid:competition_id>/history", Page[StepAnswer])
def history(caller: Caller, competition_id: uuid.UUID) -> Reply:
    """List the steps that a competition took, the first one first."""
    with front().unit() as unit:
        found = admit(unit.session, caller, competition_id)
        steps = life.steps_of(unit.session, competition_id)
    return reply(Page(items=[StepAnswer.of(one, found) for one in steps], next_cursor=None))


def _moved(unit: Unit, caller: Caller | Service, competition_id: uuid.UUID) -> Reply:
    unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
    person = NOBODY.person if isinstance(caller, Service) else caller.person
    (seen,) = see(unit.session, [life.hold(unit.session, competition_id)], person)
    return keep(unit, reply(CompetitionAnswer.of(seen)))


def _author(caller: Caller | Service) -> tuple[Person | None, str | None]:
    """Return the person or the name of the service under which a step is written down."""
    return (None, caller.row.name) if isinstance(caller, Service) else (caller.person, None)
