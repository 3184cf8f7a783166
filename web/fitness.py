"""`/api/v1/fitness`: connections to vendors, and syncs."""

import uuid
from http import HTTPStatus

import structlog
from cryptography.fernet import InvalidToken
from flask import g

from domain import clock
from domain.errors import VendorError
from domain.fitness import connections, syncs
from domain.fitness.bells import announce
from domain.fitness.owed import Owed, owed_by
from web.api import PREFIX, Routes
from web.db import front
from web.idempotency import keep
from web.limits import CONNECT, SYNC
from web.people import Caller
from web.replies import Reply, no_content, reply
from web.schemas.fields import Page
from web.schemas.fitness import (
    ConnectionAnswer,
    ConnectionBody,
    SyncAnswer,
    SyncAsked,
    SyncBody,
)

log = structlog.get_logger(__name__)

routes = Routes("fitness")


@routes.route(
    "POST",
    "/fitness/connections",
    ConnectionAnswer,
    status=HTTPStatus.CREATED,
    limit=CONNECT,
    refusals={
        HTTPStatus.NOT_FOUND: "My own account was erased.",
        HTTPStatus.CONFLICT: "The account is somebody else's, or Google gave no refresh token.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "Google refused the code.",
        HTTPStatus.BAD_GATEWAY: "Google refused our client.",
    },
)
def connect(caller: Caller, body: ConnectionBody) -> Reply:
    """Connect an account at a vendor. Connecting again renews the grant."""
    grant = front().google.exchange(body.server_auth_code, body.redirect_uri, body.code_verifier)
    with front().unit() as unit:
        made = connections.connect(
            unit.session,
            front().vault,
            caller.person,
            body.provider,
            grant,
            clock.now(),
            body.consent_version,
        )
        unit.after_commit(lambda: announce(front().redis, [caller.user_id]))
        owes = owed_by(unit.session, [made.id])
        answer = ConnectionAnswer.of(made, owes.get(made.id, Owed()))
        return keep(unit, reply(answer, HTTPStatus.CREATED))


@routes.route("GET", "/fitness/connections", Page[ConnectionAnswer])
def list_connections(caller: Caller) -> Reply:
    """List my connections, the ended ones too: one per vendor, so there is one page."""
    with front().unit() as unit:
        found = connections.list_connections(unit.session, caller.person)
        owes = owed_by(unit.session, [one.id for one in found])
    items = [ConnectionAnswer.of(one, owes.get(one.id, Owed())) for one in found]
    return reply(Page(items=items, next_cursor=None))


@routes.route(
    "DELETE",
    "/fitness/connections/<uuid:connection_id>",
    None,
    status=HTTPStatus.NO_CONTENT,
    refusals={HTTPStatus.NOT_FOUND: "I have no such connection."},
)
def disconnect(caller: Caller, connection_id: uuid.UUID) -> Reply:
    """End a connection and revoke the grant. The history stays."""
    with front().unit() as unit:
        ended = connections.disconnect(unit.session, caller.person, connection_id, clock.now())
        unit.after_commit(lambda: announce(front().redis, [caller.user_id]))
    if ended.refresh_token is not None:
        _revoke(ended.refresh_token, connection_id)
    return no_content()


@routes.route(
    "POST",
    "/fitness/sync",
    SyncAsked,
    status=HTTPStatus.ACCEPTED,
    limit=SYNC,
    refusals={
        HTTPStatus.CONFLICT: "Nothing is connected, or the grant is gone.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "Several vendors are connected and none was named.",
    },
)
def sync(caller: Caller, body: SyncBody) -> Reply:
    """Ask for my data to be pulled. While one pull is queued, asking again returns that one."""
    with front().unit() as unit:
        asked = syncs.request_sync(
            unit.session, caller.person, body.provider, clock.now(), g.request_id
        )
        structlog.contextvars.bind_contextvars(sync_id=str(asked.sync.id))
        unit.after_commit(lambda: front().doorbell.ring("fitness.pull_batch"))
        unit.after_commit(lambda: announce(front().redis, [caller.user_id]))
        url = f"{PREFIX}/fitness/syncs/{asked.sync.id}"
        answer = SyncAsked(
            sync_id=asked.sync.id,
            status=asked.sync.status,
            status_url=url,
            coalesced=asked.coalesced,
        )
        return keep(unit, reply(answer, HTTPStatus.ACCEPTED, location=url))


@routes.route(
    "GET",
    "/fitness/syncs/<uuid:sync_id>",
    SyncAnswer,
    refusals={HTTPStatus.NOT_FOUND: "I have no such sync."},
)
def get_sync(caller: Caller, sync_id: uuid.UUID) -> Reply:
    """Show how far one of my syncs is."""
    with front().unit() as unit:
        return reply(SyncAnswer.of(syncs.get_sync(unit.session, caller.person, sync_id)))


def _revoke(sealed: bytes, connection_id: uuid.UUID) -> None:
    """Give the grant back as well as can be: here it is forgotten already."""
    try:
        front().google.revoke(front().vault.open(sealed))
    except VendorError as error:
        log.warning("fitness.not_revoked", connection_id=str(connection_id), error=error.detail)
    except InvalidToken:
        log.warning("fitness.not_revoked", connection_id=str(connection_id), error="no key opens")
