"""Who may do what with prizes."""

import uuid

from sqlalchemy.orm import Session

from domain.competitions.competition import get_organised, get_visible
from domain.errors import NotAllowed
from models import Competition
from web.people import Caller
from web.services import Service


def author_of(caller: Caller | Service) -> int | None:
    """Return the key of a person, or None for a service."""
    return None if isinstance(caller, Service) else caller.person.id


def admin_of(caller: Caller | Service) -> int | None:
    """Return the same of an admin or a service. Raises NotAllowed for everybody else."""
    if not isinstance(caller, Service) and not caller.is_admin:
        raise NotAllowed("Only an admin may do that.")
    return author_of(caller)


def seen(session: Session, caller: Caller | Service, competition_id: uuid.UUID) -> Competition:
    """Return a competition that the caller may see. Raises NotFound."""
    if isinstance(caller, Service):
        return get_visible(session, competition_id, None, is_admin=True)
    return get_visible(session, competition_id, caller.person, is_admin=caller.is_admin)


def directed(session: Session, caller: Caller | Service, competition_id: uuid.UUID) -> Competition:
    """Return a competition of the caller's, any for an admin or a service.

    Raises NotFound or NotAllowed.
    """
    if isinstance(caller, Service):
        return seen(session, caller, competition_id)
    return get_organised(session, competition_id, caller.person, is_admin=caller.is_admin)


def directs(caller: Caller | Service, competition: Competition) -> bool:
    """Say whether all about its prizes is for the caller's eyes."""
    if isinstance(caller, Service):
        return True
    return caller.is_admin or competition.organiser_id == caller.person.id
