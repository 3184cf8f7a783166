"""`/api/v1/me`: the caller's own account."""

from http import HTTPStatus

from domain import clock
from domain.erasure import erase
from domain.people import change, person_with
from web.api import Routes
from web.db import front
from web.limits import ERASE
from web.people import Caller
from web.replies import Reply, no_content, reply
from web.schemas.me import Me, MeChange

routes = Routes("me")


@routes.route("GET", "/me", Me)
def get(caller: Caller) -> Reply:
    """Show who I am."""
    with front().unit() as unit:
        return reply(Me.model_validate(person_with(unit.session, caller.person.id)))


@routes.route("PATCH", "/me", Me)
def patch(caller: Caller, body: MeChange) -> Reply:
    """Change my name or time zone; what is left out stays."""
    with front().unit() as unit:
        person = change(unit.session, caller.person.id, body.display_name, body.timezone)
        if body.display_name is not None:
            user_id, name = str(person.user_id), body.display_name
            unit.after_commit(lambda: front().names.put(user_id, name))
            unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
    front().people.forget(caller.identity.sub)
    return reply(Me.model_validate(person))


@routes.route(
    "DELETE",
    "/me",
    None,
    status=HTTPStatus.NO_CONTENT,
    limit=ERASE,
    refusals={
        HTTPStatus.CONFLICT: "A prize of mine is on its way, or a standing is being written."
    },
)
def delete(caller: Caller) -> Reply:
    """Erase me: my data and grants go, and boards and books keep a pseudonym.

    Signing in again makes a new account, which erasing it again leaves as erased.
    """
    with front().unit() as unit:
        if erase(unit.session, caller.person.id, clock.now()):
            unit.after_commit(lambda: front().doorbell.ring("erasures.sweep"))
    front().people.forget(caller.identity.sub)
    return no_content()
