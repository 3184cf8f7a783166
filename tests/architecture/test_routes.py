"""Every route has a door, and asks for the credential that its door takes."""

import importlib
import re
import uuid
from typing import get_args

import pytest
from flask import Flask
from werkzeug.routing import Rule

from domain.settings import Settings
from web import asyncapi, create_app, doors
from web.admission import check_doors, methods
from web.api import OPERATIONS, Routes
from web.doors import door_of
from web.people import Caller
from web.services import Service

ADMITTING = "_served.<locals>.handler"
"""The wrapper of `web/live/routes.py`, which asks for a credential before anything else."""


@pytest.fixture
def site(settings_to_nowhere: Settings) -> Flask:
    """The site, without anything behind it."""
    return create_app(settings_to_nowhere)


def address(rule: Rule) -> str:
    """Fill a rule's variables with an id."""
    values = dict.fromkeys(rule.arguments, uuid.UUID(int=0))
    built = rule.build(values)
    assert built is not None
    return built[1]


def test_without_a_credential_there_is_no_answer(site: Flask) -> None:
    client, asked = site.test_client(), 0
    for rule in site.url_map.iter_rules():
        for method in methods(rule) - {"SOCKET"}:
            door = door_of(method, rule.rule)
            if not door.needs_credential:
                continue
            answer = client.open(address(rule), method=method)
            assert answer.status_code == 401, f"{method} {rule.rule}"
            scheme = "Bearer" if door.takes_people else "ApiKey"
            assert answer.headers["WWW-Authenticate"].startswith(scheme)
            asked += 1
    assert asked > 10


def test_a_site_with_a_route_that_has_no_door_does_not_start(site: Flask) -> None:
    check_doors(site)
    site.add_url_rule("/back-door", view_func=lambda: "open")
    with pytest.raises(LookupError, match="GET /back-door"):
        check_doors(site)
    with pytest.raises(LookupError, match="who may DELETE /api/v1/competitions"):
        Routes("competitions").route("DELETE", "/competitions", None)


def test_handlers_take_whom_their_doors_let_in(site: Flask) -> None:
    for operation in site.extensions[OPERATIONS]:
        door, caller = operation.door, operation.parameters.get("caller")
        assert door.needs_credential is (caller is not None), operation
        if caller is not None:
            kinds = set(get_args(caller.annotation) or (caller.annotation,))
            wanted = {Caller: door.takes_people, Service: door.scope is not None}
            assert kinds == {kind for kind, taken in wanted.items() if taken}, operation


def test_every_socket_admits_before_it_serves(site: Flask) -> None:
    sockets = [rule for rule in site.url_map.iter_rules() if rule.websocket]
    assert len(sockets) > 1
    for rule in sockets:
        handler = vars(site.view_functions[rule.endpoint])["__wrapped__"]
        assert handler.__code__.co_qualname == ADMITTING, rule.rule


def test_every_live_route_is_a_channel_of_the_document(site: Flask) -> None:
    routes = {re.sub("<[^>]+>", "{}", rule.rule) for rule in site.url_map.iter_rules()}
    channels = asyncapi.document("tests")["channels"].values()
    assert {re.sub("{[^}]+}", "{}", one["address"]) for one in channels} == {
        rule for rule in routes if rule.startswith("/ws/") or rule.endswith("/events")
    }


def test_the_view_of_the_benchmarks_is_behind_a_door_like_all_others(
    monkeypatch: pytest.MonkeyPatch, site: Flask
) -> None:
    monkeypatch.setattr(doors, "DOORS", doors.DOORS)  # it is given a line of its own
    importlib.import_module("bench.constant").routes.register(site)
    assert site.test_client().get("/api/v1/bench/constant/10").status_code == 401
