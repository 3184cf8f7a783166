"""The table of `web/doors.py`, walked: every route, tried by everyone, over HTTP and WebSocket.

Everyone comes from outside, through a proxy. The competition is final, so that nothing which is
tried changes it.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from domain import api_keys, clock
from domain.fitness.syncs import request_sync
from models.api_key import KeyScope
from models.competition import CompetitionStatus, Visibility
from tests.factories import Factory
from tests.integration.live.conftest import PATIENCE_S, Site, token_of
from web.doors import DOCS_ASSETS, DOORS, Right

OUTSIDE = {"X-Forwarded-For": "203.0.113.5"}
PEOPLE = ("nobody", "owner", "other", "participant", "fellow", "organiser", "admin")
"""Whose token is shown. The owner is whom `me`, connections and syncs in an address belong to, and
the participant whom participants' addresses name; neither owner nor other takes part."""
SERVICES = ("with", "without")
"""Whether a key has the scope of the door; where it has none, it has all or all but one."""

IN_PRIVATE = {
    Right.ANYONE: ".......",
    Right.SPECTATORS: "4444444",
    Right.INSIDE: "1111111",
    Right.PEOPLE: "1......",
    Right.OWNER: "1.44444",
    Right.VISIBLE: "144....",
    Right.INVITED: "133...3",
    Right.PARTICIPANT: "144..44",
    Right.CONCERNED: "144.3..",
    Right.DIRECTORS: "14433..",
    Right.ORGANISER: "14433.3",
    Right.ADMINS: "133333.",
    Right.NOBODY: "1333333",
    Right.VENDOR: "1111111",
}
"""What a right means, by PEOPLE, where the competition is private: open, or the status."""
IN_PUBLIC = {
    Right.SPECTATORS: ".......",
    Right.VISIBLE: "1......",
    Right.INVITED: "1......",
    Right.PARTICIPANT: "144..44",
    Right.CONCERNED: "133.3..",
    Right.DIRECTORS: "13333..",
    Right.ORGANISER: "13333.3",
}
ERASURE = "DELETE /api/v1/me"
UNSEEN = {
    "competition_not_found",
    "connection_not_found",
    "not_a_participant",
    "person_not_found",
    "sync_not_found",
}
"""Codes of 404 that say: not for you. Others say that the competition has no such thing."""
BODIES: dict[str, dict[str, str]] = {
    "copy": {"starts_at": "2030-01-01T00:00:00Z"},
    "disqualify": {"reason": "seen"},
    "reinstate": {"reason": "seen"},
    "<uuid:flag_id>": {"decision": "reject", "note": "seen"},
}
"""Bodies that are right, by the last word of an address: such rights are asked for after them."""


@dataclass
class World:
    """A competition, the tokens of everyone around it, and what stands in addresses."""

    site: Site
    tokens: dict[str, str]
    key: str
    """For everything."""
    keys_without: dict[KeyScope, str]
    words: dict[str, str]

    def headers_of(self, who: str, scope: KeyScope | None) -> dict[str, str]:
        """Return someone's credential, of a kind that fits the door or just does not."""
        if who in SERVICES:
            lacking = self.keys_without[scope or KeyScope.SCORES_WRITE]
            return {**OUTSIDE, "X-API-Key": self.key if who == "with" else lacking}
        token = self.tokens.get(who)
        return {**OUTSIDE, "Authorization": f"Bearer {token}"} if token else dict(OUTSIDE)

    def address(self, rule: str) -> str:
        """Fill a rule's variables."""
        for variable, value in self.words.items():
            rule = rule.replace(variable, value)
        return rule

    def try_request(self, method: str, rule: str, headers: dict[str, str]) -> str:
        """Return `.` when the door opened, else the last digit of the status."""
        url = f"http://127.0.0.1:{self.site.port}{self.address(rule)}"
        body = BODIES.get(rule.rpartition("/")[2], {}) if method != "GET" else None
        with requests.request(
            method, url, headers=headers, json=body, timeout=PATIENCE_S, stream=True
        ) as answer:
            assert answer.status_code != 500, (method, rule, answer.text)
            if answer.status_code in {401, 403}:
                return str(answer.status_code)[-1]
            if answer.status_code == 404 and answer.json()["code"] in UNSEEN:
                return "4"
            return "."

    def try_socket(self, rule: str, headers: dict[str, str]) -> str:
        """Return the same of a socket, whose close codes end like statuses.

        Without a credential it waits for one, and refuses everything else that is said.
        """
        url = f"ws://127.0.0.1:{self.site.port}{self.address(rule)}"
        with connect(url, additional_headers=headers) as socket:
            try:
                socket.send('{"type":"ping"}')
                socket.recv(timeout=PATIENCE_S)
            except ConnectionClosed as end:
                code, reason = (end.rcvd.code, end.rcvd.reason) if end.rcvd else (0, "cut off")
                return "1" if reason == "credential_first" else str(code)[-1]
            return "."


