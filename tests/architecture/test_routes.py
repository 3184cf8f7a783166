"""Every route asks for a credential, or is on the short list of those that need none."""

import re
import uuid

import pytest
from flask import Flask
from werkzeug.routing import Rule

from domain.settings import Settings
from web import asyncapi, create_app

PUBLIC = {
    "/",
    "/api/v1/spectators/<uuid:competition_id>",
    "/api/v1/spectators/<uuid:competition_id>/events",
    "/asyncapi.json",
    "/clients/js/<name>",
    "/docs",
    "/docs/",
    "/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'):name>",
    "/docs/start.js",
    "/health",
    "/health/ready",
    "/live/<uuid:competition_id>",
    "/metrics",
    "/openapi.json",
    "/page-config.json",
    "/static/<path:name>",
}
FOR_SERVICES = {"/api/v1/leaderboard/update"}
"""Routes that take a service's key and no person's token."""
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


def test_the_list_names_only_routes_that_there_are(site: Flask) -> None:
    assert {rule.rule for rule in site.url_map.iter_rules()} >= PUBLIC


def test_without_a_credential_there_is_no_answer(site: Flask) -> None:
    client, asked = site.test_client(), 0
    for rule in site.url_map.iter_rules():
        if rule.rule in PUBLIC or rule.websocket:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(address(rule), method=method)
            assert answer.status_code == 401, f"{method} {rule.rule}"
            scheme = "ApiKey" if rule.rule in FOR_SERVICES else "Bearer"
            assert answer.headers["WWW-Authenticate"].startswith(scheme)
            asked += 1
    assert asked > 10


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
