"""`/api/v1/live/tickets`."""

from http import HTTPStatus

from web.api import Routes
from web.db import front
from web.limits import TICKETS
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.live import Ticket

routes = Routes("live")


@routes.route(
    "POST", "/live/tickets", Ticket, status=HTTPStatus.CREATED, limit=TICKETS, keeps=False
)
def give_ticket(caller: Caller) -> Reply:
    """Get a ticket: a credential for the address of a socket or an event stream.

    It opens one socket, `?ticket=`, within 30 seconds. On an event stream it stays good for
    reconnects to that stream until the sign-in token expires. An idempotency key is not heeded:
    the answer is a secret, and another ticket does no harm.
    """
    ticket, expires_at = front().tickets.give(caller.identity)
    return reply(Ticket(ticket=ticket, expires_at=expires_at), HTTPStatus.CREATED)