Build = Callable[[Visibility], World]


@pytest.fixture
def build(site: Site, factory: Factory, session: Session) -> Build:
    """Make a competition and everyone around it."""

    def make(visibility: Visibility) -> World:
        people = dict(zip(PEOPLE[1:], factory.people(6), strict=True))
        competition = factory.competition(
            people["organiser"],
            visibility=visibility,
            invite_code="code" if visibility is Visibility.PRIVATE else None,
            status=CompetitionStatus.FINAL,
        )
        for name in ("participant", "fellow"):
            factory.participant(competition, people[name])
        connection = factory.connection(people["owner"])
        sync = request_sync(session, people["owner"], None, clock.now()).sync
        whole, *parts = (
            api_keys.create(session, "walker", set(KeyScope) - {one}, None, clock.now()).key
            for one in (None, *KeyScope)
        )
        session.commit()
        tokens = {name: token_of(one) for name, one in people.items() if name != "admin"}
        tokens["admin"] = token_of(people["admin"], app_metadata={"role": "admin"})
        words = {
            "<user_id>": str(people["owner"].user_id),
            "<uuid:competition_id>": str(competition.id),
            "<competition_id>": str(competition.id),
            "<uuid:user_id>": str(people["participant"].user_id),
            "<uuid:connection_id>": str(connection.id),
            "<uuid:sync_id>": str(sync.id),
            "<uuid:flag_id>": str(uuid.uuid4()),
            "<uuid:adjustment_id>": str(uuid.uuid4()),
            "<path:name>": "page.css",
            "<name>": "board.js",
            DOCS_ASSETS: "start.js",
        }
        return World(site, tokens, whole, dict(zip(KeyScope, parts, strict=True)), words)

    return make


def wanted(rule: str, meaning: str) -> str:
    """Return what a whole line of the table must show, services and all."""
    door = DOORS[rule]
    if not door.needs_credential and door.scope is None:
        return meaning + meaning[0] * 2
    if rule.startswith("SOCKET"):
        return f"{meaning}11"
    return meaning + (".3" if door.scope else "33")


def shown(world: World, rule: str) -> str:
    """Let everyone try a route."""
    method, _, path = rule.partition(" ")
    everyone = [world.headers_of(who, DOORS[rule].scope) for who in (*PEOPLE, *SERVICES)]
    if method == "SOCKET":
        return "".join(world.try_socket(path, headers) for headers in everyone)
    return "".join(world.try_request(method, path, headers) for headers in everyone)


@pytest.mark.parametrize("visibility", list(Visibility))
def test_every_door_is_open_to_whom_the_table_says(build: Build, visibility: Visibility) -> None:
    world = build(visibility)
    meanings = IN_PRIVATE if visibility is Visibility.PRIVATE else IN_PUBLIC
    lines = {rule: meanings[door.right] for rule, door in DOORS.items() if door.right in meanings}
    if (erasure := lines.pop(ERASURE, None)) is not None:
        lines[ERASURE] = erasure  # behind all doors that need the people of this world
    found = {rule: shown(world, rule) for rule in lines}
    print(f"{sum(map(len, found.values()))} cells of {len(found)} doors")  # for `pytest -s`
    assert found == {rule: wanted(rule, meaning) for rule, meaning in lines.items()}
