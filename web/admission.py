"""Who is let through a door of `web/doors.py`.

Whoever needs no look at a competition is told before the request is read. Rights in a competition
are checked by the handler's one call of `admit`, in its unit of work.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Flask, g
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from domain.competitions.competition import get_visible
from domain.errors import NotAllowed, NotFound
from models import Competition
from web.auth import caller_of_request
from web.board_facts import Facts
from web.db import front
from web.doors import DOORS, OF_COMPETITIONS, Door, Right
from web.people import Caller
from web.services import Service

WITHOUT_SAYING = {"HEAD", "OPTIONS"}
"""Flask adds these to every route."""


def enter(door: Door, address: Mapping[str, Any]) -> Caller | Service:
    """Return who calls. Raises Malformed, Unauthorised, NotAllowed, NotFound or Unavailable."""
    caller = caller_of_request(people=door.takes_people, scope=door.scope, ticket=door.ticket)
    if isinstance(caller, Service):
        return caller
    if door.right is Right.ADMINS and not caller.is_admin:
        raise NotAllowed("Only an admin may do that.")
    if door.right is Right.OWNER and "user_id" in address:
        _check_owner(caller, address["user_id"])
    return caller


def admit(
    session: Session,
    caller: Caller | Service,
    competition_id: uuid.UUID,
    concerned: uuid.UUID | None = None,
) -> Competition:
    """Return a competition in which the caller has the right that this request takes.

    `concerned` is the public id of the participant whom the request is about. Raises NotFound for
    whoever may not even see the competition, and NotAllowed.
    """
    person, is_admin = (
        (None, True) if isinstance(caller, Service) else (caller.person, caller.is_admin)
    )
    competition = get_visible(session, competition_id, person, is_admin=is_admin)
    door: Door = g.door
    if not _has(door.right, caller, competition, concerned):
        raise NotAllowed("Only its organiser may do that.")
    g.admitted = True
    return competition


def admit_to_board(caller: Caller, competition_id: uuid.UUID) -> Facts:
    """Return what is remembered of a board that the caller may see. Raises NotFound."""
    facts = front().facts.seen_by(caller, competition_id)
    g.admitted = True
    return facts


def check_admitted() -> None:
    """Raise when a handler has not asked for the right that its door takes: a fault of ours."""
    door: Door = g.door
    if door.right in OF_COMPETITIONS and not g.get("admitted", False):
        raise RuntimeError(f"nobody has asked whether the caller is one of {door.right.name}")


def check_doors(app: Flask) -> None:
    """Raise LookupError unless every route has a door, and every door a route."""
    routes = {
        f"{method} {rule.rule}" for rule in app.url_map.iter_rules() for method in methods(rule)
    }
    if wrong := routes ^ DOORS.keys():
        raise LookupError(f"not in both web/doors.py and the routes: {', '.join(sorted(wrong))}")


def methods(rule: Rule) -> set[str]:
    """Return what a route is asked by, as the table of doors spells it."""
    return {"SOCKET"} if rule.websocket else set(rule.methods or ()) - WITHOUT_SAYING


def _check_owner(caller: Caller, user_id: str) -> None:
    if user_id.lower() not in {"me", str(caller.user_id)}:
        raise NotFound("This is somebody else's, and not yours to see.", code="person_not_found")


def _has(
    right: Right,
    caller: Caller | Service,
    competition: Competition,
    concerned: uuid.UUID | None,
) -> bool:
    if right is Right.ORGANISER:
        return caller.author_id == competition.organiser_id
    if right is Right.CONCERNED and isinstance(caller, Caller) and caller.user_id == concerned:
        return True
    return right not in {Right.CONCERNED, Right.DIRECTORS} or caller.directs(competition)
