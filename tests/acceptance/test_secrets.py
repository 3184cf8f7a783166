"""What opens something never comes into a log: neither what this run has used, nor its like."""

import re
from typing import Any

import pytest
import requests
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from domain import api_keys, clock
from domain.fitness.vault import Vault
from models.api_key import KeyScope
from tests.acceptance.stack import PATIENCE_SECONDS, App, Stack, rows, wait_until
from tests.acceptance.test_nominal import competition

pytestmark = pytest.mark.acceptance

SHAPES = {
    "a sign-in token": r"eyJ[\w-]{8,}\.[\w-]{8,}",
    "a vendor's access token": r"ya29\.[\w-]{8,}",
    "a vendor's refresh token": r"1//[\w-]{8,}",
    "a vendor's code": r"4/0[\w-]{8,}",
    "a service's key": r"podium_[0-9A-Za-z]{8}_[0-9A-Za-z]{8,}",
    "a key of Stripe's": r"sk_(?:test|live)_\w+",
}
SETTINGS = ("TOKEN_KEYS", "GOOGLE_CLIENT_SECRET", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")


def ask(stack: Stack, path: str, headers: dict[str, str], body: Any = None) -> int:
    """Post what is right or wrong; return the status."""
    url = f"{stack.web}/api/v1{path}"
    return requests.post(url, headers=headers, json=body, timeout=PATIENCE_SECONDS).status_code


def use_key(stack: Stack, user_id: str) -> str:
    """Post points with a key, and with one that is wrong in its last sign; return the key."""
    with Session(stack.engine) as session:
        made = api_keys.create(session, "kiosk", [KeyScope.SCORES_WRITE], None, clock.now())
        session.commit()
    body = {"competition_id": user_id, "user_id": user_id, "score": 1}
    for key, status in ((made.key, 404), (f"{made.key[:-1]}!", 401)):
        assert ask(stack, "/leaderboard/update", {"X-API-Key": key}, body) == status
    return made.key


def use_ticket(stack: Stack, app: App) -> str:
    """Open a socket with a ticket, and try it with the token in the address; return the ticket."""
    ticket = str(app.call("POST", "/live/tickets", expect=201)["ticket"])
    place = f"{stack.web.replace('http', 'ws')}/ws/fitness"
    with connect(f"{place}?ticket={ticket}") as socket:
        socket.send('{"type":"ping"}')
        socket.recv(timeout=PATIENCE_SECONDS)
    with connect(f"{place}?token={app.token}") as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=PATIENCE_SECONDS)
    return ticket


def test_no_log_holds_what_opens_something(stack: Stack) -> None:
    app, guest = stack.sign_in("walker-031"), stack.sign_in("walker-032")
    app.connect_google()
    sync_id = app.sync()
    wait_until(lambda: app.sync_status(sync_id) == "succeeded", "the sync")
    private = competition(app, visibility="private")
    code = str(app.call("GET", f"/competitions/{private}", expect=200)["invite_code"])
    guest.call("POST", f"/competitions/{private}/join", expect=200, invite_code=code)
    assert ask(stack, "/me", {"Authorization": f"Bearer {app.token}x"}) == 405
    assert ask(stack, "/fitness/sync", {"Authorization": f"Bearer {app.token}x"}) == 401
    used = {use_key(stack, app.user_id), use_ticket(stack, app), code, *stack.secrets}
    used |= {stack.environment[name] for name in SETTINGS}
    sealed = rows(stack.engine, "SELECT access_token, refresh_token FROM fitness_token")
    vault = Vault(stack.environment["TOKEN_KEYS"].split(","))
    used |= {vault.open(token) for row in sealed for token in row}
    logs = stack.logs()
    assert "/api/v1/fitness/connections" in logs
    assert len(used) > 10
    assert [secret for secret in used if secret in logs] == []
    alike = {what: re.findall(f"{shape}.*", logs)[:3] for what, shape in SHAPES.items()}
    assert {what: found for what, found in alike.items() if found} == {}
